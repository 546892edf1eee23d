"""Planar rigid transforms between `map` and `base_link`, and angles."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.types import Pose2


def wrap_angle(angle: float) -> float:
    """Wrap an angle in rad to [-pi, pi)."""
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


def base_from_map(points: NDArray[np.float64], base: Pose2) -> NDArray[np.float64]:
    """Express map points (..., 2) in the base_link frame of a pose."""
    cos, sin = math.cos(base.yaw), math.sin(base.yaw)
    delta = np.asarray(points, dtype=np.float64) - (base.x, base.y)
    return np.stack((cos * delta[..., 0] + sin * delta[..., 1], cos * delta[..., 1] - sin * delta[..., 0]), axis=-1)


def map_from_base(points: NDArray[np.float64], base: Pose2) -> NDArray[np.float64]:
    """Express base_link points (..., 2) of a pose in the map frame."""
    cos, sin = math.cos(base.yaw), math.sin(base.yaw)
    points = np.asarray(points, dtype=np.float64)
    x, y = points[..., 0], points[..., 1]
    return np.stack((cos * x - sin * y + base.x, sin * x + cos * y + base.y), axis=-1)
