"""Driving on privileged state: rewards, scenes and endings."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

pytest.importorskip("torch")

from sim2real_ad.errors import ConfigError, WorldError
from sim2real_ad.training.teacher.environment import TeacherEnv, TeacherEnvSettings
from sim2real_ad.training.teacher.imitation import NoReward

SEED = 100_003


class DistanceReward:
    """Pays 2 for every metre."""

    def __init__(self, uses_guidance=False):
        self.uses_guidance = uses_guidance

    def terms(self, moment, score):
        return {"distance": moment.distance}

    def total(self, terms):
        return 2.0 * terms["distance"]


@pytest.fixture
def guided():
    env = TeacherEnv(TeacherEnvSettings(guidance_stride=4), DistanceReward(uses_guidance=True))
    yield env
    env.close()


def run(env, action=None, **options):
    env.reset(options={"scenario": "stop_sign", "episode_seed": SEED, **options})
    done, steps = False, []
    while not done:
        state, reward, terminated, truncated, info = env.step(env.expert_action() if action is None else action)
        steps.append((state, reward, terminated, truncated, info))
        done = terminated or truncated
    return steps


def test_the_gymnasium_checker_finds_no_fault():
    from gymnasium.utils.env_checker import check_env

    env = TeacherEnv(TeacherEnvSettings(), NoReward())
    check_env(env, skip_render_check=True)
    env.close()


def test_the_expert_reaches_the_goal_in_every_scenario(guided):
    for scenario in guided.settings.scenarios:
        *_, (_, _, terminated, truncated, info) = run(guided, scenario=scenario)
        assert info["success"], (scenario, info["infractions"])
        assert terminated
        assert not truncated


def test_the_reward_is_the_weighted_terms_of_the_moment(guided):
    for _, reward, _, _, info in run(guided):
        assert reward == pytest.approx(2.0 * info["moment"].distance)
        assert info["terms"] == {"distance": info["moment"].distance}


def test_every_fourth_tick_of_an_episode_has_a_scene_to_be_scored(guided):
    for _ in range(2):
        scored = [info["scene"] is not None for *_, info in run(guided)]
        assert scored == [n % 4 == 0 for n in range(len(scored))]


def test_a_scene_outlives_the_ticks_after_it(guided):
    guided.reset(options={"scenario": "stop_sign", "episode_seed": SEED})
    *_, info = guided.step(guided.expert_action())
    kept, then = info["scene"], info["scene"].bev.copy()
    for _ in range(20):
        guided.step(guided.expert_action())
    assert np.array_equal(kept.bev, then)
    assert not np.array_equal(guided.scene().bev, then)


def test_without_guidance_no_scene_is_made():
    env = TeacherEnv(TeacherEnvSettings(), NoReward())
    assert all(info["scene"] is None for *_, info in run(env))
    env.close()


def test_standing_still_for_ever_is_cut_off_and_named():
    env = TeacherEnv(TeacherEnvSettings(), NoReward())
    *_, (*_, truncated, info) = run(env, action=np.array((0.0, -1.0)), scenario="obstacle_avoidance")
    assert info["infractions"][0] in ("standing_still", "timeout")
    assert truncated == (info["infractions"][0] == "timeout")
    assert info["moment"].infraction == info["infractions"][0]
    env.close()


def test_the_same_seed_and_actions_give_the_same_drive(guided):
    first, second = run(guided), run(guided)
    assert all(np.array_equal(a[0], b[0]) and a[1] == b[1] for a, b in zip(first, second, strict=True))


def test_episodes_are_drawn_from_the_seeds_and_scenarios_of_the_settings():
    env = TeacherEnv(TeacherEnvSettings(scenarios=("stop_sign",), seeds=(SEED, SEED + 3)), NoReward())
    env.reset(seed=1)
    drawn = {env.reset()[1]["episode_seed"] for _ in range(12)}
    assert drawn <= set(range(SEED, SEED + 3))
    assert len(drawn) > 1
    env.close()


def test_an_action_beyond_the_bounds_counts_as_the_bound(guided):
    run_to = guided.reset(options={"scenario": "stop_sign", "episode_seed": SEED})[0]
    *_, info = guided.step(np.array((3.0, -7.0)))
    assert info["moment"].action == (1.0, -1.0)
    assert run_to.shape == guided.observation_space.shape


def test_a_step_before_the_first_reset_is_refused():
    env = TeacherEnv(TeacherEnvSettings(), NoReward())
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.zeros(2))
    env.close()


def test_an_unknown_vehicle_is_named():
    with pytest.raises(ConfigError, match="no_such_car"):
        TeacherEnv(TeacherEnvSettings(vehicle="no_such_car"), NoReward())


def test_a_carla_server_that_is_not_there_is_named_with_host_and_port():
    with pytest.raises(WorldError, match=r"127\.0\.0\.1.*1\b"):
        TeacherEnv(TeacherEnvSettings(world="carla", port=1), NoReward())


def test_a_repeated_action_is_one_step_of_several_ticks_with_their_rewards_summed():
    settings = TeacherEnvSettings(action_repeat=4, guidance_stride=1)
    env, every_tick = TeacherEnv(settings, DistanceReward()), TeacherEnv(TeacherEnvSettings(), DistanceReward())
    for each in (env, every_tick):
        each.reset(options={"scenario": "car_following", "episode_seed": SEED})
    state, reward, *_, info = env.step(np.array((0.0, 0.3)))
    rewards = [every_tick.step(np.array((0.0, 0.3)))[1] for _ in range(4)]
    assert len(info["moments"]) == 4
    assert reward == pytest.approx(sum(rewards))
    assert info["terms"]["distance"] == pytest.approx(sum(rewards) / 2.0)
    assert np.array_equal(state, every_tick.step(np.array((0.0, 0.3)))[0]) is False
    assert info["moment"].time_s == pytest.approx(0.2)
    env.close()
    every_tick.close()


def test_an_episode_ends_within_a_repeated_action():
    env = TeacherEnv(TeacherEnvSettings(action_repeat=20), DistanceReward())
    *_, (*_, terminated, _, info) = run(env)
    assert terminated
    assert info["success"]
    assert 1 <= len(info["moments"]) <= 20
    assert sum(moment.success for moment in info["moments"]) == 1
    env.close()
