"""Where the shipped pedal maps come from until a car has been measured: the forces on a car on a level road.

    python -m sim2real_ad.control.powertrain FOLDER

writes every shipped map to a folder. Acceleration is (traction - braking - air - rolling) / mass: traction is the
pedal's share of the lesser of the tyres' and the motor's force (power / speed), braking the pedal's share of the full
brake, air 1/2 rho c_d A v^2, rolling c_r m g while the car rolls (Gillespie, Fundamentals of Vehicle Dynamics, ch. 2
and 4).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

AIR_DENSITY = 1.2
"""kg/m^3 at 20 degC and sea level."""

GRAVITY = 9.81
SPEEDS = (0.0, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 17.0, 20.0, 25.0, 30.0)
THROTTLES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
BRAKES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class Powertrain:
    """mass kg; drag_area c_d A in m^2; power W; full_throttle and full_brake in m/s^2 at the tyres."""

    mass: float
    drag_area: float
    rolling: float
    power: float
    full_throttle: float
    full_brake: float

    def resistance(self, speed: float) -> float:
        """Return air drag and rolling resistance in m/s^2 at a speed in m/s; a standing car feels neither."""
        if speed <= 0.0:
            return 0.0
        return 0.5 * AIR_DENSITY * self.drag_area * speed**2 / self.mass + self.rolling * GRAVITY

    def driven(self, throttle: float, speed: float) -> float:
        """Return the acceleration in m/s^2 of a throttle 0..1 at a speed in m/s."""
        limit = self.full_throttle
        if speed > 0.0:
            limit = min(limit, self.power / (self.mass * speed))
        return throttle * limit - self.resistance(speed)

    def braked(self, brake: float, speed: float) -> float:
        """Return the acceleration in m/s^2 of a brake 0..1 at a speed in m/s."""
        return -brake * self.full_brake - self.resistance(speed)


POWERTRAINS = {
    # Mid-size saloon: c_d 0.29 x 2.2 m^2, car tyres on asphalt 0.012, 120 kW, dry-road braking.
    "saloon": Powertrain(1700.0, 0.64, 0.012, 120e3, 4.5, 8.0),
    # Electric van: 198 kW published; c_d A of a low-roof van and full pedals are estimates, to be calibrated.
    "e_transit": Powertrain(2600.0, 1.55, 0.010, 198e3, 3.6, 7.5),
    # Diesel van: 120 kW is the range's middle; the rest as above, with a high roof.
    "sprinter": Powertrain(2500.0, 1.75, 0.010, 120e3, 3.2, 7.5),
}


def accel_map(powertrain: Powertrain) -> str:
    """Return the throttle map as CSV text, accelerations to 1 mm/s^2."""
    return _table(THROTTLES, [[powertrain.driven(pedal, v) for v in SPEEDS] for pedal in THROTTLES])


def brake_map(powertrain: Powertrain) -> str:
    """Return the brake map as CSV text, accelerations to 1 mm/s^2."""
    return _table(BRAKES, [[powertrain.braked(pedal, v) for v in SPEEDS] for pedal in BRAKES])


def write_maps(folder: Path) -> None:
    """Write every shipped car's two maps into a folder."""
    for name, powertrain in POWERTRAINS.items():
        (folder / f"{name}_accel_map.csv").write_text(accel_map(powertrain), encoding="utf-8")
        (folder / f"{name}_brake_map.csv").write_text(brake_map(powertrain), encoding="utf-8")


def _table(pedals: tuple[float, ...], rows: list[list[float]]) -> str:
    lines = ["default," + ",".join(f"{speed:g}" for speed in SPEEDS)]
    lines += [f"{pedal:g}," + ",".join(f"{a + 0.0:.3f}" for a in row) for pedal, row in zip(pedals, rows, strict=True)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m sim2real_ad.control.powertrain FOLDER")
    write_maps(Path(sys.argv[1]))
