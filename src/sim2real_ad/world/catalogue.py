"""What the other road users look like: names from CARLA's library, with the sizes of their boxes there, in m."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim2real_ad.world.protocol import ActorKind

Size = tuple[float, float, float]
Group = Literal["car", "van", "pedestrian", "barrier", "box", "cone"]


@dataclass(frozen=True)
class Blueprint:
    """One thing of the library. size: (length, width, height) in m."""

    name: str
    kind: ActorKind
    size: Size


CATALOGUE: dict[Group, tuple[Blueprint, ...]] = {
    "car": (
        Blueprint("vehicle.audi.a2", "vehicle", (3.71, 1.79, 1.55)),
        Blueprint("vehicle.audi.tt", "vehicle", (4.18, 1.99, 1.39)),
        Blueprint("vehicle.chevrolet.impala", "vehicle", (5.36, 2.03, 1.41)),
        Blueprint("vehicle.citroen.c3", "vehicle", (3.99, 1.85, 1.62)),
        Blueprint("vehicle.ford.mustang", "vehicle", (4.72, 1.89, 1.30)),
        Blueprint("vehicle.jeep.wrangler_rubicon", "vehicle", (3.87, 1.91, 1.88)),
        Blueprint("vehicle.mini.cooper_s", "vehicle", (3.81, 1.97, 1.48)),
        Blueprint("vehicle.nissan.micra", "vehicle", (3.63, 1.85, 1.50)),
        Blueprint("vehicle.nissan.patrol", "vehicle", (4.60, 1.93, 1.85)),
        Blueprint("vehicle.seat.leon", "vehicle", (4.19, 1.82, 1.47)),
        Blueprint("vehicle.toyota.prius", "vehicle", (4.51, 2.01, 1.52)),
    ),
    "van": (
        Blueprint("vehicle.mercedes.sprinter", "vehicle", (5.91, 1.99, 2.56)),
        Blueprint("vehicle.volkswagen.t2", "vehicle", (4.48, 2.07, 2.04)),
    ),
    "pedestrian": tuple(
        Blueprint(f"walker.pedestrian.{number:04d}", "pedestrian", (0.40, 0.55, height))
        for number, height in (
            (1, 1.86),
            (2, 1.74),
            (3, 1.65),
            (4, 1.72),
            (5, 1.86),
            (15, 1.80),
            (20, 1.68),
            (26, 1.78),
        )
    ),
    "barrier": (
        Blueprint("static.prop.streetbarrier", "obstacle", (0.37, 1.22, 1.07)),
        Blueprint("static.prop.warningconstruction", "obstacle", (0.80, 1.20, 1.50)),
        Blueprint("static.prop.warningaccident", "obstacle", (0.80, 1.20, 1.50)),
    ),
    "box": (
        Blueprint("static.prop.box01", "obstacle", (0.60, 0.60, 0.60)),
        Blueprint("static.prop.box02", "obstacle", (0.80, 0.60, 0.60)),
        Blueprint("static.prop.box03", "obstacle", (0.80, 0.80, 0.90)),
    ),
    "cone": (
        Blueprint("static.prop.constructioncone", "obstacle", (0.34, 0.34, 0.59)),
        Blueprint("static.prop.trafficcone01", "obstacle", (0.45, 0.45, 0.90)),
    ),
}
"""Boxes are rounded to the centimetre; a CARLA server that has others reports its own."""

PAINTS = (
    (235, 235, 235),
    (175, 178, 182),
    (110, 112, 116),
    (20, 20, 22),
    (150, 24, 24),
    (24, 58, 140),
    (30, 92, 58),
    (196, 164, 40),
    (94, 62, 40),
)
"""Usual colours of cars, RGB; each draw varies around one."""

_FIXED_COLOURS: dict[Group, tuple[int, int, int]] = {
    "barrier": (216, 96, 24),
    "box": (160, 122, 76),
    "cone": (226, 88, 20),
}


def draw_blueprint(rng: np.random.Generator, *groups: Group) -> Blueprint:
    """Draw a blueprint from all those of the groups."""
    choice = [blueprint for group in groups for blueprint in CATALOGUE[group]]
    return choice[int(rng.integers(len(choice)))]


def draw_colour(rng: np.random.Generator, group: Group) -> tuple[int, int, int]:
    """Draw an RGB colour: of paint for vehicles, of clothes for pedestrians, near its own for a thing."""
    if group == "pedestrian":
        red, green, blue = rng.integers(20, 236, 3).tolist()
    else:
        base = _FIXED_COLOURS.get(group) or PAINTS[int(rng.integers(len(PAINTS)))]
        red, green, blue = np.clip(np.array(base) + rng.integers(-16, 17, 3), 0, 255).tolist()
    return red, green, blue
