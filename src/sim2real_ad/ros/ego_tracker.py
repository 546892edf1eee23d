"""Assembles the ego state that belongs to a camera frame from localization and the car's own reports. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from typing import Literal, get_args

from sim2real_ad.safety.inputs import SpeedReport
from sim2real_ad.types import EgoState, Pose2, ns_from_seconds

EgoSource = Literal["odometry", "acceleration", "velocity", "steering"]
SOURCES: tuple[EgoSource, ...] = get_args(EgoSource)
CAPACITY = 200


@dataclass(frozen=True)
class Reading:
    """One report of one source.

    values: odometry (x m, y m, yaw rad, yaw rate rad/s, speed m/s), acceleration (m/s^2,), velocity (m/s,), steering
    (rad,).
    """

    stamp_ns: int
    values: tuple[float, ...]


class EgoTracker:
    """Keeps the newest reports of every source and joins them for a frame.

    exact (lock-step): every source must have a report with the frame's own stamp. Otherwise (real time) the newest one
    not after the frame counts, if it is not older than max_age_s. An ego state is as old as its oldest part.
    """

    def __init__(self, *, exact: bool, max_age_s: float) -> None:
        self._exact = exact
        self._max_age_ns = ns_from_seconds(max_age_s)
        self._readings: dict[EgoSource, deque[Reading]] = {s: deque(maxlen=CAPACITY) for s in SOURCES}

    def add(self, source: EgoSource, reading: Reading) -> None:
        """Remember a report. A stamp that goes back starts the source anew: another drive has begun."""
        readings = self._readings[source]
        if readings and reading.stamp_ns < readings[-1].stamp_ns:
            readings.clear()
        readings.append(reading)

    def at(self, stamp_ns: int) -> EgoState | None:
        """Return the ego state that belongs to a frame, or None where a source lacks a fitting report."""
        found = {source: self._find(source, stamp_ns) for source in SOURCES}
        return _assemble({s: r for s, r in found.items() if r is not None})

    def newest(self) -> EgoState | None:
        """Return the ego state from the newest report of every source, however old; its stamp tells."""
        return _assemble({s: r[-1] for s, r in self._readings.items() if r})

    def localization(self, stamp_ns: int | None = None) -> SpeedReport | None:
        """Return the speed by localization that belongs to a frame, or its newest; the ego state's is the wheels'."""
        newest = self._readings["odometry"][-1] if self._readings["odometry"] else None
        found = newest if stamp_ns is None else self._find("odometry", stamp_ns)
        return None if found is None else SpeedReport(found.stamp_ns, found.values[4])

    def missing(self, stamp_ns: int) -> list[str]:
        """Name the sources without a report that fits a frame."""
        return [source for source in SOURCES if self._find(source, stamp_ns) is None]

    def _find(self, source: EgoSource, stamp_ns: int) -> Reading | None:
        readings = self._readings[source]
        if readings and readings[-1].stamp_ns <= stamp_ns:
            candidate = readings[-1]
        else:
            place = bisect_right([r.stamp_ns for r in readings], stamp_ns)
            if place == 0:
                return None
            candidate = readings[place - 1]
        age_ns = stamp_ns - candidate.stamp_ns
        return candidate if age_ns <= (0 if self._exact else self._max_age_ns) else None


def _assemble(readings: dict[EgoSource, Reading]) -> EgoState | None:
    if len(readings) < len(SOURCES):
        return None
    x, y, yaw, yaw_rate, _ = readings["odometry"].values
    return EgoState(
        stamp_ns=min(r.stamp_ns for r in readings.values()),
        pose=Pose2(x, y, yaw),
        speed=readings["velocity"].values[0],
        acceleration=readings["acceleration"].values[0],
        yaw_rate=yaw_rate,
        steering_tire_angle=readings["steering"].values[0],
    )
