"""A polyline that things drive or walk along: from station to pose and back, in plain floats."""

from __future__ import annotations

import math
from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray


class Path:
    """A polyline in the map frame, parametrised by station: m along it from its first point.

    Beyond either end it goes on straight. Headings change evenly between the points. Immutable.
    """

    __slots__ = ("_arc", "_last", "_step_x", "_step_y", "_x", "_y", "_yaw", "length", "points")

    def __init__(self, points: NDArray[np.float64]) -> None:
        """Take points (N, 2), N >= 2, no two neighbours equal. Raises ValueError otherwise."""
        self.points = np.ascontiguousarray(points, dtype=np.float64)
        if self.points.ndim != 2 or self.points.shape[1] != 2 or len(self.points) < 2:
            raise ValueError(f"a path needs two or more points (N, 2), got {self.points.shape}")
        steps = np.diff(self.points, axis=0)
        lengths = np.hypot(steps[:, 0], steps[:, 1])
        if not lengths.min() > 0.0:
            raise ValueError("a path's neighbouring points must differ and be finite")
        directions = steps / lengths[:, None]
        self._arc: list[float] = [0.0, *np.cumsum(lengths).tolist()]
        self.length = self._arc[-1]
        self._last = len(steps) - 1
        self._x: list[float] = self.points[:, 0].tolist()
        self._y: list[float] = self.points[:, 1].tolist()
        self._step_x: list[float] = directions[:, 0].tolist()
        self._step_y: list[float] = directions[:, 1].tolist()
        self._yaw: list[float] = _knot_headings(directions).tolist()

    def pose(self, station: float, lateral: float = 0.0) -> tuple[float, float, float]:
        """Return (x, y, yaw) at a station, `lateral` m to the left of the path. yaw is not wrapped."""
        i = self._segment(station)
        along = station - self._arc[i]
        share = min(max(along / (self._arc[i + 1] - self._arc[i]), 0.0), 1.0)
        yaw = self._yaw[i] + share * (self._yaw[i + 1] - self._yaw[i])
        x, y = self._x[i] + along * self._step_x[i], self._y[i] + along * self._step_y[i]
        if lateral:
            return x - lateral * math.sin(yaw), y + lateral * math.cos(yaw), yaw
        return x, y, yaw

    def foot(self, x: float, y: float, near: float) -> tuple[float, float]:
        """Return (station, lateral) of a point, searching downhill from a station that was near it before.

        lateral: m, positive to the left of the path.
        """
        i, came_from = self._segment(near), -1
        while True:
            dx, dy = x - self._x[i], y - self._y[i]
            along = dx * self._step_x[i] + dy * self._step_y[i]
            after = along > self._arc[i + 1] - self._arc[i] and i < self._last
            before = along < 0.0 and i > 0
            towards = i + 1 if after else i - 1 if before else i
            if towards in (i, came_from):
                return self._arc[i] + along, dy * self._step_x[i] - dx * self._step_y[i]
            i, came_from = towards, i

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """Return (station, lateral) of the place on the whole path that is nearest to a point."""
        offset = self.points - (x, y)
        return self.foot(x, y, self._arc[int(np.argmin(offset[:, 0] ** 2 + offset[:, 1] ** 2))])

    def curvature(self, spacing: float) -> NDArray[np.float64]:
        """Return the curvature (K,) in 1/m, left positive, at every `spacing` m from the start."""
        stations = np.arange(0.0, self.length + spacing, spacing)
        headings = np.interp(stations, self._arc, self._yaw)
        return np.asarray(np.gradient(headings, spacing), dtype=np.float64)

    def slice(self, start: float, end: float, spacing: float = 1.0) -> NDArray[np.float64]:
        """Return points (N, 2) `spacing` m apart from one station to another."""
        return np.array([self.pose(float(s))[:2] for s in np.arange(start, end + 1e-9, spacing)])

    def _segment(self, station: float) -> int:
        return min(max(bisect_right(self._arc, station) - 1, 0), self._last)


def _knot_headings(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a heading (N,) at each point, unwrapped: the mean of the segments that meet there."""
    headings = np.unwrap(np.arctan2(directions[:, 1], directions[:, 0]))
    between = (headings[:-1] + headings[1:]) / 2.0
    return np.concatenate((headings[:1], between, headings[-1:]))


def bend_speeds(path: Path, lateral_acceleration: float, deceleration: float) -> list[float]:
    """Return the greatest speed in m/s at every metre of a path.

    Bends are taken at `lateral_acceleration` m/s^2 and reached by braking at `deceleration` m/s^2.
    """
    bend = np.abs(path.curvature(1.0))
    squared = lateral_acceleration / np.maximum(bend, 1e-4)
    for i in range(len(squared) - 2, -1, -1):
        squared[i] = min(squared[i], squared[i + 1] + 2.0 * deceleration)
    return [math.sqrt(value) for value in squared.tolist()]
