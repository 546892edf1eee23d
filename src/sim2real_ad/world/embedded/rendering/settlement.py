"""What stands beside the road: buildings on their sites, gardens, woods and grass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.types import Pose2
from sim2real_ad.world.embedded.appearance import Appearance
from sim2real_ad.world.embedded.rendering.buildings import Building, building_kinds
from sim2real_ad.world.embedded.rendering.mesh import Mesh
from sim2real_ad.world.embedded.rendering.noise import smooth_noise
from sim2real_ad.world.embedded.rendering.plants import Plant, bush_kinds, tree_kinds, tuft
from sim2real_ad.world.embedded.rendering.shadows import Caster
from sim2real_ad.world.embedded.rendering.terrain import Land
from sim2real_ad.world.protocol import SceneGeometry

BUILT = {"urban": 0.88, "suburban": 0.7, "rural": 0.16, "industrial": 0.6}
"""Share of the sites that carry a building."""
SITE_RADIUS_M = 10.5
NEAR_M = 18.0
"""Plants nearer to a road than this are solid and cast shadows; those beyond are pictures."""
FAR_M = 150.0
BUILDING_GAP_M = 2.5
PLANT_GAP_M, CROWN_SPREAD = 0.8, 1.4
"""Least distance of leaves from a road, m, and how far leaves reach, in crown radii."""
TREES_OF_KINDS, KINDS = 9, 12
"""Of so many kinds of spots, the first so many grow a tree where there is room, the others a bush."""


@dataclass(frozen=True)
class Spots:
    """Where plants stand: (N, 2) m, with a size factor (N,) and a kind (N,)."""

    at: NDArray[np.float64]
    size: NDArray[np.float64]
    kind: NDArray[np.int64]

    def chosen(self, mask: NDArray[np.bool_]) -> Spots:
        """Return those that a mask (N,) picks."""
        return Spots(self.at[mask], self.size[mask], self.kind[mask])


def settlement_style(scene: SceneGeometry, look: Appearance) -> str:
    """Draw how the surroundings are settled; where there are pavements there is a town."""
    styles = ("urban", "suburban", "industrial", "rural")
    weights = (0.42, 0.38, 0.2, 0.0) if scene.pavement else (0.05, 0.2, 0.15, 0.6)
    return str(look.rng("style").choice(styles, p=weights))


@dataclass(frozen=True)
class Planted:
    """Plants of one kind of drawing, with the (M, 2) places their M triangles belong to."""

    mesh: Mesh
    anchors: NDArray[np.float64]

    @classmethod
    def merged(cls, parts: list[Planted]) -> Planted:
        """Return all of them as one."""
        anchors = [part.anchors for part in parts if len(part.anchors)]
        return cls(Mesh.merged(part.mesh for part in parts), np.concatenate(anchors) if anchors else np.zeros((0, 2)))


@dataclass(frozen=True)
class Settlement:
    """buildings; plants by the road, solid and as the pictures that stand for them in the distance; the plants that
    are only ever pictures; what casts shadows."""

    buildings: Mesh
    near_plants: Planted
    stand_ins: Planted
    far_plants: Planted
    casters: list[Caster]


def settle(scene: SceneGeometry, land: Land, look: Appearance) -> Settlement:
    """Draw what stands beside the roads of a scene."""
    style = settlement_style(scene, look)
    built = look.rng("sites").uniform(size=len(scene.building_sites)) < BUILT[style]
    sites = [site for site, used in zip(scene.building_sites, built, strict=True) if used]
    buildings, casters = _put_up(sites, building_kinds(look, style), land, look)
    open_sites = [site for site, used in zip(scene.building_sites, built, strict=True) if not used]
    spots = _plant_spots(open_sites, sites, land, scene, look)
    away = land.clearance(spots.at)
    near, tall = away < NEAR_M, (spots.kind < TREES_OF_KINDS) & (away > 5.0)
    trees, bushes = tree_kinds(look), bush_kinds(look)
    groups = [
        (kinds, fitted(kinds, spots.chosen(near & which), land)) for kinds, which in ((trees, tall), (bushes, ~tall))
    ]
    return Settlement(
        buildings=buildings,
        near_plants=Planted.merged([_grow(kinds, "mesh", part, land, look) for kinds, part in groups]),
        stand_ins=Planted.merged([_grow(kinds, "card", part, land, look) for kinds, part in groups]),
        far_plants=Planted.merged([_grow(trees, "card", spots.chosen(~near), land, look), _grass(spots, land, look)]),
        casters=casters + _tree_casters(trees, groups[0][1]),
    )


def _put_up(sites: list[Pose2], kinds: tuple[Building, ...], land: Land, look: Appearance) -> tuple[Mesh, list[Caster]]:
    """Put buildings on sites, each of a kind that fits between the site and the road."""
    if not sites:
        return Mesh.empty(), []
    rng = look.rng("put up")
    at = np.array([(site.x, site.y) for site in sites])
    yaw = np.array([site.yaw for site in sites]) + np.pi * rng.integers(2, size=len(sites))
    height = land.height(at)
    room = land.clearance(at) - BUILDING_GAP_M
    depth = np.array([kind.size[1] / 2.0 for kind in kinds])
    drawn = rng.integers(len(kinds), size=len(sites))
    fits = depth[drawn] <= room
    chosen = np.where(fits, drawn, int(np.argmin(depth)))
    scale = np.minimum(rng.uniform(0.92, 1.04, len(sites)), room / depth[chosen])
    tint = np.clip(rng.normal(0.97, 0.09, (len(sites), 1)) + rng.normal(0.0, 0.03, (len(sites), 3)), 0.6, 1.15)
    meshes, casters = [], []
    for index, kind in enumerate(kinds):
        here = chosen == index
        if here.any():
            x, y = at[here].T
            meshes.append(kind.mesh.placed(x, y, height[here], yaw[here], scale[here], tint[here]))
            casters += [_box_caster(*place, kind.size) for place in zip(at[here], yaw[here], scale[here], strict=True)]
    return Mesh.merged(meshes), casters


def _box_caster(at: NDArray[np.float64], yaw: float, scale: float, size: tuple[float, float, float]) -> Caster:
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * np.array(size[:2]) / 2.0 * scale
    cos, sin = np.cos(yaw), np.sin(yaw)
    return Caster(corners @ np.array(((cos, sin), (-sin, cos))) + at, 0.0, size[2] * scale)


def _plant_spots(
    open_sites: list[Pose2], built: list[Pose2], land: Land, scene: SceneGeometry, look: Appearance
) -> Spots:
    """Scatter plants: clumps by a slow pattern, some on the free sites, none in a building or near a road."""
    rng = look.rng("plants")
    x_min, y_min, x_max, y_max = scene.bounds
    reach, step = 140.0, 7.0
    columns, rows = int((x_max - x_min + 2 * reach) / step), int((y_max - y_min + 2 * reach) / step)
    y, x = np.mgrid[0:rows, 0:columns]
    at = np.stack((x * step + x_min - reach, y * step + y_min - reach), axis=-1).reshape(-1, 2)
    at = at + rng.uniform(-step / 2, step / 2, at.shape)
    pattern = smooth_noise(rng, 32)[np.ix_(np.arange(rows) % 256, np.arange(columns) % 256)].reshape(-1)
    density = float(rng.choice((0.02, 0.07, 0.16, 0.3)))
    likely = rng.uniform(size=len(at)) < density * np.clip(1.0 + 2.2 * pattern, 0.05, 3.0)
    gardens = np.array([(site.x, site.y) for site in open_sites]).reshape(-1, 2)
    gardens = np.repeat(gardens, 2, axis=0) + rng.uniform(-4.0, 4.0, (2 * len(gardens), 2))
    at = np.concatenate((at[likely], gardens))
    away = land.clearance(at)
    at = at[(away > 3.5) & (away < FAR_M) & _outside(at, built)]
    return Spots(at, rng.uniform(0.7, 1.25, len(at)), rng.integers(KINDS, size=len(at)))


def _outside(at: NDArray[np.float64], built: list[Pose2]) -> NDArray[np.bool_]:
    if not built:
        return np.ones(len(at), np.bool_)
    sites = np.array([(site.x, site.y) for site in built])
    free = np.ones(len(at), np.bool_)
    for start in range(0, len(at), 512):
        part = at[start : start + 512]
        gap = np.hypot(part[:, None, 0] - sites[None, :, 0], part[:, None, 1] - sites[None, :, 1])
        free[start : start + 512] = gap.min(axis=1) > SITE_RADIUS_M
    return free


def fitted(kinds: tuple[Plant, ...], spots: Spots, land: Land) -> Spots:
    """Keep plants so small that none reaches over a road or a pavement."""
    reach = np.array([kind.crown[0] * CROWN_SPREAD for kind in kinds])[spots.kind % len(kinds)]
    room = land.clearance(spots.at) - PLANT_GAP_M
    return Spots(spots.at, np.minimum(spots.size, room / reach), spots.kind)


def _grow(
    kinds: tuple[Plant, ...], form: Literal["mesh", "card"], spots: Spots, land: Land, look: Appearance
) -> Planted:
    """Plant kinds at spots, as solids or as pictures: both stand at the same places in the same colours."""
    parts = []
    for index, kind in enumerate(kinds):
        chosen = spots.chosen(spots.kind % len(kinds) == index)
        parts.append(_copies(kind.mesh if form == "mesh" else kind.card, chosen, land, look.rng(f"growth {index}")))
    return Planted.merged(parts)


def _copies(mesh: Mesh, spots: Spots, land: Land, rng: np.random.Generator) -> Planted:
    count = len(spots.at)
    if not count:
        return Planted(Mesh.empty(), np.zeros((0, 2)))
    tint = rng.normal(1.0, 0.09, (count, 1)) + rng.normal(0.0, 0.035, (count, 3))
    turn = rng.uniform(0.0, 2.0 * np.pi, count)
    x, y = spots.at.T
    grown = mesh.placed(x, y, land.height(spots.at), turn, spots.size, np.clip(tint, 0.6, 1.4))
    return Planted(grown, np.repeat(spots.at, len(mesh.triangles), axis=0))


def _grass(spots: Spots, land: Land, look: Appearance) -> Planted:
    """Grass grows in the neighbourhood of other plants, nearer to the road than they do."""
    rng = look.rng("grass")
    at = np.repeat(spots.at, 2, axis=0) + rng.normal(0.0, 7.0, (2 * len(spots.at), 2))
    away = land.clearance(at)
    at = at[(away > 1.6) & (away < 14.0)]
    return _copies(tuft(look), Spots(at, rng.uniform(0.25, 0.6, len(at)), np.zeros(len(at), np.int64)), land, rng)


def _tree_casters(trees: tuple[Plant, ...], spots: Spots) -> list[Caster]:
    angle = np.linspace(0.0, 2.0 * np.pi, 7, endpoint=False)
    circle = np.column_stack((np.cos(angle), np.sin(angle)))
    trunk = circle[::3] * 0.22
    casters = []
    for at, size, kind in zip(spots.at, spots.size, spots.kind, strict=True):
        radius, low, high = trees[int(kind) % len(trees)].crown
        casters.append(Caster(at + circle * radius * 0.85 * size, low * size, high * size))
        casters.append(Caster(at + trunk, 0.0, (low + 0.5) * size))
    return casters
