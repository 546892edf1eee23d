"""What is in the way of the requested curve, by the adapter's own BEV: time to collision and the RSS distance.

RSS: S. Shalev-Shwartz, S. Shammah, A. Shashua, On a Formal Model of Safe and Scalable Self-driving Cars, 2017, lemma 2.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.safety.limits import ClearanceLimits
from sim2real_ad.types import Observation, UInt8Array, seconds_from_ns
from sim2real_ad.vehicle.profile import VehicleProfile

SOLID = ("vehicle", "pedestrian", "obstacle")
"""Channels of the BEV that show what must not be driven into."""
WIDENED = ("pedestrian", "obstacle")
"""Those of them that the adapter shows wider than they are, by `widened_by` on each side (training.adapter)."""
FOLLOWED_S = 0.6
"""How long gaps are remembered for the speed of what is ahead."""
LEAST_FOLLOWED_S = 0.3
"""Before that, what is ahead counts as standing."""
LARGEST_JUMP = 2.5
"""m by which the gap to one thing may change from view to view; by more, it is another thing."""
SPEED_MARGIN = 1.5
"""m/s that what is ahead may be slower than its gap seems to tell: cells are half a metre long."""


@dataclass(frozen=True)
class Clearance:
    """gap: from the front bumper along the requested curve to what is nearest in the way, m, infinity where nothing is;
    closing: speed at which it shrinks, m/s, at least as great as it seems; needed: the RSS distance, m;
    time_to_collision: s."""

    gap: float
    closing: float
    needed: float
    time_to_collision: float


FREE = Clearance(math.inf, 0.0, 0.0, math.inf)


def rss_distance(speed: float, ahead: float, limits: ClearanceLimits, profile: VehicleProfile) -> float:
    """Return the least safe gap in m behind something that drives at `ahead` m/s, at `speed` m/s.

    The car may accelerate as hard as it can for the response time and then brakes with its max_deceleration, while what
    is ahead brakes with other_braking.
    """
    response, rising = limits.response_time, profile.limits.max_acceleration
    fastest = speed + response * rising
    own = speed * response + 0.5 * rising * response**2 + fastest**2 / (2.0 * profile.limits.max_deceleration)
    return max(0.0, own - ahead**2 / (2.0 * limits.other_braking))


class ClearanceMonitor:
    """Follows the nearest thing in the way from view to view."""

    def __init__(self, limits: ClearanceLimits, bev: BevSpec, profile: VehicleProfile) -> None:
        self._limits = limits
        self._bev = bev
        self._profile = profile
        solid = [name for name in SOLID if name in bev.channels]
        self._channels = [bev.index(name) for name in solid]
        self._reaches = np.array([self._reach(name) for name in solid])
        self._centres = bev.cell_centres()
        self._taken = round(255 * limits.probability)
        self._seen: deque[tuple[int, float]] = deque()
        self._same_since_ns = 0

    def step(self, view: Observation, curvature: float, speed: float) -> Clearance:
        """Return the clearance on an arc of a curvature (1/m) at a speed (m/s), by the newest view.

        A view that was seen already changes nothing of what is followed. Raises ValueError where the view's BEV is of
        another shape.
        """
        if view.bev.shape != self._bev.shape:
            raise ValueError(f"the view's BEV is {view.bev.shape}, expected {self._bev.shape}")
        gap = self._gap(view.bev, curvature)
        self._follow(view.stamp_ns, gap)
        if not math.isfinite(gap) or not self._is_there():
            return FREE
        ahead = self._speed_ahead(speed)
        closing = max(speed - ahead, 0.0)
        needed = rss_distance(max(speed, 0.0), ahead, self._limits, self._profile)
        return Clearance(gap, closing, needed, gap / closing if closing > 0.0 else math.inf)

    def forget(self) -> None:
        """Start anew."""
        self._seen.clear()

    def _reach(self, channel: str) -> float:
        """Return how far beside the curve what a channel shows is in the way, m."""
        beside = self._profile.width / 2.0 + self._limits.side_margin
        if channel not in WIDENED:
            return beside
        return max(beside - self._limits.widened_by, self._bev.resolution / 2.0)  # wide enough to hold a cell's middle

    def _gap(self, bev: UInt8Array, curvature: float) -> float:
        if not self._channels:
            return math.inf
        taken = bev[self._channels] >= self._taken
        rows, columns = np.nonzero(taken.any(axis=0))
        if len(rows) < self._limits.cells:
            return math.inf
        along, aside = _on_arc(self._centres[rows, columns], curvature)
        reach = np.where(taken[:, rows, columns], self._reaches[:, None], -math.inf).max(axis=0)
        gaps = along[(np.abs(aside) <= reach) & (along > self._profile.front_overhang - self._bev.resolution)]
        if len(gaps) < self._limits.cells:
            return math.inf
        nearest = np.sort(gaps)[self._limits.cells - 1]  # a lone cell is no thing
        return max(0.0, float(nearest) - self._bev.resolution / 2.0 - self._profile.front_overhang)

    def _follow(self, stamp_ns: int, gap: float) -> None:
        if self._seen and stamp_ns < self._seen[-1][0]:
            self._seen.clear()
        if self._seen and stamp_ns == self._seen[-1][0]:
            self._seen.pop()
        before = next((seen for _, seen in reversed(self._seen) if math.isfinite(seen)), gap)
        if math.isfinite(gap) and abs(gap - before) > LARGEST_JUMP:
            self._same_since_ns = stamp_ns
        self._seen.append((stamp_ns, gap))
        while seconds_from_ns(stamp_ns - self._seen[0][0]) > FOLLOWED_S:
            self._seen.popleft()

    def _is_there(self) -> bool:
        """Whether as many views in a row as it takes show something in the way."""
        newest = list(self._seen)[-self._limits.views :]
        return len(newest) == self._limits.views and all(math.isfinite(gap) for _, gap in newest)

    def _speed_ahead(self, speed: float) -> float:
        """Return the speed in m/s of what is ahead, at most as great as its gap seems to tell; 0 where it is new."""
        same = [(t, gap) for t, gap in self._seen if t >= self._same_since_ns and math.isfinite(gap)]
        followed = [(seconds_from_ns(t), gap) for t, gap in same]
        if len(followed) < 3 or followed[-1][0] - followed[0][0] < LEAST_FOLLOWED_S:
            return 0.0
        times, gaps = (np.array(values) for values in zip(*followed, strict=True))
        times = times - times.mean()
        opening = float((times * (gaps - gaps.mean())).sum() / (times**2).sum())
        return max(0.0, speed + opening - SPEED_MARGIN)


def _on_arc(points: NDArray[np.float64], curvature: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far along an arc that starts in base_link, and how far to its left, points (N, 2) lie, m."""
    x, y = points[:, 0], points[:, 1]
    if abs(curvature) < 1e-4:
        return x, y
    turn = np.arctan2(curvature * x, 1.0 - curvature * y)  # angle about the centre of the turn, which is at (0, 1 / k)
    away = np.hypot(curvature * x, 1.0 - curvature * y)
    return turn / curvature, (1.0 - away) / curvature
