"""Is an input still arriving, and is what arrives new enough to drive by?"""

from __future__ import annotations

from sim2real_ad.types import ns_from_seconds


class FreshnessMonitor:
    """Watches the stamps of one input. Time is an argument, in the clock of the stamps.

    Two ages count: how long ago the last new stamp came (silence), and how old its stamp is (age). An input may come
    on time with an old picture behind it, or not come at all: both are failures.
    """

    _newest: tuple[int, int] | None
    """(stamp, when it was first seen)."""

    def __init__(self, name: str, max_silence_s: float, max_age_s: float, max_lead_s: float) -> None:
        self._name = name
        self._max_silence_ns = ns_from_seconds(max_silence_s)
        self._max_age_ns = ns_from_seconds(max_age_s)
        self._max_lead_ns = ns_from_seconds(max_lead_s)
        self.forget()

    def check(self, stamp_ns: int | None, now_ns: int) -> str | None:
        """Return why the input cannot be used: <name>_missing, _from_future, _stamp_back, _stale; None where it can.

        A stamp from the future is refused before it is remembered, or every later one would seem to go back.
        """
        if stamp_ns is None:
            return f"{self._name}_missing"
        if stamp_ns - now_ns > self._max_lead_ns:
            return f"{self._name}_from_future"
        newest, seen = (stamp_ns, now_ns) if self._newest is None else self._newest
        if stamp_ns < newest:
            return f"{self._name}_stamp_back"
        if stamp_ns > newest:
            seen = now_ns
        self._newest = stamp_ns, seen
        stale = now_ns - seen > self._max_silence_ns or now_ns - stamp_ns > self._max_age_ns
        return f"{self._name}_stale" if stale else None

    def forget(self) -> None:
        """Start anew, as after the clock was set back."""
        self._newest = None
