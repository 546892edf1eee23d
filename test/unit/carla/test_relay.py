"""The car behind a bridge's topics: its rear axle, its tyres, its pedals, and when it stops following."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.control.command_hold import CommandHold
from sim2real_ad.control.pedal_map import PedalMap, pedals_from_command
from sim2real_ad.errors import WorldError
from sim2real_ad.types import ControlCommand, Pose2, ns_from_seconds
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.carla.relay import (
    ActorMotion,
    ActorShape,
    RelayedCar,
    StampJoiner,
    Wheel,
)
from sim2real_ad.world.embedded.dynamics import EgoDynamics
from sim2real_ad.world.randomization import DynamicsScale

SALOON = load_vehicle("saloon")
TICK_S = 0.05


def motion(time_s: float, pose: Pose2 | None = None, **values: float) -> ActorMotion:
    given_values = {"speed": 5.0, "acceleration": 0.0, "yaw_rate": 0.0, **values}
    return ActorMotion(ns_from_seconds(time_s), pose or Pose2(0.0, 0.0, 0.0), **given_values)


@given(st.floats(-500, 500), st.floats(-500, 500), st.floats(-math.pi, math.pi), st.floats(-2.5, -0.5))
def test_the_pose_is_of_the_rear_axle_behind_the_actors_origin(x: float, y: float, yaw: float, rear: float) -> None:
    car = RelayedCar(SALOON)
    car.shape = ActorShape(rear, 0.6)
    pose = car.ego(motion(1.0, Pose2(x, y, yaw)), 0.0).pose
    assert (pose.x - x) * math.cos(yaw) + (pose.y - y) * math.sin(yaw) == pytest.approx(rear)
    assert math.dist((pose.x, pose.y), (x, y)) == pytest.approx(-rear)
    assert pose.yaw == yaw


def test_without_a_word_of_the_wheels_the_origin_is_the_middle_of_the_profiles_box() -> None:
    shape = ActorShape.from_profile(SALOON)
    assert shape.rear_axle == pytest.approx(SALOON.rear_overhang - SALOON.length / 2)
    assert shape.max_tire_angle == SALOON.max_steering_tire_angle


def test_vehicle_info_says_where_the_rear_axle_is_and_how_far_the_front_wheels_turn() -> None:
    wheels = [Wheel(1.6, 1.22), Wheel(1.6, 1.22), Wheel(-1.3, 0.0), Wheel(-1.3, 0.0)]
    assert ActorShape.from_wheels(wheels, SALOON) == ActorShape(-1.3, 1.22)
    unplaced = [Wheel(0.0, 1.22), Wheel(0.0, 0.0)]
    assert ActorShape.from_wheels(unplaced, SALOON) == ActorShape(ActorShape.from_profile(SALOON).rear_axle, 1.22)


@pytest.mark.parametrize("wheels", [[], [Wheel(1.0, 0.0), Wheel(-1.0, 0.0)], [Wheel(1.0, 70.0), Wheel(-1.0, 0.0)]])
def test_wheels_that_steer_by_no_angle_or_by_degrees_are_refused_with_the_angle(wheels: list[Wheel]) -> None:
    with pytest.raises(
        WorldError, match=rf"gives {max((w.max_angle for w in wheels), default=0.0)} rad.*{len(wheels)}"
    ):
        ActorShape.from_wheels(wheels, SALOON)


@given(st.lists(st.floats(-1, 1), min_size=5, max_size=30))
def test_the_tyres_follow_the_applied_steering_as_the_simulated_cars_do(steers: list[float]) -> None:
    car, truth = RelayedCar(SALOON), EgoDynamics(SALOON, DynamicsScale(), PedalMap.load(SALOON))
    assert car.ego(motion(1.0), 0.0).steering_tire_angle == truth.state.tire_angle == 0.0
    for tick, steer in enumerate(steers, start=1):
        truth.step(0.2, 0.0, steer, TICK_S)
        ego = car.ego(motion(1.0 + tick * TICK_S), steer)
        assert ego.steering_tire_angle == pytest.approx(truth.state.tire_angle, abs=1e-9)


def test_after_a_gap_or_a_step_back_in_time_the_tyres_have_settled() -> None:
    car = RelayedCar(SALOON)
    for time_s, steer in ((1.0, 0.0), (5.0, 0.5), (2.0, -0.5)):
        angle = car.ego(motion(time_s), steer).steering_tire_angle
        assert angle == pytest.approx(steer * SALOON.max_steering_tire_angle)


@pytest.mark.parametrize("values", [{"speed": math.nan}, {"yaw_rate": math.inf}, {"acceleration": -math.inf}])
def test_a_motion_that_is_not_finite_is_refused_with_its_stamp(values: dict[str, float]) -> None:
    with pytest.raises(WorldError, match="1000000000 ns is not finite"):
        RelayedCar(SALOON).ego(motion(1.0, **values), 0.0)


@given(st.floats(-0.6, 0.6), st.floats(-5, 2), st.floats(0, 16))
def test_steering_is_a_share_of_what_the_vehicle_itself_can_turn(
    angle: float, acceleration: float, speed: float
) -> None:
    car, command = RelayedCar(SALOON), ControlCommand(1, angle, acceleration)
    profiles = pedals_from_command(command, speed, SALOON, PedalMap.load(SALOON))
    assert car.pedals(command, speed) == profiles
    car.shape = ActorShape(-1.3, 1.2)
    pedals = car.pedals(command, speed)
    assert pedals.steer == pytest.approx(angle / 1.2, abs=1e-6)
    assert (pedals.throttle, pedals.brake) == (profiles.throttle, profiles.brake)


def test_a_car_that_nobody_drives_brakes_as_hard_as_in_an_emergency_and_holds_the_wheel() -> None:
    command = RelayedCar(SALOON).braking(7, 0.2)
    assert command == ControlCommand(7, 0.2, -SALOON.limits.emergency_deceleration)
    assert RelayedCar(SALOON).pedals(command, 8.0).brake > 0.3


def test_a_command_holds_for_its_time_and_not_longer() -> None:
    hold = CommandHold(0.07)
    assert hold.follows(100.0), "before the first command nobody has taken over"
    hold.take(ControlCommand(1, 0.0, 1.0), 10.0)
    assert hold.follows(10.069)
    assert not hold.follows(10.071)
    hold.take(ControlCommand(2, 0.0, 1.0), 11.0)
    assert hold.follows(11.05)
    hold.reset()
    assert hold.follows(99.0)
    assert hold.command is None


def test_in_lock_step_no_command_is_ever_late() -> None:
    hold = CommandHold(None)
    hold.take(ControlCommand(1, 0.0, 1.0), 0.0)
    assert hold.follows(1e9)


@pytest.mark.parametrize(("angle", "acceleration"), [(math.nan, 0.0), (0.0, math.inf)])
def test_a_command_of_impossible_numbers_is_none(angle: float, acceleration: float) -> None:
    assert not ControlCommand(1, angle, acceleration).is_finite
    assert ControlCommand(1, 0.0, 0.0).is_finite


@given(st.permutations([(s, k) for k in range(1, 5) for s in ("odometry", "status")]))
def test_parts_are_joined_by_stamp_in_whatever_order_they_come_and_never_back_in_time(order: list) -> None:
    joiner, joined = StampJoiner("odometry", "status"), []
    for source, stamp in order:
        parts = joiner.add(source, stamp, (source, stamp))
        if parts is not None:
            assert parts == {"odometry": ("odometry", stamp), "status": ("status", stamp)}
            joined.append(stamp)
    assert joined == sorted(joined)
    assert 4 in joined


def test_a_simulator_that_starts_again_is_joined_anew() -> None:
    joiner = StampJoiner("a", "b")
    late, early = ns_from_seconds(100.0), ns_from_seconds(1.0)
    for stamp in (late, early):
        assert joiner.add("a", stamp, 1) is None
        assert joiner.add("b", stamp, 2) == {"a": 1, "b": 2}


def test_parts_that_never_become_whole_are_forgotten() -> None:
    joiner = StampJoiner("a", "b")
    for stamp in range(1, 1000):
        joiner.add("a", stamp, stamp)
    assert joiner.add("b", 1, 0) is None
    assert joiner.add("b", 999, 0) == {"a": 999, "b": 0}
