"""Trees, bushes and grass: a few kinds drawn for a world, planted many times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim2real_ad.world.embedded.appearance import Appearance
from sim2real_ad.world.embedded.rendering.mesh import Colour, Material, Mesh, quads
from sim2real_ad.world.embedded.rendering.shapes import ball, cylinder, icosphere
from sim2real_ad.world.embedded.rendering.textures import LAYER


@dataclass(frozen=True)
class Plant:
    """One kind of plant, its foot at the origin. card: what stands for it in the distance; crown: (radius, low, high)
    in m, for its shadow."""

    mesh: Mesh
    card: Mesh
    crown: tuple[float, float, float]


def tree_kinds(look: Appearance) -> tuple[Plant, ...]:
    """Draw the kinds of trees that grow in a world."""
    rng = look.rng("trees")
    conifers = float(rng.choice((0.1, 0.3, 0.8)))
    return tuple(_conifer(look, rng) if rng.uniform() < conifers else _broadleaf(look, rng) for _ in range(6))


def bush_kinds(look: Appearance) -> tuple[Plant, ...]:
    """Draw the kinds of bushes of a world."""
    rng = look.rng("bushes")
    return tuple(_bush(look, rng) for _ in range(3))


def card(width: float, height: float, material: Material) -> Mesh:
    """Return two upright crossed pictures, to be drawn from both sides, facing up for the light."""
    x = np.array((-0.5, 0.5, 0.5, -0.5)) * width
    z = np.array((0.0, 0.0, 1.0, 1.0)) * height
    zero = np.zeros(4)
    mesh = quads((np.column_stack((x, zero, z)), np.column_stack((zero, x, z))), material)
    mesh.vertices["normal"] = (0.0, 0.0, 1.0)
    return mesh


def tuft(look: Appearance) -> Mesh:
    """Return a tuft of grass or weeds, 1 m high."""
    colour = tuple(float(c) for c in np.array(look.palette.foliage[0]) * 0.5 + np.array(look.palette.terrain) * 0.8)
    return card(1.3, 1.0, Material("vegetation", LAYER["leaf_edge"], (colour[0], colour[1], colour[2])))


def _broadleaf(look: Appearance, rng: np.random.Generator) -> Plant:
    trunk, height = float(rng.uniform(1.6, 3.2)), float(rng.uniform(5.0, 10.0))
    radius = height * float(rng.uniform(0.25, 0.38))
    foliage = Material("vegetation", LAYER["leaves"], _bright(look.palette.foliage[int(rng.integers(4))]))
    parts = [cylinder((0, 0, -0.3), (0, 0, trunk + 1.3), (0.2, 0.12), _bark(look), sides=5)]
    middle = (trunk + height) / 2.0
    blobs = int(rng.integers(2, 4))
    for index in range(blobs):
        off = rng.normal(0.0, radius * 0.33, 3) * (index > 0)
        size = radius * rng.uniform(0.8, 1.0) * (1.0 if index == 0 else 0.72)
        place = (float(off[0]), float(off[1]), middle + float(off[2]))
        parts.append(_crown(place, (size, size, (height - trunk) / 2), foliage, rng, fine=index == 0))
    parts.append(_ragged((0.0, 0.0, trunk - 0.2), 2.5 * radius, height - trunk + 0.5, foliage))
    return Plant(Mesh.merged(parts), _card_of("tree_card", foliage, 2.2 * radius, height), (radius, trunk, height))


def _conifer(look: Appearance, rng: np.random.Generator) -> Plant:
    height = float(rng.uniform(6.0, 12.0))
    radius = height * float(rng.uniform(0.16, 0.26))
    green = np.array(look.palette.foliage[int(rng.integers(4))]) * (0.6, 0.75, 0.75)
    needles = Material("vegetation", LAYER["needles"], _bright((green[0], green[1], green[2])))
    parts = [cylinder((0, 0, -0.3), (0, 0, 1.8), (0.16, 0.14), _bark(look), sides=5)]
    tiers = int(rng.integers(3, 5))
    for tier in range(tiers):
        low = 0.9 + (height - 0.9) * tier / tiers * 0.92
        high = min(low + (height - 0.9) / tiers * 1.55, height)
        wide = radius * (1.0 - 0.75 * tier / tiers)
        cone = cylinder((0, 0, low), (0, 0, high - low), (wide, 0.04), needles, sides=7)
        cone.vertices["uv"][:, :2] *= 2.0
        parts.append(_shade_by_height(cone, low, high, 0.6))
    return Plant(Mesh.merged(parts), _card_of("conifer_card", needles, 2 * radius, height), (radius, 0.5, height * 0.8))


def _bush(look: Appearance, rng: np.random.Generator) -> Plant:
    height, radius = float(rng.uniform(0.7, 1.7)), float(rng.uniform(0.6, 1.3))
    foliage = Material("vegetation", LAYER["leaves"], _bright(look.palette.foliage[int(rng.integers(4))]))
    crown = _crown((0, 0, height * 0.42), (radius, radius * 0.9, height * 0.6), foliage, rng)
    crown = Mesh.merged([crown, _ragged((0.0, 0.0, -0.1), 2.4 * radius, height * 1.15, foliage)])
    return Plant(crown, _card_of("leaf_edge", foliage, 2.0 * radius, height), (radius, 0.0, height))


def _card_of(layer: str, foliage: Material, width: float, height: float) -> Mesh:
    return card(width, height, Material("vegetation", LAYER[layer], foliage.colour))


def _ragged(foot: tuple[float, float, float], width: float, height: float, foliage: Material) -> Mesh:
    """Return crossed pictures of leaves that break up a crown's outline."""
    leaves = card(width, height, Material("vegetation", LAYER["leaf_edge"], foliage.colour))
    leaves.vertices["position"] += np.array(foot, np.float32)
    return _shade_by_height(leaves, foot[2], foot[2] + height, 0.5)


def _crown(
    centre: tuple[float, float, float],
    radii: tuple[float, float, float],
    foliage: Material,
    rng: np.random.Generator,
    *,
    fine: bool = True,
) -> Mesh:
    unit, _ = icosphere(int(fine))
    bumps = 1.0 + rng.uniform(-0.22, 0.2, len(unit))
    crown = ball(centre, radii, foliage, subdivisions=int(fine), bumps=bumps)
    crown.vertices["uv"][:, :2] *= 0.35
    return _shade_by_height(crown, centre[2] - radii[2], centre[2] + radii[2], 0.5)


def _shade_by_height(mesh: Mesh, low: float, high: float, darkest: float) -> Mesh:
    """Darken a mesh towards its foot, as leaves shade each other."""
    part = np.clip((mesh.vertices["position"][:, 2] - low) / max(high - low, 1e-6), 0.0, 1.0)
    shade = darkest + (1.0 - darkest) * part
    mesh.vertices["colour"][:, :3] = mesh.vertices["colour"][:, :3] * shade[:, None]
    return mesh


def _bark(look: Appearance) -> Material:
    return Material("vegetation", LAYER["bark"])


def _bright(colour: Colour) -> Colour:
    """Leaf textures average below 1: lift the colour that multiplies them."""
    return min(colour[0] * 1.25, 1.0), min(colour[1] * 1.25, 1.0), min(colour[2] * 1.25, 1.0)
