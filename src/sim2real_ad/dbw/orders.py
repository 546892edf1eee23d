"""The newest of what the gate wants, handed from the thread that hears it to the one that keeps the bus in time."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sim2real_ad.types import ControlCommand, ns_from_seconds

REPEATED = 1.2
"""Periods for which a command may be said again: two clocks of one rate drift past each other."""


@dataclass(frozen=True)
class Order:
    """What to tell the car now. command: None where the newest one is too old to be followed."""

    command: ControlCommand | None
    engage: bool


class Orders:
    """Keeps the newest command for as long as it may be followed. Times are of one clock that does not go back, ns.

    A command is followed by its arrival, not by its stamp: a stop that the gate commands because nothing comes from the
    camera carries the stamp of the last frame.
    """

    def __init__(self, hold_s: float, period_s: float) -> None:
        """hold_s: how old a command may be before the car is stopped; period_s: from one look to the next."""
        self._hold_ns, self._repeat_ns = ns_from_seconds(hold_s), ns_from_seconds(REPEATED * period_s)
        self._lock = threading.Lock()
        self._command: ControlCommand | None = None
        self._arrived_ns = 0
        self._is_new = self._engage = False

    def put(self, command: ControlCommand, now_ns: int) -> None:
        """Keep a command."""
        with self._lock:
            self._command, self._arrived_ns, self._is_new = command, now_ns, True

    def want(self, *, engage: bool) -> None:
        """Keep whether the gate wants the car."""
        with self._lock:
            self._engage = engage

    def take(self, now_ns: int) -> Order | None:
        """Return what to tell the car, None where the next command may still come: then nothing is to be said.

        No command is said again to fill a gap, but for one that came just after the look before this one and whose
        successor is hardly late: where this process dies in it, the time to the car's own stop is running already.
        """
        with self._lock:
            is_new, self._is_new = self._is_new, False
            age_ns = now_ns - self._arrived_ns
            if is_new or (self._command is not None and age_ns <= self._repeat_ns):
                return Order(self._command, self._engage)
            if self._command is not None and age_ns <= self._hold_ns:
                return None
            return Order(None, self._engage)
