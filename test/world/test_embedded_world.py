"""The embedded world keeps the contract, with and without its camera, and what is its own besides."""

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from contract import NOMINAL, WorldContract, following

from sim2real_ad.errors import MapError, ScenarioError, WorldError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.types import ControlCommand
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.embedded.suspension import body_bank
from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.protocol import SEMANTIC_CLASSES
from sim2real_ad.world.scenarios import Driving, load_scenario

__all__ = ["following"]


def blind_world() -> EmbeddedWorld:
    return EmbeddedWorld(load_vehicle("saloon"), load_camera("default"), cameras=False)


class TestEmbeddedWorld(WorldContract):
    @pytest.fixture
    def world(self) -> Iterator[EmbeddedWorld]:
        world = blind_world()
        yield world
        world.close()

    def make_world(self) -> EmbeddedWorld:
        return blind_world()


@pytest.mark.render
class TestEmbeddedWorldWithCamera(WorldContract):
    @pytest.fixture
    def world(self) -> Iterator[EmbeddedWorld]:
        world = self.make_world()
        yield world
        world.close()

    def make_world(self) -> EmbeddedWorld:
        small = load_camera("default").scaled(64, 36)
        return EmbeddedWorld(load_vehicle("saloon"), small)


@pytest.mark.render
def test_semantics_come_with_the_picture_where_they_were_asked_for() -> None:
    world = EmbeddedWorld(load_vehicle("saloon"), load_camera("default").scaled(64, 36), semantic=True)
    world.reset(load_scenario("stop_sign"), 1, NOMINAL)
    ids = world.semantic()
    assert ids.shape == (36, 64)
    assert SEMANTIC_CLASSES.index("drivable") in np.unique(ids)
    world.close()


def test_semantics_that_were_not_asked_for_are_refused() -> None:
    world = blind_world()
    world.reset(load_scenario("stop_sign"), 1, NOMINAL)
    with pytest.raises(WorldError, match="semantic=True"):
        world.semantic()


def test_without_cameras_no_graphics_library_is_loaded() -> None:
    code = (
        "import sys\n"
        "from sim2real_ad.world.embedded.world import EmbeddedWorld\n"
        "from sim2real_ad.vehicle.profile import load_vehicle\n"
        "from sim2real_ad.geometry.camera import load_camera\n"
        "EmbeddedWorld(load_vehicle('saloon'), load_camera('default'), cameras=False)\n"
        "sys.exit(any(name.startswith(('panda3d', 'torch')) for name in sys.modules))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_a_tick_that_is_no_whole_number_of_substeps_is_refused() -> None:
    with pytest.raises(WorldError, match=r"0\.033"):
        EmbeddedWorld(load_vehicle("saloon"), load_camera("default"), cameras=False, tick_s=0.033)


def test_a_missing_map_is_named_and_ends_the_running_episode() -> None:
    world = blind_world()
    scenario = load_scenario("stop_sign")
    world.reset(scenario, 1)
    with pytest.raises(MapError, match="nowhere"):
        world.reset(scenario.model_copy(update={"maps": ("nowhere",)}), 1)
    with pytest.raises(WorldError, match="reset"):
        world.tick()


def test_a_seed_below_zero_is_refused() -> None:
    with pytest.raises(ScenarioError, match="-1"):
        blind_world().reset(load_scenario("stop_sign"), -1)


def test_a_seed_draws_its_domain_unless_one_is_given() -> None:
    world = blind_world()
    scenario = load_scenario("stop_sign")
    world.reset(scenario, 1)
    drawn = world.domain
    world.reset(scenario, 2)
    assert world.domain != drawn
    world.reset(scenario, 2, drawn)
    assert world.domain == drawn


def test_a_heavier_car_with_slower_actuators_moves_otherwise() -> None:
    world, ends = blind_world(), []
    for scale in (NOMINAL.dynamics, NOMINAL.dynamics.model_copy(update={"mass": 1.3, "delay": 1.5})):
        world.reset(load_scenario("car_following"), 1, NOMINAL.model_copy(update={"dynamics": scale}))
        world.apply(ControlCommand(0, 0.05, 1.5))
        ends.append([world.tick() for _ in range(40)][-1].ego)
    assert ends[0].speed > ends[1].speed + 0.3
    assert ends[0].pose.yaw != ends[1].pose.yaw


def test_touching_another_car_shows_in_the_truth() -> None:
    world = blind_world()
    scenario = load_scenario("car_following")
    straight = (seed for seed in range(100) if world.reset(scenario, seed) and _is_straight(world, 80))
    world.reset(scenario, next(straight), NOMINAL)
    world.apply(ControlCommand(0, 0.0, 2.0))
    touched = [world.truth().ego_colliding]
    for _ in range(150):
        world.tick()
        touched.append(world.truth().ego_colliding)
    assert touched[0] is None
    lead = next(actor for actor in world.plan.actors if isinstance(actor.behaviour, Driving))
    assert lead.actor_id in touched


def _is_straight(world: EmbeddedWorld, metres: int) -> bool:
    return bool(np.abs(world.plan.path.curvature(1.0)[:metres]).max() < 1e-4)


def test_the_body_dives_under_braking_and_leans_out_of_a_left_bend() -> None:
    pitch, roll = body_bank(-4.0, 10.0, 0.3)
    assert 0.0 < pitch < 0.05
    assert 0.0 < roll < 0.05
