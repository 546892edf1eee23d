"""A teacher at the wheel, as a student learns from it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.errors import CheckpointError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.training.expert import Expert
from sim2real_ad.training.teacher.driver import SHIPPED_TEACHER, make_driver
from sim2real_ad.training.teacher.environment import TeacherEnv, TeacherEnvSettings
from sim2real_ad.training.teacher.imitation import NoReward
from sim2real_ad.training.teacher.policy import TeacherPolicy
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.episode import Episode
from sim2real_ad.world.scenarios import load_scenario

SALOON = load_vehicle("saloon")


@pytest.fixture
def world():
    world = EmbeddedWorld(SALOON, load_camera("default"), cameras=False)
    yield world
    world.close()


@pytest.mark.parametrize("scenario", ["car_following", "obstacle_avoidance", "stop_sign"])
def test_the_shipped_teacher_reaches_the_goal_as_it_does_in_its_own_world(world, scenario):
    episode, mapping = Episode(world, load_scenario(scenario), 5_003), ActionMapping(SALOON)
    tick = episode.start()
    driver = make_driver("shipped", world.plan, SALOON)
    while not episode.verdict.done:
        action = driver.act(world.truth())
        tick = episode.step(mapping.step(action, tick.ego))
        driver.acted(action)
    assert episode.verdict.success, episode.verdict.infractions
    own = drive_in_own_world(scenario, 5_003)
    assert episode.trajectory[-1, 1:3] == pytest.approx(own, abs=1e-4)


def drive_in_own_world(scenario, seed):
    env, policy = TeacherEnv(TeacherEnvSettings(), NoReward()), TeacherPolicy.load(SHIPPED_TEACHER)
    state, _ = env.reset(options={"scenario": scenario, "episode_seed": seed})
    done = False
    while not done:
        state, _, terminated, truncated, _ = env.step(policy.act(state))
        done = terminated or truncated
    pose = env.world.truth().ego.pose
    env.close()
    return np.array((pose.x, pose.y))


def test_the_rules_can_be_asked_for_instead(world):
    Episode(world, load_scenario("stop_sign"), 20_000).start()
    assert isinstance(make_driver("expert", world.plan, SALOON), Expert)


def test_a_teacher_that_is_not_there_is_named(world, tmp_path):
    Episode(world, load_scenario("stop_sign"), 20_000).start()
    with pytest.raises(CheckpointError, match=r"gone\.npz"):
        make_driver(str(tmp_path / "gone.npz"), world.plan, SALOON)
