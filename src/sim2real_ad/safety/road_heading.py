"""Does the road that the camera sees lead where the route leads? A camera that was turned shows another road.

Where camera and localization are right, the edges of the seen road keep their distance from the route. With the camera
turned by a small angle e they come nearer on one side and go away on the other, by e for every metre ahead.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.safety.findings import Finding, Severity
from sim2real_ad.safety.limits import HeadingLimits
from sim2real_ad.safety.operational_domain import CHECK
from sim2real_ad.types import Observation

Floats = NDArray[np.float64]

DRIVABLE = "drivable"
LIKELY = 128
"""Of 255, from which a cell is road."""
AHEAD = np.arange(6.0, 27.0, 2.0)
"""Where the road's edges are looked for, m along the route: nearer they tell little, farther they are seen poorly."""
LEAST_AHEAD = 6
"""Places of AHEAD that the route must reach."""
ASIDE = np.arange(-8.0, 8.25, 0.5)
"""Where they are looked for, m to the left of the route."""
FARTHEST = 1000.0
"""m from the car beyond which a route's point is none: views hold some 50 m of it."""
ON_ROUTE = len(ASIDE) // 2
SHARPEST = 0.6
"""rad that the route may turn over AHEAD: roads bend less, and what turns more is a junction, whose mouths have no edge
that runs along the route."""
LEAST_EDGE = 5
"""Places at which an edge must be seen for a reading."""
APART = 2
"""Places between two that a slope is taken from: nearer ones tell of the cells' size."""
REACH = 1.0
"""m along the route, back and forth, that its direction at a place is taken from."""
SHIFTS = (-REACH, 0.0, REACH)
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
        if self._channel is None or not self._is_usable(view):
            return None
        along, places, headings = places_beside(view.route)
        cells = np.rint(self._bev.cells_from_base(places)).astype(np.intp)
        if len(along) < LEAST_AHEAD or np.ptp(headings) > SHARPEST:
            return None
        if not np.all((cells >= 0) & (cells < self._bev.shape[1:])):
            return None
        row, column = cells[..., 0], cells[..., 1]
        road = (view.bev[self._channel][row, column] >= LIKELY).tolist()
        seen = (view.validity[row, column] > 0).tolist()
        slopes = [slope for side in (1, -1) if (slope := _slope(along, _edge(road, seen, side))) is not None]
        return math.atan(sum(slopes) / len(slopes)) if slopes else None

    def _is_usable(self, view: Observation) -> bool:
        """Whether shapes and sizes are those of a view; the gate trusts nothing that it is told."""
        route = view.route
        shaped = view.bev.shape == self._bev.shape and view.validity.shape == self._bev.shape[1:]
        routed = route.ndim == 2 and route.shape[1] == 2 and len(route) > 0
        return shaped and routed and bool(np.abs(route).max() < FARTHEST)


def places_beside(route: NDArray[np.floating[Any]]) -> tuple[Floats, Floats, Floats]:
    """Return distances (N,) along a route (P, 2) in base_link, those of AHEAD that it reaches, the places (N, M, 2)
    beside it at each, those of ASIDE from right to left, and the route's headings there (N,), rad, -pi..pi."""
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(route, axis=0).T))))
    at = AHEAD[along[-1] >= AHEAD + REACH]
    before, here, after = (
        (np.interp(at + s, along, route[:, 0]), np.interp(at + s, along, route[:, 1])) for s in SHIFTS
    )
    heading = np.arctan2(after[1] - before[1], after[0] - before[0])
    x = here[0][:, None] - ASIDE * np.sin(heading)[:, None]
    y = here[1][:, None] + ASIDE * np.cos(heading)[:, None]
    return at, np.stack((x, y), axis=2), heading


def _edge(road: list[list[bool]], seen: list[list[bool]], side: int) -> Floats:
    """Return how far to the left of the route an edge lies at each distance, (N,) m, NaN where it is not seen.

    road, seen: at places beside the route, as of `places_beside`; side: 1 for the left edge, -1 for the right one.
    """
    found = map(_edge_at, road, seen, itertools.repeat(side))
    return np.array([math.nan if place is None else ASIDE[place] for place in found])


def _edge_at(road: list[bool], seen: list[bool], side: int) -> int | None:
    """Return the last place of the road to a side, None where it, or what is beyond it, is not seen.

    Of several stretches of road it is the one nearest to the route.
    """
    places = [place for place, is_road in enumerate(road) if is_road]
    place = min(places, key=lambda place: abs(place - ON_ROUTE), default=None)
    if place is None:
        return None
    while 0 <= place + side < len(road) and road[place + side]:
        place += side
    beyond = place + side
    return place if 0 <= beyond < len(road) and seen[place] and seen[beyond] else None


@cache
def _pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(count, APART)


def _slope(along: Floats, edge: Floats) -> float | None:
    """Return how an edge departs from the route, m a m, by the median of pairs (P. Sen, JASA 63, 1968); None where it
    is seen at too few places or is no line."""
    known = ~np.isnan(edge)
    x, y = along[known], edge[known]
    if len(x) < LEAST_EDGE:
        return None
    first, second = _pairs(len(x))
    slope = float(np.median((y[second] - y[first]) / (x[second] - x[first])))
    off = y - slope * x
    return slope if float(np.median(np.abs(off - np.median(off)))) < STRAIGHT else None
