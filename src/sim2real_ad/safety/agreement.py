"""Do the two sources of the car's speed agree? (opendbc: two speed sources must.)"""

from __future__ import annotations

from sim2real_ad.safety.findings import Finding, Persistence, Severity, worsened
from sim2real_ad.safety.limits import AgreementLimits
from sim2real_ad.types import ns_from_seconds


class SpeedAgreement:
    """Compares the wheels' speed with localization's."""

    def __init__(self, limits: AgreementLimits) -> None:
        self._limits = limits
        self._persistence = Persistence(ns_from_seconds(limits.hold))

    def step(self, wheels: float, localization: float, now_ns: int) -> Finding | None:
        """Compare two finite speeds in m/s."""
        allowed = max(self._limits.difference, self._limits.share * max(abs(wheels), abs(localization)))
        apart = abs(wheels - localization)
        severity = worsened(self._persistence, now_ns, holds=apart > allowed, severity=Severity.STOP)
        if severity is None:
            return None
        detail = f"wheels {wheels:.2f} m/s, localization {localization:.2f} m/s, allowed apart {allowed:.2f}"
        return Finding("speed_agreement", "speeds_disagree", severity, detail)

    def forget(self) -> None:
        """Start anew."""
        self._persistence.forget()
