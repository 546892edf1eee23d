"""Surfaces and building sites on maps that are made to be awkward."""

import math

import numpy as np
import pytest
from scenariogeneration import xodr

from sim2real_ad.types import Pose2
from sim2real_ad.world.embedded.mapgen.builder import Arm, MapBuilder
from sim2real_ad.world.embedded.mapgen.shipped import RURAL, STREET
from sim2real_ad.world.embedded.roads import RoadNetwork


def network(builder):
    return RoadNetwork.from_xodr("test", builder.text())


def test_a_wide_junction_is_drivable_between_its_ways_too():
    builder = MapBuilder("test", RURAL)
    headings = [i * math.pi / 2.0 for i in range(4)]
    roads = [
        builder.road(Pose2(40.0 * math.cos(yaw), 40.0 * math.sin(yaw), yaw), [xodr.Line(30.0)]) for yaw in headings
    ]
    builder.junction((0.0, 0.0), 40.0, [Arm(road, "start") for road in roads])
    diagonal = np.linspace(-14.0, 14.0, 57)[:, None] * np.array([[1.0, 1.0]])
    assert network(builder).on_drivable(diagonal).all()


def test_land_that_roads_only_enclose_is_not_drivable():
    assert not RoadNetwork.load("urban_block").on_drivable(np.array([(47.0, 42.0), (135.0, 42.0)])).any()


@pytest.mark.parametrize("section", [RURAL, STREET])
def test_sites_of_one_road_keep_clear_of_another_beside_it(section):
    builder = MapBuilder("test", section)
    builder.road(Pose2(0.0, 0.0, 0.0), [xodr.Line(120.0)])
    builder.road(Pose2(0.0, 24.0, 0.0), [xodr.Line(120.0)])
    sites = network(builder).scene_geometry().building_sites
    assert sites
    for site in sites:
        nearest = min(abs(site.y - middle) for middle in (0.0, 24.0)) - 3.5
        assert nearest >= 8.0 or not -8.0 <= site.x <= 128.0
