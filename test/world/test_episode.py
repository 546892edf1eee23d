"""Episodes: what is kept, what is hashed, and what is refused."""

import hashlib
from collections.abc import Iterator

import numpy as np
import pytest

from sim2real_ad.errors import WorldError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.types import ControlCommand
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.episode import TRAJECTORY_COLUMNS, Episode
from sim2real_ad.world.scenarios import load_scenario

COMMAND = ControlCommand(0, 0.01, 0.3)


@pytest.fixture
def world() -> Iterator[EmbeddedWorld]:
    world = EmbeddedWorld(load_vehicle("saloon"), load_camera("default"), cameras=False)
    yield world
    world.close()


def driven(world: EmbeddedWorld, seed: int, ticks: int = 20, command: ControlCommand = COMMAND) -> Episode:
    episode = Episode(world, load_scenario("stop_sign"), seed)
    episode.start()
    for _ in range(ticks):
        episode.step(command)
    return episode


def test_the_trajectory_has_a_row_a_tick_from_the_start_on(world: EmbeddedWorld) -> None:
    episode = driven(world, 3)
    trajectory = episode.trajectory
    assert trajectory.shape == (21, len(TRAJECTORY_COLUMNS))
    assert trajectory[:, 0] == pytest.approx(np.arange(21) * world.tick_s)
    assert tuple(trajectory[0, 1:4]) == (world.plan.ego_start.x, world.plan.ego_start.y, world.plan.ego_start.yaw)
    assert trajectory[-1, TRAJECTORY_COLUMNS.index("steering_tire_angle")] == pytest.approx(0.01, abs=1e-3)


def test_the_hash_is_of_time_pose_and_speed(world: EmbeddedWorld) -> None:
    episode = driven(world, 3)
    expected = hashlib.sha256(b"".join(row[:5].astype("<f8").tobytes() for row in episode.trajectory)).hexdigest()
    assert episode.trajectory_hash == expected


def test_the_same_seed_has_the_same_hash_and_another_drive_has_not(world: EmbeddedWorld) -> None:
    first = driven(world, 3).trajectory_hash
    assert driven(world, 3).trajectory_hash == first
    assert driven(world, 4).trajectory_hash != first
    assert driven(world, 3, command=ControlCommand(0, 0.0101, 0.3)).trajectory_hash != first


def test_starting_again_forgets_the_first_drive(world: EmbeddedWorld) -> None:
    episode = driven(world, 3)
    before = episode.trajectory_hash
    episode.start()
    assert len(episode.trajectory) == 1
    for _ in range(20):
        episode.step(COMMAND)
    assert episode.trajectory_hash == before


def test_an_episode_ends_with_its_verdict_and_takes_no_further_step(world: EmbeddedWorld) -> None:
    episode = Episode(world, load_scenario("stop_sign"), 3)
    episode.start()
    for _ in range(1200):
        episode.step(ControlCommand(0, 0.0, 1.0))
        if episode.verdict.done:
            break
    assert not episode.verdict.success
    assert len(episode.verdict.infractions) == 1
    with pytest.raises(WorldError, match=r"stop_sign.*3.*over"):
        episode.step(COMMAND)


def test_an_episode_that_was_not_started_says_so(world: EmbeddedWorld) -> None:
    episode = Episode(world, load_scenario("stop_sign"), 3)
    with pytest.raises(WorldError, match="not been started"):
        episode.step(COMMAND)
