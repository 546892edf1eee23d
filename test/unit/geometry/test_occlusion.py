import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.geometry.camera import CameraModel, CameraMount
from sim2real_ad.geometry.occlusion import hidden_by
from sim2real_ad.observation.spec import BevSpec

SPEC = BevSpec()
CAMERA = CameraModel.from_fov(320, 180, 90.0, CameraMount(x=1.6, z=1.5))


def standing_at(x: float, y: float, surety: float = 1.0) -> np.ndarray:
    near = np.abs(SPEC.cell_centres() - (x, y)).max(axis=-1) <= 1.0
    return np.where(near, surety, 0.0).astype(np.float32)


def at(layer: np.ndarray, x: float, y: float) -> float:
    row, column = np.round(SPEC.cells_from_base(np.array([x, y]))).astype(int)
    return float(layer[row, column])


def test_ground_behind_a_tall_thing_is_hidden_to_the_end_and_ground_before_it_is_not():
    hidden = hidden_by(standing_at(15.0, 0.0), 1.5, CAMERA, SPEC)
    assert at(hidden, 15.0, 0.0) == 1.0
    assert at(hidden, 46.0, 0.0) == 1.0
    assert at(hidden, 12.0, 0.0) == 0.0
    assert at(hidden, 30.0, 8.0) == 0.0


def test_the_shadow_lies_along_the_line_of_sight_from_the_camera():
    hidden = hidden_by(standing_at(11.6, 4.0), 1.5, CAMERA, SPEC)
    assert at(hidden, 21.6, 8.0) == pytest.approx(1.0)
    assert at(hidden, 31.6, 4.0) == 0.0


def test_the_shadow_starts_at_the_camera_and_not_at_the_car():
    aside = CameraModel.from_fov(320, 180, 90.0, CameraMount(x=1.6, y=-3.0, z=1.5))
    hidden = hidden_by(standing_at(11.6, 0.0), 1.5, aside, SPEC)
    assert at(hidden, 31.6, 6.0) == pytest.approx(1.0)
    assert at(hidden, 31.6, 0.0) == 0.0


def test_a_low_thing_hides_only_as_far_as_the_line_of_sight_over_its_top():
    low = hidden_by(standing_at(11.0, 0.0), 0.5, CAMERA, SPEC)
    # The far side, 12 m ahead and 10.4 m off, hides ground to 10.4 m / (1 - 0.5 / 1.5) = 15.6 m off, 17.2 m ahead.
    assert at(low, 16.5, 0.0) == pytest.approx(1.0, abs=0.05)
    assert at(low, 18.5, 0.0) == pytest.approx(0.0, abs=0.05)


@settings(max_examples=20)
@given(st.floats(8.0, 40.0), st.floats(-10.0, 10.0), st.floats(0.1, 1.0), st.floats(0.3, 3.0))
def test_no_ground_is_hidden_more_surely_than_the_thing_is_there(x, y, surety, height):
    standing = standing_at(x, y, surety)
    hidden = hidden_by(standing, height, CAMERA, SPEC)
    assert hidden.max() <= surety + 1e-5
    assert (hidden >= standing).all(), "a thing hides what it stands on"


def test_where_nothing_stands_nothing_is_hidden():
    assert not hidden_by(np.zeros(SPEC.shape[1:], np.float32), 1.5, CAMERA, SPEC).any()
