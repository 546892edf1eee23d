"""The shipped maps: what their source gives, as carla reads it."""

import math
import xml.etree.ElementTree as ET

import carla
import numpy as np
import pytest
import shapely
import typer
from typer.testing import CliRunner

from sim2real_ad.cli import maps as maps_command
from sim2real_ad.config import find_config
from sim2real_ad.errors import MapError
from sim2real_ad.world.embedded.mapgen.shipped import SHIPPED, STREET_REACH
from sim2real_ad.world.embedded.roads import RoadNetwork

RENEW = "run `s2r maps` to make the maps again"


@pytest.fixture(params=sorted(SHIPPED))
def name(request):
    return request.param


@pytest.fixture
def command():
    app = typer.Typer()
    app.callback()(lambda: None)
    maps_command.register(app)
    return lambda *arguments: CliRunner().invoke(app, ["maps", *arguments])


def test_the_committed_map_is_what_its_source_gives(name):
    assert find_config(name, "maps", ".xodr").read_text() == SHIPPED[name](), RENEW


def test_the_source_gives_the_same_text_every_time(name):
    assert SHIPPED[name]() == SHIPPED[name]()


def test_carla_reads_it_with_a_way_on_from_every_lane(name):
    world_map = carla.Map(name, SHIPPED[name]())
    waypoints = world_map.generate_waypoints(5.0)
    assert len(waypoints) > 200
    assert all(waypoint.next(4.0) for waypoint in waypoints)
    starts = {(a.road_id, a.lane_id) for a, _ in world_map.get_topology()}
    assert starts == {(w.road_id, w.lane_id) for w in waypoints}


def test_carla_finds_the_stop_signs(name):
    signs = carla.Map(name, SHIPPED[name]()).get_all_landmarks_of_type("206")
    assert len(signs) == {"curved_road": 0, "urban_block": 26, "proving_ground": 1}[name]
    assert len({sign.id for sign in signs}) == len(signs)


def test_traffic_keeps_to_the_right_by_the_maps_own_rule(name):
    roads = ET.fromstring(SHIPPED[name]()).findall("road")
    assert {road.get("rule") for road in roads} == {"RHT"}


def test_roads_join_without_a_step_or_a_kink(name):
    lanes = {lane.key: lane for lane in RoadNetwork.from_xodr(name, SHIPPED[name]()).lanes}
    for lane in lanes.values():
        for following in (lanes[key] for key in lane.successors):
            assert np.hypot(*(following.centre[0] - lane.centre[-1])) < 0.01
            turn = following.yaw[0] - lane.yaw[-1]
            assert math.cos(turn) > math.cos(0.002)


def test_every_way_is_wide_enough_to_drive_round(name):
    """No lane bends to less than 6 m radius in its centre; the rural road's tightest bends are near 40 m."""
    tightest = math.inf
    for lane in RoadNetwork.from_xodr(name, SHIPPED[name]()).lanes:
        if lane.driving:
            steps = np.hypot(*np.diff(lane.centre, axis=0).T)
            turns = np.abs((np.diff(lane.yaw) + math.pi) % (2.0 * math.pi) - math.pi)
            tightest = min(tightest, float((steps / np.maximum(turns, 1e-9)).min()))
    expected = {"curved_road": (38.0, 42.0), "urban_block": (6.0, 9.0), "proving_ground": (6.0, 15.0)}[name]
    assert expected[0] <= tightest <= expected[1]


def test_the_rural_road_is_long_and_never_crosses_itself():
    network = RoadNetwork.from_xodr("curved_road", SHIPPED["curved_road"]())
    ring = [lane for lane in network.lanes if lane.driving and lane.key[2] == -1]
    assert sum(lane.s[-1] - lane.s[0] for lane in ring) > 1500.0
    assert shapely.LineString(np.concatenate([lane.centre for lane in ring])).is_simple
    assert {lane.turn for lane in ring} != {"straight"}


def test_the_town_has_t_and_four_way_junctions_with_pavements_at_the_corners():
    network = RoadNetwork.from_xodr("urban_block", SHIPPED["urban_block"]())
    ways = {}
    for lane in network.lanes:
        if lane.driving and lane.junction >= 0:
            ways.setdefault(lane.junction, []).append(lane)
    assert sorted(len(group) for group in ways.values()) == [6] * 6 + [12] * 2
    right_turns = {lane.key[0] for group in ways.values() for lane in group if lane.turn == "right"}
    paved = {lane.key[0] for lane in network.lanes if not lane.driving}
    assert right_turns <= paved


def test_turns_through_the_town_are_arcs_of_the_stated_radius():
    network = RoadNetwork.from_xodr("urban_block", SHIPPED["urban_block"]())
    for lane in network.lanes:
        if lane.driving and lane.turn != "straight" and lane.junction >= 0:
            length = float(np.hypot(*np.diff(lane.centre, axis=0).T).sum())
            radius = STREET_REACH + (1.75 if lane.turn == "left" else -1.75)
            assert length == pytest.approx(radius * math.pi / 2.0, rel=0.01)


def test_the_proving_ground_has_a_wide_area():
    lanes = [
        lane for lane in RoadNetwork.from_xodr("proving_ground", SHIPPED["proving_ground"]()).lanes if lane.driving
    ]
    assert max(float(lane.width.max()) for lane in lanes) == pytest.approx(9.0)


def test_the_command_writes_maps_that_its_check_accepts(command, tmp_path):
    assert command("--out", str(tmp_path)).exit_code == 0
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(SHIPPED)
    assert command("--out", str(tmp_path), "--check").exit_code == 0


@pytest.mark.parametrize("damage", ["edit", "remove"])
def test_the_check_names_a_map_that_differs_and_writes_nothing(command, tmp_path, damage):
    command("--out", str(tmp_path))
    path = tmp_path / "urban_block.xodr"
    path.unlink() if damage == "remove" else path.write_text(path.read_text().replace("3.5", "3.4"))
    before = {p.name: p.read_text() for p in tmp_path.iterdir()}
    result = command("--out", str(tmp_path), "--check")
    assert isinstance(result.exception, MapError)
    assert "urban_block.xodr" in str(result.exception)
    assert "curved_road" not in str(result.exception)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_written_is_named(command, tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    result = command("--out", str(blocker / "maps"))
    assert isinstance(result.exception, MapError)
    assert "cannot write" in str(result.exception)
