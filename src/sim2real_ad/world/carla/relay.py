"""The car behind a CARLA bridge's topics, without ROS: its motion as an ego state, a command as its pedals.

Topics of carla-ros-bridge are right-handed, but for two things that stay as CARLA has them: `steer` is right positive,
and the pose is that of the vehicle actor's origin, which is its box's centre and not the rear axle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sim2real_ad.control.pedal_map import PedalMap, Pedals, pedals_from_command
from sim2real_ad.control.vehicle_model import DelayedLag
from sim2real_ad.errors import WorldError
from sim2real_ad.types import ControlCommand, EgoState, Pose2, ns_from_seconds, seconds_from_ns
from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.carla.conversions import moved_along
from sim2real_ad.world.carla.vehicle import base_x

ACTUATOR_STEP_S = 0.01
MAX_GAP_S = 2.0
"""Simulated time between two motions from which on the tyres are taken to have settled."""
MIN_AXLE_DISTANCE = 1.0
"""m between the axles below which a bridge has not said where the wheels are."""

MAX_PARTIAL = 50
"""Instants that are kept while a part of them is missing."""


@dataclass(frozen=True)
class ActorMotion:
    """How the vehicle actor moves: pose of its origin in the map; m/s and m/s^2 along its heading; rad/s."""

    stamp_ns: int
    pose: Pose2
    speed: float
    acceleration: float
    yaw_rate: float


@dataclass(frozen=True)
class Wheel:
    """x of a wheel's centre in the vehicle actor's frame, m; its angle at full lock, rad."""

    x: float
    max_angle: float


@dataclass(frozen=True)
class ActorShape:
    """rear_axle: x in the actor's frame, m, negative; max_tire_angle: of the front tyres at full lock, rad."""

    rear_axle: float
    max_tire_angle: float

    @classmethod
    def from_profile(cls, profile: VehicleProfile) -> ActorShape:
        """Return the shape of a profile's car, whose actor's origin is the centre of its box."""
        return cls(base_x(profile), profile.max_steering_tire_angle)

    @classmethod
    def from_wheels(cls, wheels: Sequence[Wheel], profile: VehicleProfile) -> ActorShape:
        """Return the shape that a bridge's vehicle_info gives; without positions the profile says where the axle is.

        Raises WorldError where no wheel steers, or by an angle that no tyre can have.
        """
        angle = max((abs(wheel.max_angle) for wheel in wheels), default=0.0)
        if not 0.0 < angle < math.pi / 2:
            raise WorldError(
                f"vehicle_info gives {angle} rad at full lock over {len(wheels)} wheels: above 0, below 1.57"
            )
        places = [wheel.x for wheel in wheels]
        if max(places) - min(places) < MIN_AXLE_DISTANCE:
            return cls(base_x(profile), angle)
        return cls(min(places), angle)


class RelayedCar:
    """Turns what a bridge tells of a car into ego states, and commands into its pedals. shape: set once it is known."""

    def __init__(self, profile: VehicleProfile) -> None:
        """Raises ConfigError for a profile without good pedal maps."""
        self.shape = ActorShape.from_profile(profile)
        self.profile = profile
        self._pedal_map = PedalMap.load(profile)
        self._tires = DelayedLag(profile.steering, ACTUATOR_STEP_S)
        self._last_ns: int | None = None

    def ego(self, motion: ActorMotion, steer: float) -> EgoState:
        """Return the ego state of base_link. steer: share of full lock, left positive, that acted since the last one.

        No bridge measures the tyres: their angle is what the profile's steering makes of the share that was applied.
        Raises WorldError where a number is not finite.
        """
        values = (
            motion.pose.x,
            motion.pose.y,
            motion.pose.yaw,
            motion.speed,
            motion.acceleration,
            motion.yaw_rate,
            steer,
        )
        if not all(map(math.isfinite, values)):
            raise WorldError(f"the bridge's motion at {motion.stamp_ns} ns is not finite: {motion}, steer {steer}")
        pose = moved_along(motion.pose, self.shape.rear_axle)
        angle = self._tire_angle(motion.stamp_ns, steer * self.shape.max_tire_angle)
        return EgoState(motion.stamp_ns, pose, motion.speed, motion.acceleration, motion.yaw_rate, angle)

    def pedals(self, command: ControlCommand, speed: float) -> Pedals:
        """Return pedals and steer, left positive, for a command at a speed in m/s. Raises ValueError, see there."""
        car = self.profile.model_copy(update={"max_steering_tire_angle": self.shape.max_tire_angle})
        return pedals_from_command(command, speed, car, self._pedal_map)

    def braking(self, stamp_ns: int, steering_tire_angle: float) -> ControlCommand:
        """Return the command of a car that nobody drives: brake hard, hold the wheel (rad)."""
        return ControlCommand(stamp_ns, steering_tire_angle, -self.profile.limits.emergency_deceleration)

    def _tire_angle(self, stamp_ns: int, commanded: float) -> float:
        gap_s = 0.0 if self._last_ns is None else seconds_from_ns(stamp_ns - self._last_ns)
        if self._last_ns is None or not 0.0 <= gap_s <= MAX_GAP_S:
            self._tires.reset(commanded)
        for _ in range(round(gap_s / ACTUATOR_STEP_S) if 0.0 < gap_s <= MAX_GAP_S else 0):
            self._tires.step(commanded)
        self._last_ns = stamp_ns
        return self._tires.value


class StampJoiner:
    """Joins what several sources say of one instant: by the stamp, which must be the same to the nanosecond."""

    def __init__(self, *sources: str) -> None:
        self._sources = sources
        self._parts: dict[int, dict[str, object]] = {}
        self._joined_ns: int | None = None

    def add(self, source: str, stamp_ns: int, value: object) -> dict[str, object] | None:
        """Take one part; return all parts of its instant where it was the last one, else None.

        What is older than the newest whole instant is dropped; a stamp a second or more before it starts anew.
        """
        if self._joined_ns is not None and stamp_ns <= self._joined_ns:
            if stamp_ns > self._joined_ns - ns_from_seconds(1.0):
                return None
            self._parts, self._joined_ns = {}, None
        parts = self._parts.setdefault(stamp_ns, {})
        parts[source] = value
        if len(self._parts) > MAX_PARTIAL:
            del self._parts[min(self._parts)]
        if len(parts) < len(self._sources):
            return None
        self._joined_ns = stamp_ns
        self._parts = {stamp: kept for stamp, kept in self._parts.items() if stamp > stamp_ns}
        return parts
