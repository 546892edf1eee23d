"""The safety gate: the last stage before the car. It passes, limits or replaces a request, and is never silent.

    disengaged ──engage──► engaged ──fault──► stopping ──the stop takes too long──► fault
        ▲                     ▲                  │ inputs healthy for recovery_s        │
        │                     └──────────────────┘                                      │
        └───────────────────────────── disengage, from any state ───────────────────────┘

Designed toward the fallback of trusted drive-by-wire systems: hardware there gives up after 100 ms without a command,
so that is the default here. Every state commands something: outside `engaged` it is an explicit stop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from sim2real_ad.config import StrictModel
from sim2real_ad.control.limits import STANDSTILL_SPEED, Range, steering_lock, steering_reach
from sim2real_ad.control.vehicle_model import curvature_from_tire_angle
from sim2real_ad.safety.envelope import limit_command
from sim2real_ad.safety.freshness import FreshnessMonitor
from sim2real_ad.safety.stop import stop_command
from sim2real_ad.types import ControlCommand, EgoState, ns_from_seconds
from sim2real_ad.vehicle.profile import VehicleProfile

GateState = Literal["disengaged", "engaged", "stopping", "fault"]

MAX_PLAUSIBLE_SPEED = 100.0
"""m/s; no car that a profile can describe (60 m/s) reports more, either way."""


class GateConfig(StrictModel):
    """When the gate stops trusting its inputs. Seconds, in the clock of the stamps.

    *_silence_s: since the last new one came; *_age_s: of the stamp itself, which is the camera frame's;
    max_stamp_lead_s: how far a stamp may lie ahead of the gate's clock; recovery_s: how long the inputs must be healthy
    before a stop is called off; max_stop_s: a stop that takes longer is a fault, which latches; auto_engage: engage as
    soon as the inputs are healthy, for simulation only.
    """

    max_request_silence_s: float = Field(default=0.1, gt=0.0, le=1.0)
    max_request_age_s: float = Field(default=0.3, gt=0.0, le=1.0)
    max_ego_silence_s: float = Field(default=0.1, gt=0.0, le=1.0)
    max_ego_age_s: float = Field(default=0.2, gt=0.0, le=1.0)
    max_stamp_lead_s: float = Field(default=0.05, ge=0.0, le=1.0)
    recovery_s: float = Field(default=0.5, ge=0.0, le=10.0)
    max_stop_s: float = Field(default=20.0, gt=0.0, le=60.0)
    auto_engage: bool = False


@dataclass(frozen=True)
class GateDecision:
    """What the gate decided: what may go to the car, the state, and why the command is not the request."""

    command: ControlCommand
    state: GateState
    reasons: tuple[str, ...] = ()


class Gate:
    """The gate of one car (implements GateStage). Pure: no clock, no I/O, the same calls give the same decisions."""

    def __init__(self, profile: VehicleProfile, config: GateConfig | None = None) -> None:
        self.profile = profile
        self.config = config or GateConfig()
        c = self.config
        lead = c.max_stamp_lead_s
        self._request_monitor = FreshnessMonitor("request", c.max_request_silence_s, c.max_request_age_s, lead)
        self._ego_monitor = FreshnessMonitor("ego", c.max_ego_silence_s, c.max_ego_age_s, lead)
        self._stopping_since: int | None = None
        self._healthy_since: int | None = None
        self.reset()

    def reset(self) -> None:
        """Return to the state after construction: disengaged, nothing remembered."""
        self.state: GateState = "disengaged"
        self._faults: tuple[str, ...] = ("gate_idle",)
        self._ego: EgoState | None = None
        self._plan_curvature = 0.0
        self._now_ns: int | None = None
        self._forget_times()

    def engage(self, now_ns: int) -> tuple[str, ...]:
        """Take authority, or return why not. A refusal changes nothing.

        Refused with the faults of the last step, gate_idle where that is too long ago, or not_disengaged. A car that is
        too fast may be taken over: the gate brakes it.
        """
        refusals = list(self._faults)
        silence = ns_from_seconds(self.config.max_request_silence_s)
        if self._now_ns is not None and not 0 <= now_ns - self._now_ns <= silence:
            refusals.append("gate_idle")
        if self.state != "disengaged":
            refusals.append("not_disengaged")
        if not refusals:
            self.state = "engaged"
        return tuple(refusals)

    def disengage(self) -> None:
        """Give authority back to the driver. Always allowed, and the one way out of a fault."""
        self.state = "disengaged"

    def step(self, request: ControlCommand | None, ego: EgoState | None, now_ns: int) -> GateDecision:
        """Judge the latest request against the car's actual state at now_ns, and decide what goes to the car.

        A stop's stamp is its request's where that is fresh, else now_ns: receivers refuse stale commands.
        """
        if self._now_ns is not None and now_ns < self._now_ns:
            self._restart_clock()
        self._now_ns = now_ns
        late = self._request_monitor.check(request.stamp_ns if request else None, now_ns)
        request_fault = late or (_command_value_fault(request) if request else None)
        ego_late = self._ego_monitor.check(ego.stamp_ns if ego else None, now_ns)
        ego_fault = ego_late or (_ego_value_fault(ego) if ego else None)
        self._faults = tuple(fault for fault in (ego_fault, request_fault) if fault)
        self._ego = self._ego if ego_fault else ego
        self._advance(now_ns)
        usable = None if request_fault else request
        stamp_ns = request.stamp_ns if request and not late else now_ns
        return self._decide(usable, stamp_ns, ego_lost=ego_fault is not None)

    def _advance(self, now_ns: int) -> None:
        """Move the state machine on by the faults of this step."""
        if self.state == "disengaged" and self.config.auto_engage:
            self.engage(now_ns)
        elif self.state == "engaged" and self._faults:
            self.state = "stopping"
            self._stopping_since, self._healthy_since = now_ns, None
        elif self.state == "stopping":
            self._continue_stop(now_ns)

    def _continue_stop(self, now_ns: int) -> None:
        if self._faults:
            self._healthy_since = None
        elif self._healthy_since is None:
            self._healthy_since = now_ns
        if self._stopping_since is None:
            self._stopping_since = now_ns
        if self._healthy_since is not None:
            if now_ns - self._healthy_since >= ns_from_seconds(self.config.recovery_s):
                self.state = "engaged"
        elif now_ns - self._stopping_since > ns_from_seconds(self.config.max_stop_s) and not self._stands():
            self.state = "fault"

    def _decide(self, request: ControlCommand | None, stamp_ns: int, *, ego_lost: bool) -> GateDecision:
        """Make the command of the present state. request is None where it cannot be used."""
        if self.state == "engaged" and request is not None and self._ego is not None:
            command, reasons = limit_command(request, self._ego, self.profile, self.config.max_ego_age_s)
            self._plan_curvature = self._curvature(command.steering_tire_angle)
            return GateDecision(command, self.state, reasons)
        if self.state == "disengaged":
            self._plan_curvature = self._curvature(self._ego.steering_tire_angle) if self._ego else 0.0
        elif request is not None:
            self._plan_curvature = self._curvature(request.steering_tire_angle)
        command = stop_command(
            stamp_ns,
            self._plan_curvature,
            self._speed(),
            self._deceleration(request, ego_lost),
            self._reach(ego_lost),
            self.profile,
        )
        return GateDecision(command, self.state, self._stop_reasons())

    def _stop_reasons(self) -> tuple[str, ...]:
        if self.state == "stopping":
            return self._faults or ("recovering",)
        return ("stop_failed" if self.state == "fault" else "disengaged", *self._faults)

    def _deceleration(self, request: ControlCommand | None, ego_lost: bool) -> float:
        """Return how hard to stop, m/s^2: at least as hard as a healthy request asks."""
        limits = self.profile.limits
        if self.state == "disengaged":
            return limits.comfortable_deceleration
        if ego_lost or self.state == "fault":
            return limits.emergency_deceleration
        asked = -request.acceleration if request else 0.0
        return max(limits.comfortable_deceleration, min(asked, limits.max_deceleration))

    def _reach(self, ego_lost: bool) -> Range:
        if ego_lost or self._ego is None:
            return steering_lock(self.profile)
        return steering_reach(self._ego.steering_tire_angle, self.profile, self.config.max_ego_age_s)

    def _curvature(self, tire_angle: float) -> float:
        lock = self.profile.max_steering_tire_angle
        angle = min(max(tire_angle, -lock), lock)
        return curvature_from_tire_angle(angle, self._speed(), self.profile.wheelbase, self.profile.understeer_gradient)

    def _speed(self) -> float:
        """Return the last known speed, m/s."""
        return self._ego.speed if self._ego else 0.0

    def _stands(self) -> bool:
        known = not any(fault.startswith("ego") for fault in self._faults)
        return known and abs(self._speed()) <= STANDSTILL_SPEED

    def _restart_clock(self) -> None:
        """Take a clock that went back as a new drive: old stamps mean nothing, and old inputs lie in the future."""
        self._forget_times()
        if self.config.auto_engage:
            self.reset()

    def _forget_times(self) -> None:
        self._request_monitor.forget()
        self._ego_monitor.forget()
        self._stopping_since = None
        self._healthy_since = None


def _command_value_fault(request: ControlCommand) -> str | None:
    values = (request.steering_tire_angle, request.acceleration, request.velocity, request.steering_tire_rotation_rate)
    return None if all(map(math.isfinite, values)) else "request_not_finite"


def _ego_value_fault(ego: EgoState) -> str | None:
    if not all(map(math.isfinite, (ego.speed, ego.acceleration, ego.yaw_rate, ego.steering_tire_angle))):
        return "ego_not_finite"
    plausible = abs(ego.speed) <= MAX_PLAUSIBLE_SPEED and abs(ego.steering_tire_angle) < math.pi / 2
    return None if plausible else "ego_implausible"
