"""How well a car follows its commands without the tracker, with feed-forward, and with feedback as well.

The car is a van whose actuators are slower than those that the policy was trained with. They are identified first, by
`s2r calibrate`'s own fit on a noisy drive. An error is the RMS over the range of the reference, which is either the
command itself, joined evenly between its frames, or the command through the response that the profile promises.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from sim2real_ad.calibration.actuators import calibrate_actuator
from sim2real_ad.calibration.signals import Series, Signals
from sim2real_ad.control.tracking import Reading, Tracker
from sim2real_ad.control.vehicle_model import GRAVITY, DelayedLag, curvature_from_tire_angle
from sim2real_ad.evaluation.benchmark import Measurement, figure
from sim2real_ad.evaluation.benchmark_tracking_manoeuvres import FRAME_S, Floats, Manoeuvre, all_manoeuvres
from sim2real_ad.types import ControlCommand, ns_from_seconds
from sim2real_ad.vehicle.actuator import FirstOrderActuator
from sim2real_ad.vehicle.profile import VehicleProfile, load_vehicle
from sim2real_ad.vehicle.tracking_settings import LoopSettings, TrackingSettings

Kind = Literal["steering", "acceleration"]
Aid = Literal["none", "feed-forward", "feed-forward and feedback"]

Actuators = dict[Kind, FirstOrderActuator]
AIDS: tuple[Aid, ...] = get_args(Aid)

VEHICLE, TRAINED_WITH = "e_transit", "saloon"
TRUTH: Actuators = {
    "steering": FirstOrderActuator(delay_s=0.24, lag_s=0.27),
    "acceleration": FirstOrderActuator(delay_s=0.12, lag_s=0.35),
}
"""Steering as Autoware's sample vehicle; of pedals, Autoware's calibrator knows 0.3 s and more to the acceleration."""
AT_ONCE = FirstOrderActuator(delay_s=0.0, lag_s=0.0)
TICK_S = 0.01
NOISE: dict[Kind, float] = {"steering": 0.002, "acceleration": 0.05}
"""Standard deviation of the reports at 100 Hz: rad, m/s^2."""
EXCITATION: dict[Kind, float] = {"steering": 0.15, "acceleration": 1.5}
IDENTIFIED_ON_S, HELD_S = 60.0, 1.2
"""Length of the drive that the actuators are identified on, and how long each of its commands is held."""
LEAST_RANGE: dict[Kind, float] = {"steering": 0.004, "acceleration": 1.0}
"""1/m and m/s^2: manoeuvres whose reference moves less say nothing of the loop."""
SLOWEST = 0.5
"""m/s below which accelerations are not compared, as in `safety.tracking`."""
SETTLED_S = 2.0
"""From where on a drive is judged."""
GREATEST_ERROR = 5.0
"""Per cent of the range."""


@dataclass(frozen=True)
class Plant:
    """A car that is not quite as it was identified. offset: rad; gain: of both actuators; grade: uphill, as tan; delay,
    lag: times the true ones."""

    name: str
    offset: float = 0.0
    gain: float = 1.0
    grade: float = 0.0
    delay: float = 1.0
    lag: float = 1.0

    def actuator(self, kind: Kind) -> DelayedLag:
        """Return an actuator at rest."""
        true = TRUTH[kind]
        return DelayedLag(FirstOrderActuator(delay_s=self.delay * true.delay_s, lag_s=self.lag * true.lag_s), TICK_S)


PLANTS = (
    Plant("as identified"),
    Plant("1° off, gain 0.9, 3 % uphill", math.radians(1.0), 0.9, 0.03),
    Plant("1° off, gain 1.1, 3 % downhill", math.radians(1.0), 1.1, -0.03),
    Plant("delays and lags 20 % longer", delay=1.2, lag=1.2),
)
DELAY_ALONE = Plant("pure delay, no lag", lag=0.0)
"""What is left for whoever undoes the lag fully and foresees nothing."""


def measure_tracking() -> list[Measurement]:
    """Measure every aid on every plant. Raises CalibrationError, MapError or ScenarioError where that cannot be."""
    identified = identify(np.random.default_rng(0))
    manoeuvres = all_manoeuvres()
    trained = load_vehicle(TRAINED_WITH)
    promises: dict[str, Actuators] = {
        "the command": {"steering": AT_ONCE, "acceleration": AT_ONCE},
        "the promised response": {"steering": trained.steering, "acceleration": trained.acceleration},
    }
    cases: list[tuple[Plant, Aid]] = [(DELAY_ALONE, "none"), *((plant, aid) for plant in PLANTS for aid in AIDS)]
    return [
        measurement
        for against, promised in promises.items()
        for plant, aid in cases
        for measurement in _measure(against, profile_of(promised, identified, aid), plant, aid, manoeuvres)
    ]


def identify(random: np.random.Generator) -> Actuators:
    """Return the bare actuators as calibration finds them on a drive of commands that jump, with noisy reports."""
    found: Actuators = {}
    for kind in get_args(Kind):
        times: Floats = np.arange(0.0, IDENTIFIED_ON_S, FRAME_S)
        levels = random.uniform(-EXCITATION[kind], EXCITATION[kind], len(times))
        command: Floats = levels[(times / HELD_S).astype(int)]
        answer = _answer(np.repeat(command, round(FRAME_S / TICK_S)), TRUTH[kind])
        report: Floats = answer + random.normal(0.0, NOISE[kind], len(answer))
        name = "steering_tire_angle" if kind == "steering" else "acceleration"
        series = {f"{kind}_command": Series(times, command), name: Series(_tick_ends(len(report)), report)}
        entry = calibrate_actuator(Signals(series), kind).profile()[kind]
        found[kind] = FirstOrderActuator.model_validate(entry)
    return found


def profile_of(promised: Actuators, identified: Actuators, aid: Aid) -> VehicleProfile:
    """Return the van's profile with what it promises, and with the tracker's part that an aid needs."""
    tracking = TrackingSettings(steering=identified["steering"], acceleration=identified["acceleration"])
    if aid == "feed-forward":
        tracking = tracking.model_copy(
            update={
                "steering_loop": _without_feedback(tracking.steering_loop),
                "acceleration_loop": _without_feedback(tracking.acceleration_loop),
            }
        )
    used = None if aid == "none" else tracking
    changed = {"steering": promised["steering"], "acceleration": promised["acceleration"], "tracking": used}
    return load_vehicle(VEHICLE).model_copy(update=changed)


def _without_feedback(loop: LoopSettings) -> LoopSettings:
    return loop.model_copy(update={"bandwidth": 0.0})


def _measure(
    against: str, profile: VehicleProfile, plant: Plant, aid: Aid, manoeuvres: Sequence[Manoeuvre]
) -> list[Measurement]:
    """Return the error of curvature and of acceleration, over all manoeuvres that say something of it."""
    errors: dict[Kind, dict[str, float]] = {"steering": {}, "acceleration": {}}
    for number, manoeuvre in enumerate(manoeuvres):
        drive = follow(profile, plant, manoeuvre, np.random.default_rng(number + 1))
        for kind in errors:
            error = error_of(kind, drive, manoeuvre, profile)
            if error is not None:
                errors[kind][manoeuvre.name] = 100.0 * error
    target = GREATEST_ERROR if aid == "feed-forward and feedback" else None
    what = "the van as it is" if aid == "none" else aid
    return [
        figure(
            f"{'curvature' if kind == 'steering' else kind} against {against}, {what}, {plant.name}",
            "% of the range", "lower", target, (math.sqrt(sum(e * e for e in by_name.values()) / len(by_name)),),
            ", ".join(f"{name} {error:.1f}" for name, error in by_name.items()),
        )
        for kind, by_name in errors.items()
    ]  # fmt: skip


@dataclass(frozen=True)
class Drive:
    """What the actuators gave, (M,) at the ends of the ticks of 10 ms: rad, m/s^2."""

    steering: Floats
    acceleration: Floats


def follow(profile: VehicleProfile, plant: Plant, manoeuvre: Manoeuvre, random: np.random.Generator) -> Drive:
    """Let the car follow a manoeuvre's commands, sent at 100 Hz through the profile's tracker."""
    tracker, per_frame = Tracker(profile), round(FRAME_S / TICK_S)
    steering, drive = plant.actuator("steering"), plant.actuator("acceleration")
    pull = GRAVITY * math.sin(math.atan(plant.grade))
    angle, acceleration = plant.offset, -pull
    rows = []
    for tick in range(len(manoeuvre.angle) * per_frame):
        frame = tick // per_frame
        command = ControlCommand(
            ns_from_seconds(frame * FRAME_S), float(manoeuvre.angle[frame]), float(manoeuvre.acceleration[frame])
        )
        noise = random.normal(0.0, 1.0, 2).tolist()
        seen = Reading(
            float(manoeuvre.speed[frame]),
            angle + NOISE["steering"] * noise[0],
            acceleration + NOISE["acceleration"] * noise[1],
        )
        sent = tracker.step(ns_from_seconds(tick * TICK_S), command, seen)
        angle = steering.step(plant.gain * sent.steering_tire_angle) + plant.offset
        acceleration = drive.step(plant.gain * sent.acceleration) - pull
        rows.append((angle, acceleration))
    return Drive(*np.array(rows).T)


def error_of(kind: Kind, drive: Drive, manoeuvre: Manoeuvre, profile: VehicleProfile) -> float | None:
    """Return the RMS error of curvature or acceleration as a share of the reference's range, None where it is small.

    The reference is the command through the profile's promise; a promise without delay and lag is the command itself.
    """
    frames = np.arange(len(manoeuvre.angle)) * FRAME_S
    times = _tick_ends(len(drive.steering))
    speed = np.interp(times, frames, manoeuvre.speed)
    commands, promise, got = {
        "steering": (manoeuvre.angle, profile.steering, drive.steering),
        "acceleration": (manoeuvre.acceleration, profile.acceleration, drive.acceleration),
    }[kind]
    wanted = _answer(np.interp(times, frames, commands), promise)
    if kind == "steering":
        wanted, got = _curvatures(wanted, speed, profile), _curvatures(got, speed, profile)
    judged = (times > SETTLED_S) & ((speed > SLOWEST) | (kind == "steering"))
    extent = float(np.ptp(wanted[judged]))
    if extent < LEAST_RANGE[kind]:
        return None
    return float(np.sqrt(np.mean((got - wanted)[judged] ** 2))) / extent


def _tick_ends(count: int) -> Floats:
    return np.asarray(TICK_S * (np.arange(count) + 1.0), np.float64)


def _answer(commands: Floats, promise: FirstOrderActuator) -> Floats:
    model = DelayedLag(promise, TICK_S, float(commands[0]))
    return np.array([model.step(command) for command in commands.tolist()])


def _curvatures(angles: Floats, speeds: Floats, profile: VehicleProfile) -> Floats:
    to_curvature: Callable[[float, float], float] = lambda angle, speed: curvature_from_tire_angle(  # noqa: E731
        angle, speed, profile.wheelbase, profile.understeer_gradient
    )
    return np.array([to_curvature(*pair) for pair in zip(angles.tolist(), speeds.tolist(), strict=True)])
