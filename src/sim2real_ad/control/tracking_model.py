"""An actuator's model at the uneven times at which a bus is served."""

from __future__ import annotations

import math
from collections import deque

from sim2real_ad.types import ns_from_seconds, seconds_from_ns
from sim2real_ad.vehicle.actuator import FirstOrderActuator


class HeldLag:
    """Delay and lag as `control.vehicle_model.DelayedLag`, for commands that are held over uneven times; exact."""

    def __init__(self, actuator: FirstOrderActuator) -> None:
        self._delay_ns, self._lag = ns_from_seconds(actuator.delay_s), actuator.lag_s
        self._coming: deque[tuple[int, float]] = deque()

    def reset(self, now_ns: int, value: float) -> None:
        """Settle at a value, as if it had been commanded forever."""
        self.value = self._acting = value
        self._now_ns = now_ns
        self._coming.clear()

    def send(self, command: float) -> None:
        """Hold a command from the time of the last step on."""
        self._coming.append((self._now_ns + self._delay_ns, command))

    def step(self, now_ns: int) -> float:
        """Return the output at now_ns, not before the last step."""
        while self._coming and self._coming[0][0] <= now_ns:
            arrival_ns, command = self._coming.popleft()
            self._go_to(arrival_ns)
            self._acting = command
        self._go_to(now_ns)
        return self.value

    def _go_to(self, now_ns: int) -> None:
        elapsed, self._now_ns = seconds_from_ns(now_ns - self._now_ns), now_ns
        decay = math.exp(-elapsed / self._lag) if self._lag > 0.0 else 0.0
        self.value = self._acting + (self.value - self._acting) * decay
