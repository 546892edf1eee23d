import math

import numpy as np
import pytest

pytest.importorskip("carla", reason="maps need the sim extra")

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.training.scenes import SceneSampler
from sim2real_ad.world.embedded.bev import TruthBev
from sim2real_ad.world.embedded.roads import RoadNetwork


@pytest.fixture(scope="module")
def scenes():
    network = RoadNetwork.load("urban_block")
    sampler = SceneSampler(network, np.random.default_rng(0))
    return network, [sampler.sample() for _ in range(120)]


def test_every_channel_of_the_bev_occurs(scenes):
    network, drawn = scenes
    truth = TruthBev(network, BevSpec())
    present = np.mean([(truth.render(*scene) > 0).any(axis=(1, 2)) for scene in drawn], axis=0)
    assert np.all(present > 0.15), dict(zip(BevSpec().channels, present, strict=True))


def test_nothing_stands_in_the_ego_or_in_another(scenes):
    for base, actors in scenes[1]:
        for n, actor in enumerate(actors):
            assert math.hypot(actor.pose.x - base.x, actor.pose.y - base.y) > 0.9
            assert len({a.actor_id for a in actors}) == len(actors)
            for other in actors[:n]:
                gap = math.hypot(actor.pose.x - other.pose.x, actor.pose.y - other.pose.y)
                assert gap > (max(actor.size[:2]) + max(other.size[:2])) / 2


def test_the_car_is_seen_off_its_lane_centre_as_when_passing_or_recovering(scenes):
    network, drawn = scenes
    offsets, turns = [], []
    for base, _ in drawn:
        point = network.lane_point(base.x, base.y)
        if point is not None and not point.in_junction:
            offsets.append(point.lateral_offset(base.x, base.y))
            turns.append(abs(math.remainder(base.yaw - point.pose.yaw, 2 * math.pi)))
    assert np.mean(np.abs(offsets) < 0.6) > 0.4
    assert np.mean(np.abs(offsets) > 1.0) > 0.1
    assert np.quantile(turns, 0.9) > 0.1


def test_the_same_random_numbers_draw_the_same_scenes(scenes):
    sampler = SceneSampler(scenes[0], np.random.default_rng(0))
    assert [sampler.sample() for _ in range(5)] == scenes[1][:5]
