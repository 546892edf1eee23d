"""The error terms say nothing where nothing is wrong, more where more is, and the bound adds them up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.control.vehicle_model import DelayedLag, curvature_from_tire_angle
from sim2real_ad.evaluation.transfer import (
    Actuation,
    BevTally,
    Constants,
    ErrorTerms,
    action_distance,
    actuation_error,
    compare_bevs,
    success_sensitivity,
    transfer_bound,
)
from sim2real_ad.vehicle.profile import FirstOrderActuator, load_vehicle

SALOON = load_vehicle("saloon")
CHANNELS = ("drivable", "vehicle")
TICK_S = 0.05
amounts = st.floats(0.0, 5.0)
actions = st.tuples(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0))


def driven(delay_factor: float = 1.0, lag_factor: float = 1.0, understeer: float = 1.0) -> Actuation:
    """A drive on a winding road whose actuators are so many times as late as the profile says."""
    seconds = np.arange(300) * TICK_S
    angle, wanted = 0.1 * np.sin(seconds), 1.5 * np.sin(0.7 * seconds)
    speed = 8.0 + 2.0 * np.sin(0.2 * seconds)

    def answered(commands: np.ndarray, actuator: FirstOrderActuator) -> np.ndarray:
        late = FirstOrderActuator(delay_s=actuator.delay_s * delay_factor, lag_s=actuator.lag_s * lag_factor)
        lag = DelayedLag(late, TICK_S)
        return np.array([0.0, *(lag.step(float(c)) for c in commands[:-1])])

    gradient = SALOON.understeer_gradient * understeer
    bends = zip(answered(angle, SALOON.steering), speed, strict=True)
    curvature = np.array([curvature_from_tire_angle(a, v, SALOON.wheelbase, gradient) for a, v in bends])
    return Actuation(seconds, angle, wanted, speed, speed * curvature, answered(wanted, SALOON.acceleration))


def test_a_car_that_answers_as_its_profile_says_has_no_actuation_error() -> None:
    error = actuation_error(driven(), SALOON)
    assert error.ticks == 299
    assert error.curvature < 1e-12
    assert error.acceleration < 1e-12


@pytest.mark.parametrize("name", ["delay_factor", "lag_factor", "understeer"])
def test_the_actuation_error_grows_with_what_is_off(name: str) -> None:
    errors = [actuation_error(driven(**{name: factor}), SALOON).action for factor in (1.0, 1.5, 2.5)]
    assert errors[0] < 1e-9 < errors[1] < errors[2]


def test_the_actuation_error_is_in_action_units() -> None:
    drive = driven()
    off = Actuation(**{**vars(drive), "acceleration": drive.acceleration + 0.4, "yaw_rate": drive.yaw_rate + 0.0})
    error = actuation_error(off, SALOON)
    assert error.acceleration == pytest.approx(0.4)
    assert 0.4 / SALOON.action.max_deceleration < error.action < 0.4 / SALOON.action.max_acceleration


def test_a_car_that_stands_has_no_actuation_to_judge() -> None:
    drive = driven()
    standing = Actuation(**{**vars(drive), "speed": np.zeros_like(drive.speed)})
    assert actuation_error(standing, SALOON).ticks == 0
    assert actuation_error(Actuation(*(np.zeros(0),) * 6), SALOON).ticks == 0


def test_a_true_bev_has_no_error_and_unseen_cells_do_not_count() -> None:
    truth = np.zeros((2, 4, 4), np.uint8)
    truth[0, :, :2] = 255
    seen = np.ones((4, 4), bool)
    perfect = compare_bevs(truth, truth, seen, CHANNELS)
    assert (perfect.mean_error, perfect.overlaps["drivable"].iou, perfect.overlaps["vehicle"].iou) == (0.0, 1.0, None)
    wrong = truth.copy()
    wrong[:, 0] = 255 - truth[:, 0]
    seen[0] = False
    assert compare_bevs(wrong, truth, seen, CHANNELS).mean_error == 0.0


def test_overlap_and_error_are_those_counted_by_hand() -> None:
    truth, adapter = np.zeros((2, 1, 4), np.uint8), np.zeros((2, 1, 4), np.uint8)
    truth[0, 0], adapter[0, 0] = (255, 255, 0, 0), (255, 100, 200, 0)
    tally = compare_bevs(adapter, truth, np.ones((1, 4), bool), CHANNELS)
    assert (tally.overlaps["drivable"].both, tally.overlaps["drivable"].either) == (1, 3)
    assert tally.mean_error == pytest.approx((155 + 200) / 255 / 8)


@given(st.integers(0, 2**32 - 1))
def test_tallies_of_frames_add_up_to_the_tally_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    adapter, truth = (rng.integers(0, 256, (2, 6, 4), np.uint8) for _ in range(2))
    seen = rng.random((6, 4)) < 0.7
    whole = compare_bevs(adapter, truth, seen, CHANNELS)
    parts = [compare_bevs(adapter[:, s], truth[:, s], seen[s], CHANNELS) for s in (slice(0, 2), slice(2, 6))]
    added = BevTally() + parts[0] + parts[1]
    assert added.overlaps == whole.overlaps
    assert added.error == pytest.approx(whole.error)
    assert added.cells == whole.cells


def test_bevs_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="2 channels"):
        compare_bevs(np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 5), np.uint8), np.ones((4, 4), bool), CHANNELS)


@given(actions, actions, st.floats(0.0, 20.0))
def test_the_distance_of_actions_is_a_distance(one: tuple[float, float], other: tuple[float, float], v: float) -> None:
    assert action_distance(one, one, v) == 0.0
    assert action_distance(one, other, v) == action_distance(other, one, v)
    assert 0.0 <= action_distance(one, other, v) <= 4.0


def test_a_standing_car_does_not_care_how_hard_it_brakes_but_whether_it_sets_off() -> None:
    assert action_distance((0.0, -0.2), (0.0, -0.9), speed=0.0) == 0.0
    assert action_distance((0.0, -0.2), (0.0, 0.5), speed=0.0) == 0.5
    assert action_distance((0.0, -0.2), (0.0, -0.9), speed=5.0) == pytest.approx(0.7)


@given(st.tuples(*(amounts,) * 4), st.tuples(amounts, amounts), st.integers(0, 3), amounts)
def test_the_bound_never_falls_as_a_term_rises(
    values: tuple[float, ...], constants: tuple[float, float], which: int, more: float
) -> None:
    names = tuple(ErrorTerms.model_fields)
    given_constants = Constants(policy_lipschitz=constants[0], success_sensitivity=constants[1])
    terms = ErrorTerms(**dict(zip(names, values, strict=True)))
    worse = terms.model_copy(update={names[which]: values[which] + more})
    low, high = transfer_bound(terms, given_constants), transfer_bound(worse, given_constants)
    assert low.gap <= high.gap <= 1.0
    assert low.gap_by_shift <= high.gap_by_shift <= 1.0


def test_the_bound_is_the_sum_of_its_shares() -> None:
    terms = ErrorTerms(observation=0.01, shift=0.04, actuation=0.03, policy=0.05)
    bound = transfer_bound(terms, Constants(policy_lipschitz=6.0, success_sensitivity=2.0))
    assert (bound.observation, bound.actuation, bound.policy) == pytest.approx((0.12, 0.06, 0.1))
    assert bound.gap == pytest.approx(0.28)
    assert bound.gap_by_shift == pytest.approx(0.24)


@pytest.mark.parametrize("value", [-0.1, math.nan])
def test_a_term_that_cannot_be_is_refused_by_name(value: float) -> None:
    terms = ErrorTerms.model_construct(observation=0.0, shift=0.0, actuation=value, policy=0.0)
    with pytest.raises(ValueError, match="actuation"):
        transfer_bound(terms, Constants(policy_lipschitz=1.0, success_sensitivity=1.0))


def test_sensitivity_is_the_steepest_loss_and_never_below_none() -> None:
    assert success_sensitivity(1.0, {0.05: 0.95, 0.1: 0.8, 0.4: 0.4}) == pytest.approx(2.0)
    assert success_sensitivity(0.9, {0.1: 1.0}) == 0.0
    with pytest.raises(ValueError, match="positive"):
        success_sensitivity(1.0, {})
    with pytest.raises(ValueError, match="positive"):
        success_sensitivity(1.0, {0.0: 0.9})
