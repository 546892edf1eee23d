"""Does the road that the camera sees lead where the route leads? A camera that was turned shows another road.

Where camera and localization are right, the edges of the seen road keep their distance from the route. With the camera
turned by a small angle e they come nearer on one side and go away on the other, by e for every metre ahead.
"""

from __future__ import annotations

import math
from collections import deque
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.safety.findings import Finding, Severity
from sim2real_ad.safety.limits import HeadingLimits
from sim2real_ad.types import Observation

Floats = NDArray[np.float64]

CHECK = "operational_domain"
DRIVABLE = "drivable"
LIKELY = 128
"""Of 255, from which a cell is road."""
AHEAD = np.arange(6.0, 27.0, 2.0)
"""Where the road's edges are looked for, m along the route: nearer they tell little, farther they are seen poorly."""
LEAST_AHEAD = 6
"""Places of AHEAD that the route must reach."""
ASIDE = np.arange(-8.0, 8.25, 0.5)
"""Where they are looked for, m to the left of the route."""
LEAST_EDGE = 5
"""Places at which an edge must be seen for a reading."""
APART = 2
"""Places between two that a slope is taken from: nearer ones tell of the cells' size."""
REACH = 1.0
"""m along the route, back and forth, that its direction at a place is taken from."""
STRAIGHT = 0.35
"""Median distance in m of an edge from its line; by more it is a junction's mouth, or no edge."""


class RoadHeading:
    """Follows the angle between the seen road and the route while the car drives."""

    def __init__(self, limits: HeadingLimits, bev: BevSpec) -> None:
        """bev: of the views."""
        self._limits, self._bev = limits, bev
        self._channel = bev.index(DRIVABLE) if DRIVABLE in bev.channels else None
        self._readings: deque[float] = deque(maxlen=limits.views)
        self._stamp_ns: int | None = None

    def step(self, view: Observation, speed: float) -> list[Finding]:
        """Judge by a view whose values are finite, at a speed in m/s. A standing car and a view that was seen already
        change nothing; neither does a view of another shape, which others refuse."""
        if view.stamp_ns != self._stamp_ns and speed >= self._limits.speed:
            self._stamp_ns = view.stamp_ns
            reading = self._read(view)
            if reading is not None:
                self._readings.append(reading)
        return self._judged()

    def forget(self) -> None:
        """Start anew."""
        self._readings.clear()
        self._stamp_ns = None

    def _judged(self) -> list[Finding]:
        limits, count = self._limits, len(self._readings)
        beyond = max(sum(side * reading > limits.angle for reading in self._readings) for side in (1.0, -1.0))
        if count < limits.views or beyond < limits.share * count:
            return []
        usual = math.degrees(float(np.median(self._readings)))
        detail = f"turned by {usual:.1f} deg in {beyond} of {count} views, at most {math.degrees(limits.angle):.1f}"
        return [Finding(CHECK, "road_heads_elsewhere", Severity.STOP, detail)]

    def _read(self, view: Observation) -> float | None:
        """Return the road's heading against the route's, rad, left positive; None where the view does not tell."""
        if self._channel is None or view.bev.shape != self._bev.shape or not len(view.route):
            return None
        along, places = _beside(np.asarray(view.route, np.float64))
        if len(along) < LEAST_AHEAD:
            return None
        cells = np.rint(self._bev.cells_from_base(places)).astype(np.intp)
        row, column = cells[..., 0], cells[..., 1]
        rows, columns = view.validity.shape
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        row, column = row.clip(0, rows - 1), column.clip(0, columns - 1)
        road = inside & (view.bev[self._channel][row, column] >= LIKELY)
        seen = inside & (view.validity[row, column] > 0)
        slopes = [s for s in (_slope(along, edge) for edge in _edges(road, seen)) if s is not None]
        return math.atan(sum(slopes) / len(slopes)) if slopes else None


def _beside(route: Floats) -> tuple[Floats, Floats]:
    """Return distances (N,) along a route (P, 2) in base_link, and the places (N, M, 2) beside it at each."""
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(route, axis=0).T))))
    at = AHEAD[: np.searchsorted(AHEAD, along[-1] - REACH)]
    behind, ahead = (np.stack([np.interp(at + s, along, axis) for axis in route.T], axis=-1) for s in (-REACH, REACH))
    forward = ahead - behind
    forward = forward / np.maximum(np.hypot(*forward.T), 1e-9)[:, None]
    left = np.stack((-forward[:, 1], forward[:, 0]), axis=-1)
    return at, (0.5 * (behind + ahead))[:, None] + ASIDE[:, None] * left[:, None]


def _edges(road: NDArray[np.bool_], seen: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return how far to the left of the route the right and the left edge lie, (N,) m, NaN where they are not seen.

    road, seen: (N, M) beside the route. Of several stretches of road it is the one nearest to the route.
    """
    places = np.arange(road.shape[1])
    count = len(places)
    distance = np.where(road, np.abs(ASIDE), np.inf)
    nearest = distance.argmin(axis=1)[:, None]
    last_right = np.where(~road & (places < nearest), places, -1).max(axis=1)
    first_left = np.where(~road & (places > nearest), places, count).min(axis=1)
    there = np.isfinite(distance.min(axis=1))
    rows = np.arange(len(road))
    right_seen = there & (last_right >= 0) & seen[rows, last_right] & seen[rows, (last_right + 1).clip(0, count - 1)]
    left_seen = there & (first_left < count)
    left_seen &= seen[rows, first_left.clip(0, count - 1)] & seen[rows, first_left - 1]
    half = (ASIDE[1] - ASIDE[0]) / 2.0
    right = np.where(right_seen, ASIDE[last_right.clip(0)] + half, np.nan)
    left = np.where(left_seen, ASIDE[first_left.clip(0, count - 1)] - half, np.nan)
    return right, left


@cache
def _pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(count, APART)


def _slope(along: Floats, edge: Floats) -> float | None:
    """Return how an edge departs from the route, m a m, by the median of pairs (P. Sen, JASA 63, 1968); None where it
    is seen at too few places or is no line."""
    known = ~np.isnan(edge)
    if np.count_nonzero(known) < LEAST_EDGE:
        return None
    x, y = along[known], edge[known]
    first, second = _pairs(len(x))
    slope = float(np.median((y[second] - y[first]) / (x[second] - x[first])))
    off = y - slope * x
    return slope if float(np.median(np.abs(off - np.median(off)))) < STRAIGHT else None
