"""CarlaWorld on the wire server: the same episodes as in process, the right frames, and errors in time."""

import itertools
import math
import subprocess
import sys
import time

import numpy as np
import pytest
from contract import WorldContract, following

from sim2real_ad.errors import WorldError
from sim2real_ad.geometry.camera import CameraModel, load_camera
from sim2real_ad.types import ControlCommand
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.boxes import boxes_overlap
from sim2real_ad.world.carla.client import EPISODE_GAP_NS, CarlaWorld
from sim2real_ad.world.carla.launch import running_world_server
from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.episode import Episode
from sim2real_ad.world.randomization import sample_domain
from sim2real_ad.world.scenarios import load_scenario

__all__ = ["following"]

pytestmark = pytest.mark.render

SALOON = load_vehicle("saloon")
CAMERA = CameraModel.from_fov(64, 36, 90.0, load_camera("default").mount)
FOLLOWING, AVOIDING = "car_following", "obstacle_avoidance"


@pytest.fixture(scope="module")
def server():
    with running_world_server() as running:
        yield running


@pytest.fixture(scope="module")
def world(server):
    world = CarlaWorld(server.host, server.port, SALOON, CAMERA)
    yield world
    world.close()


class TestCarlaWorld(WorldContract):
    @pytest.fixture
    def world(self, server):
        self._server = server
        world = self.make_world()
        yield world
        world.close()

    def make_world(self):
        return CarlaWorld(self._server.host, self._server.port, SALOON, CAMERA)


def weave(step):
    return ControlCommand(0, 0.04 * math.sin(step / 3.0), 1.5 if step < 20 else -2.0)


def drive(world, name, seed, steps=30):
    episode = Episode(world, load_scenario(name), seed)
    ticks = [episode.start()]
    while len(ticks) <= steps and not episode.verdict.done:
        ticks.append(episode.step(weave(len(ticks))))
    return episode, ticks


def test_the_same_seed_gives_the_same_trajectory_and_pictures_bit_for_bit(world):
    first, pictures = drive(world, FOLLOWING, 3)
    drive(world, AVOIDING, 1, steps=3)
    again, same = drive(world, FOLLOWING, 3)
    other, _ = drive(world, FOLLOWING, 4)
    assert first.trajectory_hash == again.trajectory_hash
    assert first.trajectory_hash != other.trajectory_hash
    for one, two in zip(pictures, same, strict=True):
        assert (one.frame.rgb == two.frame.rgb).all()


@pytest.mark.parametrize(("name", "seed"), [(FOLLOWING, 5), (AVOIDING, 2), ("stop_sign", 1)])
def test_an_episode_runs_as_it_does_in_process(world, name, seed):
    over_the_wire, ticks = drive(world, name, seed)
    embedded = EmbeddedWorld(SALOON, CAMERA)
    in_process, expected = drive(embedded, name, seed)
    assert over_the_wire.trajectory == pytest.approx(in_process.trajectory, abs=2e-3)
    assert over_the_wire.verdict.infractions == in_process.verdict.infractions
    for one, two in zip(ticks[::10], expected[::10], strict=True):
        difference = np.abs(one.frame.rgb.astype(int) - two.frame.rgb.astype(int)).max(axis=2)
        assert (difference > 8).mean() < 0.02
    embedded.close()


def test_an_episode_starts_where_and_as_fast_as_its_plan_says(world):
    tick = world.reset(load_scenario(FOLLOWING), 6)
    start = world.plan.ego_start
    assert (tick.ego.pose.x, tick.ego.pose.y) == pytest.approx((start.x, start.y), abs=1e-3)
    assert tick.ego.speed == world.plan.ego_speed
    world.apply(ControlCommand(0, 0.0, 0.0))
    assert world.tick().ego.speed == pytest.approx(world.plan.ego_speed, abs=0.2)
    assert world.truth().time_s == pytest.approx(0.05)


def test_every_frame_has_the_stamp_of_its_own_state_and_stamps_rise_over_episodes(world):
    _, first = drive(world, FOLLOWING, 3, steps=5)
    _, second = drive(world, FOLLOWING, 3, steps=5)
    for ticks in (first, second):
        stamps = [tick.ego.stamp_ns for tick in ticks]
        assert [tick.frame.stamp_ns for tick in ticks] == stamps
        assert set(np.diff(stamps)) == {50_000_000}
        assert [tick.frame.sequence for tick in ticks] == list(range(len(ticks)))
    assert second[0].ego.stamp_ns - first[-1].ego.stamp_ns >= EPISODE_GAP_NS


def test_another_profile_brings_its_own_size_and_drive(server):
    van = load_vehicle("e_transit")
    world = CarlaWorld(server.host, server.port, van, CAMERA)
    wire, _ = drive(world, FOLLOWING, 3, steps=10)
    world.close()
    embedded = EmbeddedWorld(van, CAMERA, cameras=False)
    in_process, _ = drive(embedded, FOLLOWING, 3, steps=10)
    assert wire.trajectory == pytest.approx(in_process.trajectory, abs=2e-3)


def test_a_domain_changes_looks_and_physics(world):
    scenario = load_scenario(FOLLOWING)
    dull, bright = sample_domain(1), sample_domain(2)
    one = world.reset(scenario, 3, dull)
    two = world.reset(scenario, 3, bright)
    assert world.domain == bright
    assert np.abs(one.frame.rgb.astype(int) - two.frame.rgb).mean() > 5.0


def test_a_command_that_is_not_finite_is_refused(world):
    world.reset(load_scenario(FOLLOWING), 3)
    with pytest.raises(WorldError, match="finite"):
        world.apply(ControlCommand(0, float("nan"), 0.0))


def test_before_reset_there_is_nothing_to_tick(server):
    world = CarlaWorld(server.host, server.port, SALOON, CAMERA)
    with pytest.raises(WorldError, match="needs a reset"):
        world.tick()
    world.close()
    world.close()


def test_closing_leaves_no_actor_behind(server):
    import carla

    world = CarlaWorld(server.host, server.port, SALOON, CAMERA)
    world.reset(load_scenario(FOLLOWING), 3)
    client = carla.Client(server.host, server.port)
    client.set_timeout(20.0)
    _wait_until(lambda: bool(_solids(client)))  # a client sees actors from the first snapshot that reaches it
    world.close()
    _wait_until(lambda: not _solids(client))


def test_things_that_touch_stand_where_the_plan_has_them(server):
    scenario, seed = load_scenario("obstacle_avoidance"), 3  # two barriers of a closed lane touch
    world = CarlaWorld(server.host, server.port, SALOON, CAMERA)
    world.reset(scenario, seed)
    planned = [a for a in world.truth().actors if a.kind == "obstacle"]
    overlapping = [
        boxes_overlap(
            b.pose.x - a.pose.x,
            b.pose.y - a.pose.y,
            a.pose.yaw,
            a.size[0] / 2,
            a.size[1] / 2,
            b.pose.yaw,
            b.size[0] / 2,
            b.size[1] / 2,
        )
        for a, b in itertools.combinations(planned, 2)
    ]
    assert any(overlapping)
    world.close()


def _wait_until(condition) -> None:
    deadline = time.monotonic() + 15.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _solids(client):
    return [a for a in client.get_world().get_actors() if a.type_id != "spectator"]


def test_nothing_that_listens_is_reported_at_once_with_host_and_port():
    started = time.monotonic()
    with pytest.raises(WorldError, match=r"127\.0\.0\.1:9: cannot connect"):
        CarlaWorld("127.0.0.1", 9, SALOON, CAMERA)
    assert time.monotonic() - started < 5.0


def test_something_that_is_no_carla_server_is_reported_within_the_timeout():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(WorldError, match=rf"127\.0\.0\.1:{port}: cannot connect: no answer within 1.0 s"):
            CarlaWorld("127.0.0.1", port, SALOON, CAMERA, timeout_s=1.0)


SURVIVOR = """
import sys
from sim2real_ad.errors import WorldError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.carla.client import CarlaWorld
from sim2real_ad.world.carla.launch import running_world_server
from sim2real_ad.world.scenarios import load_scenario
import time
with running_world_server() as server:
    world = CarlaWorld(server.host, server.port, load_vehicle("saloon"), load_camera("default"), timeout_s=1.5)
    world.reset(load_scenario("car_following"), 3)
    world.tick()
    server.process.kill()
    started = time.monotonic()
    try:
        world.tick()
    except WorldError as error:
        print(f"{time.monotonic() - started:.1f}|{server.port}|{error}", flush=True)
    world.close()
    print(f"{time.monotonic() - started:.1f}", flush=True)
sys.exit(7)
"""


def test_a_server_that_dies_mid_run_is_an_error_in_time_and_no_abort():
    run = subprocess.run([sys.executable, "-c", SURVIVOR], capture_output=True, text=True, timeout=90)
    assert run.returncode == 7, run.stderr
    failure, closed = run.stdout.splitlines()
    waited, port, message = failure.split("|")
    assert float(waited) < 4.0
    assert f"127.0.0.1:{port}" in message
    assert float(closed) < 6.0
