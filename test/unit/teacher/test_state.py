"""The privileged state tells the teacher what the expert acts on."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from sim2real_ad.training.teacher.environment import TeacherEnv, TeacherEnvSettings
from sim2real_ad.training.teacher.imitation import NoReward
from sim2real_ad.training.teacher.state import LARGEST, STATE_FEATURES, STATE_SIZE

SCENARIOS = ("car_following", "obstacle_avoidance", "stop_sign")
SEED = 100_000


@pytest.fixture(scope="module")
def env():
    env = TeacherEnv(TeacherEnvSettings(), NoReward())
    yield env
    env.close()


def drive(env, scenario, action=None, ticks=2000):
    """Yield (state, info) of every tick; the expert drives where no action is given."""
    state, info = env.reset(options={"scenario": scenario, "episode_seed": SEED})
    for _ in range(ticks):
        state, _, terminated, truncated, info = env.step(env.expert_action() if action is None else action)
        yield named(state), info
        if terminated or truncated:
            return


def named(state):
    return dict(zip(STATE_FEATURES, state.tolist(), strict=True))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_entry_stays_within_the_bounds_of_the_observation_space(env, scenario):
    for state, _ in drive(env, scenario):
        values = np.array(list(state.values()))
        assert values.shape == (STATE_SIZE,)
        assert np.isfinite(values).all()
        assert (np.abs(values) <= LARGEST).all()


def test_speed_and_offset_are_those_of_the_moment(env):
    for state, info in drive(env, "car_following", ticks=50):
        assert state["speed"] == pytest.approx(info["moment"].speed / 10.0, abs=1e-6)
        assert state["lateral_offset"] == pytest.approx(info["moment"].lateral_offset, abs=1e-5)


def test_the_last_actions_are_remembered_newest_first(env):
    env.reset(options={"scenario": "car_following", "episode_seed": SEED})
    for curvature in (0.1, 0.2, 0.3):
        state, *_ = env.step(np.array((curvature, -curvature), np.float32))
    entries = named(state)
    assert [entries[f"curvature_{n}"] for n in (1, 2, 3)] == pytest.approx([0.3, 0.2, 0.1])
    assert [entries[f"acceleration_{n}"] for n in (1, 2, 3)] == pytest.approx([-0.3, -0.2, -0.1])


def test_a_lead_vehicle_is_ahead_from_the_start(env):
    state, _ = next(drive(env, "car_following"))
    assert state["ahead0_present"] == 1.0
    assert 0.1 < state["ahead0_gap"] < 1.0


def test_an_obstacle_is_among_the_others_but_not_in_the_way_of_the_line_round_it(env):
    seen = [state for state, _ in drive(env, "obstacle_avoidance")]
    assert any(state["other0_present"] for state in seen)
    assert not any(state["ahead0_present"] for state in seen)
    assert any(abs(state["reference_y_12"]) > 0.3 for state in seen)


def test_a_stop_line_is_in_the_state_until_it_is_served(env):
    states = [state for state, _ in drive(env, "stop_sign")]
    present = [state["stop_present"] for state in states]
    assert present[0] == 1.0
    assert present[-1] == 0.0
    assert max(state["stop_stood"] for state in states) > 0.5


def test_distance_to_a_stop_line_shrinks_by_the_way_driven(env):
    before = None
    for state, info in drive(env, "stop_sign", ticks=40):
        distance = state["stop_distance"] * 30.0
        if before is not None:
            assert before - distance == pytest.approx(info["moment"].distance, abs=1e-3)
        before = distance
