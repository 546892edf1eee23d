"""Maps that are missing, broken or not drivable: one clear line each, and the process lives."""

import re

import pytest
from scenariogeneration import xodr

from sim2real_ad.config import find_config
from sim2real_ad.errors import MapError
from sim2real_ad.types import Pose2
from sim2real_ad.world.embedded.mapgen.builder import MapBuilder
from sim2real_ad.world.embedded.mapgen.shipped import RURAL
from sim2real_ad.world.embedded.roads import RoadNetwork


@pytest.fixture(scope="module")
def text():
    return find_config("proving_ground", "maps", ".xodr").read_text()


def test_a_missing_map_names_those_there_are():
    with pytest.raises(MapError, match=r"atlantis.*curved_road, proving_ground, urban_block"):
        RoadNetwork.load("atlantis")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MapError, match=r"nowhere\.xodr"):
        RoadNetwork.load(tmp_path / "nowhere.xodr")


def test_a_file_that_is_not_text_is_named(tmp_path):
    path = tmp_path / "picture.xodr"
    path.write_bytes(b"\xff\xd8\xff\xe0\x00\x10")
    with pytest.raises(MapError, match="picture"):
        RoadNetwork.load(path)


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        (r"(?s)</OpenDRIVE>.*", "", "not valid OpenDRIVE: no element found|not valid OpenDRIVE: unclosed"),
        ("OpenDRIVE", "Roads", "root is <Roads>"),
        (r"(?s)<road .*</road>", "", "has no road"),
        (r"<line />", "", "road 0: the geometry at s=0 has no shape"),
        (r'hdg="[^"]*"', 'hdg="north"', "hdg='north', not a number"),
        (r'hdg="[^"]*"', 'hdg="nan"', "hdg='nan', not a number"),
        (r'(<road [^>]*)length="[^"]*"', r'\1length="-3"', "lane sections at"),
        (r"(?s)<center>.*?</center>", "", "centre lane 0"),
        (r'<successor id="[^"]*"', '<successor id="7"', "its successor, lane 7, is not there"),
        (r'elementType="road" elementId="0"', 'elementType="road" elementId="99"', "road 99, is not there"),
        (r'connectingRoad="\d+"', 'connectingRoad="777"', "cannot be evaluated"),
        (r' id="1" junction', ' id="0" junction', "two roads have the same id"),
        (r"<width [^>]*>", "", "0.0 m wide"),
        (r'type="driving"', 'type="sidewalk"', "no drivable lane"),
    ],
)
def test_a_broken_map_is_refused_with_the_reason(text, pattern, replacement, message):
    broken = re.sub(pattern, replacement, text)
    assert broken != text
    with pytest.raises(MapError, match=message) as caught:
        RoadNetwork.from_xodr("broken", broken)
    assert "\n" not in str(caught.value)


def test_a_dead_end_is_named_with_the_distance_to_it():
    builder = MapBuilder("stub", RURAL)
    builder.road(Pose2(0.0, 0.0, 0.0), [xodr.Line(100.0)])
    network = RoadNetwork.from_xodr("stub", builder.text())
    start = network.lane_point(20.0, -1.75)
    assert len(network.route(start, 79.0)) == 80
    with pytest.raises(MapError, match=r"ends 80\.0 m from the start; the route asks for 90"):
        network.route(start, 90.0)


def test_a_route_from_a_lane_of_another_map_is_refused(text):
    stranger = next(p for p in RoadNetwork.load("urban_block").lane_points(30.0) if p.road_id > 50)
    with pytest.raises(MapError, match=f"no lane {stranger.lane_id} on road {stranger.road_id}"):
        RoadNetwork.from_xodr("proving_ground", text).route(stranger, 10.0)


@pytest.mark.parametrize(("orientation", "heading"), [("-", -1), ("+", 1)])
def test_a_sign_without_lanes_governs_the_traffic_that_it_faces(text, orientation, heading):
    unnamed = re.sub(r"<validity [^>]*>", "", text)
    faced = re.sub(r'(<signal [^>]*orientation=)"."', rf'\1"{orientation}"', unnamed)
    (line,) = RoadNetwork.from_xodr("unnamed", faced).stop_lines
    assert line.centre.yaw * heading == pytest.approx(1.5708, abs=1e-3), "the road runs along +y"
