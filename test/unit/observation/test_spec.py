import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.config import check_config
from sim2real_ad.errors import ConfigError
from sim2real_ad.observation.spec import CHANNELS, BevSpec, ObservationSpec
from sim2real_ad.types import Observation

SPEC = ObservationSpec()


def observation(spec=SPEC):
    channels, height, width = spec.bev.shape
    return Observation(
        stamp_ns=0,
        bev=np.zeros((channels, height, width), np.uint8),
        validity=np.zeros((height, width), np.uint8),
        history=np.zeros((len(spec.history_s), channels, height, width), np.uint8),
        ego=np.zeros(len(spec.ego_features), np.float32),
        route=np.zeros((spec.route_points, 2), np.float32),
        speed_limit=8.0,
    )


def test_row_0_is_farthest_ahead_and_column_0_farthest_left():
    centres = BevSpec().cell_centres()
    assert BevSpec().shape == (6, 96, 64)
    assert centres.shape == (96, 64, 2)
    assert tuple(centres[0, 0]) == (47.75, 15.75)
    assert tuple(centres[-1, -1]) == (0.25, -15.75)


@given(
    st.integers(-20, 20),
    st.integers(1, 40),
    st.integers(-20, 20),
    st.integers(1, 40),
    st.sampled_from([0.1, 0.2, 0.25, 0.3, 0.5, 1.0]),
)
def test_the_centres_of_cells_are_whole_cells_and_back(x_cells, height, y_cells, width, resolution):
    spec = BevSpec(
        x_min=x_cells * resolution,
        x_max=(x_cells + height) * resolution,
        y_min=y_cells * resolution,
        y_max=(y_cells + width) * resolution,
        resolution=resolution,
    )
    assert spec.shape[1:] == (height, width)
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    assert spec.cells_from_base(spec.cell_centres()) == pytest.approx(np.stack((rows, columns), -1), abs=1e-6)


def test_corners_of_the_extent_are_half_a_cell_beyond_the_outer_centres():
    spec = BevSpec()
    assert spec.cells_from_base(np.array([[48.0, 16.0], [0.0, -16.0]])) == pytest.approx(
        np.array([[-0.5, -0.5], [95.5, 63.5]])
    )


def test_a_channel_is_found_by_name():
    assert [BevSpec().index(name) for name in CHANNELS] == list(range(len(CHANNELS)))
    with pytest.raises(ValueError, match="smoke"):
        BevSpec().index("smoke")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_max": 48.2}, r"extent 0.0..48.2 m is not a whole number of 0.5 m cells"),
        ({"y_min": 16.0}, r"extent 16.0..16.0 m"),
        ({"x_max": -3.0}, r"extent 0.0..-3.0 m"),
        ({"resolution": 0.0}, "resolution"),
        ({"channels": ()}, "channels"),
        ({"channels": ("vehicle", "vehicle")}, "channels"),
        ({"depth": 3}, "depth"),
    ],
)
def test_an_impossible_grid_is_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        check_config(change, BevSpec, "spec")


@pytest.mark.parametrize(
    "change",
    [
        {"history_s": (0.0, 0.5)},
        {"history_s": (-0.25,)},
        {"route_points": 0},
        {"route_spacing": 0.0},
        {"route_spacing": -1.0},
    ],
)
def test_an_impossible_observation_is_refused(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        check_config(change, ObservationSpec, "spec")


@pytest.mark.parametrize(
    "change",
    [
        {"history_s": (0.25,)},
        {"ego_features": ("speed",)},
        {"route_points": 23},
        {"route_spacing": 2.5},
        {"bev": BevSpec(x_max=47.5)},
        {"bev": BevSpec(channels=CHANNELS[::-1])},
    ],
)
def test_every_field_counts_in_the_fingerprint(change):
    assert ObservationSpec(**change).fingerprint != SPEC.fingerprint


def test_the_fingerprint_survives_a_round_trip_and_a_new_process():
    again = ObservationSpec.model_validate_json(SPEC.model_dump_json())
    assert again == SPEC
    assert again.fingerprint == SPEC.fingerprint == ObservationSpec().fingerprint
    assert len(SPEC.fingerprint) == 16


def test_a_copy_with_another_field_has_its_own_fingerprint():
    assert SPEC.fingerprint
    assert SPEC.model_copy(update={"route_points": 3}).fingerprint != SPEC.fingerprint


def test_an_observation_of_the_spec_is_accepted():
    SPEC.validate_observation(observation())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bev", np.zeros((6, 96, 63), np.uint8)),
        ("bev", np.zeros((6, 96, 64), np.float32)),
        ("validity", np.zeros((96, 64), bool)),
        ("history", np.zeros((1, 6, 96, 64), np.uint8)),
        ("ego", np.zeros(6, np.float64)),
        ("ego", np.array([0, 0, 0, 0, 0, np.nan], np.float32)),
        ("route", np.zeros((24, 3), np.float32)),
        ("route", np.full((24, 2), np.inf, np.float32)),
        ("ood", 1.1),
        ("ood", float("nan")),
        ("speed_limit", float("nan")),
        ("speed_limit", -1.0),
    ],
)
def test_an_observation_of_another_spec_is_refused_by_field(field, value):
    with pytest.raises(ValueError, match=rf"observation\.{field}"):
        SPEC.validate_observation(dataclasses.replace(observation(), **{field: value}))
