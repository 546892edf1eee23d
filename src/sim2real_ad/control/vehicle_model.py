"""How a car moves: kinematic and dynamic single-track models and actuators, as pure functions of floats.

R. Rajamani, Vehicle Dynamics and Control, 2nd ed., Springer 2012, is cited by chapter.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from sim2real_ad.geometry.frames import wrap_angle
from sim2real_ad.types import Pose2
from sim2real_ad.vehicle.profile import FirstOrderActuator, VehicleProfile

NEWTON_STEPS = 50
"""Bound of the iteration; angles that cars reach take 2 to 6 steps."""


def tire_angle_from_curvature(curvature: float, speed: float, wheelbase: float, understeer_gradient: float) -> float:
    """Return the front tyre angle in rad, left positive, that drives a steady curve.

    curvature: 1/m at the rear axle, left positive; speed: m/s; wheelbase: m; understeer_gradient: rad per m/s^2.
    The kinematic angle atan(wheelbase * curvature) plus what the tyres' slip takes away (Rajamani, ch. 3.3).
    """
    return math.atan(wheelbase * curvature) + understeer_gradient * speed * speed * curvature


def curvature_from_tire_angle(angle: float, speed: float, wheelbase: float, understeer_gradient: float) -> float:
    """Return the curvature in 1/m of a front tyre angle in rad: the inverse of `tire_angle_from_curvature`.

    For a positive angle the function is concave and rises, so Newton's method climbs to the root from below.
    """
    slip = understeer_gradient * speed * speed
    if slip == 0.0:
        return math.tan(angle) / wheelbase
    target = abs(angle)
    curvature, steps = target / (wheelbase + slip), 0
    while (missing := target - math.atan(wheelbase * curvature) - slip * curvature) > 1e-14 and steps < NEWTON_STEPS:
        curvature += missing / (wheelbase / (1.0 + (wheelbase * curvature) ** 2) + slip)
        steps += 1
    return math.copysign(curvature, angle)


@dataclass(frozen=True)
class KinematicState:
    """A car without slip. pose of base_link; speed in m/s along x, never negative."""

    pose: Pose2
    speed: float


def kinematic_step(state: KinematicState, curvature: float, acceleration: float, dt: float) -> KinematicState:
    """Drive an exact circular arc for dt seconds; braking ends at standstill.

    curvature: 1/m; acceleration: m/s^2. The pose stays on the arc whatever dt is (no Euler error).
    """
    moving = dt if acceleration >= 0.0 else min(dt, state.speed / -acceleration)
    distance = state.speed * moving + 0.5 * acceleration * moving * moving
    speed = max(0.0, state.speed + acceleration * moving)
    turn = curvature * distance
    chord = distance * _sinc(turn / 2.0)
    heading = state.pose.yaw + turn / 2.0
    pose = Pose2(
        state.pose.x + chord * math.cos(heading),
        state.pose.y + chord * math.sin(heading),
        wrap_angle(state.pose.yaw + turn),
    )
    return KinematicState(pose, speed)


def kinematic_inverse(before: KinematicState, after: KinematicState, dt: float) -> tuple[float, float]:
    """Return the (curvature in 1/m, acceleration in m/s^2) that led from one state to another in dt seconds.

    Inverts `kinematic_step` for a car that did not stop on the way and turned less than half a circle.
    """
    acceleration = (after.speed - before.speed) / dt
    distance = 0.5 * (before.speed + after.speed) * dt
    turn = wrap_angle(after.pose.yaw - before.pose.yaw)
    return (turn / distance if distance > 0.0 else 0.0), acceleration


@dataclass(frozen=True)
class SingleTrackParameters:
    """A car with tyre slip. mass kg; yaw_inertia kg m^2; to_front, to_rear: centre of gravity to the axles in m;
    cornering_front, cornering_rear: axle cornering stiffness in N/rad; friction: tyre to road, 1 on dry asphalt."""

    mass: float
    yaw_inertia: float
    to_front: float
    to_rear: float
    cornering_front: float
    cornering_rear: float
    friction: float = 1.0

    @classmethod
    def from_profile(cls, profile: VehicleProfile, friction: float = 1.0) -> SingleTrackParameters:
        """Derive what a profile does not say, so that the car's steady understeer is the profile's.

        Weight is shared 55:45 front to rear and yaw inertia is m a b (dynamic index 1: Gillespie, Fundamentals of
        Vehicle Dynamics, ch. 6). The rear axle's stiffness is REAR_CORNERING_COEFFICIENT times its load; the front's
        follows from K = load_front / C_front - load_rear / C_rear (Rajamani, ch. 3.3), loads as masses.
        """
        to_front = 0.45 * profile.wheelbase
        to_rear = profile.wheelbase - to_front
        mass_front = profile.mass * to_rear / profile.wheelbase
        mass_rear = profile.mass - mass_front
        rear = REAR_CORNERING_COEFFICIENT * mass_rear * GRAVITY
        front = mass_front / (profile.understeer_gradient + mass_rear / rear)
        inertia = profile.mass * to_front * to_rear
        return cls(profile.mass, inertia, to_front, to_rear, front, rear, friction)

    @property
    def wheelbase(self) -> float:
        """Axle to axle, m."""
        return self.to_front + self.to_rear


GRAVITY = 9.81

REAR_CORNERING_COEFFICIENT = 13.0
"""Axle cornering stiffness over load, 1/rad: passenger tyres lie about 9 to 17 (0.16 to 0.30 per degree)."""

SLIP_SPEED = 2.0
"""m/s below which slip angles divide by almost nothing and the dynamic model does not apply; use the kinematic one."""


@dataclass(frozen=True)
class SlipState:
    """Velocities of the centre of gravity in the body frame. forward, lateral: m/s; yaw_rate: rad/s."""

    forward: float
    lateral: float
    yaw_rate: float


def slip_derivatives(
    state: SlipState, tire_angle: float, acceleration: float, car: SingleTrackParameters
) -> tuple[float, float, float]:
    """Return (forward, lateral, yaw) accelerations: m/s^2, m/s^2, rad/s^2, in the body frame.

    tire_angle: rad, left positive; acceleration: m/s^2, of the drive, brakes and drag along x, which is the derivative
    of `forward`: the slowing that steering adds is left to the caller's drag. Lateral and yaw dynamics are the
    single-track model of Rajamani, ch. 2.3, with axle forces that saturate at friction times load (`axle_force`).

    Raises ValueError below SLIP_SPEED.
    """
    if state.forward < SLIP_SPEED:
        raise ValueError(f"slip model needs at least {SLIP_SPEED} m/s, got {state.forward}")
    slip_front = tire_angle - math.atan2(state.lateral + car.to_front * state.yaw_rate, state.forward)
    slip_rear = -math.atan2(state.lateral - car.to_rear * state.yaw_rate, state.forward)
    weight = car.mass * GRAVITY / car.wheelbase
    front = axle_force(slip_front, car.cornering_front, car.friction * weight * car.to_rear) * math.cos(tire_angle)
    rear = axle_force(slip_rear, car.cornering_rear, car.friction * weight * car.to_front)
    lateral = (front + rear) / car.mass - state.forward * state.yaw_rate
    yaw = (car.to_front * front - car.to_rear * rear) / car.yaw_inertia
    return acceleration, lateral, yaw


def axle_force(slip_angle: float, stiffness: float, limit: float) -> float:
    """Return an axle's side force in N, left positive: stiffness (N/rad) at small slip (rad), at most limit (N).

    F = limit tanh(stiffness slip / limit), the smooth form of linear tyres with saturation.
    """
    return limit * math.tanh(stiffness * slip_angle / limit)


class DelayedLag:
    """An actuator: pure delay, then a first-order lag, discretised exactly for commands held over each step of dt.

    The delay need not be a whole number of steps: within a step the older command acts first, then the newer one.
    """

    def __init__(self, actuator: FirstOrderActuator, dt: float, initial: float = 0.0) -> None:
        if not dt > 0.0:
            raise ValueError(f"dt must be positive, got {dt}")
        whole = math.floor(actuator.delay_s / dt + 1e-9)
        fraction = max(0.0, actuator.delay_s - whole * dt)
        self._decays = tuple(_decay(part, actuator.lag_s) for part in (fraction, dt - fraction))
        self._commands: deque[float] = deque(maxlen=whole + 2)
        self.reset(initial)

    def reset(self, value: float) -> None:
        """Settle at a value, as if it had been commanded forever."""
        self.value = value
        self._commands.extend([value] * (self._commands.maxlen or 0))

    def step(self, command: float) -> float:
        """Hold a command for dt seconds and return the output at their end."""
        self._commands.append(command)
        for decay, delayed in zip(self._decays, (self._commands[0], self._commands[1]), strict=True):
            self.value = delayed + (self.value - delayed) * decay
        return self.value


def _decay(duration: float, lag: float) -> float:
    if duration <= 0.0:
        return 1.0
    return math.exp(-duration / lag) if lag > 0.0 else 0.0


def _sinc(angle: float) -> float:
    return math.sin(angle) / angle if abs(angle) > 1e-6 else 1.0 - angle * angle / 6.0
