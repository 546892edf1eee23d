import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.errors import CalibrationError
from sim2real_ad.geometry.camera import (
    CameraModel,
    CameraMount,
    camera_from_mapping,
    check_camera,
    load_camera,
)

MOUNT = CameraMount(x=1.5, z=1.4)
CAMERA = CameraModel.from_fov(640, 360, 90.0, MOUNT)
BARREL = (-0.3, 0.0, 0.001, -0.001, 0.0)


def pixel(camera, *point):
    pixels, visible = camera.project(np.array([point]))
    return pixels[0], bool(visible[0])


def test_a_point_straight_ahead_of_the_lens_lands_on_the_principal_point():
    where, visible = pixel(CAMERA, 21.5, 0.0, 1.4)
    assert where == pytest.approx([320.0, 180.0])
    assert visible


def test_left_is_left_and_the_ground_is_below_the_horizon():
    assert pixel(CAMERA, 11.5, 2.0, 1.4)[0] == pytest.approx([320.0 - 64.0, 180.0])
    assert pixel(CAMERA, 11.5, 0.0, 0.0)[0] == pytest.approx([320.0, 180.0 + 1.4 * 32.0])


def test_at_half_the_field_of_view_lies_the_edge_of_the_picture():
    assert pixel(CAMERA, 11.5, 9.99, 1.4)[1]
    assert not pixel(CAMERA, 11.5, 10.01, 1.4)[1]
    assert pixel(CAMERA, 11.5, -9.99, 1.4)[1]
    assert not pixel(CAMERA, 11.5, -10.01, 1.4)[1]


def test_what_lies_behind_or_at_the_lens_is_not_seen_and_does_not_divide_by_zero():
    pixels, visible = CAMERA.project(np.array([[-20.0, 0.0, 1.4], [1.5, 0.0, 1.4], [1.55, 0.0, 1.4]]))
    assert not visible.any()
    assert np.isfinite(pixels).all()


def test_no_points_give_no_pixels():
    pixels, visible = CAMERA.project(np.zeros((0, 3)))
    assert pixels.shape == (0, 2)
    assert visible.shape == (0,)


@pytest.mark.parametrize(
    ("change", "moves"),
    [({"pitch_deg": 5.0}, (0, -1)), ({"yaw_deg": 5.0}, (1, 0))],
    ids=["nose down lifts the scene", "a look to the left moves the scene right"],
)
def test_turning_the_camera_moves_the_scene_the_other_way(change, moves):
    turned = CAMERA.model_copy(update={"mount": MOUNT.model_copy(update=change)})
    shift = pixel(turned, 21.5, 0.0, 1.4)[0] - pixel(CAMERA, 21.5, 0.0, 1.4)[0]
    assert tuple(np.sign(np.round(shift, 6))) == moves
    assert np.abs(shift).max() == pytest.approx(320.0 * math.tan(math.radians(5.0)))


def test_rolling_right_side_down_turns_the_scene_counter_clockwise():
    rolled = CAMERA.model_copy(update={"mount": MOUNT.model_copy(update={"roll_deg": 10.0})})
    right = pixel(rolled, 11.5, -3.0, 1.4)[0]
    assert right[1] < 180.0


@given(st.floats(-45, 45), st.floats(-45, 45), st.floats(-90, 90))
def test_the_mounts_rotation_is_a_rotation(roll, pitch, yaw):
    rotation = CameraMount(x=0.0, z=1.0, roll_deg=roll, pitch_deg=pitch, yaw_deg=yaw).rotation_base_from_body()
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


@given(st.floats(15.0, 150.0), st.integers(16, 4000))
def test_the_field_of_view_comes_back(fov, width):
    assert CameraModel.from_fov(width, 400, fov, MOUNT).fov_deg == pytest.approx(fov)


def test_a_resized_picture_sees_the_same_rays():
    points = np.array([[11.5, 2.0, 0.0], [30.0, -5.0, 2.0]])
    half = CAMERA.scaled(320, 180)
    assert half.project(points)[0] * 2.0 == pytest.approx(CAMERA.project(points)[0])
    assert half.fov_deg == pytest.approx(CAMERA.fov_deg)
    assert CAMERA.scaled(640, 360) == CAMERA


def test_a_cropped_picture_is_refused_with_both_sizes():
    with pytest.raises(CalibrationError, match="640x360, the image is 640x480"):
        CAMERA.scaled(640, 480)
    assert CAMERA.scaled(642, 360).width == 642


@pytest.mark.parametrize("size", [(0, 0), (640, 0), (-640, -360), (8, 4), (16384, 9216)])
def test_a_size_that_no_picture_has_is_refused(size):
    with pytest.raises(CalibrationError, match=f"{size[0]}x{size[1]}"):
        CAMERA.scaled(*size)


def test_rays_that_distortion_folds_back_into_the_picture_are_not_seen():
    folded = CAMERA.model_copy(update={"distortion": BARREL})
    angles = np.radians(np.arange(1.0, 89.0))
    points = np.stack((1.5 + 10.0 * np.cos(angles), -10.0 * np.sin(angles), np.full(88, 1.4)), axis=1)
    pixels, visible = folded.project(points)
    seen = pixels[visible, 0]
    assert len(seen) > 30
    assert (np.diff(seen) > 0).all(), "what is seen is seen once, in order"
    assert np.diff(np.flatnonzero(visible)).max() == 1


def test_a_mild_lens_shows_its_whole_picture():
    mild = CAMERA.model_copy(update={"distortion": (-0.05, 0.0, 0.0, 0.0, 0.0)})
    corner = np.array([[11.5, y, z] for y in (-10.2, 10.2) for z in (1.4 - 5.7, 1.4 + 5.7)])
    pixels, visible = mild.project(corner)
    inside = (np.abs(pixels - (320, 180)) < (320, 180)).all(axis=1)
    assert inside.any()
    assert (visible == inside).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cx": -1.0}, r"principal point \(-1.0, 180.0\) lies outside 640x360"),
        ({"cy": 400.0}, "principal point"),
        ({"fx": 3000.0}, "horizontal field of view 12.2 deg is outside 15..160"),
        ({"fx": 20.0}, "horizontal field of view 172.8 deg"),
    ],
)
def test_a_calibration_that_cannot_be_real_is_refused_with_its_source(change, message):
    with pytest.raises(CalibrationError, match=f"cam.yaml: {message}"):
        check_camera(CAMERA.model_copy(update=change), "cam.yaml")
    mapping = {**CAMERA.model_dump(), **change}
    with pytest.raises(CalibrationError, match=message):
        camera_from_mapping(mapping, "cam.yaml")


def test_a_mapping_makes_the_camera_that_made_it():
    assert camera_from_mapping(CAMERA.model_dump(), "bag") == CAMERA
    assert camera_from_mapping(CAMERA.model_dump(mode="json"), "bag") == CAMERA


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "width"),
        ({"fx": math.nan}, "fx"),
        ({"distortion": (0.0, 0.0)}, "distortion"),
        ({"mount": {"x": 1.0}}, r"mount\.z: Field required"),
        ({"lens": "wide"}, "lens"),
    ],
)
def test_a_wrong_mapping_is_a_calibration_error_that_names_the_key(change, message):
    with pytest.raises(CalibrationError, match=f"bag: .*{message}"):
        camera_from_mapping({**CAMERA.model_dump(), **change}, "bag")


def test_the_shipped_camera_loads_and_an_unknown_one_is_refused(tmp_path):
    assert load_camera("default").width > 0
    with pytest.raises(CalibrationError, match=r"no 'nope'; known names: .*default"):
        load_camera("nope")
    (tmp_path / "broken.yaml").write_text("width: [")
    with pytest.raises(CalibrationError, match=r"broken.yaml is not valid YAML"):
        load_camera(str(tmp_path / "broken.yaml"))


BONNET = ((0.0, 330.0), (320.0, 310.0), (640.0, 330.0), (640.0, 400.0), (0.0, 400.0))


def with_bonnet() -> CameraModel:
    return check_camera(CAMERA.model_copy(update={"own_body": BONNET}), "cam.yaml")


def test_ground_behind_the_own_bonnet_is_not_seen_and_ground_beyond_it_is():
    reach = CAMERA.fx * MOUNT.z
    below, above = (1.5 + reach / (row - CAMERA.cy) for row in (335.0, 300.0))
    assert pixel(CAMERA, below, 0.0, 0.0)[1]
    assert not pixel(with_bonnet(), below, 0.0, 0.0)[1]
    assert pixel(with_bonnet(), above, 0.0, 0.0)[1]


@given(x=st.floats(0.0, 639.9), y=st.floats(0.0, 359.9), factor=st.sampled_from([0.5, 2.0]))
def test_the_own_body_grows_and_shrinks_with_the_picture(x, y, factor):
    resized = with_bonnet().scaled(round(640 * factor), round(360 * factor))
    edge = min(310.0 + 20.0 * abs(x - 320.0) / 320.0, 360.0)
    if abs(y - edge) > 3.0:
        assert resized.on_own_body(np.array([[x, y]]) * factor)[0] == (y > edge)


def test_beyond_the_picture_is_no_body():
    assert not with_bonnet().on_own_body(np.array([[320.0, 365.0], [-1.0, 350.0], [700.0, 350.0], [1e9, -1e9]])).any()


@pytest.mark.parametrize(
    ("corners", "message"),
    [
        (BONNET[:2], r"own_body has 2 corners, an outline has at least 3"),
        ([(0, 100), (640, 100), (640, 360), (0, 360)], r"own_body covers 7\d% of the 640x360 picture, .* at most 40%"),
        ([(700, 100), (800, 100), (800, 360)], r"own_body covers 0% of the 640x360 picture, must be more than 0"),
    ],
    ids=["no outline", "most of the picture", "beside the picture"],
)
def test_an_own_body_that_cannot_be_is_refused(corners, message):
    with pytest.raises(CalibrationError, match=rf"cam\.yaml: {message}"):
        camera_from_mapping({**CAMERA.model_dump(), "own_body": corners}, "cam.yaml")
