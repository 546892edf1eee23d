"""What a command may ask for, written a second time, from what the documents say and not from the gate's code.

The first writing works in tyre angles: it turns each limit into a range of them. This one works in what the car feels:
it turns each tyre angle into a lateral acceleration, and compares that. Everything is an array, a row a command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.safety.limits import SafetyLimits
from sim2real_ad.types import ControlCommand, EgoState
from sim2real_ad.vehicle.profile import VehicleProfile

Numbers = NDArray[np.float64]
Verdict = dict[str, NDArray[np.bool_]]

ROUNDING = 3e-7
"""rad and m/s^2: at least half a step of float32 at the values that occur."""
STANDS = 0.1
"""m/s up to which the car stands."""
LOOK_AHEAD = 1.0
"""s over which the speed governor keeps the car below its greatest speed."""


@dataclass(frozen=True)
class Envelope:
    """The numbers of one car and one file of limits."""

    car: VehicleProfile
    limits: SafetyLimits

    @property
    def steering_answers(self) -> float:
        """s from a command to the tyres, by a measurement that may be as old as the gate takes."""
        return self.limits.freshness.ego_age + self.car.steering.lag_s + self.car.steering.delay_s

    @property
    def drive_answers(self) -> float:
        """s, likewise, of the acceleration."""
        return self.limits.freshness.ego_age + self.car.acceleration.lag_s + self.car.acceleration.delay_s

    def curvature(self, angle: Numbers, speed: Numbers) -> Numbers:
        """1/m that a tyre angle drives: solves atan(L k) + K v^2 k = angle by halving; angle within the lock."""
        size = np.abs(angle)
        low, high = np.zeros_like(size), np.tan(size) / self.car.wheelbase
        for _ in range(50):
            middle = 0.5 * (low + high)
            needs = np.arctan(self.car.wheelbase * middle) + self.car.understeer_gradient * speed**2 * middle
            low, high = np.where(needs < size, middle, low), np.where(needs < size, high, middle)
        return np.sign(angle) * 0.5 * (low + high)

    def lateral(self, angle: Numbers, speed: Numbers) -> Numbers:
        """m/s^2 to the left that a tyre angle leads to."""
        return speed**2 * self.curvature(np.clip(angle, -self.lock, self.lock), speed)

    @property
    def lock(self) -> float:
        """Rad."""
        return self.car.max_steering_tire_angle

    def can_be_reached(self, angle: Numbers, start: Numbers, speed: Numbers, slack: float, jerk: bool) -> Verdict:
        """Whether the tyres get from where they are to an angle at no more than the greatest rate, and jerk."""
        start = np.clip(start, -self.lock, self.lock)
        nearer = angle - slack * np.sign(angle - start)
        within = {"steering_rate": np.abs(nearer - start) <= self.car.limits.max_steering_rate * self.steering_answers}
        if jerk:
            change = np.abs(self.lateral(nearer, speed) - self.lateral(start, speed))
            within["lateral_jerk"] = change <= self.limits.motion.lateral_jerk * self.steering_answers
        return within

    def steering(self, angle: Numbers, start: Numbers, speed: Numbers, slack: float, jerk: bool = True) -> Verdict:
        """Which steering limits an angle breaks.

        Too much lateral acceleration is excused where the tyres cannot be any nearer to less of it.
        """
        broken = {"steering_range": np.abs(angle) > self.lock + min(slack, 0.0)}
        reached = self.can_be_reached(angle, start, speed, slack, jerk)
        broken |= {name: ~ok for name, ok in reached.items()}
        less = angle - slack * np.sign(angle)
        too_much = np.abs(self.lateral(less, speed)) > self.car.limits.max_lateral_acceleration * (1.0 + 1e-9)
        further = angle - 10.0 * max(slack, ROUNDING) * np.sign(angle)
        nearer_still = np.logical_and.reduce([*self.can_be_reached(further, start, speed, slack, jerk).values()])
        broken["lateral_acceleration"] = too_much & nearer_still
        return broken

    def driving(self, commands: Sequence[ControlCommand], egos: Sequence[EgoState], slack: float = ROUNDING) -> Verdict:
        """Which limits each of the commands of a car that drives breaks; slack < 0 asks for room to spare."""
        angle, acceleration, velocity, rate = _columns(commands)
        speed, start, actual = _states(egos)
        limits = self.car.limits
        felt = np.where(np.abs(speed) <= STANDS, 0.0, actual)
        rising = np.maximum(felt + self.limits.motion.rising_jerk * self.drive_answers, -limits.max_deceleration)
        governed = np.maximum((limits.max_speed - speed) / LOOK_AHEAD, -limits.comfortable_deceleration)
        hardest, strongest = -limits.max_deceleration, limits.max_acceleration
        return self.steering(angle, start, speed, slack) | {
            "acceleration_range": (acceleration < hardest - slack) | (acceleration > strongest + slack),
            "acceleration_jerk": acceleration > rising + slack,
            "speed_limit": acceleration > governed + slack * 10.0,
            "velocity_range": (velocity < 0.0) | (velocity > limits.max_speed),
            "rotation_rate": (rate < 0.0) | (rate > limits.max_steering_rate),
        }

    def stopping(
        self, commands: Sequence[ControlCommand], egos: Sequence[EgoState], known: NDArray[np.bool_]
    ) -> Verdict:
        """Which limits each of the commands of a stop breaks. known: whether the gate could trust the state.

        A stop may brake harder than driving does, and its steering has no jerk limit, but never lets go of the brake.
        """
        angle, acceleration, velocity, rate = _columns(commands)
        speed, start, _ = _states(egos)
        limits = self.car.limits
        steering = self.steering(angle, start, speed, ROUNDING, jerk=False)
        return {
            "steering_range": steering.pop("steering_range"),
            **{name: broken & known for name, broken in steering.items()},
            "too_soft": acceleration > -limits.comfortable_deceleration,
            "too_hard": acceleration < -limits.emergency_deceleration,
            "no_stop": velocity != 0.0,
            "rotation_rate": (rate < 0.0) | (rate > limits.max_steering_rate),
        }


def any_of(verdict: Verdict) -> NDArray[np.bool_]:
    """Return, a row a command, whether anything at all is broken."""
    return np.logical_or.reduce(list(verdict.values()))


def broken_names(verdict: Verdict) -> list[str]:
    """Return the limits that any command breaks."""
    return [name for name, broken in verdict.items() if broken.any()]


def allowed(command: ControlCommand, ego: EgoState, envelope: Envelope) -> bool:
    """Say whether one command may go to a car in one state."""
    return not any_of(envelope.driving([command], [ego])).any()


def survives_the_wire(commands: Sequence[ControlCommand]) -> NDArray[np.bool_]:
    """Say of each command whether its values are finite numbers that float32 can hold."""
    values = np.stack(_columns(commands))
    with np.errstate(over="ignore"):
        return (np.isfinite(values) & (values.astype(np.float32).astype(np.float64) == values)).all(axis=0)


def _columns(commands: Sequence[ControlCommand]) -> tuple[Numbers, ...]:
    rows = [(c.steering_tire_angle, c.acceleration, c.velocity, c.steering_tire_rotation_rate) for c in commands]
    return tuple(np.array(rows, np.float64).reshape(-1, 4).T)


def _states(egos: Sequence[EgoState]) -> tuple[Numbers, ...]:
    rows = [(e.speed, e.steering_tire_angle, e.acceleration) for e in egos]
    return tuple(np.array(rows, np.float64).reshape(-1, 3).T)
