"""A measured value with its 95 % interval, and how intervals come from few, dependent samples."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sim2real_ad.config import StrictModel
from sim2real_ad.errors import CalibrationError
from sim2real_ad.evaluation.statistics import Z_95

STUDENT_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""97.5 % quantiles of Student's t for 1 to 10 degrees of freedom."""


class Estimate(StrictModel):
    """value with a 95 % confidence interval of value +- half_width, in the value's unit."""

    value: float
    half_width: float = Field(ge=0.0)

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.value - self.half_width

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.value + self.half_width

    def text(self, unit: str = "", digits: int = 3) -> str:
        """Return like `0.240 ± 0.012 s`."""
        return f"{self.value:.{digits}f} ± {self.half_width:.{digits}f}{unit and ' ' + unit}"


def student_95(degrees: int) -> float:
    """Return the 97.5 % quantile of Student's t; infinite below 1 degree of freedom.

    Beyond the table by the expansion of Abramowitz and Stegun, 26.7.5, about the normal quantile.
    """
    if degrees < 1:
        return math.inf
    if degrees <= len(STUDENT_95):
        return STUDENT_95[degrees - 1]
    z, n = Z_95, float(degrees)
    return z + (z**3 + z) / (4.0 * n) + (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / (96.0 * n**2)


def blocks_of(times: NDArray[np.float64], length_s: float) -> NDArray[np.int64]:
    """Return for each time in s (N,), rising, the number of its stretch of length_s: errors of different stretches
    count as independent."""
    _, numbers = np.unique(np.floor((times - times[:1]) / length_s), return_inverse=True)
    return np.asarray(numbers, np.int64).reshape(-1)


def mean_of_blocks(values: NDArray[np.float64], blocks: NDArray[np.int64], what: str) -> Estimate:
    """Return the mean of each block's median, with its interval from how the blocks differ.

    Raises CalibrationError where there are fewer than three blocks. what: for that message.
    """
    medians = np.array([np.median(values[blocks == block]) for block in np.unique(blocks)])
    if len(medians) < 3:
        raise CalibrationError(f"{what}: {len(medians)} separate readings; 3 is the least for an interval")
    spread = float(np.std(medians, ddof=1)) / math.sqrt(len(medians))
    return Estimate(value=float(np.mean(medians)), half_width=student_95(len(medians) - 1) * spread)
