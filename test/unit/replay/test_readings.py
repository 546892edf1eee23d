"""The car's state out of bags that lack a part of it."""

import math
from types import SimpleNamespace as Message

import pytest

from sim2real_ad.replay.readings import CarReader
from sim2real_ad.replay.roles import Roles
from sim2real_ad.types import NANOSECONDS
from sim2real_ad.vehicle.profile import load_vehicle

SALOON = load_vehicle("saloon")


def stamp(time_s: float) -> Message:
    sec, nanosec = divmod(round(time_s * NANOSECONDS), NANOSECONDS)
    return Message(sec=sec, nanosec=nanosec)


def turned(yaw: float) -> Message:
    return Message(x=0.0, y=0.0, z=math.sin(yaw / 2.0), w=math.cos(yaw / 2.0))


def odometry(time_s: float, speed: float, yaw_rate: float = 0.0) -> Message:
    pose = Message(position=Message(x=1.0, y=2.0, z=0.0), orientation=turned(0.5))
    twist = Message(linear=Message(x=speed), angular=Message(z=yaw_rate))
    return Message(header=Message(stamp=stamp(time_s)), pose=Message(pose=pose), twist=Message(twist=twist))


def reader(*roles: str) -> CarReader:
    return CarReader(Roles({role: f"/{role}" for role in roles}), SALOON)


def by_source(readings) -> dict[str, tuple[float, ...]]:
    return {source: reading.values for source, reading in readings}


def test_a_bag_with_every_source_has_nothing_worked_out():
    full = reader("odometry", "velocity", "acceleration", "steering")
    assert full.derived == {}
    assert set(by_source(full.read("odometry", odometry(1.0, 5.0)))) == {"odometry"}


def test_with_odometry_alone_speed_acceleration_and_tyre_angle_come_from_it_and_that_is_told():
    alone = reader("odometry")
    assert set(alone.derived) == {"velocity", "acceleration", "steering"}
    for tick in range(8):
        found = by_source(alone.read("odometry", odometry(tick * 0.1, 4.0 + 0.2 * tick, yaw_rate=0.3)))
    assert found["velocity"] == (pytest.approx(5.4),)
    assert found["acceleration"] == (pytest.approx(2.0),)
    assert found["steering"] == (pytest.approx(math.atan(SALOON.wheelbase * 0.3 / 5.4)),)


def test_a_standing_cars_yaw_rate_says_nothing_of_its_tyres():
    assert by_source(reader("odometry").read("odometry", odometry(1.0, 0.0, yaw_rate=0.2)))["steering"] == (0.0,)


def test_a_slope_does_not_reach_back_into_another_drive():
    alone = reader("odometry")
    for tick in range(5):
        alone.read("odometry", odometry(100.0 + tick * 0.1, 9.0))
    assert by_source(alone.read("odometry", odometry(1.0, 2.0)))["acceleration"] == (0.0,)


@pytest.mark.parametrize("yaw", [0.0, 1.2, -2.5])
def test_carlas_status_gives_speed_tyre_angle_and_acceleration_along_the_car(yaw):
    linear = Message(x=1.5 * math.cos(yaw), y=1.5 * math.sin(yaw), z=0.0)
    status = Message(
        header=Message(stamp=stamp(2.0)),
        velocity=7.0,
        orientation=turned(yaw),
        acceleration=Message(linear=linear),
        control=Message(steer=-0.5),
    )
    carla = reader("odometry", "vehicle_status")
    assert carla.derived == {}
    found = by_source(carla.read("vehicle_status", status))
    assert found["velocity"] == (7.0,)
    assert found["acceleration"] == (pytest.approx(1.5),)
    assert found["steering"] == (pytest.approx(0.5 * SALOON.max_steering_tire_angle),)
