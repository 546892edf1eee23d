"""Under every dense reward the rule-based expert earns more than drivers that do one thing wrong."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sin

import pytest

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.reward import terms
from sim2real_ad.reward.moment import Moment
from sim2real_ad.reward.rewards import COMFORTABLE, load_reward
from sim2real_ad.training.expert import Expert
from sim2real_ad.training.route_view import RouteView
from sim2real_ad.training.seeds import TEACHER_SEEDS
from sim2real_ad.training.teacher.moments import MomentMaker
from sim2real_ad.types import Action
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.episode import Episode
from sim2real_ad.world.plan import EpisodePlan
from sim2real_ad.world.protocol import GroundTruth
from sim2real_ad.world.scenarios import load_scenario

SALOON = load_vehicle("saloon")
DISCOUNT = 0.99
Driver = Callable[[Action, GroundTruth, EpisodePlan], tuple[float, float]]


def expert(told: Action, truth: GroundTruth, plan: EpisodePlan) -> tuple[float, float]:
    return told.curvature, told.acceleration


def parks(told: Action, truth: GroundTruth, plan: EpisodePlan) -> tuple[float, float]:
    return told.curvature, told.acceleration if truth.time_s < 3.0 else -0.6


def speeds(told: Action, truth: GroundTruth, plan: EpisodePlan) -> tuple[float, float]:
    return told.curvature, 0.5 * (1.4 * plan.speed_limit - truth.ego.speed)


def sees_no_one(told: Action, truth: GroundTruth, plan: EpisodePlan) -> tuple[float, float]:
    return told.curvature, 0.5 * (plan.speed_limit - truth.ego.speed)


def swerves(told: Action, truth: GroundTruth, plan: EpisodePlan) -> tuple[float, float]:
    return told.curvature + sin(3.0 * truth.time_s) / max(truth.ego.speed, 4.0), told.acceleration


def jerks(told: Action, truth: GroundTruth, plan: EpisodePlan) -> tuple[float, float]:
    sign = 1.0 if round(truth.time_s / 0.05) % 2 else -1.0
    return told.curvature + 0.05 * sign, told.acceleration + 0.5 * sign


def crawls(told: Action, truth: GroundTruth, plan: EpisodePlan) -> tuple[float, float]:
    return told.curvature, min(told.acceleration, 0.5 * (2.5 - truth.ego.speed))


BAD: dict[str, tuple[Driver, ...]] = {
    "car_following": (parks, speeds, sees_no_one, swerves, jerks, crawls),
    "obstacle_avoidance": (parks, speeds, swerves, jerks, crawls),
    "stop_sign": (parks, speeds, sees_no_one, swerves, jerks, crawls),
}
"""Passing an obstacle at the speed limit is not wrong where nothing is touched: `sees_no_one` is left out there."""


@pytest.fixture(scope="module")
def world() -> Iterator[EmbeddedWorld]:
    world = EmbeddedWorld(SALOON, load_camera("default"), cameras=False)
    yield world
    world.close()


@dataclass(frozen=True)
class Drive:
    moments: list[Moment]
    success: bool


def drive(world: EmbeddedWorld, name: str, seed: int, driver: Driver) -> Drive:
    episode, mapping = Episode(world, load_scenario(name), seed), ActionMapping(SALOON)
    episode.start()
    view, rules, truth = RouteView(world.plan, SALOON), Expert(world.plan, SALOON), world.truth()
    situation = view.update(truth)
    maker, moments = MomentMaker(view, world.tick_s, truth, situation), []
    while not episode.verdict.done:
        wanted = driver(rules.act_in(situation, truth.ego), truth, world.plan)
        action = Action(truth.ego.stamp_ns, *(min(max(value, -1.0), 1.0) for value in wanted))
        command = mapping.step(action, truth.ego)
        episode.step(command)
        truth = world.truth()
        situation = view.update(truth)
        moments.append(maker.make(truth, situation, action, episode.verdict))
    return Drive(moments, episode.verdict.success)


def honest(moment: Moment) -> float:
    """Guidance that sees what the rules see."""
    return terms.safe_speed(moment, **COMFORTABLE) / moment.speed_limit


def discounted(name: str, drive: Drive) -> float:
    reward = load_reward(name)
    values = [reward.total(reward.terms(m, honest(m))) for m in drive.moments]
    return sum(DISCOUNT**tick * value for tick, value in enumerate(values))


@pytest.mark.parametrize("scenario", list(BAD))
def test_the_expert_earns_more_than_every_bad_driver(world: EmbeddedWorld, scenario: str) -> None:
    seed = TEACHER_SEEDS.start + 1
    good = drive(world, scenario, seed, expert)
    bad = {driver.__name__: drive(world, scenario, seed, driver) for driver in BAD[scenario]}
    assert good.success
    for name in ("vlm", "surrogate", "hand-crafted"):
        best = discounted(name, good)
        assert 3.0 < best < 30.0, "a good drive's return is of the order of 10"
        for driver, drive_ in bad.items():
            assert discounted(name, drive_) < best - 0.5, f"{driver} under {name}"


@pytest.mark.parametrize("driver", [parks, speeds, sees_no_one])
def test_the_sparse_reward_too_prefers_the_expert(world: EmbeddedWorld, driver: Driver) -> None:
    seed = TEACHER_SEEDS.start + 1
    good, bad = (drive(world, "stop_sign", seed, d) for d in (expert, driver))
    assert not bad.success
    assert discounted("sparse", bad) < 0.0 < discounted("sparse", good)
