"""What can stand in a lane, each form as the things it is made of, relative to a place on the lane's centre."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sim2real_ad.world.catalogue import CATALOGUE, Blueprint, Group, draw_blueprint, draw_colour

MOST_LEFT = 0.9
"""No form reaches farther left of the lane's centre, m: a car of usual width then passes in a free 3.5 m lane."""
LEAST_LEFT = -0.45
"""Every form reaches at least this far, m, so that it is in the way."""


@dataclass(frozen=True)
class Thing:
    """One thing of a form. ahead, lateral: m along and left of the lane's centre; turn: rad from its heading."""

    blueprint: Blueprint
    colour: tuple[int, int, int]
    ahead: float
    lateral: float
    turn: float


def obstruction(form: str, rng: np.random.Generator) -> tuple[Thing, ...]:
    """Draw one obstruction of a form."""
    return _FORMS[form](rng)


def _parked(group: Group) -> Callable[[np.random.Generator], tuple[Thing, ...]]:
    def draw(rng: np.random.Generator) -> tuple[Thing, ...]:
        blueprint = draw_blueprint(rng, group)
        left = rng.uniform(LEAST_LEFT + 0.15, 0.35)
        turn = float(rng.normal(0.0, 0.03))
        lateral = left - blueprint.size[1] / 2.0 - abs(math.sin(turn)) * blueprint.size[0] / 2.0
        return (Thing(blueprint, draw_colour(rng, group), 0.0, float(lateral), turn),)

    return draw


def _barrier(rng: np.random.Generator) -> tuple[Thing, ...]:
    """One or two barriers across the lane."""
    blueprint, number = draw_blueprint(rng, "barrier"), int(rng.integers(1, 3))
    half = blueprint.size[1] / 2.0
    right = rng.uniform(max(-1.7, LEAST_LEFT - 2.0 * half * number + 0.2), MOST_LEFT - 2.1 * half * number)
    things = []
    for i in range(number):
        lateral = float(right + half + 2.1 * half * i)
        turn = math.pi + float(rng.normal(0.0, 0.08))
        things.append(Thing(blueprint, draw_colour(rng, "barrier"), float(rng.uniform(-0.2, 0.2)), lateral, turn))
    return tuple(things)


def _boxes(rng: np.random.Generator) -> tuple[Thing, ...]:
    """A heap of boxes that fell off a lorry."""
    middle, things = float(rng.uniform(-0.7, 0.3)), []
    for slot in range(int(rng.integers(2, 5))):
        lateral = middle + (0.0, -1.05, 0.0, -1.05)[slot] + float(rng.uniform(-0.05, 0.05))
        ahead = (0.0, 0.1, 1.15, 1.25)[slot] + float(rng.uniform(-0.1, 0.1))
        turn = float(rng.uniform(-math.pi, math.pi))
        things.append(Thing(draw_blueprint(rng, "box"), draw_colour(rng, "box"), ahead, lateral, turn))
    return tuple(things)


def _cones(rng: np.random.Generator) -> tuple[Thing, ...]:
    """A taper of cones from the lane's right edge inwards, and along, often with a sign at its end."""
    cone, taper = draw_blueprint(rng, "cone"), int(rng.integers(3, 5))
    inner, pitch = float(rng.uniform(-0.2, 0.6)), float(rng.uniform(1.2, 1.8))
    places = [(pitch * i, -1.6 + (inner + 1.6) * i / (taper - 1)) for i in range(taper)]
    places += [(pitch * (taper - 1 + i), inner) for i in range(1, int(rng.integers(2, 4)))]
    things = [Thing(cone, draw_colour(rng, "cone"), ahead, lateral, 0.0) for ahead, lateral in places]
    if rng.uniform() < 0.6:
        sign = CATALOGUE["barrier"][1]
        things.append(Thing(sign, draw_colour(rng, "barrier"), pitch * taper, inner - 0.95, math.pi))
    return tuple(things)


_FORMS: dict[str, Callable[[np.random.Generator], tuple[Thing, ...]]] = {
    "car": _parked("car"),
    "van": _parked("van"),
    "barrier": _barrier,
    "boxes": _boxes,
    "cones": _cones,
}
