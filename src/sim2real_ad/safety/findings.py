"""What a check has found, and how bad it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """What a finding asks of the gate, the harder the greater."""

    LAPSE = 0
    """Brake while it lasts: a lost frame is no reason to end the drive, but the car does not drive on blindly."""
    STOP = 1
    """A minimal-risk manoeuvre: a comfortable stop along the planned path."""
    EMERGENCY = 2
    """Stop as hard as the car can."""
    REVOKE = 3
    """The driver, or the car, has taken over: let go."""


@dataclass(frozen=True)
class Finding:
    """check: whose; reason: one word for status, recording and diagnostics; detail: the value and its limit."""

    check: str
    reason: str
    severity: Severity
    detail: str = ""


def worsened(hold: Persistence, now_ns: int, *, holds: bool, severity: Severity) -> Severity | None:
    """Return how bad something is that must last to be bad: LAPSE at first, then the severity; None where it is not."""
    lasted = hold.step(now_ns, holds=holds)
    return None if not holds else severity if lasted else Severity.LAPSE


class Persistence:
    """Tells whether something has held for a while without a break. Time is an argument, ns."""

    def __init__(self, hold_ns: int) -> None:
        self._hold_ns = hold_ns
        self._since: int | None = None

    def step(self, now_ns: int, *, holds: bool) -> bool:
        """Note whether it holds now; return whether it has for long enough."""
        if not holds:
            self._since = None
            return False
        if self._since is None or now_ns < self._since:
            self._since = now_ns
        return now_ns - self._since >= self._hold_ns

    def forget(self) -> None:
        """Start anew."""
        self._since = None
