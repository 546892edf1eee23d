"""The route as the policy sees it: points ahead of the car in base_link."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.geometry.frames import base_from_map
from sim2real_ad.types import FloatArray, Pose2

METRES_PER_RADIAN = 3.0
"""How many metres of distance one rad of wrong heading outweighs where a route passes the same place twice."""


def foot_on_route(points: NDArray[np.float64], pose: Pose2) -> float:
    """Return how far along a polyline (N, 2), m, its nearest point to the car lies; 0..length.

    Where a route crosses or meets itself, the part that runs the way the car heads is preferred.
    """
    start, step = points[:-1], np.diff(points, axis=0)
    length = np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)
    offset = np.array([pose.x, pose.y]) - start
    along = np.clip((offset * step).sum(axis=1) / length**2, 0.0, 1.0)
    miss = offset - along[:, None] * step
    turn = np.arctan2(step[:, 1], step[:, 0]) - pose.yaw
    wrong_way = np.abs(np.arctan2(np.sin(turn), np.cos(turn)))
    nearest = int(np.argmin((miss**2).sum(axis=1) + (METRES_PER_RADIAN * wrong_way) ** 2))
    return float(length[:nearest].sum() + along[nearest] * length[nearest])


def route_ahead(points: NDArray[np.float64], pose: Pose2, count: int, spacing: float) -> FloatArray:
    """Return count points (count, 2) float32 in base_link, spacing m apart, from the car's foot on the route onwards.

    Beyond the route's end they go on straight. points: (N, 2) in map, N >= 2.
    """
    step = np.diff(points, axis=0)
    arc = np.concatenate(([0.0], np.cumsum(np.hypot(step[:, 0], step[:, 1]))))
    wanted = foot_on_route(points, pose) + spacing * np.arange(count)
    ahead = np.column_stack([np.interp(wanted, arc, points[:, axis]) for axis in (0, 1)])
    heading = math.atan2(step[-1, 1], step[-1, 0])
    beyond = np.maximum(wanted - arc[-1], 0.0)[:, None]
    ahead = ahead + beyond * (math.cos(heading), math.sin(heading))
    return base_from_map(ahead, pose).astype(np.float32)
