"""What every World has to do: inherit `WorldContract`, give it a `world` fixture, and it holds that world to it."""

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from sim2real_ad.errors import WorldError
from sim2real_ad.geometry.frames import base_from_map, wrap_angle
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import ControlCommand, ns_from_seconds
from sim2real_ad.world.protocol import GroundTruth, World, WorldTick
from sim2real_ad.world.randomization import Domain
from sim2real_ad.world.scenarios import Scenario, load_scenario

NOMINAL = Domain()
STRAIGHT_ON = ControlCommand(0, 0.0, 0.0)


@pytest.fixture(scope="module")
def following() -> Scenario:
    return load_scenario("car_following")


class WorldContract:
    """Tests over a fixture `world`. position_tolerance: m between a plan's start and where the car then stands."""

    position_tolerance = 0.02

    @pytest.fixture
    def world(self) -> Iterator[World]:
        raise NotImplementedError("give the contract a world")

    def make_world(self) -> World:
        """Return another world of the same kind, that the test closes."""
        raise NotImplementedError("give the contract a way to make a world")

    def test_an_episode_starts_where_and_as_fast_as_its_plan_says(self, world: World, following: Scenario) -> None:
        tick = world.reset(following, 3, NOMINAL)
        start = world.plan.ego_start
        assert math.hypot(tick.ego.pose.x - start.x, tick.ego.pose.y - start.y) < self.position_tolerance
        assert abs(wrap_angle(tick.ego.pose.yaw - start.yaw)) < 0.01
        assert tick.ego.speed == pytest.approx(world.plan.ego_speed, abs=0.1)
        assert world.truth().time_s == 0.0
        assert {a.actor_id for a in world.truth().actors} == {a.actor_id for a in world.plan.actors}

    def test_stamps_and_time_advance_by_the_tick(self, world: World, following: Scenario) -> None:
        first = world.reset(following, 3, NOMINAL).ego.stamp_ns
        for number in range(1, 6):
            assert world.tick().ego.stamp_ns == pytest.approx(first + ns_from_seconds(number * world.tick_s), abs=1000)
            assert world.truth().time_s == pytest.approx(number * world.tick_s, abs=1e-9)

    def test_a_picture_carries_the_stamp_of_the_state_it_shows(self, world: World, following: Scenario) -> None:
        for tick in (world.reset(following, 3, NOMINAL), world.tick(), world.tick()):
            if tick.frame is not None:
                tick.frame.validate()
                assert tick.frame.stamp_ns == tick.ego.stamp_ns
                assert tick.frame.rgb.shape[:2] == (world.camera.height, world.camera.width)
                assert tick.frame.rgb.std() > 1.0

    def test_the_truth_is_the_state_that_the_tick_gave(self, world: World, following: Scenario) -> None:
        first = world.reset(following, 3, NOMINAL)
        assert world.truth().ego == first.ego
        for _ in range(3):
            tick = world.tick()
            assert world.truth().ego == tick.ego

    def test_a_command_holds_until_the_next(self, world: World, following: Scenario) -> None:
        world.reset(following, 3, NOMINAL)
        world.apply(ControlCommand(0, 0.0, 1.5))
        speeds = [world.tick().ego.speed for _ in range(20)]
        assert all(later > earlier for earlier, later in pairwise(speeds[6:]))
        world.apply(ControlCommand(0, 0.0, -3.0))
        speeds = [world.tick().ego.speed for _ in range(20)]
        assert all(later < earlier for earlier, later in pairwise(speeds[6:]))

    def test_acceleration_drives_forward_along_the_heading(self, world: World, following: Scenario) -> None:
        start = world.reset(following, 3, NOMINAL).ego
        world.apply(ControlCommand(0, 0.0, 1.0))
        ticks = [world.tick() for _ in range(30)]
        ahead, left = base_from_map(np.array([ticks[-1].ego.pose.x, ticks[-1].ego.pose.y]), start.pose)
        driven = sum(tick.ego.speed for tick in ticks) * world.tick_s
        assert ahead == pytest.approx(driven, rel=0.03)
        assert abs(left) < 0.05
        assert ticks[-1].ego.speed == pytest.approx(start.speed + 1.0 * 1.5, abs=0.4)

    @pytest.mark.parametrize("side", [1.0, -1.0])
    def test_steering_left_turns_left(self, world: World, following: Scenario, side: float) -> None:
        start = world.reset(following, 3, NOMINAL).ego
        world.apply(ControlCommand(0, side * 0.1, 0.0))
        end = [world.tick() for _ in range(25)][-1].ego
        _, left = base_from_map(np.array([end.pose.x, end.pose.y]), start.pose)
        assert side * left > 0.3
        assert side * wrap_angle(end.pose.yaw - start.pose.yaw) > 0.1
        assert side * end.yaw_rate > 0.05
        assert end.steering_tire_angle == pytest.approx(side * 0.1, abs=0.01)

    def test_a_braked_car_stands_and_stays(self, world: World, following: Scenario) -> None:
        world.reset(following, 3, NOMINAL)
        world.apply(ControlCommand(0, 0.0, -4.0))
        stopped = _ticks(world, 80)[-1].ego
        assert stopped.speed == pytest.approx(0.0, abs=0.02)
        world.apply(STRAIGHT_ON)
        later = _ticks(world, 20)[-1].ego
        assert math.hypot(later.pose.x - stopped.pose.x, later.pose.y - stopped.pose.y) < 0.02

    def test_the_same_seed_gives_the_same_episode_bit_for_bit(self, world: World, following: Scenario) -> None:
        assert _drive(world, following, 5) == _drive(world, following, 5)

    def test_another_world_gives_the_same_episode_bit_for_bit(self, world: World, following: Scenario) -> None:
        expected = _drive(world, following, 5)
        world.close()
        other = self.make_world()
        try:
            assert _drive(other, following, 5) == expected
        finally:
            other.close()

    def test_another_seed_gives_another_episode(self, world: World, following: Scenario) -> None:
        assert _drive(world, following, 5) != _drive(world, following, 6)

    def test_the_exact_bev_shows_the_road_and_the_lead(self, world: World, following: Scenario) -> None:
        spec = BevSpec()
        world.reset(following, 3, NOMINAL)
        bev = world.truth_bev(spec)
        assert bev.shape == spec.shape
        assert bev.dtype == np.uint8
        assert set(np.unique(bev)) <= {0, 255}
        row, column = np.rint(spec.cells_from_base(np.array([5.0, 0.0]))).astype(int)
        assert bev[spec.index("drivable"), row, column] == 255
        assert bev[spec.index("vehicle")].any()

    @pytest.mark.parametrize("field", ["steering_tire_angle", "acceleration"])
    def test_a_command_that_is_not_finite_is_refused(self, world: World, following: Scenario, field: str) -> None:
        world.reset(following, 3, NOMINAL)
        values = {"steering_tire_angle": 0.0, "acceleration": 0.0, field: math.nan}
        with pytest.raises(WorldError, match=field):
            world.apply(ControlCommand(0, **values))

    def test_a_world_without_an_episode_says_so(self, world: World) -> None:
        for call in (world.tick, world.truth, lambda: world.apply(STRAIGHT_ON), lambda: world.truth_bev(BevSpec())):
            with pytest.raises(WorldError, match=r"reset|closed"):
                call()

    def test_a_closed_world_says_so_and_may_be_closed_again(self, world: World, following: Scenario) -> None:
        world.reset(following, 3, NOMINAL)
        world.close()
        world.close()
        for call in (world.tick, world.truth, lambda: world.apply(STRAIGHT_ON)):
            with pytest.raises(WorldError):
                call()


def _ticks(world: World, count: int) -> list[WorldTick]:
    return [world.tick() for _ in range(count)]


def _drive(world: World, scenario: Scenario, seed: int) -> list[tuple[object, ...]]:
    """Drive a little and return everything that has to be equal, stamps since the episode's start."""
    tick = world.reset(scenario, seed)
    first = tick.ego.stamp_ns
    seen = [_everything(tick, world.truth(), first)]
    for number in range(30):
        world.apply(ControlCommand(0, 0.02 * math.sin(number / 5.0), 0.5))
        seen.append(_everything(world.tick(), world.truth(), first))
    return seen


def _everything(tick: WorldTick, truth: GroundTruth, first_ns: int) -> tuple[object, ...]:
    ego, actors = truth.ego, truth.actors
    picture = None if tick.frame is None else tick.frame.rgb.tobytes()
    motion = (ego.pose, ego.speed, ego.acceleration, ego.yaw_rate, ego.steering_tire_angle)
    return truth.time_s, round((tick.ego.stamp_ns - first_ns) / 1000), motion, actors, truth.ego_colliding, picture
