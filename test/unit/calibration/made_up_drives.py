"""Drives whose truth is known: made-up signals, and the embedded world's car without its pictures."""

import math
from collections import defaultdict

import numpy as np

from sim2real_ad.calibration.signals import Series, Signals
from sim2real_ad.control.pedal_map import PedalMap, pedals_from_command
from sim2real_ad.control.vehicle_model import DelayedLag
from sim2real_ad.types import ControlCommand, Pose2
from sim2real_ad.vehicle.profile import FirstOrderActuator, VehicleProfile, load_vehicle
from sim2real_ad.world.embedded.dynamics import EgoDynamics
from sim2real_ad.world.randomization import DynamicsScale

SALOON = load_vehicle("saloon")
TICK_S = 0.01
COMMAND_S = 0.04


def spoilt(rng: np.random.Generator, series: Series, *, noise=0.0, missing=0.0, outliers=0.0, outlier=1.0) -> Series:
    """Samples as a bag has them: noisy, some missing, some grossly wrong."""
    values = series.values + rng.normal(0.0, 1.0, len(series)) * noise
    wrong = rng.random(len(series)) < outliers
    values = np.where(wrong, values + outlier * rng.choice((-1.0, 1.0), len(series)), values)
    kept = rng.random(len(series)) >= missing
    return Series.of(series.times[kept], values[kept])


def wavy(time_s, *periods: float):
    """A sum of sines within -1..1 that does not repeat itself soon."""
    return sum(np.sin(2.0 * math.pi * time_s / p + n) for n, p in enumerate(periods)) / len(periods)


def jumps(
    rng: np.random.Generator, seconds: float, size: float, period: float = COMMAND_S, hold: float = 1.2
) -> Series:
    """A command that jumps between levels every so often, as an excitation does."""
    times = np.arange(0.0, seconds, period)
    levels = rng.uniform(-size, size, int(seconds / hold) + 2)
    return Series(times, levels[(times / hold).astype(int)])


def answer(command: Series, actuator: FirstOrderActuator) -> Series:
    """What the project's own actuator makes of evenly sent commands, at the end of every tick."""
    model = DelayedLag(actuator, TICK_S, float(command.values[0]))
    held = np.repeat(command.values, round(command.period_s / TICK_S))
    return Series(TICK_S * (np.arange(len(held)) + 1.0), np.array([model.step(value) for value in held.tolist()]))


class EmbeddedCar:
    """The embedded world's car, driven by commands or pedals, and what a recorder would write down of it."""

    def __init__(
        self, scale: DynamicsScale | None = None, profile: VehicleProfile = SALOON, speed: float = 8.0
    ) -> None:
        self.profile, self.maps = profile, PedalMap.load(profile)
        self.dynamics = EgoDynamics(profile, scale or DynamicsScale(), self.maps)
        self.dynamics.reset(Pose2(0.0, 0.0, 0.0), speed)
        self.time_s = 0.0
        self._log: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))

    @property
    def speed(self) -> float:
        return self.dynamics.state.speed

    def command(self, angle: float, acceleration: float, period: float = COMMAND_S) -> None:
        """Follow a command for a period, as the bridge makes the car follow it."""
        self._add(steering_command=angle, acceleration_command=acceleration)
        pedals = pedals_from_command(ControlCommand(0, angle, acceleration), self.speed, self.profile, self.maps)
        self.press(pedals.throttle, pedals.brake, pedals.steer, period)

    def press(self, throttle: float, brake: float, steer: float = 0.0, period: float = COMMAND_S) -> None:
        """Hold pedals and steer for a period."""
        for _ in range(round(period / TICK_S)):
            self._add(throttle=throttle, brake=brake)
            self.dynamics.step(throttle, brake, steer, TICK_S)
            self.time_s += TICK_S
            state = self.dynamics.state
            self._add(speed=state.speed, yaw_rate=state.yaw_rate, acceleration=state.acceleration)
            self._add(steering_tire_angle=state.tire_angle)

    def signals(self, *names: str) -> Signals:
        """What was written down."""
        return Signals({name: Series.of(*map(np.array, self._log[name])) for name in names})

    def _add(self, **values: float) -> None:
        for name, value in values.items():
            times, column = self._log[name]
            times.append(self.time_s)
            column.append(value)


def commanded_drive(scale: DynamicsScale, seconds: float = 60.0) -> Signals:
    """The embedded world's car through bends, between 3 and 12 m/s."""
    car, rng = EmbeddedCar(scale), np.random.default_rng(4)
    while car.time_s < seconds:
        wanted = float(rng.uniform(-2.0, 1.5)) + (7.5 - car.speed) * 0.4
        angle = float(rng.uniform(-1.0, 1.0)) * min(0.2, 6.0 / max(car.speed, 1.0) ** 2)
        for _ in range(round(1.0 / COMMAND_S)):
            car.command(angle, min(max(wanted, -3.0), 1.8))
    return car.signals("speed", "acceleration", "steering_tire_angle", "steering_command", "acceleration_command")


def winding_drive(scale: DynamicsScale) -> Signals:
    """The embedded world's car through bends, between 3 and 13 m/s; its wheel shows 16.2 times the tyre's angle less
    0.07 rad."""
    car, rng = EmbeddedCar(scale), np.random.default_rng(2)
    while car.time_s < 200.0:
        wanted = 8.0 + 5.0 * math.sin(2.0 * math.pi * car.time_s / 40.0)
        angle = float(wavy(car.time_s, 4.0, 7.0, 11.0)) * min(0.25, 6.5 / max(car.speed, 1.0) ** 2)
        car.command(angle, min(max(wanted - car.speed, -2.0), 1.5))
    signals = car.signals("speed", "yaw_rate", "steering_tire_angle")
    wheel = signals.series["steering_tire_angle"]
    reported = Series(wheel.times, 16.2 * wheel.values - 0.07)
    noisy = {"yaw_rate": spoilt(rng, signals.series["yaw_rate"], noise=0.005)}
    return Signals({**signals.series, **noisy, "steering_wheel_angle": reported})


def pedal_drive(scale: DynamicsScale, seconds: float, seed: int = 0) -> Signals:
    """Through speeds from 0 to 20 m/s, a pedal held for a while, often coasting between."""
    car, rng = EmbeddedCar(scale, speed=3.0), np.random.default_rng(seed)
    while car.time_s < seconds:
        faster = rng.random() > car.speed / 20.0
        throttle = float(rng.uniform(0.02, 0.7)) if faster else 0.0
        brake = 0.0 if faster or rng.random() < 0.3 else float(rng.uniform(0.02, 0.6))
        until = car.time_s + float(rng.uniform(0.8, 3.0))
        while car.time_s < until and (faster or car.speed > 0.2):
            car.press(throttle, brake)
        if not faster and car.speed <= 0.2:
            car.press(0.3, 0.0, period=0.4)
    return car.signals("throttle", "brake", "speed", "acceleration")
