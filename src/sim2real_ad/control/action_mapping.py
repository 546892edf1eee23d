"""The policy's two numbers to a command that the car understands and can follow, and back."""

from __future__ import annotations

import math
from dataclasses import replace

from sim2real_ad.control.float32 import as_float32, clip_to_float32
from sim2real_ad.control.limits import clip, lateral_curvature, lateral_jerk_reach, steering_reach
from sim2real_ad.control.vehicle_model import tire_angle_from_curvature
from sim2real_ad.types import Action, ControlCommand, EgoState
from sim2real_ad.vehicle.profile import VehicleProfile

VELOCITY_HORIZON_S = 1.0
"""`ControlCommand.velocity` is the speed that the acceleration leads to after this time, s."""
STATE_AGE_S = 0.1
"""For which the car may go on accelerating until the command is judged and acts, s: an ego state's age, and the way."""
LATERAL_JERK = 5.0
"""m/s^3, ISO 11270: the mean over 0.5 s."""
STEERING_AGE_S = 0.15
"""How old the tyres' angle may be, s; less than the gate allows, so that it agrees when the tyres have moved on."""
SLOWING_S = 0.5
"""In which the car slows down to the speed of a curve that is too tight for the one it has, s."""


class ActionMapping:
    """Scale an action by one car's profile, within what that car can follow. Stateless, deterministic, float32 out
    (implements MappingStage)."""

    def __init__(self, profile: VehicleProfile) -> None:
        self.profile = profile

    def step(self, action: Action, ego: EgoState) -> ControlCommand:
        """Return what an action means in the ego's state, held to what the car can follow and its passengers bear.

        A tighter curve than the profile's greatest lateral acceleration allows becomes the tightest one that it allows,
        and the car slows down towards the speed of the one that was asked for, comfortably. The steering goes no
        farther from where the tyres stand than LATERAL_JERK and its rate allow. The safety gate, which trusts no
        mapping, has the same limits. Else as `unheld`.
        """
        return self._within_reach(self._held_to_curve(action, ego), ego)

    def _held_to_curve(self, action: Action, ego: EgoState) -> ControlCommand:
        command, limits = self.unheld(action, ego), self.profile.limits
        curvature = action.curvature * self.profile.action.max_curvature
        tightest = lateral_curvature(abs(ego.speed) + STATE_AGE_S * limits.max_acceleration, self.profile)
        if abs(curvature) <= tightest:
            return command
        slower = math.sqrt(limits.max_lateral_acceleration / abs(curvature)) - abs(ego.speed)
        acceleration = min(command.acceleration, max(slower / SLOWING_S, -limits.comfortable_deceleration))
        return self._command(action.stamp_ns, clip(curvature, (-tightest, tightest)), acceleration, ego.speed)

    def _within_reach(self, command: ControlCommand, ego: EgoState) -> ControlCommand:
        """Hold the steering to what it reaches from where it stands; where that is not known, leave it."""
        actual, lock = ego.steering_tire_angle, self.profile.max_steering_tire_angle
        if not math.isfinite(actual):
            return command
        angle = command.steering_tire_angle
        for reach in (
            lateral_jerk_reach(actual, ego.speed, self.profile, LATERAL_JERK, STEERING_AGE_S),
            steering_reach(actual, self.profile, STEERING_AGE_S),
        ):
            angle = clip(angle, reach)
        return replace(command, steering_tire_angle=clip_to_float32(angle, -lock, lock))

    def unheld(self, action: Action, ego: EgoState) -> ControlCommand:
        """Return the tyre angle in rad and the acceleration in m/s^2 that an action means at the ego's speed.

        A positive acceleration is a share of max_acceleration, a negative one of max_deceleration. The stamp is the
        action's.

        Raises ValueError where the action is outside [-1, 1], or it or the ego's speed is not finite.
        """
        curvature = _checked("curvature", action.curvature) * self.profile.action.max_curvature
        share = _checked("acceleration", action.acceleration)
        if not math.isfinite(ego.speed):
            raise ValueError(f"ego.speed must be finite, got {ego.speed}")
        scale = self.profile.action
        wanted = share * (scale.max_acceleration if share > 0.0 else scale.max_deceleration)
        return self._command(action.stamp_ns, curvature, wanted, ego.speed)

    def action_from_physical(self, curvature: float, acceleration: float, stamp_ns: int = 0) -> Action:
        """Return the action that means a curvature in 1/m and an acceleration in m/s^2, clipped to [-1, 1].

        Raises ValueError where either is not finite.
        """
        if not (math.isfinite(curvature) and math.isfinite(acceleration)):
            raise ValueError(f"curvature {curvature} 1/m and acceleration {acceleration} m/s^2 must be finite")
        scale = self.profile.action
        share = acceleration / (scale.max_acceleration if acceleration > 0.0 else scale.max_deceleration)
        return Action(
            stamp_ns, clip_to_float32(curvature / scale.max_curvature, -1.0, 1.0), clip_to_float32(share, -1.0, 1.0)
        )

    def _command(self, stamp_ns: int, curvature: float, wanted: float, speed: float) -> ControlCommand:
        """Return the command for a curvature in 1/m and an acceleration in m/s^2, within the action's scale."""
        scale, lock = self.profile.action, self.profile.max_steering_tire_angle
        rate = self.profile.limits.max_steering_rate
        acceleration = clip_to_float32(wanted, -scale.max_deceleration, scale.max_acceleration)
        return ControlCommand(
            stamp_ns=stamp_ns,
            steering_tire_angle=clip_to_float32(self._tire_angle(curvature, speed), -lock, lock),
            acceleration=acceleration,
            velocity=as_float32(max(0.0, speed + acceleration * VELOCITY_HORIZON_S)),
            steering_tire_rotation_rate=clip_to_float32(rate, 0.0, rate),
        )

    def _tire_angle(self, curvature: float, speed: float) -> float:
        return tire_angle_from_curvature(curvature, speed, self.profile.wheelbase, self.profile.understeer_gradient)


def _checked(name: str, value: float) -> float:
    if not -1.0 <= value <= 1.0:  # NaN fails too
        raise ValueError(f"action.{name} must lie in [-1, 1], got {value}")
    return value
