"""Feed-forward: what to ask of a bare actuator so that it answers as another one, the promised one, would.

With bare delay d and lag T, and promised delay D and lag P, the command c is wanted as w, which is c through the lag P,
seen D later. What is asked for at t acts from t + d on, so what matters is w at t + d - D, and z, where the actuator
will be by then as far as its model knows:
    u = w + T w' + T / S (w - z),     S: smoothing_s
A foreseen w is thus followed without any lag, and a surprise is made for with the lag S. The time t + d - D lies ahead
where the bare delay is the longer one, and no filter knows what will be commanded: there `tracking_trend` goes on as it
went so far, and what comes as a surprise is late by d - D.
"""

from __future__ import annotations

import math

from sim2real_ad.control.tracking_model import HeldLag
from sim2real_ad.control.tracking_trend import Trend, TrendFit
from sim2real_ad.types import ns_from_seconds, seconds_from_ns
from sim2real_ad.vehicle.actuator import FirstOrderActuator

FRAME_NS = ns_from_seconds(0.05)
"""Between two frames of the policy, as far as is known before the second."""
SHORTEST_NS, LONGEST_NS = ns_from_seconds(0.02), ns_from_seconds(0.1)
"""Of a way from frame to frame: a gate's period at 50 Hz, and the silence that drive-by-wire hardware bears."""
SILENCE = 1.5
"""Frame periods without a frame after which the last one counts as commanded again."""
NO_LAG_S = 1e-3
"""Shorter lags are none."""


class FeedForward:
    """Feed-forward of one command. Between two frames it goes evenly to what is wanted at the next one, so a steady
    trend costs no delay, and a surprise is complete one frame period after it came."""

    def __init__(
        self, promised: FirstOrderActuator, bare: FirstOrderActuator, smoothing_s: float, lead: float, fit: TrendFit
    ) -> None:
        """lead: the most that it departs from a frame, in the command's unit; for the others see the module."""
        self._bare_lag, self._promised_lag = bare.lag_s, promised.lag_s
        self._ahead_s = max(0.0, bare.delay_s - promised.delay_s)
        self._push = bare.lag_s / smoothing_s
        self._reached = HeldLag(FirstOrderActuator(delay_s=0.0, lag_s=bare.lag_s))
        self._lead, self._fit = lead, fit

    def restart(self, now_ns: int, command: float, actual: float) -> None:
        """Begin at now_ns with the car at actual, on its way to the command."""
        self._fit.forget()
        self._reached.reset(now_ns, actual)
        self._wanted = self._joined = actual
        self._seen_ns, self._period_ns = now_ns, FRAME_NS
        self._from = actual, 0.0
        self._head_for(command)

    def step(self, now_ns: int, command: float, *, fresh: bool) -> float:
        """Return what to ask for at now_ns, not before the last step. fresh: whether the command is another frame."""
        reached = self._reached.step(now_ns)
        silent = now_ns - self._seen_ns >= SILENCE * self._period_ns
        if fresh or silent:
            self._from = self._on_the_way(now_ns)
            self._advance(now_ns)
            self._head_for(command)
        wanted, rate = self._on_the_way(now_ns)
        asked = wanted + self._bare_lag * rate + self._push * (wanted - reached)
        return min(max(asked, command - self._lead), command + self._lead)

    def sent(self, value: float) -> None:
        """Note what was sent at the last step, without what feedback added."""
        self._reached.send(value)

    def _on_the_way(self, now_ns: int) -> tuple[float, float]:
        """Return what is wanted, and its rate by the s."""
        share = min(1.0, (now_ns - self._seen_ns) / self._period_ns)
        (wanted, rate), (next_wanted, next_rate) = self._from, self._target
        return wanted + share * (next_wanted - wanted), rate + share * (next_rate - rate)

    def _advance(self, now_ns: int) -> None:
        """Bring the joined command and the promised response up to a new frame."""
        elapsed_ns, self._seen_ns = now_ns - self._seen_ns, now_ns
        on_the_way, rest = (seconds_from_ns(t) for t in _split(elapsed_ns, self._period_ns))
        wanted = _lagged(self._wanted, self._way, self._promised_lag, on_the_way)
        self._joined = self._way.at(on_the_way).value
        self._wanted = _lagged(wanted, Trend(self._joined), self._promised_lag, rest)
        self._period_ns = min(max(elapsed_ns, SHORTEST_NS), LONGEST_NS)

    def _head_for(self, command: float) -> None:
        """Decide where to be one frame period after a frame."""
        period, lag = seconds_from_ns(self._period_ns), self._promised_lag
        coming = self._fit.see(self._seen_ns, command).at(period)
        self._way = Trend(self._joined, (coming.value - self._joined) / period)
        later = coming.at(self._ahead_s)
        wanted = _lagged(_lagged(self._wanted, self._way, lag, period), coming, lag, self._ahead_s)
        self._target = wanted, (later.rate if lag < NO_LAG_S else (later.value - wanted) / lag)


def _split(elapsed_ns: int, period_ns: int) -> tuple[int, int]:
    """Return how much of a time is within a period, and how much is beyond."""
    return min(elapsed_ns, period_ns), max(elapsed_ns - period_ns, 0)


def _lagged(value: float, trend: Trend, lag: float, elapsed: float) -> float:
    """Return what a lag in s gives, elapsed s after it gave value, while its input goes along a trend from then on.

    The answer to a parabola is the parabola of lag s before, lifted by bend lag^2 / 2, and what value was off dies out.
    """
    if lag < NO_LAG_S:
        return trend.at(elapsed).value
    lift = 0.5 * trend.bend * lag * lag
    start, end = trend.at(-lag).value + lift, trend.at(elapsed - lag).value + lift
    return end + (value - start) * math.exp(-elapsed / lag)
