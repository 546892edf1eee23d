"""Acceleration to pedals and back, through measured maps in Autoware's CSV layout.

A map's first row is `default,<speed in m/s>...`, every further row `<pedal 0..1>,<acceleration in m/s^2>...`. Between
the points both directions are bilinear, so one undoes the other exactly. The row of pedal 0 is coasting: drag and
rolling resistance, with neither pedal touched.
"""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from sim2real_ad.config import share_path
from sim2real_ad.control.float32 import clip_to_float32
from sim2real_ad.control.limits import STANDSTILL_SPEED
from sim2real_ad.errors import ConfigError
from sim2real_ad.types import ControlCommand
from sim2real_ad.vehicle.profile import VehicleProfile

HOLD_DECELERATION = 2.0
"""m/s^2 of brake that holds the car: gravity's pull on a 20 % slope."""

COAST_TOLERANCE = 0.05
"""m/s^2 by which the coast rows of two maps measured apart may differ."""


@dataclass(frozen=True)
class Pedals:
    """What the driver's feet and hands would do. throttle, brake: 0..1; steer: -1..1 of full lock, left positive."""

    throttle: float
    brake: float
    steer: float


@dataclass(frozen=True)
class PedalTable:
    """One pedal's map: speeds (S,) m/s and pedals (P,), ascending from 0; accelerations (P, S) in m/s^2."""

    source: str
    speeds: tuple[float, ...]
    pedals: tuple[float, ...]
    accelerations: tuple[tuple[float, ...], ...]

    def column(self, speed: float) -> list[float]:
        """Return the acceleration (P,) of every pedal row at a speed, held constant beyond the map's ends."""
        last = len(self.speeds) - 1
        left = min(max(bisect_right(self.speeds, speed) - 1, 0), last - 1)
        low, high = self.speeds[left], self.speeds[left + 1]
        share = min(max((speed - low) / (high - low), 0.0), 1.0)
        return [row[left] + share * (row[left + 1] - row[left]) for row in self.accelerations]


class PedalMap:
    """Throttle and brake maps of one car, both ways. Stateless."""

    def __init__(self, accel: PedalTable, brake: PedalTable) -> None:
        self.accel = accel
        self.brake = brake
        _check_coast_rows(accel, brake)

    @classmethod
    def load(cls, profile: VehicleProfile) -> PedalMap:
        """Load a profile's maps. Raises ConfigError naming file, row and value."""
        return cls(
            read_pedal_table(_map_path(profile.accel_map), rising=True),
            read_pedal_table(_map_path(profile.brake_map), rising=False),
        )

    def pedals(self, acceleration: float, speed: float) -> tuple[float, float]:
        """Return (throttle, brake) that give an acceleration in m/s^2 at a speed in m/s, saturating, never both."""
        throttle_column = self.accel.column(speed)
        if acceleration >= throttle_column[0]:
            return _interpolate(acceleration, throttle_column, self.accel.pedals), 0.0
        decelerations = [-value for value in self.brake.column(speed)]
        return 0.0, _interpolate(-acceleration, decelerations, self.brake.pedals)

    def acceleration(self, throttle: float, brake: float, speed: float) -> float:
        """Return the acceleration in m/s^2 of pedals 0..1 at a speed in m/s.

        Both pressed add up, as their forces do. A brake or drag holds a standing car; it never drives it backwards.
        """
        braked = self.brake.column(speed)
        driven = _interpolate(throttle, self.accel.pedals, self.accel.column(speed))
        total = driven + _interpolate(brake, self.brake.pedals, braked) - braked[0]
        return max(total, 0.0) if speed <= 0.0 else total


def pedals_from_command(command: ControlCommand, speed: float, profile: VehicleProfile, pedal_map: PedalMap) -> Pedals:
    """Turn a command into pedals and steer at a speed in m/s; every world drives through this one function.

    A standing car that is not asked to accelerate is held by the brake. Values are float32, as CARLA's wire carries.

    Raises ValueError where the command or the speed is not finite.
    """
    values = (command.steering_tire_angle, command.acceleration, speed)
    if not all(map(math.isfinite, values)):
        raise ValueError(f"command (angle, acceleration) and speed must be finite, got {values}")
    standing = speed <= STANDSTILL_SPEED and command.acceleration <= 0.0
    wanted = min(command.acceleration, -HOLD_DECELERATION) if standing else command.acceleration
    throttle, brake = pedal_map.pedals(wanted, 0.0 if standing else speed)
    steer = command.steering_tire_angle / profile.max_steering_tire_angle
    return Pedals(
        clip_to_float32(throttle, 0.0, 1.0), clip_to_float32(brake, 0.0, 1.0), clip_to_float32(steer, -1.0, 1.0)
    )


def read_pedal_table(path: Path, *, rising: bool) -> PedalTable:
    """Read one map strictly. rising: whether more pedal means more acceleration (throttle) or less (brake).

    Raises ConfigError naming file, row and value where the layout or a number is wrong or a column is not monotone.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"cannot read pedal map {path}: {error}") from error
    if len(rows) < 3 or rows[0][0].strip() != "default" or len(rows[0]) < 3:
        raise ConfigError(f"{path}: needs a row 'default,<two or more speeds>' and two or more pedal rows")
    speeds = _numbers(rows[0][1:], path, 1, len(rows[0]) - 1)
    body = [_numbers(row, path, number, len(rows[0])) for number, row in enumerate(rows[1:], start=2)]
    pedals = tuple(row[0] for row in body)
    _check_axis(speeds, "speed", path, math.inf)
    _check_axis(pedals, "pedal", path, 1.0)
    accelerations = tuple(row[1:] for row in body)
    _check_monotone(accelerations, path, rising=rising)
    return PedalTable(str(path), speeds, pedals, accelerations)


def _map_path(name: str) -> Path:
    return share_path() / "config" / "vehicles" / name  # an absolute name stands alone


def _interpolate(value: float, xs: tuple[float, ...] | list[float], ys: tuple[float, ...] | list[float]) -> float:
    if value <= xs[0]:
        return ys[0]
    if value >= xs[-1]:
        return ys[-1]
    right = bisect_right(xs, value)
    share = (value - xs[right - 1]) / (xs[right] - xs[right - 1])
    return ys[right - 1] + share * (ys[right] - ys[right - 1])


def _numbers(cells: list[str], path: Path, row: int, expected: int) -> tuple[float, ...]:
    if len(cells) != expected:
        raise ConfigError(f"{path}: row {row} has {len(cells)} values, expected {expected}")
    return tuple(_number(cell, path, row) for cell in cells)


def _number(cell: str, path: Path, row: int) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f"{path}: row {row}: {cell.strip()!r} is not a finite number")
    return value


def _check_axis(values: tuple[float, ...], name: str, path: Path, limit: float) -> None:
    if values[0] != 0.0:
        raise ConfigError(f"{path}: the first {name} must be 0, got {values[0]}")
    for before, after in pairwise(values):
        if not before < after <= limit:
            raise ConfigError(f"{path}: {name} {after} after {before} must rise and not exceed {limit}")


def _check_monotone(rows: tuple[tuple[float, ...], ...], path: Path, *, rising: bool) -> None:
    for number, (before, after) in enumerate(pairwise(rows), start=3):
        for low, high in zip(before, after, strict=True):
            if (high > low) is not rising or high == low:
                direction = "rise" if rising else "fall"
                raise ConfigError(f"{path}: row {number}: {high} after {low} must {direction} with the pedal")


def _check_coast_rows(accel: PedalTable, brake: PedalTable) -> None:
    for speed in sorted({*accel.speeds, *brake.speeds}):
        driven, braked = accel.column(speed)[0], brake.column(speed)[0]
        if abs(driven - braked) > COAST_TOLERANCE:
            raise ConfigError(
                f"{accel.source} and {brake.source} disagree on coasting at {speed} m/s: "
                f"{driven} and {braked} differ by more than {COAST_TOLERANCE} m/s^2"
            )
