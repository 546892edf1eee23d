"""How an actuator answers a command that was sent at uneven times: the model of `control.vehicle_model.DelayedLag`,
solved exactly between the commands, with delay and lag of rising and falling each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.calibration.signals import Series

Floats = NDArray[np.float64]

LEAST_LAG_S = 1e-4
"""Shorter lags are none."""
SUBSAMPLES = 5
"""Points by which the mean over a report's averaging is taken."""


@dataclass(frozen=True)
class Response:
    """Pure delays and first-order lags in s. A command that is higher than the one before it takes rising_delay to
    arrive; while the output is below what has arrived it nears it with rising_lag."""

    rising_delay: float
    rising_lag: float
    falling_delay: float
    falling_lag: float

    @classmethod
    def alike(cls, delay: float, lag: float) -> Response:
        """Return the response that is the same both ways."""
        return cls(delay, lag, delay, lag)

    def output(self, command: Series, times: Floats, averaged_s: float = 0.0) -> Floats:
        """Return what the actuator gives at times (N,), settled at the first command before it.

        command: held from each sample to the next; averaged_s: return means over so many s around each time.
        """
        levels = command.values
        rises = np.diff(levels, prepend=levels[:1]) > 0.0
        # What was sent later does not arrive earlier.
        arrivals = np.maximum.accumulate(command.times + np.where(rises, self.rising_delay, self.falling_delay))
        states = self._states(arrivals, levels)
        if averaged_s <= 0.0:
            return self._between(arrivals, levels, states, times)
        shifts = averaged_s * ((np.arange(SUBSAMPLES) + 0.5) / SUBSAMPLES - 0.5)
        return self._between(arrivals, levels, states, times[:, None] + shifts).mean(axis=1)

    def _states(self, arrivals: Floats, levels: Floats) -> Floats:
        """Return the output (K,) at each arrival, before the command that arrives acts."""
        spans = np.diff(arrivals)
        rising = np.exp(-spans / max(self.rising_lag, LEAST_LAG_S)).tolist()
        falling = np.exp(-spans / max(self.falling_lag, LEAST_LAG_S)).tolist()
        state = float(levels[0])
        states = [state]
        for level, up, down in zip(levels[:-1].tolist(), rising, falling, strict=True):
            state = level + (state - level) * (up if level > state else down)
            states.append(state)
        return np.array(states)

    def _between(self, arrivals: Floats, levels: Floats, states: Floats, times: Floats) -> Floats:
        last = np.searchsorted(arrivals, times, side="right") - 1
        place = np.maximum(last, 0)
        missing = states[place] - levels[place]
        lag = np.where(missing < 0.0, max(self.rising_lag, LEAST_LAG_S), max(self.falling_lag, LEAST_LAG_S))
        since = np.maximum(times - arrivals[place], 0.0)
        return np.asarray(levels[place] + missing * np.exp(-since / lag))
