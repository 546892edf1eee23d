"""Feedback: what the bare actuator does that its model does not, so that it can be asked for less or more.

An internal-model controller (Morari and Zafiriou, Robust Process Control, ch. 3; with the delay in the model it is
Smith's predictor): what was really sent goes through the identified delay and lag, and the measured value less that is
offset, gain error, road grade. With that taken off what is asked for, the car does what was meant. Since the model is
told what was sent after all limits, nothing can wind up. While the car's gain is less than 100 % off it is stable.
"""

from __future__ import annotations

import math

from sim2real_ad.control.tracking_model import HeldLag
from sim2real_ad.types import ns_from_seconds, seconds_from_ns
from sim2real_ad.vehicle.actuator import FirstOrderActuator

IMPLAUSIBLE = 3.0
"""Times the greatest correction that the car may be off before it is not the actuator that is off: a driver's hands."""

SETTLED_LAGS = 3.0
"""Lags after which 5 % are left of where an actuator came from."""


class Feedback:
    """Feedback of one actuator."""

    def __init__(self, bare: FirstOrderActuator, bandwidth: float, greatest: float) -> None:
        """bandwidth: rad/s of the estimate; greatest: correction, in the command's unit."""
        self._model = HeldLag(bare)
        self._settling_ns = ns_from_seconds(bare.delay_s + SETTLED_LAGS * bare.lag_s)
        self._bandwidth, self._greatest = bandwidth, greatest
        self.correction = 0.0

    def restart(self, now_ns: int, actual: float) -> None:
        """Know nothing but that the actuator is at actual. What was sent before is on its way yet: wait for it."""
        self._model.reset(now_ns, actual)
        self._now_ns, self._listens_ns = now_ns, now_ns + self._settling_ns
        self.correction = 0.0

    def step(self, now_ns: int, measured: float | None) -> float:
        """Return what to add to what is asked for. measured: finite, None where it is unknown."""
        elapsed, self._now_ns = seconds_from_ns(now_ns - self._now_ns), now_ns
        off = self._model.step(now_ns) - (self._model.value if measured is None else measured)
        if now_ns < self._listens_ns or abs(off) > IMPLAUSIBLE * self._greatest:
            off = 0.0
        self.correction += (1.0 - math.exp(-self._bandwidth * elapsed)) * (off - self.correction)
        self.correction = min(max(self.correction, -self._greatest), self._greatest)
        return self.correction

    def stand(self, now_ns: int) -> None:
        """Forget while the car stands, and until it answers again: brakes hold it, whatever was sent."""
        self._model.step(now_ns)
        self._now_ns, self._listens_ns = now_ns, now_ns + self._settling_ns
        self.correction = 0.0

    def sent(self, command: float) -> None:
        """Note what was sent at the last step, after all limits."""
        self._model.send(command)
