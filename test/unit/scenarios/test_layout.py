"""Scenarios become episodes: what every seed must fulfil, and what is refused."""

import math
from pathlib import Path as FilePath

import numpy as np
import pytest
import shapely
import yaml

from sim2real_ad.config import find_config
from sim2real_ad.errors import ScenarioError
from sim2real_ad.geometry.frames import map_from_base, wrap_angle
from sim2real_ad.types import Pose2
from sim2real_ad.world.catalogue import CATALOGUE
from sim2real_ad.world.embedded.roads import RoadNetwork
from sim2real_ad.world.obstructions import LEAST_LEFT, MOST_LEFT, obstruction
from sim2real_ad.world.plan import Driving, EpisodePlan, Standing, Walking
from sim2real_ad.world.scenarios import Scenario, load_scenario, plan_episode, scenario_names

SEEDS = range(40)
SIZES = {blueprint.name: blueprint.size for group in CATALOGUE.values() for blueprint in group}


def plans(name: str) -> list[tuple[EpisodePlan, RoadNetwork]]:
    scenario = load_scenario(name)
    networks = {seed: RoadNetwork.load(scenario.map_for(seed)) for seed in SEEDS}
    return [(plan_episode(scenario, network, seed), network) for seed, network in networks.items()]


@pytest.fixture(scope="module", params=["car_following", "obstacle_avoidance", "stop_sign"])
def laid_out(request: pytest.FixtureRequest) -> list[tuple[EpisodePlan, RoadNetwork]]:
    return plans(request.param)


def fingerprint(plan: EpisodePlan) -> tuple[object, ...]:
    """Everything of a plan, comparable."""
    actors = []
    for actor in plan.actors:
        behaviour = actor.behaviour
        path = None if isinstance(behaviour, Standing) else behaviour.path.points.tobytes()
        numbers = {k: v for k, v in vars(behaviour).items() if k != "path"}
        actors.append((actor.actor_id, actor.blueprint, actor.size, actor.colour, path, tuple(numbers.items())))
    return plan.ego_start, plan.ego_speed, plan.route.points.tobytes(), plan.speed_limit, tuple(actors), plan.stop_lines


def test_the_shipped_scenarios_are_the_three() -> None:
    assert scenario_names() == ("car_following", "obstacle_avoidance", "stop_sign")
    assert all(load_scenario(name).name == name for name in scenario_names())


def test_the_same_seed_gives_the_same_plan(laid_out: list[tuple[EpisodePlan, RoadNetwork]]) -> None:
    for plan, network in laid_out[:8]:
        assert fingerprint(plan_episode(plan.scenario, network, plan.seed)) == fingerprint(plan)


def test_every_seed_differs_in_place_speed_and_actors(laid_out: list[tuple[EpisodePlan, RoadNetwork]]) -> None:
    assert len({plan.ego_start for plan, _ in laid_out}) > 0.8 * len(laid_out)
    assert len({plan.ego_speed for plan, _ in laid_out}) == len(laid_out)
    assert len({plan.speed_limit for plan, _ in laid_out}) == len(laid_out)
    looks = {(actor.blueprint, actor.colour) for plan, _ in laid_out for actor in plan.actors}
    assert len(looks) > len(laid_out)


def test_routes_start_at_the_ego_and_run_a_metre_a_point_beyond_the_goal(
    laid_out: list[tuple[EpisodePlan, RoadNetwork]],
) -> None:
    for plan, network in laid_out:
        points = plan.route.points
        assert tuple(points[0]) == pytest.approx((plan.ego_start.x, plan.ego_start.y))
        steps = np.hypot(*np.diff(points, axis=0).T)
        assert steps.min() > 0.95
        assert steps.max() < 1.02
        assert len(points) == plan.goal_station + 61
        assert network.on_drivable(points).all()
        assert 75.0 <= plan.goal_station <= 180.0
        lane = network.lane_point(plan.ego_start.x, plan.ego_start.y)
        assert lane is not None
        assert abs(wrap_angle(lane.pose.yaw - plan.ego_start.yaw)) < 0.05
        assert abs(lane.lateral_offset(plan.ego_start.x, plan.ego_start.y)) < 0.02


def test_speeds_are_within_the_limits_of_the_scenario(laid_out: list[tuple[EpisodePlan, RoadNetwork]]) -> None:
    for plan, _ in laid_out:
        low, high = plan.scenario.speed_limit
        assert low <= plan.speed_limit <= high
        assert 0.0 < plan.ego_speed <= plan.speed_limit


def test_actors_have_the_sizes_of_the_catalogue_and_ids_of_their_own(
    laid_out: list[tuple[EpisodePlan, RoadNetwork]],
) -> None:
    for plan, _ in laid_out:
        ids = [actor.actor_id for actor in plan.actors]
        assert len(set(ids)) == len(ids)
        assert all(actor.size == SIZES[actor.blueprint] for actor in plan.actors)
        assert all(0 <= channel <= 255 for actor in plan.actors for channel in actor.colour)


def test_pedestrians_and_parked_cars_stand_clear_of_the_road(laid_out: list[tuple[EpisodePlan, RoadNetwork]]) -> None:
    for plan, network in laid_out:
        for actor in plan.actors:
            if actor.kind == "pedestrian":
                walks = isinstance(actor.behaviour, Walking)
                points = (
                    actor.behaviour.path.points
                    if walks
                    else np.array([(actor.behaviour.pose.x, actor.behaviour.pose.y)])
                )
                assert not network.on_drivable(points).any()


def test_parked_cars_keep_every_corner_off_the_road_and_nobody_stands_in_them() -> None:
    parked_cars = 0
    for plan, network in plans("stop_sign"):
        standing = [a for a in plan.actors if a.kind == "vehicle" and isinstance(a.behaviour, Standing)]
        for actor in standing:
            outline = box(actor.behaviour.pose, actor.size)
            corners = np.array(outline.exterior.coords)[:4]
            if network.on_drivable(np.array([(actor.behaviour.pose.x, actor.behaviour.pose.y)]))[0]:
                continue  # waits at a line
            parked_cars += 1
            assert not network.on_drivable(corners).any()
            for other in plan.actors:
                if other.kind == "pedestrian":
                    walks = isinstance(other.behaviour, Walking)
                    place = other.behaviour.path.points if walks else [(other.behaviour.pose.x, other.behaviour.pose.y)]
                    assert shapely.MultiPoint(place).distance(outline) > 0.25
    assert parked_cars > 15


def box(pose: Pose2, size: tuple[float, float, float]) -> shapely.Polygon:
    half = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)]) * (size[0] / 2.0, size[1] / 2.0)
    return shapely.Polygon(map_from_base(half, pose))


def test_following_always_has_a_lead_ahead_in_the_lane() -> None:
    stops = 0
    for plan, _ in plans("car_following"):
        lead = plan.actors[0].behaviour
        assert isinstance(lead, Driving)
        station, lateral = plan.path.nearest(*lead.path.pose(lead.station)[:2])
        assert abs(lateral) < 0.05
        assert 12.0 < station < 40.0
        assert lead.script
        stops += any(speed == 0.0 for _, speed in lead.script)
    assert 0.1 < stops / len(SEEDS) < 0.7


def test_a_lead_vehicle_sets_the_time_limit() -> None:
    for plan, _ in plans("car_following"):
        assert 8.0 + plan.goal_station / plan.speed_limit < plan.time_limit_s <= 60.0
    scenario = load_scenario("car_following")
    alone = scenario.model_copy(update={"actors": ()})
    assert plan_episode(alone, RoadNetwork.load(alone.map_for(0)), 0).time_limit_s == 60.0


def test_obstacles_are_in_the_ego_lane_and_leave_the_other_free() -> None:
    two, kinds = 0, set()
    for plan, _ in plans("obstacle_avoidance"):
        stations = []
        for actor in plan.actors:
            if actor.kind == "pedestrian":
                continue
            station, lateral = plan.path.nearest(actor.behaviour.pose.x, actor.behaviour.pose.y)
            assert lateral < MOST_LEFT
            assert 40.0 < station < plan.goal_station - 25.0
            stations.append(station)
            kinds.add(actor.blueprint.split(".")[0] + actor.kind)
        two += max(stations) - min(stations) > 12.0
    assert 4 < two < len(SEEDS) - 4
    assert kinds == {"vehiclevehicle", "staticobstacle"}


@pytest.mark.parametrize("form", ["car", "van", "barrier", "boxes", "cones"])
def test_every_form_of_obstruction_is_in_the_way_but_can_be_passed(form: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        things = obstruction(form, rng)
        lefts = [
            thing.lateral
            + (
                abs(math.sin(thing.turn)) * thing.blueprint.size[0]
                + abs(math.cos(thing.turn)) * thing.blueprint.size[1]
            )
            / 2.0
            for thing in things
        ]
        assert LEAST_LEFT <= max(lefts) <= MOST_LEFT + 0.2


def test_the_stop_line_is_where_the_scenario_says_and_every_turn_comes_up() -> None:
    turns = []
    for plan, _ in plans("stop_sign"):
        line = plan.stop_lines[0]
        low, high = plan.scenario.route.stop.approach
        assert low <= line.station <= high + 1.0
        assert line.depth == pytest.approx(0.4, abs=0.01)
        assert all(other.station > plan.goal_station for other in plan.stop_lines[1:])
        turns.append(round(wrap_angle(plan.goal.yaw - plan.ego_start.yaw) / (math.pi / 2.0)))
    assert set(turns) == {-1, 0, 1}


def test_waiting_vehicles_stand_behind_other_lines() -> None:
    found = 0
    for plan, network in plans("stop_sign"):
        for actor in plan.actors:
            if not isinstance(actor.behaviour, Standing) or actor.kind != "vehicle":
                continue
            pose = actor.behaviour.pose
            if not network.on_drivable(np.array([(pose.x, pose.y)]))[0]:
                continue
            found += 1
            assert abs(plan.path.nearest(pose.x, pose.y)[1]) > 3.0
            ahead = min(
                math.hypot(
                    pose.x + d * math.cos(pose.yaw) - line.centre.x, pose.y + d * math.sin(pose.yaw) - line.centre.y
                )
                for line in network.stop_lines
                for d in np.arange(2.0, 7.0, 0.1)
            )
            assert ahead < 0.2
    assert found > 4


def test_a_scenario_for_another_map_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"stop_sign.*urban_block.*curved_road"):
        plan_episode(load_scenario("stop_sign"), RoadNetwork.load("curved_road"), 0)


def test_a_scenario_that_fits_nowhere_says_why() -> None:
    scenario = load_scenario("car_following").model_copy(update={"maps": ("urban_block",)})
    with pytest.raises(ScenarioError, match=r"car_following.*seed 3.*urban_block.*junction"):
        plan_episode(scenario, RoadNetwork.load("urban_block"), 3)


def test_a_stop_scenario_on_a_map_without_stop_lines_says_so() -> None:
    scenario = load_scenario("stop_sign").model_copy(update={"maps": ("curved_road",)})
    with pytest.raises(ScenarioError, match=r"stop line|way"):
        plan_episode(scenario, RoadNetwork.load("curved_road"), 0)


def test_an_unknown_scenario_names_the_known_ones() -> None:
    with pytest.raises(ScenarioError, match=r"no 'swimming'.*stop_sign"):
        load_scenario("swimming")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"speed_limit": [9.0, 7.0]}, "speed_limit"),
        ({"speed_limit": [-1.0, 7.0]}, "speed_limit"),
        ({"maps": []}, "maps"),
        ({"wether": "rain"}, "wether"),
        ({"criteria": {}}, "time_limit_s"),
        ({"actors": [{"type": "leed", "gap": [1, 2]}]}, "leed"),
        ({"actors": [{"type": "lead", "gap": [1, 2], "count": [2, 1]}]}, "count"),
        ({"actors": [{"type": "lead", "gap": [1, 2], "probability": 1.5}]}, "probability"),
    ],
)
def test_a_wrong_value_is_named_with_its_file(tmp_path: FilePath, change: dict[str, object], said: str) -> None:
    data = yaml.safe_load(find_config("car_following", "scenarios").read_text())
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump({**data, **change}))
    with pytest.raises(ScenarioError, match=rf"wrong\.yaml.*{said}"):
        load_scenario(path)


def test_a_map_by_path_serves_as_well(tmp_path: FilePath) -> None:
    own = tmp_path / "my_ground.xodr"
    own.write_text(RoadNetwork.load("curved_road").xodr)
    scenario = Scenario.model_validate({**load_scenario("car_following").model_dump(), "maps": (str(own),)})
    plan = plan_episode(scenario, RoadNetwork.load(scenario.map_for(0)), 0)
    assert plan.map_name == str(own)
