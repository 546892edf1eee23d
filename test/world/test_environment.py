"""The Gymnasium environment: Gymnasium's own checks, and that a step is what the pipeline would do."""

from collections.abc import Iterator

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.training.environment import REWARD_WEIGHTS, DrivingEnv
from sim2real_ad.training.expert import Expert


@pytest.fixture
def environment() -> Iterator[DrivingEnv]:
    environment = DrivingEnv("stop_sign")
    yield environment
    environment.close()


@pytest.mark.render
@pytest.mark.filterwarnings("ignore:.*render_fps.*")
def test_it_passes_the_checks_of_gymnasium(environment: DrivingEnv) -> None:
    check_env(environment)


def test_it_is_registered() -> None:
    made = gymnasium.make("sim2real_ad.training.environment:s2r/Driving-v0", scenario="obstacle_avoidance")
    observation, info = made.reset(seed=1)
    assert made.observation_space.contains(observation)
    assert info["scenario"] == "obstacle_avoidance"
    made.close()


def test_episodes_are_drawn_from_the_seeds_given() -> None:
    environment = DrivingEnv("car_following", seeds=range(40, 43))
    drawn = {environment.reset(seed=number)[1]["episode_seed"] for number in range(12)}
    assert drawn == {40, 41, 42}
    assert environment.reset(options={"episode_seed": 7})[1]["episode_seed"] == 7
    environment.close()


def test_the_observation_has_the_shapes_of_the_spec(environment: DrivingEnv) -> None:
    spec = ObservationSpec()
    observation, _ = environment.reset(seed=0)
    assert observation["bev"].shape == spec.bev.shape
    assert observation["history"].shape == (len(spec.history_s), *spec.bev.shape)
    assert observation["route"].shape == (spec.route_points, 2)
    assert observation["ego"][spec.ego_features.index("speed")] == np.float32(environment.world.plan.ego_speed)
    assert observation["speed_limit"][0] == np.float32(environment.world.plan.speed_limit)


def test_whoever_changes_an_observation_does_not_change_the_next(environment: DrivingEnv) -> None:
    histories = []
    for scribble in (False, True):
        observation, _ = environment.reset(options={"episode_seed": 2})
        for _ in range(3):
            if scribble:
                observation["bev"][:] = 77
            observation, *_ = environment.step(np.zeros(2, np.float32))
        histories.append(observation["history"])
    assert np.array_equal(*histories)


def test_the_expert_reaches_the_goal_and_earns_the_whole_way(environment: DrivingEnv) -> None:
    environment.reset(options={"episode_seed": 301})
    expert, total, terminated, truncated = Expert(environment.world.plan, environment.world.profile), 0.0, False, False
    while not (terminated or truncated):
        action = expert.act(environment.world.truth())
        values = np.array([action.curvature, action.acceleration], np.float32)
        _, reward, terminated, truncated, info = environment.step(values)
        total += reward
    assert info["success"]
    assert terminated
    assert not truncated
    assert total == pytest.approx(REWARD_WEIGHTS["progress"] + REWARD_WEIGHTS["success"], abs=1.0)


def test_running_the_stop_line_terminates_and_costs(environment: DrivingEnv) -> None:
    environment.reset(options={"episode_seed": 301})
    terminated, reward = False, 0.0
    for _ in range(400):
        _, reward, terminated, truncated, info = environment.step(np.array([0.0, 0.3], np.float32))
        if terminated or truncated:
            break
    assert terminated
    assert info["infractions"]
    assert reward < -5.0


def test_the_time_limit_truncates() -> None:
    environment = DrivingEnv("stop_sign")
    short = environment.scenario.criteria.model_copy(update={"time_limit_s": 1.0})
    environment.scenario = environment.scenario.model_copy(update={"criteria": short})
    environment.reset(options={"episode_seed": 1})
    for _ in range(20):
        _, reward, terminated, truncated, info = environment.step(np.zeros(2, np.float32))
    assert truncated
    assert not terminated
    assert info["infractions"] == ("timeout",)
    assert reward > -1.0


def test_a_step_before_the_first_reset_is_refused(environment: DrivingEnv) -> None:
    with pytest.raises(gymnasium.error.ResetNeeded):
        environment.step(np.zeros(2, np.float32))


@pytest.mark.render
def test_rendering_gives_the_camera_picture() -> None:
    environment = DrivingEnv("stop_sign", render_mode="rgb_array")
    environment.reset(options={"episode_seed": 1})
    picture = environment.render()
    assert picture.shape == (180, 320, 3)
    assert picture.std() > 5.0
    environment.close()
