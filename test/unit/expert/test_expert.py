"""The expert solves every scenario; whoever ignores what the scenario is about does not."""

import math
from collections.abc import Iterator

import pytest

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.training.expert import Expert
from sim2real_ad.types import Action
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.episode import Episode
from sim2real_ad.world.judge import Verdict
from sim2real_ad.world.plan import EpisodePlan
from sim2real_ad.world.protocol import GroundTruth
from sim2real_ad.world.scenarios import load_scenario

SALOON = load_vehicle("saloon")


@pytest.fixture(scope="module")
def world() -> Iterator[EmbeddedWorld]:
    world = EmbeddedWorld(SALOON, load_camera("default"), cameras=False)
    yield world
    world.close()


class RouteFollower:
    """Follows the route at a steady speed and sees nothing else."""

    def __init__(self, plan: EpisodePlan, speed: float) -> None:
        self._plan, self._speed, self._station = plan, speed, 0.0
        self._mapping = ActionMapping(SALOON)

    def act(self, truth: GroundTruth) -> Action:
        pose = truth.ego.pose
        self._station, _ = self._plan.path.foot(pose.x, pose.y, self._station)
        x, y, _ = self._plan.path.pose(self._station + 6.0)
        dx, dy = x - pose.x, y - pose.y
        left = dy * math.cos(pose.yaw) - dx * math.sin(pose.yaw)
        return self._mapping.action_from_physical(2.0 * left / (dx * dx + dy * dy), self._speed - truth.ego.speed)


def drive(world: EmbeddedWorld, name: str, seed: int, *, blind: bool, speed: float = 7.0) -> tuple[Verdict, float]:
    """Return the verdict and the greatest lateral acceleration, m/s^2."""
    episode, mapping, lateral = Episode(world, load_scenario(name), seed), ActionMapping(SALOON), 0.0
    episode.start()
    driver = RouteFollower(world.plan, speed) if blind else Expert(world.plan, SALOON)
    while not episode.verdict.done:
        truth = world.truth()
        lateral = max(lateral, abs(truth.ego.speed * truth.ego.yaw_rate))
        episode.step(mapping.step(driver.act(truth), truth.ego))
    return episode.verdict, lateral


@pytest.mark.parametrize("name", ["car_following", "obstacle_avoidance", "stop_sign"])
def test_the_expert_succeeds_on_seeds_that_nobody_chose(world: EmbeddedWorld, name: str) -> None:
    for seed in range(300, 308):
        verdict, lateral = drive(world, name, seed, blind=False)
        assert verdict.success, (seed, verdict)
        assert verdict.infractions == ()
        assert lateral < 2.6


@pytest.mark.parametrize(
    ("name", "infraction"),
    [("car_following", "collision"), ("obstacle_avoidance", "collision"), ("stop_sign", "stop_line_run")],
)
def test_who_only_follows_the_route_fails(world: EmbeddedWorld, name: str, infraction: str) -> None:
    verdicts = [drive(world, name, seed, blind=True)[0] for seed in range(300, 306)]
    assert not any(verdict.success for verdict in verdicts)
    assert sum(verdict.infractions[0].kind == infraction for verdict in verdicts) >= 5


def test_who_crawls_has_not_followed(world: EmbeddedWorld) -> None:
    verdicts = [drive(world, "car_following", seed, blind=True, speed=3.0)[0] for seed in range(300, 303)]
    assert [verdict.infractions[0].kind for verdict in verdicts] == ["timeout"] * 3


def test_the_expert_decides_the_same_in_the_same_state(world: EmbeddedWorld) -> None:
    world.reset(load_scenario("stop_sign"), 300)
    truth = world.truth()
    actions = [Expert(world.plan, SALOON).act(truth) for _ in range(2)]
    assert actions[0] == actions[1]
    assert actions[0].stamp_ns == truth.ego.stamp_ns
