"""Odometry from a GNSS and an IMU: the map's own projection undone, and a drive found again."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("carla", reason="needs the sim extra")

import carla

from sim2real_ad.config import find_config
from sim2real_ad.control.pedal_map import PedalMap
from sim2real_ad.errors import ConfigError, MapError, WorldError
from sim2real_ad.types import Pose2, ns_from_seconds
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.carla.relay_sensors import GnssFix, ImuReading, MapProjection, SensorOdometry
from sim2real_ad.world.embedded.dynamics import EgoDynamics
from sim2real_ad.world.randomization import DynamicsScale

MAP = "curved_road"
TICK_S = 0.05
PROJECTION = MapProjection(MAP)
TRUTH = carla.Map(MAP, find_config(MAP, "maps", ".xodr").read_text())


def fix_at(x: float, y: float, world_map=TRUTH) -> GnssFix:
    """What CARLA's GNSS says at a point of the right-handed map frame."""
    place = world_map.transform_to_geolocation(carla.Location(x, -y, 0.0))
    return GnssFix(place.latitude, place.longitude, place.altitude)


def imu_at(yaw: float, yaw_rate: float = 0.0, acceleration: float = 0.0) -> ImuReading:
    """What CARLA 0.9.16 says: a compass clockwise from north, taken off 45 degrees; a gyroscope clockwise."""
    compass = (math.pi / 2 - yaw) % (2 * math.pi)
    return ImuReading(math.pi / 4 - compass, -yaw_rate, acceleration)


@given(st.floats(-2000, 2000), st.floats(-2000, 2000))
def test_a_point_is_found_again_to_the_millimetre(x: float, y: float) -> None:
    assert PROJECTION.point(fix_at(x, y)) == pytest.approx((x, y), abs=2e-3)


@pytest.mark.parametrize(
    "reference", ["+proj=tmerc +lat_0=49 +lon_0=8", "+proj=utm +zone=32", "+proj=merc +lat_0=52 +lon_0=13"]
)
def test_whatever_georeference_the_map_has_is_undone(tmp_path: Path, reference: str) -> None:
    text = find_config(MAP, "maps", ".xodr").read_text()
    moved = re.sub(r"<geoReference>.*?</geoReference>", f"<geoReference>{reference}</geoReference>", text)
    path = tmp_path / "moved.xodr"
    path.write_text(moved)
    assert moved != text
    fix = fix_at(120.0, -80.0, carla.Map("moved", moved))
    assert MapProjection(str(path)).point(fix) == pytest.approx((120.0, -80.0), abs=0.02)


def test_a_missing_and_a_broken_map_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no_such_map"):
        MapProjection("no_such_map")
    (tmp_path / "broken.xodr").write_text("<OpenDRIVE><road id='1'/></OpenDRIVE>")
    with pytest.raises(MapError, match="broken"):
        MapProjection(str(tmp_path / "broken.xodr"))


@settings(max_examples=15)
@given(st.floats(-math.pi, math.pi), st.floats(-0.3, 0.3), st.floats(0.0, 0.5), st.floats(0.0, 0.4))
def test_a_drive_is_found_again(yaw: float, steer: float, throttle: float, brake: float) -> None:
    profile = load_vehicle("saloon")
    car = EgoDynamics(profile, DynamicsScale(), PedalMap.load(profile))
    car.reset(Pose2(40.0, -30.0, yaw), 6.0)
    odometry = SensorOdometry(PROJECTION)
    for tick in range(60):
        state = car.state
        reading = imu_at(state.pose.yaw, state.yaw_rate, state.acceleration)
        found = odometry.motion(ns_from_seconds(1.0 + tick * TICK_S), fix_at(state.pose.x, state.pose.y), reading)
        assert (found.pose.x, found.pose.y) == pytest.approx((state.pose.x, state.pose.y), abs=2e-3)
        assert math.cos(found.pose.yaw - state.pose.yaw) == pytest.approx(1.0)
        assert (found.yaw_rate, found.acceleration) == pytest.approx((state.yaw_rate, state.acceleration))
        if tick:
            assert found.speed == pytest.approx(state.speed, abs=0.02)
        pressed = (throttle, 0.0) if tick < 30 else (0.0, brake)
        car.step(*pressed, steer, TICK_S)


def test_of_the_first_position_and_of_one_that_jumps_no_speed_is_said() -> None:
    odometry = SensorOdometry(PROJECTION)
    assert odometry.motion(1, fix_at(0.0, 0.0), imu_at(0.0)).speed == 0.0
    moved = odometry.motion(1 + ns_from_seconds(TICK_S), fix_at(0.5, 0.0), imu_at(0.0))
    assert moved.speed == pytest.approx(10.0, abs=0.05)
    put_elsewhere = odometry.motion(1 + ns_from_seconds(2 * TICK_S), fix_at(-300.0, 90.0), imu_at(0.0))
    assert put_elsewhere.speed == 0.0
    odometry.reset()
    assert odometry.motion(1 + ns_from_seconds(3 * TICK_S), fix_at(-299.0, 90.0), imu_at(0.0)).speed == 0.0


def test_a_car_that_rolls_backwards_has_a_negative_speed() -> None:
    odometry = SensorOdometry(PROJECTION)
    odometry.motion(1, fix_at(0.0, 0.0), imu_at(0.0))
    assert odometry.motion(1 + ns_from_seconds(TICK_S), fix_at(-0.1, 0.0), imu_at(0.0)).speed == pytest.approx(
        -2.0, abs=0.05
    )


def test_an_imu_of_another_version_is_found_out_by_the_course_as_soon_as_the_car_drives() -> None:
    odometry = SensorOdometry(PROJECTION)
    newer = ImuReading(0.0, 0.0, 0.0)  # later versions publish the yaw itself, 45 degrees from 0.9.16's
    odometry.motion(1, fix_at(0.0, 0.0), newer)
    with pytest.raises(WorldError, match=r"course of 0\.00 rad.*heads 0\.79 rad.*limit is 0\.35"):
        odometry.motion(1 + ns_from_seconds(TICK_S), fix_at(0.3, 0.0), newer)
