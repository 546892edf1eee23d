"""Everything that may be wrong with what the gate is told: which inputs are healthy, and what was found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sim2real_ad.safety.agreement import SpeedAgreement
from sim2real_ad.safety.driver import DriverOverride
from sim2real_ad.safety.findings import Finding, Persistence, Severity, worsened
from sim2real_ad.safety.freshness import FreshnessMonitor
from sim2real_ad.safety.inputs import SOURCES, GateInputs, Source
from sim2real_ad.safety.limits import SafetyLimits
from sim2real_ad.safety.operational_domain import OperationalDomain
from sim2real_ad.safety.plausibility import implausible
from sim2real_ad.types import ns_from_seconds
from sim2real_ad.vehicle.profile import VehicleProfile


@dataclass(frozen=True)
class Watched:
    """healthy: the inputs that may be used, None in the place of the others; findings: what is wrong, worst named."""

    healthy: GateInputs
    findings: tuple[Finding, ...]


class InputWatch:
    """Judges each input by itself, then those that are healthy against each other and the operational domain."""

    def __init__(self, limits: SafetyLimits, profile: VehicleProfile, required: tuple[Source, ...]) -> None:
        """required: inputs whose absence is a finding; another one counts once it has come."""
        self._required = required
        self._freshness = {source: _monitor(source, limits) for source in SOURCES}
        self._agreement = SpeedAgreement(limits.agreement)
        self._domain = OperationalDomain(limits.domain, profile)
        self._driver = DriverOverride(limits.driver)
        self._newest: dict[Source, Any] = {}
        self._given_up: dict[Source, int] = {}
        lapse_ns = ns_from_seconds(limits.manoeuvre.lapse)
        self._lapses = {source: Persistence(lapse_ns) for source in SOURCES}

    @property
    def driver(self) -> DriverOverride:
        """What the driver does."""
        return self._driver

    def step(self, inputs: GateInputs, now_ns: int) -> Watched:
        """Judge the newest inputs at now_ns, in the clock of the stamps."""
        findings: list[Finding] = []
        inputs = replace(inputs, **{source: self._in_order(source, inputs) for source in SOURCES})
        healthy: dict[str, Any] = {}
        for source in SOURCES:
            fault = self._fault(source, inputs, now_ns)
            value = getattr(inputs, source)
            if value is not None and fault != f"{source}_from_future":
                self._newest[source] = value
            healthy[source] = getattr(inputs, source) if fault is None else None
            findings += self._finding(source, fault, now_ns)
        usable = replace(inputs, **healthy)
        findings += self._together(usable, now_ns)
        return Watched(usable, (*findings, *inputs.over_budget))

    def forget(self) -> None:
        """Start anew, as after the clock was set back."""
        self._newest.clear()
        self._given_up.clear()
        for source in SOURCES:
            self._freshness[source].forget()
            self._lapses[source].forget()
        for part in (self._agreement, self._domain, self._driver):
            part.forget()

    def forget_stale(self, findings: tuple[Finding, ...]) -> None:
        """Take what comes next from a source that has gone stale as the first of it: its clock may have been set back.

        For a car that is not driven: while it is, a source whose stamps went back stays refused.
        """
        for source in SOURCES:
            if source in self._newest and any(finding.reason == f"{source}_stale" for finding in findings):
                self._given_up[source] = self._newest[source].stamp_ns

    def _in_order(self, source: Source, inputs: GateInputs) -> Any:
        """Return an input, or the one before it where that is newer: what comes out of order tells nothing new."""
        value = getattr(inputs, source)
        if value is not None and self._given_up.get(source, value.stamp_ns) != value.stamp_ns:
            del self._given_up[source], self._newest[source]
            self._freshness[source].forget()
        newest = self._newest.get(source)
        if newest is not None and value is not None and value.stamp_ns < newest.stamp_ns:
            return newest
        return value

    def _finding(self, source: Source, fault: str | None, now_ns: int) -> list[Finding]:
        """Return a fault as a finding: an input that is late may only have lost a frame."""
        severity = Severity.EMERGENCY if source == "ego" else Severity.STOP
        lapse = worsened(self._lapses[source], now_ns, holds=fault == f"{source}_stale", severity=severity)
        return [Finding(source, fault, severity if lapse is None else lapse)] if fault else []

    def _fault(self, source: Source, inputs: GateInputs, now_ns: int) -> str | None:
        stamp_ns = inputs.stamp_ns(source)
        if stamp_ns is None and source not in self._required:
            return None
        return self._freshness[source].check(stamp_ns, now_ns) or implausible(inputs, source)

    def _together(self, usable: GateInputs, now_ns: int) -> list[Finding]:
        found: list[Finding | None] = []
        if usable.ego and usable.localization:
            found.append(self._agreement.step(usable.ego.speed, usable.localization.speed, now_ns))
        if usable.ego:
            found += self._domain.speed(usable.ego)
        if usable.view:
            found += self._domain.view(usable.view, now_ns)
        if usable.driver:
            found.append(self._driver.step(usable.driver))
        else:
            self._driver.forget()
        return [finding for finding in found if finding]


def _monitor(source: Source, limits: SafetyLimits) -> FreshnessMonitor:
    f = limits.freshness
    silence, age = {
        "request": (f.request_silence, f.request_age),
        "ego": (f.ego_silence, f.ego_age),
        "localization": (f.ego_silence, f.ego_age),
        "view": (f.view_silence, f.view_age),
        "vehicle": (f.vehicle_silence, f.vehicle_silence),
        "driver": (f.driver_silence, f.driver_silence),
    }[source]
    return FreshnessMonitor(source, silence, age, f.stamp_lead)
