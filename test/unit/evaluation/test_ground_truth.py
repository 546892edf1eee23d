import dataclasses

import numpy as np
import pytest

from sim2real_ad.evaluation.episode_log import EpisodeLog, Signal
from sim2real_ad.evaluation.ground_truth import lay_out_again
from sim2real_ad.evaluation.map_chart import map_chart
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.types import ControlCommand
from sim2real_ad.vehicle.profile import load_vehicle

pytest.importorskip("carla")

from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.scenarios import load_scenario

SEED = 5


@pytest.fixture(scope="module", params=["car_following", "obstacle_avoidance", "stop_sign"])
def drive(request: pytest.FixtureRequest) -> tuple[EpisodeLog, list[np.ndarray]]:
    """A drive as recorded, and where the others were at each of its ticks."""
    world = EmbeddedWorld(load_vehicle("saloon"), load_camera("default"), cameras=False)
    tick = world.reset(load_scenario(request.param), SEED)
    ego = Signal(("x", "y", "yaw", "speed", "yaw_rate"))
    log = EpisodeLog(request.param, SEED, route=world.plan.route.points, signals={"ego": ego})
    actors = []
    for _ in range(60):
        state = tick.ego
        ego.stamps_ns.append(state.stamp_ns)
        ego.rows.append((state.pose.x, state.pose.y, state.pose.yaw, state.speed, state.yaw_rate))
        actors.append(np.array([(a.pose.x, a.pose.y, a.pose.yaw) for a in world.truth().actors]).reshape(-1, 3))
        world.apply(ControlCommand(state.stamp_ns, 0.0, -1.0))
        tick = world.tick()
    world.close()
    return log, actors


def test_the_others_are_where_they_were(drive) -> None:
    log, actors = drive
    truth = lay_out_again(log)
    assert truth is not None
    assert truth.drivable
    replayed = np.stack([track.poses for track in truth.actors], axis=1)
    np.testing.assert_array_equal(replayed, np.stack(actors))


def test_the_map_shows_the_road_and_who_was_near(drive) -> None:
    log, _ = drive
    drawn = map_chart(log, None, lay_out_again(log))
    assert 'class="road"' in drawn
    assert "nan" not in drawn
    assert 'class="road"' not in map_chart(log, None, None)


def test_a_map_that_has_changed_since_the_drive_is_not_shown(drive) -> None:
    log, _ = drive
    assert lay_out_again(dataclasses.replace(log, route=log.route + 0.01)) is None


def test_a_scenario_that_is_no_longer_there_is_not_shown(drive) -> None:
    log, _ = drive
    assert lay_out_again(dataclasses.replace(log, scenario="none_such")) is None
