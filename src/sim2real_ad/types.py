"""The data that flows from the camera to the actuators, one type a stage boundary.

Units are SI. Frames: `base_link` is the rear-axle centre on the ground, x forward, y left, z up; `map` is the
right-handed map frame (ROS convention, yaw counter-clockwise). Every type carries `stamp_ns`, the acquisition time
of the camera frame it descends from, so that its age is known at every edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

UInt8Array = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class Pose2:
    """A planar pose in the map frame.

    x, y in m; yaw in rad, counter-clockwise, 0 along +x.
    """

    x: float
    y: float
    yaw: float


@dataclass(frozen=True)
class CameraFrame:
    """One picture of the front camera. rgb: (H, W, 3) uint8; sequence counts frames at the source, from 0."""

    stamp_ns: int
    rgb: UInt8Array
    sequence: int = 0

    def validate(self) -> None:
        """Raise ValueError unless rgb is a (H, W, 3) uint8 array."""
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] != 3:
            raise ValueError(f"camera frame must be (H, W, 3) uint8, got {self.rgb.shape} {self.rgb.dtype}")


@dataclass(frozen=True)
class EgoState:
    """What the car knows of itself without privilege: localization, odometry and steering report.

    speed: m/s along base_link x; acceleration: m/s^2, likewise; yaw_rate: rad/s;
    steering_tire_angle: rad, left positive.
    """

    stamp_ns: int
    pose: Pose2
    speed: float
    acceleration: float = 0.0
    yaw_rate: float = 0.0
    steering_tire_angle: float = 0.0


@dataclass(frozen=True)
class Route:
    """Where to drive: points (N, 2) float64 in the map frame, about 1 m apart; speed_limit in m/s.

    A route with another stamp_ns is another mission.
    """

    stamp_ns: int
    points: NDArray[np.float64]
    speed_limit: float


@dataclass(frozen=True)
class Observation:
    """What the policy sees.

    bev: (C, H, W) uint8, probability times 255, channels, extent and orientation by `observation.spec.BevSpec`;
    validity: (H, W) uint8, 255 where the camera sees the cell; history: (T, C, H, W) uint8, earlier `bev`s at the
    ages of the spec, each in the base_link frame of its own time; ego: (K,) float32 named by the spec;
    route: (N, 2) float32, base_link; speed_limit: m/s; ood: 0 familiar .. 1 unlike anything trained on.
    """

    stamp_ns: int
    bev: UInt8Array
    validity: UInt8Array
    history: UInt8Array
    ego: FloatArray
    route: FloatArray
    speed_limit: float
    ood: float = 0.0


@dataclass(frozen=True)
class Action:
    """The policy's output. curvature and acceleration in [-1, 1], scaled by the vehicle profile's action mapping."""

    stamp_ns: int
    curvature: float
    acceleration: float


@dataclass(frozen=True)
class ControlCommand:
    """A vehicle-independent command, as autoware_control_msgs/Control carries it (float32 on the wire).

    steering_tire_angle: rad, left positive; steering_tire_rotation_rate: rad/s limit, 0 when undefined;
    acceleration: m/s^2; velocity: m/s, the speed the acceleration leads to.
    """

    stamp_ns: int
    steering_tire_angle: float
    acceleration: float
    velocity: float = 0.0
    steering_tire_rotation_rate: float = 0.0

    @property
    def is_finite(self) -> bool:
        """Whether angle and acceleration can be followed at all."""
        return math.isfinite(self.steering_tire_angle) and math.isfinite(self.acceleration)


@dataclass(frozen=True)
class PipelineStep:
    """Everything one frame gave rise to, for the report, the recording and the tests."""

    observation: Observation
    action: Action
    requested: ControlCommand
    command: ControlCommand
    gate_state: str = ""
    gate_reasons: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)


def seconds_from_ns(stamp_ns: int) -> float:
    """Convert nanoseconds to seconds."""
    return stamp_ns / NANOSECONDS


def ns_from_seconds(seconds: float) -> int:
    """Convert seconds to the nearest nanosecond."""
    return round(seconds * NANOSECONDS)
