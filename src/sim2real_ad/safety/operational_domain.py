"""Is the car where and in a state in which it was made to drive? The operational design domain."""

from __future__ import annotations

import math

import numpy as np

from sim2real_ad.safety.findings import Finding, Persistence, Severity, worsened
from sim2real_ad.safety.limits import DomainLimits
from sim2real_ad.types import EgoState, Observation, ns_from_seconds
from sim2real_ad.vehicle.profile import VehicleProfile

CHECK = "operational_domain"
NEAR_ROWS = 0.5
"""The nearer share of the BEV's rows, of which the camera must see enough: far rows end beside any camera's view."""


class OperationalDomain:
    """Watches speed, what the camera sees, how familiar it is, and the way off the route."""

    def __init__(self, limits: DomainLimits, profile: VehicleProfile) -> None:
        self._limits = limits
        self._top_speed = profile.limits.max_speed + limits.overspeed
        self._unfamiliar = Persistence(ns_from_seconds(limits.unfamiliar_hold))
        self._off_route = Persistence(ns_from_seconds(limits.deviation_hold))

    def speed(self, ego: EgoState) -> list[Finding]:
        """Judge a plausible state of the car."""
        if abs(ego.speed) <= self._top_speed:
            return []
        return [_finding("overspeed", f"{ego.speed:.1f} m/s, at most {self._top_speed:.1f}")]

    def view(self, view: Observation, now_ns: int) -> list[Finding]:
        """Judge what the adapter saw, whose values are finite."""
        limits, found = self._limits, []
        seen = _share_seen(view)
        if seen < limits.seen:
            found.append(_finding("camera_sees_too_little", f"{seen:.2f} of the ground ahead, at least {limits.seen}"))
        strange = worsened(self._unfamiliar, now_ns, holds=view.ood > limits.unfamiliar, severity=Severity.STOP)
        if strange is not None:
            detail = f"score {view.ood:.2f}, at most {limits.unfamiliar}"
            found.append(_finding("unfamiliar_view", detail, strange))
        away = math.hypot(float(view.route[0][0]), float(view.route[0][1])) if len(view.route) else math.inf
        off = worsened(self._off_route, now_ns, holds=not away <= limits.route_deviation, severity=Severity.STOP)
        if off is not None:
            found.append(_finding("off_route", f"{away:.1f} m, at most {limits.route_deviation}", off))
        return found

    def forget(self) -> None:
        """Start anew."""
        self._unfamiliar.forget()
        self._off_route.forget()


def _share_seen(view: Observation) -> float:
    """Return the share of the ground near ahead, between the two widest rows' middle half, that the camera sees."""
    rows, columns = view.validity.shape
    near = view.validity[round(rows * (1.0 - NEAR_ROWS)) :, columns // 4 : columns - columns // 4]
    return float(np.count_nonzero(near) / max(near.size, 1))


def _finding(reason: str, detail: str, severity: Severity = Severity.STOP) -> Finding:
    return Finding(CHECK, reason, severity, detail)
