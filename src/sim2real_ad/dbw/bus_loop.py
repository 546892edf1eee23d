"""Keeps a drive-by-wire's bus in time: hears, decides and sends in a thread of its own, every so often."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from sim2real_ad.errors import DbwError
from sim2real_ad.evaluation.statistics import quantile
from sim2real_ad.types import NANOSECONDS

MOST_LATE = 5
"""Periods after which what was missed is not caught up with: a burst of frames helps nobody."""

MOST_PERIODS = 3000
"""Periods that are remembered for the figures: half a minute of 100 Hz."""


class Periods:
    """How evenly something came that is to come every so often. period_s: how often."""

    def __init__(self, period_s: float) -> None:
        self.period_s = period_s
        self._last_ns: int | None = None
        self._errors_ms: deque[float] = deque(maxlen=MOST_PERIODS)

    def note(self, now_ns: int) -> None:
        """It came."""
        if self._last_ns is not None:
            self._errors_ms.append(abs(now_ns - self._last_ns - self.period_s * NANOSECONDS) / 1e6)
        self._last_ns = now_ns

    def forget(self) -> None:
        """It pauses: the time until it comes again says nothing."""
        self._last_ns = None

    def error_ms(self, share: float) -> float:
        """Return a quantile of the deviation from the period, ms; 0 before two came."""
        return quantile(tuple(self._errors_ms), share) if self._errors_ms else 0.0

    @property
    def greatest_error_ms(self) -> float:
        """The greatest deviation from the period, ms; 0 before two came."""
        return max(self._errors_ms, default=0.0)


class BusLoop:
    """A thread that calls a step every period. The step gets the time in ns, of time.monotonic_ns()."""

    def __init__(self, step: Callable[[int], None], period_s: float, broken: Callable[[DbwError], None]) -> None:
        """broken: told where a step raised, which ends the thread; what it raised goes to threading.excepthook."""
        self._step, self._period_s, self._broken = step, period_s, broken
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bus", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether steps are made."""
        return self._thread.is_alive()

    def close(self) -> None:
        """End, and return once the last step is over."""
        self._ended.set()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            self._keep_time()
        finally:
            if not self._ended.is_set():
                self._broken(DbwError("what keeps the bus in time has ended: nothing is sent any more"))

    def _keep_time(self) -> None:
        due_s = time.monotonic()
        while not self._ended.is_set():
            self._step(time.monotonic_ns())
            due_s += self._period_s
            wait_s = due_s - time.monotonic()
            if wait_s > 0.0:
                self._ended.wait(wait_s)
            elif -wait_s > MOST_LATE * self._period_s:
                due_s = time.monotonic()
