"""The judge: every infraction, at its limits, on a real map; success is strict."""

from dataclasses import replace

import pytest

from sim2real_ad.types import EgoState, Pose2
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.embedded.roads import RoadNetwork
from sim2real_ad.world.judge import Judge, Verdict
from sim2real_ad.world.plan import EpisodePlan, Standing
from sim2real_ad.world.protocol import ActorState, GroundTruth
from sim2real_ad.world.scenarios import load_scenario, plan_episode

SALOON = load_vehicle("saloon")
TICK = 0.05


@pytest.fixture(scope="module")
def network() -> RoadNetwork:
    return RoadNetwork.load("urban_block")


@pytest.fixture(scope="module")
def plan(network: RoadNetwork) -> EpisodePlan:
    """An approach to a stop line, straight on, with nobody about."""
    scenario = load_scenario("stop_sign")
    stop = scenario.route.stop
    assert stop is not None
    straight = scenario.route.model_copy(update={"stop": stop.model_copy(update={"turns": ("straight",)})})
    return plan_episode(scenario.model_copy(update={"route": straight, "actors": ()}), network, 1)


class Drive:
    """Moves the ego along the route by hand and shows it to the judge."""

    def __init__(self, plan: EpisodePlan, network: RoadNetwork) -> None:
        self.plan, self.judge, self.time_s, self.station = plan, Judge(plan, network, SALOON), -TICK, 0.0

    def show(
        self, speed: float, lateral: float = 0.0, actors: tuple[ActorState, ...] = (), touched: int | None = None
    ) -> Verdict:
        self.time_s += TICK
        x, y, yaw = self.plan.path.pose(self.station, lateral)
        return self.judge.step(GroundTruth(self.time_s, EgoState(0, Pose2(x, y, yaw), speed), actors, touched))

    def to(self, station: float, speed: float = 8.0, lateral: float = 0.0) -> Verdict:
        while self.station < station and not self.judge.verdict.done:
            self.station = min(self.station + speed * TICK, station)
            self.show(speed, lateral)
        return self.judge.verdict

    def stand(self, seconds: float, actors: tuple[ActorState, ...] = (), lateral: float = 0.0) -> Verdict:
        for _ in range(round(seconds / TICK)):
            self.show(0.0, lateral, actors)
        return self.judge.verdict

    def bumper_to_line(self, distance: float) -> float:
        """Station of base_link with the bumper this far before the line's middle."""
        return self.plan.stop_lines[0].station - SALOON.front_overhang - distance


@pytest.fixture
def drive(plan: EpisodePlan, network: RoadNetwork) -> Drive:
    return Drive(plan, network)


def kinds(verdict: Verdict) -> list[str]:
    return [infraction.kind for infraction in verdict.infractions]


def test_a_stop_at_the_line_and_the_goal_is_success(drive: Drive) -> None:
    drive.to(drive.bumper_to_line(1.5))
    drive.stand(0.6)
    verdict = drive.to(drive.plan.goal_station + 1.0)
    assert verdict == Verdict(True, True, (), 1.0)


@pytest.mark.parametrize(
    ("distance", "seconds", "served"),
    [
        (3.9, 0.6, True),
        (4.2, 0.6, False),
        (0.0, 0.6, True),
        (-0.15, 0.6, True),
        (1.0, 0.5, True),
        (1.0, 0.4, False),
    ],
)
def test_a_stop_counts_by_its_place_and_length(drive: Drive, distance: float, seconds: float, served: bool) -> None:
    drive.to(drive.bumper_to_line(distance))
    drive.stand(seconds)
    verdict = drive.to(drive.bumper_to_line(-1.0))
    assert kinds(verdict) == ([] if served else ["stop_line_run"])


def test_a_rolling_stop_is_none(drive: Drive) -> None:
    drive.to(drive.bumper_to_line(3.0))
    assert kinds(drive.to(drive.bumper_to_line(-1.0), speed=0.3)) == ["stop_line_run"]


def test_two_short_stops_do_not_add_up(drive: Drive) -> None:
    drive.to(drive.bumper_to_line(3.0))
    drive.stand(0.3)
    drive.to(drive.bumper_to_line(2.0))
    drive.stand(0.3)
    assert kinds(drive.to(drive.bumper_to_line(-1.0))) == ["stop_line_run"]


def test_a_line_run_is_named_with_the_speed(drive: Drive) -> None:
    infraction = drive.to(drive.bumper_to_line(-1.0)).infractions[0]
    assert drive.plan.stop_lines[0].line_id in infraction.detail
    assert "8.0 m/s" in infraction.detail
    assert infraction.time_s == pytest.approx(drive.time_s)


def test_touching_an_actor_is_a_collision(drive: Drive) -> None:
    drive.to(10.0)
    x, y, yaw = drive.plan.path.pose(10.0 + SALOON.front_overhang + 1.5)
    car = ActorState(7, "vehicle", "vehicle.audi.a2", Pose2(x, y, yaw), (3.2, 1.8, 1.5))
    verdict = drive.show(8.0, actors=(car,))
    assert kinds(verdict) == ["collision"]
    assert "actor 7 (vehicle.audi.a2)" in verdict.infractions[0].detail
    assert verdict.done
    assert not verdict.success


def test_a_collision_that_the_world_reports_counts(drive: Drive) -> None:
    assert kinds(drive.show(8.0, touched=-1)) == ["collision"]


@pytest.mark.parametrize(("lateral", "seconds", "off"), [(-1.2, 0.6, True), (-1.2, 0.3, False), (-0.7, 2.0, False)])
def test_a_corner_off_the_road_counts_after_the_tolerance(
    drive: Drive, lateral: float, seconds: float, off: bool
) -> None:
    drive.to(10.0)
    verdict = drive.to(10.0 + 8.0 * seconds, lateral=lateral)
    assert kinds(verdict) == (["off_road"] if off else [])


@pytest.mark.parametrize("begins", [TICK * ticks for ticks in range(0, 400, 13)])
def test_exactly_the_tolerance_is_within_it_whenever_it_begins(
    plan: EpisodePlan, network: RoadNetwork, begins: float
) -> None:
    for more, off in ((0, []), (1, ["off_road"])):
        drive = Drive(plan, network)
        drive.time_s = begins
        drive.to(10.0)
        for _ in range(round(plan.scenario.criteria.off_road_s / TICK) + more):
            verdict = drive.show(8.0, lateral=-1.2)
        assert kinds(verdict) == off


def test_the_other_lane_is_road(drive: Drive) -> None:
    assert kinds(drive.to(25.0, lateral=3.5)) == []


def test_standing_without_a_reason_is_an_infraction(drive: Drive) -> None:
    drive.to(10.0)
    limit = drive.plan.scenario.criteria.standing_still_s
    assert kinds(drive.stand(limit - 0.1)) == []
    assert kinds(drive.stand(0.3)) == ["standing_still"]


def test_a_vehicle_ahead_is_a_reason_to_stand(drive: Drive) -> None:
    drive.to(10.0)
    x, y, yaw = drive.plan.path.pose(10.0 + SALOON.front_overhang + 6.0)
    lead = ActorState(99, "vehicle", "vehicle.audi.a2", Pose2(x, y, yaw), (4.0, 1.8, 1.5))
    assert kinds(drive.stand(10.0, actors=(lead,))) == []


def test_what_stands_all_the_time_is_no_reason_to_stand(plan: EpisodePlan, network: RoadNetwork) -> None:
    x, y, yaw = plan.path.pose(10.0 + SALOON.front_overhang + 6.0)
    scenario = load_scenario("obstacle_avoidance")
    template = next(
        actor
        for seed in range(9)
        for actor in plan_episode(scenario, RoadNetwork.load(scenario.map_for(seed)), seed).actors
        if isinstance(actor.behaviour, Standing)
    )
    pose = Pose2(x, y, yaw)
    parked = replace(template, actor_id=5, behaviour=Standing(pose))
    drive = Drive(replace(plan, actors=(parked,)), network)
    drive.to(10.0)
    state = ActorState(5, "vehicle", parked.blueprint, pose, (4.0, 1.8, 1.5))
    assert kinds(drive.stand(7.0, actors=(state,))) == ["standing_still"]


def test_a_line_is_a_reason_to_stand_until_it_is_served(drive: Drive) -> None:
    drive.to(drive.bumper_to_line(6.0))
    assert kinds(drive.stand(10.0)) == []
    drive.to(drive.bumper_to_line(2.0))
    assert kinds(drive.stand(7.5)) == ["standing_still"]


def test_time_runs_out(drive: Drive) -> None:
    drive.time_s = drive.plan.time_limit_s - 2.5 * TICK
    drive.to(0.1)
    verdict = drive.to(5.0, speed=1.0)
    assert kinds(verdict) == ["timeout"]
    assert verdict.infractions[0].time_s == pytest.approx(drive.plan.time_limit_s, abs=TICK)


def test_the_goal_counts_in_the_lane_only(drive: Drive) -> None:
    drive.to(drive.bumper_to_line(1.5))
    drive.stand(0.6)
    drive.to(drive.plan.goal_station - 5.0)
    assert not drive.to(drive.plan.goal_station + 1.0, lateral=2.5).done
    assert drive.to(drive.plan.goal_station + 2.0, lateral=0.5).success


def test_progress_is_the_share_of_the_way_and_never_falls(drive: Drive) -> None:
    assert drive.to(20.0).progress == pytest.approx(20.0 / drive.plan.goal_station, abs=0.01)
    drive.station = 15.0
    assert drive.show(1.0).progress == pytest.approx(20.0 / drive.plan.goal_station, abs=0.01)


def test_a_verdict_that_is_done_does_not_change(drive: Drive) -> None:
    done = drive.show(8.0, touched=-1)
    drive.station = drive.plan.goal_station + 1.0
    assert drive.show(8.0) is done
