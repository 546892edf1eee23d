"""Guidance: how well a moment meets the language goals, 0 to 1. A VLM gives it, or the surrogate distilled from one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.types import FloatArray, UInt8Array

MOVING = 1.0
"""m/s above which the driven curvature follows from the yaw rate."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What guidance looks at, at one tick. Painting and scoring happen later, in batches.

    bev: (C, H, W) uint8 by `observation.spec.BevSpec`, exact or the adapter's; speed: m/s; curvature: of the driven
    arc, 1/m, left positive; rgb: the front camera's picture (H, W, 3) uint8, or None where no camera is rendered.
    """

    bev: UInt8Array
    speed: float
    curvature: float
    rgb: UInt8Array | None = None


def driven_curvature(speed: float, yaw_rate: float, steering_tire_angle: float, wheelbase: float) -> float:
    """Return the curvature in 1/m of the arc that the car drives.

    From the yaw rate where the car moves, so that sliding shows; standing, from where the tyres point.
    """
    return yaw_rate / speed if speed > MOVING else math.tan(steering_tire_angle) / wheelbase


@dataclass(frozen=True, eq=False)
class Scores:
    """Guidance for N scenes. values: (N,) float32 in [0, 1], 1 meets the goals; abstained: (N,) bool.

    Where guidance abstains the value is NEUTRAL and no reward may be made of it.
    """

    values: FloatArray
    abstained: NDArray[np.bool_]


NEUTRAL = 0.5


class Guidance(Protocol):
    """Scores scenes in batches. Stateless towards the order of scenes; counts what it did for the record."""

    name: str

    def score(self, scenes: Sequence[Scene]) -> Scores:
        """Score scenes, in order. Raises ScorerError only where nothing can be scored ever again (a bad set-up)."""
        ...

    def record(self) -> dict[str, int | float | str]:
        """Return counts for the training record: scored, abstained, failures, seconds and whatever else is known."""
        ...
