"""Did the road that is seen turn from one view to the next? No car does; a camera that is knocked aside does."""

from __future__ import annotations

from collections import deque
from statistics import median

from sim2real_ad.safety.findings import Persistence, Severity, worsened
from sim2real_ad.safety.limits import HeadingLimits
from sim2real_ad.types import ns_from_seconds


class HeadingJump:
    """Follows readings of the seen road's heading against the route's, rad.

    What the newest of them jumps away from is a row of calm ones. A jump that stays for as many views as it takes to
    judge without it is a jump no more.
    """

    _views: int
    """Since the last jump began, while it stays. Nobody asks before there was a view that is none."""

    def __init__(self, limits: HeadingLimits) -> None:
        self._limits = limits
        self._before: deque[float] = deque(maxlen=limits.calm_views)
        self._hold = Persistence(ns_from_seconds(limits.jump_hold))

    def step(self, reading: float, stamp_ns: int) -> Severity | None:
        """Note a view's reading; return how bad it is: to be braked for at once, and to be stopped for if it lasts."""
        jumped = self._jumps(reading)
        if jumped:
            self._views += 1
        else:
            self._views = 0
            self._before.append(reading)
        return worsened(self._hold, stamp_ns, holds=jumped, severity=Severity.STOP)

    def forget(self) -> None:
        """Start anew."""
        self._before.clear()
        self._hold.forget()

    def _jumps(self, reading: float) -> bool:
        limits, before = self._limits, self._before
        if len(before) < limits.calm_views or self._views >= limits.views:
            return False
        usual = median(before)
        calm = max(abs(value - usual) for value in before) <= limits.calm
        return calm and abs(reading) > limits.angle and abs(reading - usual) > limits.jump
