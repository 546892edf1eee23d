"""Now, in the clock of the stamps. Goes on where the simulated clock stands still, so that silence is noticed."""

from __future__ import annotations


class StampClock:
    """The latest known stamp plus the monotonic time since it came. Pure: monotonic_ns is an argument."""

    def __init__(self) -> None:
        self._known: tuple[int, int] | None = None

    def update(self, stamp_ns: int, monotonic_ns: int) -> None:
        """Note a tick of the clock that makes the stamps."""
        self._known = stamp_ns, monotonic_ns

    def now_ns(self, monotonic_ns: int) -> int | None:
        """Return the time, or None before the first tick."""
        if self._known is None:
            return None
        stamp_ns, seen_ns = self._known
        return stamp_ns + max(0, monotonic_ns - seen_ns)
