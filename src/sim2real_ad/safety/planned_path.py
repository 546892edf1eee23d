"""Where the car was about to drive when something failed: a stop keeps to it.

With the route known, the car follows the route's course at the offset that it had, so that a stop in a bend stays in
the bend and a stop beside a parked car stays beside it. Without, the last requested curve is all there is; it does not
decay: in a bend that would lead straight off the road.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.geometry.frames import base_from_map, map_from_base
from sim2real_ad.observation.route import foot_on_route
from sim2real_ad.types import EgoState, Observation, Pose2

REACH_M, REACH_S = 3.0, 0.5
"""The stop aims at a point so far ahead on the path: m, and s of driving (pure pursuit, Coulter 1992)."""


class PlannedPath:
    """Remembers the newest plan; `hold` fixes it, `release` lets it follow again."""

    _stamp_ns: int | None
    _held: bool
    _plan: tuple[NDArray[np.float64], float] | None
    """The route in map (N, 2), and how far to its left the car was, m."""

    def __init__(self) -> None:
        self.forget()
        self.curvature = 0.0
        """1/m, of the last request, or of the tyres where nobody asked."""

    def see(self, view: Observation, pose: Pose2) -> None:
        """Take over the route of a new, healthy view; pose: the car's in map at about that time."""
        if self._held or view.stamp_ns == self._stamp_ns or len(view.route) < 2:
            return
        points = np.asarray(view.route, dtype=np.float64)
        if not np.isfinite(points).all():
            return
        self._stamp_ns = view.stamp_ns
        self._plan = map_from_base(points, pose), -float(points[0, 1])

    def hold(self) -> None:
        """Keep the plan as it is: something has failed."""
        self._held = True

    def release(self) -> None:
        """Follow again what comes."""
        self._held = False

    def forget(self) -> None:
        """Forget the route."""
        self._stamp_ns, self._plan, self._held = None, None, False

    def curvature_from(self, ego: EgoState | None) -> float:
        """Return the curvature in 1/m that keeps to the plan. ego: where the car is, None where that is not known."""
        if ego is None or self._plan is None:
            return self.curvature
        x, y = _target(*self._plan, ego)
        squared = x * x + y * y
        return 2.0 * y / squared if x > 0.0 and squared > 1.0 else self.curvature


def _target(route: NDArray[np.float64], offset: float, ego: EgoState) -> tuple[float, float]:
    """Return the point to aim at in base_link, m: ahead on the route, as far to its side as the car was."""
    step = np.diff(route, axis=0)
    length = np.hypot(step[:, 0], step[:, 1])
    arc = np.concatenate(([0.0], np.cumsum(length)))
    wanted = foot_on_route(route, ego.pose) + REACH_M + REACH_S * max(ego.speed, 0.0)
    segment = min(int(np.searchsorted(arc, wanted, side="right")) - 1, len(step) - 1)
    heading = math.atan2(step[segment, 1], step[segment, 0])
    along = wanted - arc[segment]
    point = route[segment] + along * np.array([math.cos(heading), math.sin(heading)])
    beside = point + offset * np.array([-math.sin(heading), math.cos(heading)])
    x, y = base_from_map(beside, ego.pose)
    return float(x), float(y)
