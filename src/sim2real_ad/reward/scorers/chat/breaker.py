"""The circuit breaker: an endpoint that keeps failing is left alone for a while, so that training is not held up."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

LONGEST_PAUSE = 8
"""Pauses double up to this many times the first."""
_log = logging.getLogger(__name__)


class Breaker:
    """Open for a pause after `limit` failures in a row; then one call tries; a success closes it. Safe for threads."""

    def __init__(self, limit: int, pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """limit: failures in a row; clock: s, any origin."""
        self._limit = limit
        self._pause_s = pause_s
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = self._pauses_in_a_row = 0
        self._until: float | None = None
        self._trying = False
        self.pauses = 0
        self.refused = 0

    def allows(self) -> bool:
        """Ask whether to call; True must be followed by `succeeded` or `failed`."""
        with self._lock:
            if self._until is None:
                return True
            if self._trying or self._clock() < self._until:
                self.refused += 1
                return False
            self._trying = True
            return True

    def succeeded(self) -> None:
        """Tell of an answer: everything is asked again."""
        with self._lock:
            self._failures = self._pauses_in_a_row = 0
            self._until, self._trying = None, False

    def failed(self, reason: str) -> None:
        """Tell of a failure; opens the breaker at the limit, and again where the trial fails."""
        with self._lock:
            self._failures += 1
            self._trying = False
            already_open = self._until is not None and self._clock() < self._until
            if self._failures < self._limit or already_open:
                return
            pause = self._pause_s * min(2**self._pauses_in_a_row, LONGEST_PAUSE)
            self._until = self._clock() + pause
            self._pauses_in_a_row += 1
            self.pauses += 1
            if self.pauses == 1:
                _log.warning(
                    "chat scorer: %d failures in a row (%s); asking again in %g s, abstaining until then",
                    self._failures,
                    reason,
                    pause,
                )
