"""The safety gate: the last stage before the car. It passes, limits or replaces a request, and is never silent.

Its states are in `states`, what it looks at in `watch`, `tracking` and `clearance`, its limits in config/safety.
Designed toward the fallback of trusted drive-by-wire systems: hardware there gives up after 100 ms without a command,
so that is the default here. Every state commands something: where the car does not drive it is an explicit stop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pydantic import Field

from sim2real_ad.config import StrictModel
from sim2real_ad.control.limits import STANDSTILL_SPEED, Range, steering_lock, steering_reach
from sim2real_ad.control.vehicle_model import curvature_from_tire_angle
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.safety.clearance import FREE, Clearance, ClearanceMonitor
from sim2real_ad.safety.envelope import limit_command
from sim2real_ad.safety.findings import Finding, Persistence, Severity
from sim2real_ad.safety.inputs import GateInputs, Source
from sim2real_ad.safety.limits import SafetyLimits, load_safety_limits
from sim2real_ad.safety.planned_path import PlannedPath
from sim2real_ad.safety.road_heading import RoadHeading
from sim2real_ad.safety.states import DRIVING, STOPPING, GateState, StateMachine
from sim2real_ad.safety.stop import stop_command
from sim2real_ad.safety.tracking import TrackingMonitor
from sim2real_ad.safety.watch import InputWatch
from sim2real_ad.types import ControlCommand, EgoState, ns_from_seconds, seconds_from_ns
from sim2real_ad.vehicle.profile import VehicleProfile

_IDLE: tuple[Finding, ...] = (Finding("gate", "gate_idle", Severity.STOP),)
"""Before the first step."""

LOCALIZATION = frozenset({"localization", "speed_agreement"})
"""Checks whose findings mean that where the car is on its route is not known."""


class GateConfig(StrictModel):
    """auto_engage: engage as soon as all is healthy, and again after a manoeuvre has ended: a simulated driver.

    required: inputs that must come; the others count once they have come. limits: see config/safety. actuated: whether
    the car takes the commands; one that does not cannot be judged by how it follows them.
    """

    auto_engage: bool = False
    required: tuple[Source, ...] = ("request", "ego")
    limits: SafetyLimits = Field(default_factory=load_safety_limits)
    actuated: bool = True


@dataclass(frozen=True)
class GateDecision:
    """What the gate decided: what may go to the car, the state, why the command is not the request, what was found."""

    command: ControlCommand
    state: GateState
    reasons: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    clearance: Clearance = FREE

    @property
    def drives(self) -> bool:
        """Whether the command may drive the car on; otherwise it is an explicit stop, in a lapse too."""
        return self.state in DRIVING and not self.findings


class Gate:
    """The gate of one car (implements GateStage). Pure: no clock, no I/O, the same calls give the same decisions."""

    def __init__(self, profile: VehicleProfile, config: GateConfig | None = None, bev: BevSpec | None = None) -> None:
        """bev: of the views that it is given; without it nothing is known of what is in the way."""
        self.profile = profile
        self.config = config or GateConfig()
        self.limits = self.config.limits
        self._machine = StateMachine(self.limits.manoeuvre)
        self._watch = InputWatch(self.limits, profile, self.config.required)
        self._tracking = TrackingMonitor(self.limits.tracking, profile)
        self._clearance = ClearanceMonitor(self.limits.clearance, bev, profile) if bev else None
        self._heading = RoadHeading(self.limits.heading, bev) if bev else None
        self._healthy = Persistence(ns_from_seconds(self.limits.manoeuvre.healthy))
        self._path = PlannedPath()
        self.reset()

    @property
    def state(self) -> GateState:
        """The state machine's."""
        return self._machine.state

    def reset(self) -> None:
        """Return to the state after construction: disengaged, nothing remembered."""
        self._machine.reset()
        self._findings = _IDLE
        self._ego: EgoState | None = None
        self._now_ns: int | None = None
        self._path.forget()
        self._path.curvature = 0.0
        self._forget_times()

    def engage(self, now_ns: int) -> tuple[str, ...]:
        """Begin to take authority, or return why not. A refusal changes nothing.

        Refused with the findings of the last step, gate_idle where that is too long ago, driver_brakes while a foot is
        on the brake, or not_disengaged.
        """
        refusals = [finding.reason for finding in self._findings]
        silence = ns_from_seconds(self.limits.freshness.request_silence)
        if self._now_ns is not None and not 0 <= now_ns - self._now_ns <= silence:
            refusals.append("gate_idle")
        if self._watch.driver.brakes:
            refusals.append("driver_brakes")
        if self.state != "disengaged":
            refusals.append("not_disengaged")
        if not refusals:
            self._machine.engage(now_ns)
        return tuple(dict.fromkeys(refusals))

    def disengage(self) -> None:
        """Give authority back to the driver. Always allowed, and the one way out of a stop or a fault."""
        self._machine.disengage()

    def step(self, inputs: GateInputs, now_ns: int) -> GateDecision:
        """Judge the latest inputs at now_ns, and decide what goes to the car.

        A stop's stamp is its request's where that is fresh, else now_ns: receivers refuse stale commands.
        """
        late = self._note_time(now_ns)
        watched = self._watch.step(inputs, now_ns)
        usable, findings = watched.healthy, [*late, *watched.findings]
        self._ego = usable.ego or self._ego
        if self.state == "disengaged":
            self._watch.forget_stale(watched.findings)
        elif usable.ego:
            findings += self._tracking.step(usable.ego, now_ns)
        clearance, blocked = self._look_ahead(usable)
        findings += [*blocked, *self._turned(usable)]
        findings += self._authority(usable)
        self._findings = tuple(findings)
        self._advance(usable, now_ns)
        command, reasons = self._decide(usable, clearance, now_ns)
        if usable.ego and self.config.actuated and self.state not in ("disengaged", "engaging"):
            self._tracking.sent(command, usable.ego, now_ns)
        else:
            self._tracking.forget()
        return GateDecision(command, self.state, reasons, self._findings, clearance)

    def _note_time(self, now_ns: int) -> list[Finding]:
        """Note the time of this step. A clock that goes back begins a new drive: old stamps mean nothing."""
        before, self._now_ns = self._now_ns, now_ns
        if before is None:
            return []
        if now_ns < before:
            self._forget_times()
            self._machine.restart_clock(now_ns)
            if self.config.auto_engage:
                self.reset()
                self._now_ns = now_ns
            return []
        step_s = seconds_from_ns(now_ns - before)
        if step_s <= self.limits.freshness.clock_step or self.state == "disengaged":
            return []
        return [Finding("gate", "gate_was_late", Severity.STOP, f"{step_s:.2f} s since its last decision")]

    def _look_ahead(self, usable: GateInputs) -> tuple[Clearance, list[Finding]]:
        """Return how far ahead the way of the requested curve is free, and whether a collision is near."""
        if self._clearance is None or usable.view is None or usable.ego is None:
            return FREE, []
        asked = usable.request.steering_tire_angle if usable.request else usable.ego.steering_tire_angle
        try:
            clearance = self._clearance.step(usable.view, self._curvature(asked), usable.ego.speed)
        except ValueError as error:
            return FREE, [Finding("clearance", "view_unreadable", Severity.STOP, str(error))]
        limit = self.limits.clearance.time_to_collision
        if clearance.time_to_collision >= limit or self._watch.driver.accelerates or self._stands():
            return clearance, []
        detail = f"{clearance.gap:.1f} m ahead, {clearance.time_to_collision:.2f} s to collision, at least {limit}"
        return clearance, [Finding("clearance", "collision_imminent", Severity.EMERGENCY, detail)]

    def _turned(self, usable: GateInputs) -> list[Finding]:
        """Return whether the road that is seen leads elsewhere than the route."""
        if self._heading is None or usable.view is None or usable.ego is None:
            return []
        return self._heading.step(usable.view, usable.ego.speed)

    def _authority(self, usable: GateInputs) -> list[Finding]:
        """Return whether the vehicle has let go of what it had taken over."""
        vehicle = usable.vehicle
        if vehicle is None or vehicle.autonomous or self.state in ("disengaged", "engaging"):
            return []
        return [Finding("vehicle", "vehicle_not_autonomous", Severity.REVOKE)]

    def _advance(self, usable: GateInputs, now_ns: int) -> None:
        """Move the state machine on by the findings of this step."""
        if self.config.auto_engage:
            self._drive_on_by_itself(now_ns)
        autonomous = usable.vehicle is None or usable.vehicle.autonomous
        self._machine.step(self._findings, autonomous=autonomous, stands=self._stands(), now_ns=now_ns)
        if self.state == "disengaged" or (self.state in DRIVING and not self._findings):
            self._path.release()
        else:
            self._path.hold()

    def _drive_on_by_itself(self, now_ns: int) -> None:
        """Do what a driver would: engage what is healthy, and again where a manoeuvre has ended."""
        if self.state == "disengaged":
            self.engage(now_ns)
        ended = self.state in STOPPING and self._stands() and not self._findings
        if self._healthy.step(now_ns, holds=ended):
            self.disengage()
            self.engage(now_ns)

    def _decide(self, usable: GateInputs, clearance: Clearance, now_ns: int) -> tuple[ControlCommand, tuple[str, ...]]:
        request, ego = usable.request, usable.ego
        if usable.view is not None and ego is not None:
            self._path.see(usable.view, ego.pose)
        if self.state in DRIVING and not self._findings and request is not None and ego is not None:
            command, reasons = limit_command(request, ego, self.profile, self.limits, self._most(clearance))
            self._path.curvature = self._curvature(command.steering_tire_angle)
            return command, reasons
        if self.state == "disengaged" and ego is not None:
            self._path.curvature = self._curvature(ego.steering_tire_angle)
        command = stop_command(
            request.stamp_ns if request else now_ns,
            self._stop_curvature(usable),
            self._speed(),
            self._deceleration(usable, clearance),
            self._reach(ego),
            self.profile,
        )
        return command, self._stop_reasons()

    def _most(self, clearance: Clearance) -> float:
        """Return the greatest acceleration in m/s^2 that the clearance allows: within the RSS distance, braking."""
        if clearance.gap >= clearance.needed or self._watch.driver.accelerates:
            return math.inf
        return -max(self.profile.limits.comfortable_deceleration, self._needed_braking(clearance))

    def _needed_braking(self, clearance: Clearance) -> float:
        """Return the deceleration in m/s^2 that avoids what is ahead, at most the greatest of normal driving."""
        if not math.isfinite(clearance.gap):
            return 0.0
        braking = clearance.closing**2 / (2.0 * max(clearance.gap - 0.5, 0.1))
        return min(braking, self.profile.limits.max_deceleration)

    def _stop_curvature(self, usable: GateInputs) -> float:
        """Return the plan's curvature, 1/m; by the route where the car's place on it is known."""
        located = usable.ego if not any(f.check in LOCALIZATION for f in self._findings) else None
        return self._path.curvature_from(located if self.state != "disengaged" else None)

    def _stop_reasons(self) -> tuple[str, ...]:
        found = tuple(finding.reason for finding in self._findings)
        if self.state == "disengaged":
            return tuple(dict.fromkeys(("disengaged", *self._machine.cause, *found)))
        return tuple(dict.fromkeys((*self._machine.cause, *found)))

    def _deceleration(self, usable: GateInputs, clearance: Clearance) -> float:
        """Return how hard to stop, m/s^2: at least as hard as a healthy request, or what is ahead, asks for."""
        limits = self.profile.limits
        if self.state == "disengaged":
            return limits.comfortable_deceleration
        blind = usable.ego is None and self.state not in DRIVING
        if blind or self.state in ("emergency_stop", "fault"):
            return limits.emergency_deceleration
        asked = -usable.request.acceleration if usable.request else 0.0
        return max(
            limits.comfortable_deceleration, min(asked, limits.max_deceleration), self._needed_braking(clearance)
        )

    def _reach(self, ego: EgoState | None) -> Range:
        if ego is None:
            return steering_lock(self.profile)
        return steering_reach(ego.steering_tire_angle, self.profile, self.limits.freshness.ego_age)

    def _curvature(self, tire_angle: float) -> float:
        lock = self.profile.max_steering_tire_angle
        angle = min(max(tire_angle, -lock), lock)
        return curvature_from_tire_angle(angle, self._speed(), self.profile.wheelbase, self.profile.understeer_gradient)

    def _speed(self) -> float:
        """Return the last known speed, m/s."""
        return self._ego.speed if self._ego else 0.0

    def _stands(self) -> bool:
        known = self._ego is not None and not any(f.check == "ego" for f in self._findings)
        return known and abs(self._speed()) <= STANDSTILL_SPEED

    def _forget_times(self) -> None:
        self._watch.forget()
        self._tracking.forget()
        self._healthy.forget()
        if self._clearance is not None:
            self._clearance.forget()
        if self._heading is not None:
            self._heading.forget()
