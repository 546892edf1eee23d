"""Where a command that comes frame by frame is going: a parabola through its last frames."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.types import ns_from_seconds, seconds_from_ns

Floats = NDArray[np.float64]

WINDOW_NS = ns_from_seconds(0.26)
"""Frames that count: six at 20 Hz. Fewer follow the policy's noise, more come too late for a slalom."""
LEAST_FOR_RATE, LEAST_FOR_BEND = 3, 5
"""Frames without which there is no rate, and no change of it."""
CONFIRMED = 2.0
"""Times the smaller of the last two slopes that a rate may be."""
BEND_TRUST = 0.5
"""Of the fitted change of the rate, how much is believed: a policy's noise bends more than its plan does."""


@dataclass(frozen=True)
class Trend:
    """A command around a time: value, in its unit; rate, by the s; bend, the change of the rate, by the s^2."""

    value: float
    rate: float = 0.0
    bend: float = 0.0

    def at(self, ahead_s: float) -> Trend:
        """Return the trend as seen from ahead_s later."""
        rate = self.rate + self.bend * ahead_s
        return Trend(self.value + 0.5 * (self.rate + rate) * ahead_s, rate, self.bend)


class TrendFit:
    """Fits the trend of one command. A jump is none: it is what the last two frames both show that goes on."""

    def __init__(self, greatest_rate: float) -> None:
        """greatest_rate: of a trend, by the s, in the command's unit."""
        self._greatest = greatest_rate
        self._frames: deque[tuple[int, float]] = deque()

    def forget(self) -> None:
        """Know of no frame."""
        self._frames.clear()

    def see(self, now_ns: int, value: float) -> Trend:
        """Take the frame of now_ns, not before the last one, and return the trend at it. The value is the frame's."""
        self._frames.append((now_ns, value))
        while now_ns - self._frames[0][0] > WINDOW_NS:
            self._frames.popleft()
        if len(self._frames) < LEAST_FOR_RATE:
            return Trend(value)
        times = np.array([seconds_from_ns(stamp - now_ns) for stamp, _ in self._frames])
        values = np.array([value for _, value in self._frames])
        return self._fitted(times, values)

    def _fitted(self, times: Floats, values: Floats) -> Trend:
        """Fit a line, or a parabola where there are frames enough, by least squares; times (N,) in s end at 0."""
        degree = 2 if len(times) >= LEAST_FOR_BEND else 1
        coefficients = np.linalg.lstsq(np.vander(times, degree + 1), values, rcond=None)[0].tolist()
        slopes = (np.diff(values) / np.maximum(np.diff(times), 1e-3)).tolist()
        rate = self._confirmed(coefficients[-2], slopes)
        steepest = max(map(abs, slopes))
        doubt = min(1.0, abs(coefficients[-2] - rate) / steepest) if steepest > 0.0 else 0.0
        bend = 2.0 * BEND_TRUST * coefficients[0] * (1.0 - doubt) if degree == 2 else 0.0
        return Trend(float(values[-1]), rate, bend)

    def _confirmed(self, rate: float, slopes: list[float]) -> float:
        """Return as much of a fitted rate as the slopes of the last two frames both confirm: a single step is none."""
        last, before = slopes[-1], slopes[-2]
        low = CONFIRMED * max(last, before) if max(last, before) < 0.0 else 0.0
        high = CONFIRMED * min(last, before) if min(last, before) > 0.0 else 0.0
        return min(max(rate, low, -self._greatest), high, self._greatest)
