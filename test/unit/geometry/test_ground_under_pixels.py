import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.geometry.camera import CameraModel, CameraMount
from sim2real_ad.geometry.ground import ground_under_pixels, horizon

LENSES = ((0.0,) * 5, (-0.25, 0.04, 0.001, -0.001, 0.0), (0.12, -0.02, 0.0, 0.0005, 0.0))

mounts = st.builds(
    CameraMount,
    x=st.floats(-1.0, 3.0),
    y=st.floats(-1.0, 1.0),
    z=st.floats(0.6, 3.0),
    roll_deg=st.floats(-5.0, 5.0),
    pitch_deg=st.floats(-10.0, 20.0),
    yaw_deg=st.floats(-30.0, 30.0),
)


def camera_of(mount: CameraMount, lens: tuple = LENSES[0], fov_deg: float = 80.0) -> CameraModel:
    return CameraModel.from_fov(96, 54, fov_deg, mount).model_copy(update={"distortion": lens})


LEVEL = camera_of(CameraMount(x=1.6, z=1.45))


@settings(max_examples=40)
@given(mount=mounts, lens=st.sampled_from(LENSES), fov_deg=st.floats(40.0, 100.0))
def test_the_ground_under_a_pixel_is_projected_back_into_its_centre(mount, lens, fov_deg):
    camera = camera_of(mount, lens, fov_deg)
    ground = ground_under_pixels(camera)
    rows, columns = np.nonzero(np.isfinite(ground).all(axis=-1))
    # Metres held as float32 are good to a thousandth of a pixel nearer than a kilometre.
    near = np.hypot(*(ground[rows, columns] - (mount.x, mount.y)).T) < 1000.0
    rows, columns = rows[near], columns[near]
    points = np.column_stack((ground[rows, columns], np.zeros(len(rows))))
    pixels, seen = camera.project(points)
    assert np.all(np.abs(pixels - np.column_stack((columns, rows)) - 0.5) < 0.01)
    assert seen.all()


@settings(max_examples=40)
@given(mount=mounts, lens=st.sampled_from(LENSES), ahead=st.floats(4.0, 20.0), side=st.floats(-8.0, 8.0))
def test_every_visible_point_of_the_ground_is_under_the_pixel_that_shows_it(mount, lens, ahead, side):
    camera = camera_of(mount, lens)
    point = np.array([[ahead, side, 0.0]])
    pixels, seen = camera.project(point)
    if not seen[0]:
        return
    found = ground_under_pixels(camera)[int(pixels[0, 1]), int(pixels[0, 0])]
    back = camera.project(np.array([[*found, 0.0]]))[0][0]
    assert np.abs(back - pixels[0]).max() <= 0.51


def test_the_sky_has_no_ground_under_it():
    ground = ground_under_pixels(LEVEL)
    assert np.isnan(ground[:27]).all()
    assert np.isfinite(ground[27:]).all()


def test_ground_lies_where_a_driver_expects_it():
    ground = ground_under_pixels(LEVEL)
    assert ground[40, 10, 1] > 0.0 > ground[40, 85, 1]
    assert ground[30, 48, 0] > ground[50, 48, 0] > LEVEL.mount.x


def test_through_a_barrel_lens_the_lower_corner_shows_nearer_ground():
    barrel = camera_of(LEVEL.mount, LENSES[1])
    straight, bent = ground_under_pixels(LEVEL)[53, 2], ground_under_pixels(barrel)[53, 2]
    assert bent[0] < straight[0] - 0.2


def test_pixels_beyond_what_the_lens_polynomial_can_show_have_no_ground():
    folded = camera_of(LEVEL.mount, (-0.6, 0.0, 0.0, 0.0, 0.0), 90.0)
    ground = ground_under_pixels(folded)
    assert np.isnan(ground[53, 0]).all()
    assert np.isfinite(ground[40, 48]).all()


@pytest.mark.parametrize(("pitch", "row"), [(0.0, 27.0), (10.0, 27.0 - 57.2 * np.tan(np.radians(10.0)))])
def test_the_horizon_rises_as_the_nose_goes_down(pitch, row):
    line = horizon(camera_of(CameraMount(x=1.6, z=1.45, pitch_deg=pitch)))
    assert line[:, 1] == pytest.approx(np.full(len(line), row), abs=0.05)
    assert (np.diff(line[:, 0]) > 0).all(), "from left to right"
    assert line[0, 0] < 1.0
    assert line[-1, 0] > 95.0


def test_a_camera_that_looks_far_to_the_side_sees_the_horizon_from_edge_to_edge():
    line = horizon(camera_of(CameraMount(x=1.6, z=1.45, yaw_deg=85.0)))
    assert line[0, 0] < 1.0
    assert line[-1, 0] > 95.0


def test_a_camera_that_looks_at_its_feet_has_no_horizon():
    assert len(horizon(camera_of(CameraMount(x=1.6, z=1.45, pitch_deg=45.0)))) == 0


@settings(max_examples=25)
@given(mount=mounts, lens=st.sampled_from(LENSES))
def test_ground_is_found_below_the_horizon_and_none_above(mount, lens):
    camera = camera_of(mount, lens)
    line, known = horizon(camera), np.isfinite(ground_under_pixels(camera)[..., 0])
    for x, y in line[:: max(1, len(line) // 20)]:
        column = known[:, int(x)]
        assert not column[: max(0, int(y) - 1)].any()
        assert column[int(y) + 3 : int(y) + 6].all()
