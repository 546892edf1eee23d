"""A world in a target domain's clothes: another feel and another look, and nothing else changed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("carla", reason="needs the sim extra")

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import ControlCommand
from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.episode import Episode
from sim2real_ad.world.protocol import World
from sim2real_ad.world.randomization import Domain, sample_domain
from sim2real_ad.world.scenarios import load_scenario
from sim2real_ad.world.target_domain import load_target_domain
from sim2real_ad.world.target_world import TargetWorld

SCENARIO, SEED = load_scenario("stop_sign"), 3


def blind(name: str) -> TargetWorld:
    target = load_target_domain(name)
    profile = target.load_vehicle()
    return TargetWorld(target, target.load_camera(), lambda camera: EmbeddedWorld(profile, camera, cameras=False))


def drive(world: World, domain: Domain | None = None) -> str:
    """Steer and accelerate a little; return the trajectory's hash."""
    episode = Episode(world, SCENARIO, SEED, domain)
    tick = episode.start()
    for k in range(40):
        if episode.verdict.done:
            break
        tick = episode.step(ControlCommand(tick.ego.stamp_ns, 0.02 * float(np.sin(0.3 * k)), 1.0))
    return episode.trajectory_hash


def test_the_same_seed_feels_the_same_every_time_and_unlike_the_training_domain() -> None:
    world = blind("another_feel")
    first = drive(world)
    assert drive(world) == first
    assert drive(blind("another_feel")) == first
    assert drive(world, sample_domain(SEED)) != first


def test_given_the_training_domain_it_is_the_world_that_it_wraps_to_the_bit() -> None:
    world = blind("another_feel")
    plain = EmbeddedWorld(world.profile, world.camera, cameras=False)
    assert drive(world, sample_domain(SEED)) == drive(plain)


def test_the_plan_is_that_of_the_seed_whatever_the_domain() -> None:
    world = blind("another_body")
    world.reset(SCENARIO, SEED)
    plain = EmbeddedWorld(world.profile, world.camera, cameras=False)
    plain.reset(SCENARIO, SEED)
    assert world.plan.ego_start == plain.plan.ego_start
    assert world.profile.wheelbase == 3.3
    assert (world.truth_bev(BevSpec()) == plain.truth_bev(BevSpec())).all()


@pytest.mark.render
def test_its_pictures_are_the_lenses_and_the_same_every_time() -> None:
    pytest.importorskip("panda3d", reason="needs the sim extra")
    target = load_target_domain("another_look")
    profile, camera = target.load_vehicle(), target.load_camera()
    pictures = []
    world = TargetWorld(target, camera, lambda drawn: EmbeddedWorld(profile, drawn))
    for _ in range(2):
        world.reset(SCENARIO, SEED)
        frame = world.tick().frame
        assert frame is not None
        pictures.append(frame.rgb)
    world.close()
    assert pictures[0].shape == (camera.height, camera.width, 3)
    assert (pictures[0] == pictures[1]).all()
    assert pictures[0].std() > 10.0
