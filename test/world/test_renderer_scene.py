from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.types import Pose2
from sim2real_ad.world.protocol import SEMANTIC_CLASSES, ActorState
from sim2real_ad.world.randomization import Domain, sample_domain

pytest.importorskip("panda3d", reason="the embedded world's camera needs the sim extra")

from sim2real_ad.world.embedded.appearance import appearance_of
from sim2real_ad.world.embedded.rendering import shapes
from sim2real_ad.world.embedded.rendering.actors import model_of
from sim2real_ad.world.embedded.rendering.mesh import Material, Mesh, quads, split_by_cell
from sim2real_ad.world.embedded.rendering.plants import tree_kinds
from sim2real_ad.world.embedded.rendering.roads import dashes
from sim2real_ad.world.embedded.rendering.settlement import Spots, fitted
from sim2real_ad.world.embedded.rendering.signs import STOP_SIGN_CENTRE_M, stop_sign
from sim2real_ad.world.embedded.rendering.terrain import shape_land
from sim2real_ad.world.embedded.rendering.textures import LAYER, LAYERS, draw_bank
from sim2real_ad.world.embedded.rendering.vehicle_bodies import vehicle_style
from sim2real_ad.world.embedded.scene import SitePlan, build_scene, plan_site
from sim2real_ad.world.protocol import SceneGeometry

WALL = Material("building")
ID = {name: index for index, name in enumerate(SEMANTIC_CLASSES)}
RING = np.column_stack((np.cos(np.linspace(0, 6.2, 60)), np.sin(np.linspace(0, 6.2, 60)))) * 80.0


def ring_road() -> SceneGeometry:
    """A road in a circle, cut into pieces, with building sites inside and outside."""
    outer, inner = RING * (83.5 / 80.0), RING * (76.5 / 80.0)
    pieces = tuple(np.vstack((outer[i : i + 5], inner[i : i + 5][::-1])) for i in range(0, 56, 4))
    angles = np.linspace(0.0, 6.0, 24)
    sites = [Pose2(r * np.cos(a), r * np.sin(a), a + np.pi / 2) for a in angles for r in (66.0, 95.0, 110.0)]
    return SceneGeometry(pieces, (), ((RING, 0.15, True, False),), (), (), tuple(sites), (-112.0, -112.0, 112.0, 112.0))


@pytest.fixture(scope="module")
def plan() -> SitePlan:
    return plan_site(ring_road())


def all_vertices(mesh: Mesh, name: str) -> np.ndarray:
    return np.asarray(mesh.vertices["position"][mesh.vertices["surface"][:, 0] == ID[name]])


def facing_out(mesh: Mesh, centre: np.ndarray) -> np.ndarray:
    corners = mesh.vertices["position"][mesh.triangles].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    kept = np.linalg.norm(normal, axis=1) > 1e-9
    return np.asarray(np.einsum("ij,ij->i", normal, corners.mean(axis=1) - centre)[kept] > 0)


SOLIDS = {
    "box": shapes.box((1, 2, 3), (2, 3, 4), WALL, bottom=True),
    "frustum": shapes.frustum((0, 0, 0), (2, 3, 4), (1, 1), WALL, bottom=True),
    "cylinder": shapes.cylinder((0, 0, 0), (1, 2, 3), (0.5, 0.2), WALL, cap=WALL),
    "ball": shapes.ball((4, 5, 6), (1, 2, 3), WALL),
    "loft": shapes.loft([[(x, -1, 0), (x, 1, 0), (x, 1, 1), (x, -1, 1)] for x in (0.0, 1.0, 3.0)], WALL),
}


@pytest.mark.parametrize("solid", SOLIDS.values(), ids=SOLIDS.keys())
def test_every_face_of_a_solid_looks_outwards(solid: Mesh) -> None:
    middle = solid.vertices["position"].astype(np.float64)
    assert facing_out(solid, (middle.min(axis=0) + middle.max(axis=0)) / 2.0).all()


@given(st.integers(3, 30), st.floats(0.3, 0.95), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_triangles_cover_a_polygon_exactly(corners: int, dent: float, seed: int) -> None:
    angle = np.linspace(0.0, 2.0 * np.pi, corners, endpoint=False)
    radius = np.where(np.random.default_rng(seed).uniform(size=corners) < 0.4, dent, 1.0) * 7.0
    outline = np.column_stack((np.cos(angle), np.sin(angle))) * radius[:, None]
    x, y = outline.T
    expected = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2.0
    mesh = shapes.polygon(outline, 0.0, WALL, 1.0)
    a, b, c = (mesh.vertices["position"][mesh.triangles[:, i], :2].astype(np.float64) for i in range(3))
    areas = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2.0
    assert (areas >= -1e-9).all()
    assert areas.sum() == pytest.approx(expected, rel=1e-4)


def test_cells_hold_every_triangle_once() -> None:
    rng = np.random.default_rng(5)
    mesh = quads(rng.uniform(-200, 200, (50, 1, 3)) + np.array(((0, 0, 0), (3, 0, 0), (3, 3, 0), (0, 3, 0))), WALL)
    cells = split_by_cell(mesh, 40.0)
    assert len(cells) > 10
    centres = np.concatenate([cell.mesh.centres() for cell in cells])
    np.testing.assert_array_equal(np.sort(centres, axis=0), np.sort(mesh.centres(), axis=0))
    for cell in cells:
        assert (np.abs(cell.mesh.centres() - cell.centre) <= 20.0 + 1e-3).all()


def test_copies_are_turned_scaled_moved_and_tinted() -> None:
    thing = shapes.box((0, 0, 0), (2, 0, 1), WALL)
    copies = thing.placed(
        [0.0, 10.0], [0.0, 5.0], 1.0, [0.0, np.pi / 2], [1.0, 2.0], np.array([[1, 1, 1], [0.5, 1, 1]])
    )
    second = copies.vertices[len(thing.vertices) :]
    np.testing.assert_allclose(second["position"].min(axis=0), (10.0, 3.0, 1.0), atol=1e-5)
    np.testing.assert_allclose(second["position"].max(axis=0), (10.0, 7.0, 3.0), atol=1e-5)
    assert second["colour"][0, 0] < second["colour"][0, 1]


@given(st.floats(1.0, 60.0), st.floats(0.5, 5.0), st.floats(0.5, 9.0))
@settings(max_examples=50, deadline=None)
def test_dashes_keep_their_length_and_their_gap(length: float, dash: float, gap: float) -> None:
    line = np.column_stack((np.linspace(0.0, length, 17), np.zeros(17)))
    pieces = dashes(line, dash, gap)
    for index, piece in enumerate(pieces):
        assert piece[0, 0] == pytest.approx(index * (dash + gap), abs=1e-6)
        assert piece[-1, 0] == pytest.approx(min(index * (dash + gap) + dash, length), abs=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_but_road_lies_on_the_road(plan: SitePlan, seed: int) -> None:
    scene = build_scene(plan, appearance_of(sample_domain(seed)))
    solid = Mesh.merged(cell.mesh for cell in (*scene.solid, *scene.cutout, *scene.near_plants))
    road = shapely.union_all([shapely.Polygon(outline) for outline in plan.scene.drivable]).buffer(-0.3)
    for name in ("building", "vegetation", "pole"):
        x, y, z = all_vertices(solid, name).T
        assert not (shapely.contains_xy(road, x, y) & (z < 4.0)).any(), name
    land = all_vertices(solid, "terrain")
    near = np.abs(np.linalg.norm(land[:, :2], axis=1) - 80.0) < 6.0
    assert (land[near, 2] < 0.0).all()


@given(st.floats(2.0, 30.0), st.floats(0.3, 1.5), st.integers(0, 11), st.integers(0, 20))
@settings(max_examples=40, deadline=None)
def test_no_crown_reaches_over_the_road(away: float, size: float, kind: int, seed: int) -> None:
    plan = plan_site(ring_road())
    look = appearance_of(sample_domain(seed))
    land = shape_land(plan.origin, plan.clearance, look)
    trees = tree_kinds(look)
    at = RING[10:11] * ((83.5 + away) / 80.0)
    planted = fitted(trees, Spots(at, np.array([size]), np.array([kind])), land)
    crown = np.linalg.norm(trees[kind % len(trees)].mesh.vertices["position"][:, :2], axis=1).max() * planted.size[0]
    assert 0.0 < planted.size[0] <= size
    assert crown < away


def test_the_same_seed_builds_the_same_scene_and_another_does_not(plan: SitePlan) -> None:
    def bytes_of(seed: int) -> bytes:
        scene = build_scene(plan, appearance_of(Domain(appearance_seed=seed)))
        return b"".join(cell.mesh.vertices.tobytes() for cell in scene.solid)

    assert bytes_of(4) == bytes_of(4)
    assert bytes_of(4) != bytes_of(5)


def test_the_driver_sees_the_red_face_of_the_stop_sign() -> None:
    sign = stop_sign(Pose2(10.0, -4.0, 0.0))
    front = sign.vertices[sign.vertices["uv"][:, 2] == LAYER["stop_sign"]]
    np.testing.assert_allclose(front["normal"], np.tile((-1.0, 0.0, 0.0), (len(front), 1)), atol=1e-6)
    left_edge = front[np.argmax(front["position"][:, 1])]
    assert left_edge["uv"][0] == pytest.approx(0.0, abs=1e-6)
    assert front["position"][:, 2].mean() == pytest.approx(STOP_SIGN_CENTRE_M, abs=0.05)


def test_stop_is_written_in_white_on_red() -> None:
    picture = draw_bank(appearance_of(Domain()))[LAYER["stop_sign"]].astype(int)
    middle = picture[96:160, 40:216]
    white = (middle[..., :3].min(axis=2) > 180).mean()
    red = ((middle[..., 0] > 140) & (middle[..., 1] < 90)).mean()
    assert 0.2 < white < 0.7
    assert red > 0.25
    assert (picture[:8, :8, 3] == 0).all()


@pytest.mark.parametrize("seed", range(4))
def test_every_layer_has_contrast_and_differs_between_seeds(seed: int) -> None:
    first, second = (draw_bank(appearance_of(Domain(appearance_seed=s))) for s in (seed, seed + 100))
    assert first.shape[0] == len(LAYERS)
    for index, name in enumerate(LAYERS):
        assert first[index, ..., :3].std() > 0.5, name
        assert (first[index] != second[index]).mean() > 0.02, name


def test_clouds_soften_shadows_fog_hides_and_night_is_dark() -> None:
    clear, cloudy = (appearance_of(Domain(cloudiness=c)).light for c in (0.0, 1.0))
    assert cloudy.shade < 0.6 * clear.shade
    assert sum(cloudy.sun) < 0.3 * sum(clear.sun)
    assert appearance_of(Domain(fog=1.0)).light.haze_density > 20 * clear.haze_density
    night = appearance_of(Domain(sun_elevation_deg=-9.0)).light
    assert sum(night.sun) + sum(night.sky) < 0.4 * (sum(clear.sun) + sum(clear.sky))
    assert night.night == pytest.approx(1.0)
    brighter = appearance_of(Domain(exposure=2.0)).light
    assert sum(brighter.sun) > 1.3 * sum(appearance_of(Domain()).light.sun)


@pytest.mark.parametrize(
    ("blueprint", "size", "style"),
    [
        ("vehicle.tesla.model3", (4.8, 2.1, 1.5), "saloon"),
        ("vehicle.audi.a2", (3.7, 1.8, 1.5), "hatchback"),
        ("vehicle.nissan.patrol", (4.6, 1.9, 1.85), "suv"),
        ("vehicle.mercedes.sprinter", (5.9, 2.0, 2.6), "van"),
        ("vehicle.carlamotors.firetruck", (8.5, 2.9, 3.8), "truck"),
        ("vehicle.bh.crossbike", (1.5, 0.6, 1.6), "cycle"),
        ("vehicle.unheard.of", (4.9, 2.0, 1.75), "suv"),
    ],
)
def test_a_blueprint_gets_a_body_of_its_kind(blueprint: str, size: tuple[float, float, float], style: str) -> None:
    assert vehicle_style(blueprint, size) == style


ACTORS = [
    ActorState(1, "vehicle", name, Pose2(0, 0, 0), size)
    for name, size in (
        ("vehicle.tesla.model3", (4.8, 2.1, 1.5)),
        ("vehicle.audi.a2", (3.7, 1.8, 1.5)),
        ("vehicle.nissan.patrol", (4.6, 1.9, 1.85)),
        ("vehicle.mercedes.sprinter", (5.9, 2.0, 2.6)),
        ("vehicle.carlamotors.firetruck", (8.5, 2.9, 3.8)),
        ("vehicle.bh.crossbike", (1.5, 0.6, 1.6)),
    )
] + [
    ActorState(1, "obstacle", f"static.prop.{name}", Pose2(0, 0, 0), (1.0, 1.0, 1.0))
    for name in ("trafficcone01", "streetbarrier", "container", "box02", "barrel", "chainbarrier", "ironplank", "other")
]


@pytest.mark.parametrize("actor", ACTORS, ids=lambda actor: actor.blueprint)
def test_a_model_fills_the_size_it_claims_and_is_of_one_class(actor: ActorState) -> None:
    model = model_of(actor)
    position = model.mesh().vertices["position"]
    np.testing.assert_allclose(np.ptp(position, axis=0), model.size, rtol=0.2, atol=0.1)
    assert position[:, 2].min() == pytest.approx(0.0, abs=0.01)
    assert set(np.unique(model.mesh().vertices["surface"][:, 0])) == {ID[actor.kind]}


def test_a_walker_strides_and_one_who_stands_does_not() -> None:
    def keys(speed: float) -> set[object]:
        places = [Pose2(x, 0.0, 0.0) for x in np.arange(0.0, 1.4, 0.1)]
        return {
            model_of(ActorState(1, "pedestrian", "walker.pedestrian.0001", p, (0.5, 0.5, 1.8), speed)).key
            for p in places
        }

    assert len(keys(1.4)) == 6
    assert len(keys(0.0)) == 1
