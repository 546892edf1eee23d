"""The gate's state machine, by itself: which state follows from which, and why. Pure.

    disengaged ──engage──► engaging ──the vehicle takes over──► engaged
        ▲                     │ refused, or too late               │ finding
        │◄────────────────────┘                                    ▼
        │                                      minimal_risk_manoeuvre ──► emergency_stop
        │                                              │ does not end        │ does not end
        │                                              └────────► fault ◄────┘
        └── disengage, or the driver takes over: from any state

A manoeuvre is never called off: it ends in a standstill that is held. Engaging again needs the driver.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from sim2real_ad.safety.findings import Finding, Severity
from sim2real_ad.safety.limits import ManoeuvreLimits
from sim2real_ad.types import ns_from_seconds

GateState = Literal["disengaged", "engaging", "engaged", "minimal_risk_manoeuvre", "emergency_stop", "fault"]
STATES: tuple[GateState, ...] = get_args(GateState)
DRIVING: tuple[GateState, ...] = ("engaging", "engaged")
STOPPING: tuple[GateState, ...] = ("minimal_risk_manoeuvre", "emergency_stop")


class StateMachine:
    """state: the present one; cause: the reasons that led into it, empty while the car drives."""

    _since_ns: int
    """When the present state began, or the stop that got harder. Nobody asks before something has begun."""

    def __init__(self, limits: ManoeuvreLimits) -> None:
        self._stop_ns = ns_from_seconds(limits.stop)
        self._engaging_ns = ns_from_seconds(limits.engaging)
        self.reset()

    def reset(self) -> None:
        """Return to the state after construction."""
        self.state: GateState = "disengaged"
        self.cause: tuple[str, ...] = ()

    def engage(self, now_ns: int) -> None:
        """Begin to take authority."""
        self._enter("engaging", (), now_ns)

    def disengage(self, cause: tuple[str, ...] = ()) -> None:
        """Give authority back."""
        self.state, self.cause = "disengaged", cause

    def restart_clock(self, now_ns: int) -> None:
        """Count the present state's time anew: the clock was set back."""
        self._since_ns = now_ns

    def step(self, findings: Sequence[Finding], *, autonomous: bool, stands: bool, now_ns: int) -> None:
        """Move on. autonomous: whether the vehicle takes commands; stands: whether the car is known to stand."""
        worst = max((f.severity for f in findings), default=Severity.LAPSE)
        reasons = tuple(f.reason for f in findings if f.severity is worst)
        if self.state == "disengaged":
            return
        if self.state in STOPPING and stands:
            self._since_ns = now_ns
        if worst is Severity.REVOKE:
            self.disengage(reasons)
        elif self.state == "engaging":
            failed = reasons if worst > Severity.LAPSE else ()
            self._engaging(failed, autonomous=autonomous and not findings, now_ns=now_ns)
        elif self.state == "engaged" and worst is Severity.STOP:
            self._enter("minimal_risk_manoeuvre", reasons, now_ns)
        elif self.state in ("engaged", "minimal_risk_manoeuvre") and worst is Severity.EMERGENCY:
            self._enter("emergency_stop", reasons, now_ns)
        elif self.state in STOPPING and now_ns - self._since_ns > self._stop_ns:
            self._enter("fault", ("stop_failed",), now_ns)

    def _engaging(self, reasons: tuple[str, ...], *, autonomous: bool, now_ns: int) -> None:
        if reasons:
            self.disengage(reasons)
        elif autonomous:
            self._enter("engaged", (), now_ns)
        elif now_ns - self._since_ns > self._engaging_ns:
            self.disengage(("vehicle_did_not_take_over",))

    def _enter(self, state: GateState, cause: tuple[str, ...], now_ns: int) -> None:
        """Enter a state. A stop that gets harder keeps the time since it began, and what it began with."""
        if self.state in STOPPING:
            cause = (*self.cause, *cause)
        else:
            self._since_ns = now_ns
        self.state, self.cause = state, tuple(dict.fromkeys(cause))
