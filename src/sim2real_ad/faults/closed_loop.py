"""A car on open ground behind the gate, driven by whatever decides actions: what an adversary plays with. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.control.vehicle_model import DelayedLag, KinematicState, curvature_from_tire_angle, kinematic_step
from sim2real_ad.safety.gate import Gate, GateConfig, GateDecision
from sim2real_ad.safety.inputs import GateInputs
from sim2real_ad.types import Action, ControlCommand, EgoState, Pose2, ns_from_seconds
from sim2real_ad.vehicle.profile import VehicleProfile

STEP_S = 0.02
"""The gate decides at 50 Hz ..."""
POLICY_STEPS = 2
"""... and the policy at 25 Hz, the fastest camera that is in use."""

Decide = Callable[[EgoState, float], Action]
"""From the car's state and the time in s to an action; its stamp is replaced."""


@dataclass(frozen=True)
class Moment:
    """One decision of the gate: the car's state then, what was asked for, and what came out."""

    time_s: float
    ego: EgoState
    request: ControlCommand
    decision: GateDecision


def drive(
    decide: Decide, profile: VehicleProfile, config: GateConfig, speed: float, seconds: float
) -> Iterator[Moment]:
    """Drive for a while from a speed in m/s, straight ahead, and yield every decision.

    Nothing is in the way and every input arrives on time: what goes wrong is the policy's doing alone. The mapping does
    not hold what it asks for to what the car can follow: the gate must.
    """
    gate, mapping = Gate(profile, config), ActionMapping(profile)
    steering, drivetrain = DelayedLag(profile.steering, STEP_S), DelayedLag(profile.acceleration, STEP_S)
    car, request = KinematicState(Pose2(0.0, 0.0, 0.0), speed), ControlCommand(0, 0.0, 0.0)
    yaw_rate = 0.0
    for step in range(round(seconds / STEP_S)):
        now_ns = ns_from_seconds((step + 1) * STEP_S)
        ego = EgoState(now_ns, car.pose, car.speed, drivetrain.value, yaw_rate, steering.value)
        if step % POLICY_STEPS == 0:
            action = decide(ego, step * STEP_S)
            request = mapping.unheld(Action(now_ns, action.curvature, action.acceleration), ego)
        decision = gate.step(GateInputs(request, ego), now_ns)
        yield Moment(step * STEP_S, ego, request, decision)
        tire_angle = steering.step(decision.command.steering_tire_angle)
        acceleration = drivetrain.step(decision.command.acceleration)
        curvature = curvature_from_tire_angle(tire_angle, car.speed, profile.wheelbase, profile.understeer_gradient)
        yaw_rate = car.speed * curvature
        car = kinematic_step(car, curvature, acceleration, STEP_S)
