"""What stands beside the road: buildings on their sites, gardens, woods and grass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.types import Pose2
from sim2real_ad.world.embedded.appearance import Appearance
from sim2real_ad.world.embedded.rendering.buildings import Building, building_kinds
from sim2real_ad.world.embedded.rendering.mesh import Mesh
from sim2real_ad.world.embedded.rendering.noise import smooth_noise
from sim2real_ad.world.embedded.rendering.plants import Plant, bush_kinds, far_tree, tree_kinds, tuft
from sim2real_ad.world.embedded.rendering.shadows import Caster
from sim2real_ad.world.embedded.rendering.terrain import Land
from sim2real_ad.world.protocol import SceneGeometry

BUILT = {"urban": 0.88, "suburban": 0.7, "rural": 0.16, "industrial": 0.6}
"""Share of the sites that carry a building."""
SITE_RADIUS_M = 10.5
NEAR_M = 26.0
"""Plants nearer to a road than this are solid and cast shadows; those beyond are pictures."""
FAR_M = 150.0
BUILDING_GAP_M = 1.0


@dataclass(frozen=True)
class _Spots:
    """Where plants stand: (N, 2) m, with a size factor (N,) and a kind (N,)."""

    at: NDArray[np.float64]
    size: NDArray[np.float64]
    kind: NDArray[np.int64]

    def chosen(self, mask: NDArray[np.bool_]) -> _Spots:
        return _Spots(self.at[mask], self.size[mask], self.kind[mask])


def settlement_style(scene: SceneGeometry, look: Appearance) -> str:
    """Draw how the surroundings are settled; where there are pavements there is a town."""
    styles = ("urban", "suburban", "industrial", "rural")
    weights = (0.42, 0.38, 0.2, 0.0) if scene.pavement else (0.05, 0.2, 0.15, 0.6)
    return str(look.rng("style").choice(styles, p=weights))


def settlement_mesh(scene: SceneGeometry, land: Land, look: Appearance) -> tuple[Mesh, Mesh, list[Caster]]:
    """Return solid things, things with holes in their texture, and what casts shadows."""
    style = settlement_style(scene, look)
    rng = look.rng("sites")
    built = rng.uniform(size=len(scene.building_sites)) < BUILT[style]
    sites = [site for site, used in zip(scene.building_sites, built, strict=True) if used]
    buildings, casters = _put_up(sites, building_kinds(look, style), land, look)
    open_sites = [site for site, used in zip(scene.building_sites, built, strict=True) if not used]
    spots = _plant_spots(open_sites, sites, land, scene, look)
    solid, cut, shaded = _plant(spots, land, look)
    return Mesh.merged([buildings, solid]), cut, casters + shaded


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
) -> _Spots:
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
    return _Spots(at, rng.uniform(0.7, 1.25, len(at)), rng.integers(12, size=len(at)))


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


def _plant(spots: _Spots, land: Land, look: Appearance) -> tuple[Mesh, Mesh, list[Caster]]:
    rng = look.rng("planting")
    away = land.clearance(spots.at)
    low = spots.kind >= 9
    near = away < NEAR_M
    trees, bushes = tree_kinds(look), bush_kinds(look)
    roomy = away > 5.0
    solid = [_grow(trees, spots.chosen(near & ~low & roomy), land, rng)]
    solid.append(_grow(bushes, spots.chosen(near & (low | ~roomy)), land, rng))
    far = spots.chosen(~near)
    cut = [_grow_cards([far_tree(look, kind) for kind in range(3)], far, land, rng, (5.0, 10.0))]
    cut.append(_grow_cards([tuft(look)], _tuft_spots(spots, land, rng), land, rng, (0.25, 0.6)))
    casters = _tree_casters(trees, spots.chosen(near & ~low & roomy))
    return Mesh.merged(solid), Mesh.merged(cut), casters


def _grow(kinds: tuple[Plant, ...], spots: _Spots, land: Land, rng: np.random.Generator) -> Mesh:
    return Mesh.merged(
        _copies(kind.mesh, spots.chosen(spots.kind % len(kinds) == index), land, rng)
        for index, kind in enumerate(kinds)
    )


def _grow_cards(
    meshes: list[Mesh], spots: _Spots, land: Land, rng: np.random.Generator, height: tuple[float, float]
) -> Mesh:
    grown = []
    for index, mesh in enumerate(meshes):
        part = spots.chosen(spots.kind % len(meshes) == index)
        sized = _Spots(part.at, rng.uniform(*height, len(part.at)), part.kind)
        grown.append(_copies(mesh, sized, land, rng))
    return Mesh.merged(grown)


def _copies(mesh: Mesh, spots: _Spots, land: Land, rng: np.random.Generator) -> Mesh:
    if not len(spots.at):
        return Mesh.empty()
    count = len(spots.at)
    tint = rng.normal(1.0, 0.09, (count, 1)) + rng.normal(0.0, 0.035, (count, 3))
    turn = rng.uniform(0.0, 2.0 * np.pi, count)
    return mesh.placed(spots.at[:, 0], spots.at[:, 1], land.height(spots.at), turn, spots.size, np.clip(tint, 0.6, 1.4))


def _tuft_spots(spots: _Spots, land: Land, rng: np.random.Generator) -> _Spots:
    """Grass grows in the neighbourhood of other plants, nearer to the road than they do."""
    at = np.repeat(spots.at, 2, axis=0) + rng.normal(0.0, 7.0, (2 * len(spots.at), 2))
    away = land.clearance(at)
    at = at[(away > 1.6) & (away < 14.0)]
    return _Spots(at, np.ones(len(at)), np.zeros(len(at), np.int64))


def _tree_casters(trees: tuple[Plant, ...], spots: _Spots) -> list[Caster]:
    angle = np.linspace(0.0, 2.0 * np.pi, 7, endpoint=False)
    circle = np.column_stack((np.cos(angle), np.sin(angle)))
    casters = []
    for at, size, kind in zip(spots.at, spots.size, spots.kind, strict=True):
        radius, low, high = trees[int(kind) % len(trees)].crown
        casters.append(Caster(at + circle * radius * 0.85 * size, low * size, high * size))
        casters.append(Caster(at + circle * 0.2, 0.0, (low + 0.5) * size))
    return casters
