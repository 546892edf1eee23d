from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from sim2real_ad.errors import CalibrationError, WorldError
from sim2real_ad.geometry.camera import CameraModel, CameraMount
from sim2real_ad.geometry.frames import base_from_map, map_from_base
from sim2real_ad.types import Pose2
from sim2real_ad.world.protocol import SEMANTIC_CLASSES, ActorState, SceneGeometry
from sim2real_ad.world.randomization import Domain

pytest.importorskip("panda3d", reason="the embedded world's camera needs the sim extra")

from sim2real_ad.world.embedded.renderer import PandaRenderer

pytestmark = pytest.mark.render

MOUNT = CameraMount(x=1.6, z=1.45, pitch_deg=4.0)
CAMERA = CameraModel.from_fov(320, 180, 90.0, MOUNT)
ID = {name: index for index, name in enumerate(SEMANTIC_CLASSES)}
START = Pose2(20.0, -1.75, 0.0)


def straight_road() -> SceneGeometry:
    """A two-lane road along x with a pavement on the right, a stop line at x = 45 and its sign."""

    def strip(low: float, high: float) -> np.ndarray:
        return np.array([(-20.0, low), (150.0, low), (150.0, high), (-20.0, high)])

    def line(y: float) -> np.ndarray:
        return np.array([(-20.0, y), (150.0, y)])

    return SceneGeometry(
        drivable=(strip(-3.5, 0.0), strip(0.0, 3.5)),
        pavement=(strip(-5.5, -3.5),),
        marking_lines=((line(0.0), 0.12, True, False), (line(3.4), 0.12, False, True)),
        stop_lines=(np.array([(45.0, -3.5), (45.4, -3.5), (45.4, 0.0), (45.0, 0.0)]),),
        stop_signs=(Pose2(46.0, -4.6, 0.0),),
        building_sites=tuple(Pose2(float(x), y, 0.0) for x in range(0, 120, 16) for y in (-16.0, 16.0)),
        bounds=(-20.0, -25.0, 150.0, 25.0),
    )


@pytest.fixture(scope="module")
def renderer() -> Iterator[PandaRenderer]:
    made = PandaRenderer(CAMERA.width, CAMERA.height)
    made.load_scene(straight_road(), Domain())
    yield made
    made.close()


def ids_seen(renderer: PandaRenderer, actors: tuple[ActorState, ...] = (), camera: CameraModel = CAMERA) -> np.ndarray:
    semantic = renderer.render(camera, START, actors, semantic=True).semantic
    assert semantic is not None
    return semantic


def box(kind: str, blueprint: str, pose: Pose2, size: tuple[float, float, float]) -> ActorState:
    return ActorState(7, kind, blueprint, pose, size, colour=(200, 30, 30))  # type: ignore[arg-type]


def test_picture_and_ids_have_the_camera_size_and_known_classes(renderer: PandaRenderer) -> None:
    view = renderer.render(CAMERA, Pose2(37.0, -1.75, 0.0), (), semantic=True)
    assert view.rgb.shape == (180, 320, 3)
    assert view.rgb.dtype == np.uint8
    assert view.rgb.flags.c_contiguous
    assert view.semantic is not None
    assert view.semantic.shape == (180, 320)
    assert {"sky", "drivable", "lane_marking", "stop_line", "pavement", "terrain", "stop_sign", "pole"} <= {
        SEMANTIC_CLASSES[i] for i in np.unique(view.semantic)
    }


def test_without_semantics_the_picture_is_the_same_and_ids_are_absent(renderer: PandaRenderer) -> None:
    plain = renderer.render(CAMERA, START, ())
    assert plain.semantic is None
    np.testing.assert_array_equal(plain.rgb, renderer.render(CAMERA, START, (), semantic=True).rgb)


CAMERAS = {
    "centred": CAMERA,
    "off-centre": CAMERA.model_copy(update={"cx": 131.0, "cy": 104.0}),
    "anamorphic": CAMERA.model_copy(update={"fx": 210.0, "fy": 150.0}),
    "turned": CAMERA.model_copy(
        update={"mount": CameraMount(x=1.2, y=0.3, z=1.9, roll_deg=5.0, pitch_deg=9.0, yaw_deg=-7.0)}
    ),
}


def assert_fills(mask: np.ndarray, corners: np.ndarray) -> None:
    """The class fills the convex outline of projected corners (N, 2), to one pixel."""
    hull = cv2.convexHull(corners.astype(np.float32)).reshape(-1, 2)
    y, x = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]] + 0.5
    inside = np.full(mask.shape, np.inf)
    for a, b in zip(hull, np.roll(hull, -1, axis=0), strict=True):
        along = (b - a) / np.linalg.norm(b - a)
        inside = np.minimum(inside, along[0] * (y - a[1]) - along[1] * (x - a[0]))
    assert (inside > 1.0).any(), "too small to judge"
    assert mask[inside > 1.0].all()
    assert not mask[inside < -1.0].any()


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS.keys())
def test_the_stop_line_lies_where_the_camera_model_projects_it(renderer: PandaRenderer, camera: CameraModel) -> None:
    base = Pose2(40.0, -1.6, 0.06)
    semantic = renderer.render(camera, base, (), semantic=True).semantic
    assert semantic is not None
    quad = base_from_map(straight_road().stop_lines[0], base)
    pixels, seen = camera.project(np.column_stack((quad, np.zeros(4))))
    assert seen.all()
    assert_fills(semantic == ID["stop_line"], pixels)


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS.keys())
def test_a_parcel_fills_exactly_its_box(renderer: PandaRenderer, camera: CameraModel) -> None:
    actor = box("obstacle", "static.prop.box01", Pose2(29.0, -2.4, 0.4), (1.2, 0.8, 1.0))
    corners = np.array([(x, y) for x in (-0.6, 0.6) for y in (-0.4, 0.4)])
    ground = base_from_map(map_from_base(corners, actor.pose), START)
    points = np.concatenate([np.column_stack((ground, np.full(4, z))) for z in (0.0, 1.0)])
    pixels, seen = camera.project(points)
    assert seen.all()
    assert_fills(ids_seen(renderer, (actor,), camera) == ID["obstacle"], pixels)


@pytest.mark.parametrize("roll_deg", [-4.0, 3.0])
def test_a_rolling_body_is_a_camera_rolled_about_base_link(renderer: PandaRenderer, roll_deg: float) -> None:
    roll = math.radians(roll_deg)
    level = CAMERA.model_copy(update={"mount": CameraMount(x=1.6, z=1.45)})
    tilted = CameraMount(x=1.6, y=-1.45 * math.sin(roll), z=1.45 * math.cos(roll), roll_deg=roll_deg)
    banked = renderer.render(level, START, (), semantic=True, ego_bank=(0.0, roll)).semantic
    mounted = ids_seen(renderer, (), CAMERA.model_copy(update={"mount": tilted}))
    assert (banked == mounted).mean() > 0.999
    assert (banked == ids_seen(renderer, (), level)).mean() < 0.98


def test_a_pitching_body_lowers_and_turns_the_camera(renderer: PandaRenderer) -> None:
    pitch = math.radians(2.0)
    x, z = 1.6 * math.cos(pitch) + 1.45 * math.sin(pitch), 1.45 * math.cos(pitch) - 1.6 * math.sin(pitch)
    dipped = CAMERA.model_copy(update={"mount": CameraMount(x=x, z=z, pitch_deg=6.0)})
    banked = renderer.render(CAMERA, START, (), semantic=True, ego_bank=(pitch, 0.0)).semantic
    assert (banked == ids_seen(renderer, (), dipped)).mean() > 0.999


def test_every_kind_of_actor_appears_as_its_class(renderer: PandaRenderer) -> None:
    ahead = Pose2(30.0, -1.75, math.pi)
    for kind, blueprint, size in (
        ("vehicle", "vehicle.tesla.model3", (4.7, 1.85, 1.45)),
        ("pedestrian", "walker.pedestrian.0009", (0.5, 0.5, 1.8)),
        ("obstacle", "static.prop.trafficcone01", (0.5, 0.5, 0.8)),
    ):
        seen = (ids_seen(renderer, (box(kind, blueprint, ahead, size),)) == ID[kind]).sum()
        assert seen > 20, kind
        assert not (ids_seen(renderer) == ID[kind]).any()


def test_shadows_leave_the_ids_alone(renderer: PandaRenderer) -> None:
    empty = ids_seen(renderer)
    seen = ids_seen(renderer, (box("vehicle", "vehicle.audi.a2", Pose2(32.0, -1.75, 0.0), (3.7, 1.8, 1.5)),))
    changed = seen[seen != empty]
    assert set(np.unique(changed)) == {ID["vehicle"]}


def test_the_actor_takes_its_colour(renderer: PandaRenderer) -> None:
    def paint(colour: tuple[int, int, int]) -> np.ndarray:
        car = ActorState(3, "vehicle", "vehicle.tesla.model3", Pose2(29.0, -1.75, 0.0), (4.7, 1.85, 1.45), 0.0, colour)
        view = renderer.render(CAMERA, START, (car,), semantic=True)
        assert view.semantic is not None
        return np.asarray(view.rgb[view.semantic == ID["vehicle"]].mean(axis=0))

    red, blue = paint((220, 20, 20)), paint((20, 20, 220))
    assert red[0] > red[2] + 15
    assert blue[2] > blue[0] + 15


def test_seeds_look_different(renderer: PandaRenderer) -> None:
    pictures = []
    for seed in (1, 2):
        renderer.load_scene(straight_road(), Domain(appearance_seed=seed))
        pictures.append(renderer.render(CAMERA, START, ()).rgb.astype(int))
    renderer.load_scene(straight_road(), Domain())
    assert np.abs(pictures[0] - pictures[1]).mean() > 8.0


def test_raw_bytes_are_the_picture_in_bgra_top_row_first(renderer: PandaRenderer) -> None:
    raw = renderer.render_raw(CAMERA, START, ()).bgra_bytes()
    bgra = np.frombuffer(raw, np.uint8).reshape(180, 320, 4)
    np.testing.assert_array_equal(bgra[:, :, 2::-1], renderer.render(CAMERA, START, ()).rgb)


def test_a_picture_outlives_the_next_one(renderer: PandaRenderer) -> None:
    first = renderer.render(CAMERA, START, (), semantic=True)
    copy = first.rgb.copy()
    renderer.render(CAMERA, Pose2(60.0, 1.0, 2.0), (), semantic=True)
    np.testing.assert_array_equal(first.rgb, copy)


def test_a_camera_of_another_size_is_refused(renderer: PandaRenderer) -> None:
    with pytest.raises(CalibrationError, match=r"640x360.*320x180"):
        renderer.render(CAMERA.scaled(640, 360), START, ())


def test_a_distorted_camera_is_refused(renderer: PandaRenderer) -> None:
    bent = CAMERA.model_copy(update={"distortion": (-0.1, 0.0, 0.0, 0.0, 0.0)})
    with pytest.raises(CalibrationError, match="distortion"):
        renderer.render(bent, START, ())


def test_order_of_use_is_checked() -> None:
    early = PandaRenderer(64, 36)
    with pytest.raises(WorldError, match="load_scene"):
        early.render(CameraModel.from_fov(64, 36, 90.0, MOUNT), START, ())
    early.close()
    early.close()
    with pytest.raises(WorldError, match="close"):
        early.load_scene(straight_road(), Domain())
