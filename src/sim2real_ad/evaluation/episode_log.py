"""One recorded episode: signals by their stamps, decisions of the gate, timings, pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.evaluation.keyframes import Picture
from sim2real_ad.evaluation.results import EpisodeResult
from sim2real_ad.ros.conversions import yaw_from_quaternion
from sim2real_ad.types import seconds_from_ns

Row = tuple[float, ...]


@dataclass
class Signal:
    """A recorded quantity. stamps_ns: one a row; columns name the numbers of a row."""

    columns: tuple[str, ...]
    stamps_ns: list[int] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one column (N,)."""
        at = self.columns.index(name)
        return np.array([row[at] for row in self.rows], dtype=np.float64)

    def seconds(self, start_ns: int) -> NDArray[np.float64]:
        """Return the stamps (N,) in s since a start."""
        return np.array([seconds_from_ns(stamp - start_ns) for stamp in self.stamps_ns], dtype=np.float64)


@dataclass(frozen=True)
class GateEvent:
    """One decision of the gate. age_s: of the camera frame at the decision, negative without a frame."""

    stamp_ns: int
    state: str
    reasons: tuple[str, ...]
    age_s: float


@dataclass(frozen=True)
class StageTiming:
    """When one stage received and answered a frame; ns of one machine's monotonic clock."""

    stamp_ns: int
    stage: str
    received_ns: int
    published_ns: int


@dataclass
class EpisodeLog:
    """One episode as recorded.

    end_ns is None where the recording stops before the episode does; signals by name, see SIGNAL_SOURCES; pictures:
    of the moments that matter; observations: evenly spaced, without history.
    """

    scenario: str = ""
    seed: int | None = None
    start_ns: int = 0
    end_ns: int | None = None
    failure: str = ""
    result: EpisodeResult | None = None
    route: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    signals: dict[str, Signal] = field(default_factory=dict)
    gate: list[GateEvent] = field(default_factory=list)
    timings: list[StageTiming] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    observations: list[Picture] = field(default_factory=list)


@dataclass(frozen=True)
class SignalSource:
    """How a topic becomes a signal."""

    name: str
    columns: tuple[str, ...]
    row: Callable[[Any], Row]


def _odometry(m: Any) -> Row:
    position, twist = m.pose.pose.position, m.twist.twist
    return position.x, position.y, yaw_from_quaternion(m.pose.pose.orientation), twist.linear.x, twist.angular.z


def _control(m: Any) -> Row:
    return m.lateral.steering_tire_angle, m.longitudinal.acceleration, m.longitudinal.velocity


COMMAND_COLUMNS = ("steering_tire_angle", "acceleration", "velocity")
SIGNAL_SOURCES = {
    "/localization/kinematic_state": SignalSource("ego", ("x", "y", "yaw", "speed", "yaw_rate"), _odometry),
    "/localization/acceleration": SignalSource("acceleration", ("acceleration",), lambda m: (m.accel.accel.linear.x,)),
    "/vehicle/status/steering_status": SignalSource(
        "steering", ("steering_tire_angle",), lambda m: (m.steering_tire_angle,)
    ),
    "/vehicle/status/velocity_status": SignalSource("velocity", ("speed",), lambda m: (m.longitudinal_velocity,)),
    "/sim2real_ad/action": SignalSource(
        "action", ("curvature", "acceleration"), lambda m: (m.curvature, m.acceleration)
    ),
    "/sim2real_ad/control_request": SignalSource("request", COMMAND_COLUMNS, _control),
    "/control/command/control_cmd": SignalSource("command", COMMAND_COLUMNS, _control),
    "/sim2real_ad/shadow/control/command/control_cmd": SignalSource("command", COMMAND_COLUMNS, _control),
}
