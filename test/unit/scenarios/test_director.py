"""Traffic: keeps its distance, reacts to the ego, stops at lines, and does what its script says."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from sim2real_ad.types import EgoState, Pose2
from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.boxes import boxes_overlap
from sim2real_ad.world.director import Director
from sim2real_ad.world.embedded.roads import RoadNetwork
from sim2real_ad.world.path import Path
from sim2real_ad.world.plan import ActorPlan, Driver, Driving, EpisodePlan, Standing, Walking
from sim2real_ad.world.protocol import ActorState
from sim2real_ad.world.scenarios import load_scenario, plan_episode

ActorMaker = Callable[..., ActorPlan]
PlanMaker = Callable[..., EpisodePlan]
FAR = EgoState(0, Pose2(0.0, 500.0, 0.0), 0.0)


def run(
    director: Director, saloon: VehicleProfile, seconds: float, ego: EgoState = FAR
) -> list[tuple[ActorState, ...]]:
    seen = [director.states()]
    for _ in range(round(seconds / 0.05)):
        director.step(0.05, ego, saloon)
        seen.append(director.states())
    return seen


@pytest.fixture
def start(plan: PlanMaker, curved_road: RoadNetwork) -> Callable[..., Director]:
    return lambda *actors: Director(plan(*actors), curved_road)


def test_a_free_vehicle_reaches_its_speed_and_keeps_it(
    start: Callable[..., Director], actor: ActorMaker, straight: Path, saloon: VehicleProfile
) -> None:
    seen = run(start(actor(1, Driving(straight, 20.0, 2.0, Driver(8.0)))), saloon, 20.0)
    assert seen[-1][0].speed == pytest.approx(8.0, abs=0.1)
    speeds = [states[0].speed for states in seen]
    assert all(later >= earlier for earlier, later in pairwise(speeds))
    assert max(later - earlier for earlier, later in pairwise(speeds)) <= 1.6 * 0.05 + 1e-9


def test_a_faster_vehicle_settles_behind_a_slower_one_at_the_headway(
    start: Callable[..., Director], actor: ActorMaker, straight: Path, saloon: VehicleProfile
) -> None:
    slow = actor(1, Driving(straight, 60.0, 4.0, Driver(4.0)))
    fast = actor(2, Driving(straight, 20.0, 8.0, Driver(9.0)))
    seen = run(start(slow, fast), saloon, 40.0)
    ahead, behind = seen[-1]
    gap = ahead.pose.x - behind.pose.x - 4.0
    driver = Driver(9.0)
    expected = (driver.min_gap + driver.time_headway * 4.0) / math.sqrt(1.0 - (4.0 / 9.0) ** 4)
    assert behind.speed == pytest.approx(4.0, abs=0.1)
    assert gap == pytest.approx(expected, abs=0.5)
    assert min(a.pose.x - b.pose.x - 4.0 for a, b in seen) > 2.0


def test_a_script_slows_a_vehicle_to_a_stop_and_lets_it_drive_on(
    start: Callable[..., Director], actor: ActorMaker, straight: Path, saloon: VehicleProfile
) -> None:
    scripted = Driving(straight, 20.0, 8.0, Driver(8.0), script=((2.0, 0.0), (12.0, 6.0)))
    speeds = [states[0].speed for states in run(start(actor(1, scripted)), saloon, 22.0)]
    assert speeds[round(1.9 / 0.05)] == pytest.approx(8.0, abs=0.1)
    assert speeds[round(11.9 / 0.05)] == 0.0
    assert speeds[-1] == pytest.approx(6.0, abs=0.2)
    assert min(later - earlier for earlier, later in pairwise(speeds)) >= -2.2 * 0.05 - 1e-9


def test_a_vehicle_behind_the_ego_stops_behind_it(
    start: Callable[..., Director], actor: ActorMaker, straight: Path, saloon: VehicleProfile
) -> None:
    ego = EgoState(0, Pose2(100.0, 0.0, 0.0), 0.0)
    seen = run(start(actor(1, Driving(straight, 20.0, 8.0, Driver(8.0)))), saloon, 30.0, ego)
    gap = 100.0 - saloon.rear_overhang - seen[-1][0].pose.x - 2.0
    assert 1.0 < gap < 4.0
    assert seen[-1][0].speed < 0.1


def test_an_ego_in_the_next_lane_slows_nobody(
    start: Callable[..., Director], actor: ActorMaker, straight: Path, saloon: VehicleProfile
) -> None:
    ego = EgoState(0, Pose2(100.0, -3.5, 0.0), 0.0)
    seen = run(start(actor(1, Driving(straight, 20.0, 8.0, Driver(8.0)))), saloon, 25.0, ego)
    assert min(states[0].speed for states in seen) > 7.9


def test_oncoming_traffic_brakes_for_an_ego_in_its_lane(
    start: Callable[..., Director], actor: ActorMaker, straight: Path, saloon: VehicleProfile
) -> None:
    ego = EgoState(0, Pose2(120.0, 0.2, math.pi), 0.0)
    seen = run(start(actor(1, Driving(straight, 20.0, 8.0, Driver(8.0)))), saloon, 20.0, ego)
    assert seen[-1][0].pose.x + 2.0 < 120.0 - saloon.front_overhang
    assert seen[-1][0].speed < 0.1


@pytest.mark.parametrize(("lateral", "stops"), [(0.0, True), (0.9, True), (4.0, False)])
def test_a_standing_thing_stops_traffic_only_where_it_is_in_the_way(
    start: Callable[..., Director],
    actor: ActorMaker,
    straight: Path,
    saloon: VehicleProfile,
    lateral: float,
    stops: bool,
) -> None:
    box = actor(1, Standing(Pose2(100.0, lateral, 0.4)), kind="obstacle", size=(0.8, 0.6, 0.6))
    seen = run(start(box, actor(2, Driving(straight, 20.0, 8.0, Driver(8.0)))), saloon, 25.0)
    assert (seen[-1][1].pose.x < 100.0) is stops
    assert all(states[0] == seen[0][0] for states in seen)


def test_traffic_stops_for_a_vehicle_of_a_crossing_path_that_is_in_its_way(
    start: Callable[..., Director], actor: ActorMaker, straight: Path, saloon: VehicleProfile
) -> None:
    across = Path(np.stack((np.full(200, 150.0), np.arange(-100.0, 100.0)), axis=-1))
    first = actor(1, Driving(straight, 20.0, 8.0, Driver(8.0)))
    stuck = actor(2, Driving(across, 86.0, 6.0, Driver(6.0), script=((1.0, 0.0), (40.0, 6.0))))
    seen = run(start(first, stuck), saloon, 70.0)
    assert abs(seen[600][1].pose.y) < 3.0
    assert seen[600][0].speed < 0.1
    assert 140.0 < seen[600][0].pose.x + 2.0 < 149.1
    assert seen[-1][0].pose.x > 160.0
    for one, other in seen:
        dx, dy = other.pose.x - one.pose.x, other.pose.y - one.pose.y
        assert not boxes_overlap(dx, dy, one.pose.yaw, 2.0, 0.9, other.pose.yaw, 2.0, 0.9)


def test_a_pedestrian_walks_up_and_down(
    start: Callable[..., Director], actor: ActorMaker, saloon: VehicleProfile
) -> None:
    pavement = Path(np.stack((np.arange(11.0), np.full(11, 4.0)), axis=-1))
    walker = actor(1, Walking(pavement, 0.0, 1.0), kind="pedestrian", size=(0.4, 0.5, 1.7))
    seen = run(start(walker), saloon, 21.0)
    xs = [states[0].pose.x for states in seen]
    assert max(xs) == pytest.approx(10.0, abs=0.06)
    assert xs[-1] == pytest.approx(1.0, abs=0.06)
    assert abs(seen[-100][0].pose.yaw) == pytest.approx(math.pi)
    assert seen[20][0].pose.yaw == pytest.approx(0.0)


def test_traffic_stops_at_stop_lines_and_goes_on(saloon: VehicleProfile) -> None:
    scenario = load_scenario("stop_sign")
    network = RoadNetwork.load("urban_block")
    for seed in range(200):
        plan = plan_episode(scenario, network, seed)
        lead = plan.actors[0] if plan.actors and isinstance(plan.actors[0].behaviour, Driving) else None
        if lead is not None and lead.behaviour.path.nearest(*plan.path.pose(50.0)[:2])[1] == pytest.approx(0, abs=0.1):
            break
    assert lead is not None
    director = Director(plan, network)
    line, stood, passed = plan.stop_lines[0], False, False
    for _ in range(600):
        director.step(0.05, FAR, saloon)
        state = director.states()[0]
        front = plan.path.nearest(state.pose.x, state.pose.y)[0] + state.size[0] / 2.0
        if state.speed < 0.1 and 0.0 < line.near_edge - front < 2.5:
            stood = True
        if not passed and front > line.far_edge and abs(front - line.far_edge) < 3.0:
            passed = True
            assert stood
    assert passed


@pytest.mark.parametrize("name", ["car_following", "stop_sign"])
def test_shipped_traffic_never_runs_into_anything(name: str, saloon: VehicleProfile) -> None:
    scenario = load_scenario(name)
    for seed in range(12):
        network = RoadNetwork.load(scenario.map_for(seed))
        director = Director(plan_episode(scenario, network, seed), network)
        for _ in range(100):
            director.step(0.2, FAR, saloon)
            vehicles = [state for state in director.states() if state.kind == "vehicle"]
            for i, one in enumerate(vehicles):
                for other in vehicles[i + 1 :]:
                    gap = other.pose.x - one.pose.x, other.pose.y - one.pose.y
                    halves = [(s.pose.yaw, s.size[0] / 2.0, s.size[1] / 2.0) for s in (one, other)]
                    assert not boxes_overlap(*gap, *halves[0], *halves[1]), (seed, one, other)


def test_the_same_plan_moves_the_same_way(saloon: VehicleProfile, curved_road: RoadNetwork) -> None:
    scenario = load_scenario("car_following").model_copy(update={"maps": ("curved_road",)})
    runs = [run(Director(plan_episode(scenario, curved_road, 4), curved_road), saloon, 5.0) for _ in range(2)]
    assert runs[0] == runs[1]
