"""A driven vehicle behind CARLA's frame: what it reports is what it does."""

import math

import numpy as np
import pytest

from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.carla.actors import VehicleControl
from sim2real_ad.world.carla.vehicle import DrivenVehicle, base_x
from sim2real_ad.world.randomization import DynamicsScale

SALOON = load_vehicle("saloon")
HERE = (10.0, -20.0, 0.3, 0.0, 30.0, 0.0)
STEP = 0.01


def driven(speed):
    vehicle = DrivenVehicle(SALOON, DynamicsScale(), HERE)
    vehicle.place(HERE, speed)
    return vehicle


@pytest.mark.parametrize("speed", [1.5, 9.0])
def test_velocity_and_turn_rate_are_the_change_of_place_and_heading(speed):
    vehicle = driven(speed)
    motions = [vehicle.step(VehicleControl(throttle=0.3, steer=0.4), STEP) for _ in range(120)]
    places = np.array([motion.transform[:2] for motion in motions])
    headings = np.array([motion.transform[4] for motion in motions])
    moved, turned = np.diff(places, axis=0) / STEP, (np.diff(headings) + 180.0) % 360.0 - 180.0
    told = np.array([motion.velocity[:2] for motion in motions])
    assert (told[60:-1] + told[61:]) / 2.0 == pytest.approx(moved[60:], abs=0.02)
    assert turned[-1] / STEP == pytest.approx(motions[-1].angular_velocity[2], rel=0.01)
    assert abs(turned[-1]) > 0.01


def test_acceleration_points_ahead_under_throttle_and_inwards_in_a_bend():
    vehicle = driven(8.0)
    motion = [vehicle.step(VehicleControl(throttle=0.8, steer=0.3), STEP) for _ in range(100)][-1]
    yaw = math.radians(motion.transform[4])
    ax, ay, _ = motion.acceleration
    assert ax * math.cos(yaw) + ay * math.sin(yaw) > 1.0
    assert ay * math.cos(yaw) - ax * math.sin(yaw) > 1.0  # to the right, as the steer


def test_reverse_rests_and_the_hand_brake_brakes():
    vehicle = driven(0.0)
    assert vehicle.step(VehicleControl(throttle=1.0, reverse=True), 1.0).transform == pytest.approx(HERE)
    vehicle = driven(5.0)
    vehicle.step(VehicleControl(hand_brake=True), 2.0)
    assert vehicle.speed == 0.0


def test_wheels_stand_where_the_profile_has_its_axles():
    wheels = driven(0.0).physics_control(HERE)[-2]
    places = np.array([wheel[-1][:2] for wheel in wheels]) / 100.0 - HERE[:2]
    yaw = math.radians(HERE[4])
    ahead = places @ (math.cos(yaw), math.sin(yaw))
    right = places @ (-math.sin(yaw), math.cos(yaw))
    rear = base_x(SALOON)
    assert ahead == pytest.approx([rear + SALOON.wheelbase] * 2 + [rear] * 2)
    assert (np.sign(right) == (-1.0, 1.0, -1.0, 1.0)).all()
