"""What the gate says of itself to people and tools: one status a check, as /diagnostics wants it. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from sim2real_ad.safety.findings import Finding, Severity
from sim2real_ad.safety.gate import GateDecision
from sim2real_ad.safety.states import DRIVING

Level = Literal["OK", "WARN", "ERROR"]
CHECKS = (
    "request",
    "ego",
    "localization",
    "view",
    "vehicle",
    "driver",
    "speed_agreement",
    "tracking",
    "operational_domain",
    "clearance",
    "budgets",
    "gate",
)
"""In the order of the data's way."""


@dataclass(frozen=True)
class CheckStatus:
    """One line of diagnostics."""

    name: str
    level: Level
    message: str
    values: dict[str, str] = field(default_factory=dict)


def check_statuses(decision: GateDecision) -> list[CheckStatus]:
    """Return a status for the state machine and one for each check, in a fixed order."""
    return [_state(decision), *(_check(name, decision) for name in CHECKS)]


def _state(decision: GateDecision) -> CheckStatus:
    level: Level = "OK" if decision.state in DRIVING else "WARN" if decision.state == "disengaged" else "ERROR"
    if decision.state in DRIVING and decision.reasons:
        level = "WARN"
    values = {
        "reasons": ", ".join(decision.reasons),
        "steering_tire_angle": f"{decision.command.steering_tire_angle:.4f} rad",
        "acceleration": f"{decision.command.acceleration:.3f} m/s^2",
    }
    return CheckStatus("state", level, decision.state, values)


def _check(name: str, decision: GateDecision) -> CheckStatus:
    found = [finding for finding in decision.findings if finding.check == name]
    values = _clearance(decision) if name == "clearance" else {}
    if not found:
        return CheckStatus(name, "OK", "ok", values)
    values |= {finding.reason: finding.detail for finding in found if finding.detail}
    return CheckStatus(name, _level(found), ", ".join(finding.reason for finding in found), values)


def _level(found: Sequence[Finding]) -> Level:
    return "WARN" if max(finding.severity for finding in found) is Severity.REVOKE else "ERROR"


def _clearance(decision: GateDecision) -> dict[str, str]:
    gap, needed = decision.clearance.gap, decision.clearance.needed
    return {"gap": f"{gap:.1f} m" if math.isfinite(gap) else "free", "rss_distance": f"{needed:.1f} m"}
