"""Now, in the clock of the stamps. Goes on where the simulated clock stands still, so that silence is noticed."""

from __future__ import annotations


class StampClock:
    """The latest known stamp plus the monotonic time since it came. Pure: monotonic_ns is an argument."""

    def __init__(self) -> None:
        self._known: tuple[int, int] | None = None
        self._tick_ns = 0

    def update(self, stamp_ns: int, monotonic_ns: int) -> None:
        """Note a tick of the clock that makes the stamps."""
        if self._known is not None:
            self._tick_ns = max(0, stamp_ns - self._known[0])
        self._known = stamp_ns, monotonic_ns

    def now_ns(self, monotonic_ns: int) -> int | None:
        """Return the time, or None before the first tick."""
        if self._known is None:
            return None
        stamp_ns, seen_ns = self._known
        return stamp_ns + max(0, monotonic_ns - seen_ns)

    def within_tick_ns(self, monotonic_ns: int) -> int | None:
        """Return the time, at most that of the next tick: a stamp of it is in nobody's future when the tick is late."""
        now_ns = self.now_ns(monotonic_ns)
        return None if now_ns is None or self._known is None else min(now_ns, self._known[0] + self._tick_ns)
