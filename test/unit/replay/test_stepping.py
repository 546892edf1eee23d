"""The pipeline stepped through messages: who waits for whom, and what the gate notices between them."""

from dataclasses import replace
from types import SimpleNamespace as Message

import numpy as np
import pytest

from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.policy.checkpoint import load_checkpoint
from sim2real_ad.replay.readings import CarReader
from sim2real_ad.replay.roles import Roles
from sim2real_ad.replay.stepping import StepConfig, Stepper
from sim2real_ad.safety.gate import GateConfig
from sim2real_ad.types import NANOSECONDS, CameraFrame, ControlCommand, Route
from sim2real_ad.vehicle.profile import load_vehicle

CAMERA, SALOON = load_camera("default"), load_vehicle("saloon")
MS = 1_000_000
START = 10 * NANOSECONDS
ROUTE = Route(0, np.stack((np.arange(100.0), np.zeros(100)), axis=-1), 8.0)
DARK = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)
CONFIG = StepConfig(
    lockstep=False,
    actuated=False,
    max_ego_age_s=0.2,
    rate_hz=50.0,
    gate=GateConfig(auto_engage=True, required=("request", "ego"), actuated=False),
)


def odometry(stamp_ns: int, speed: float = 5.0) -> Message:
    sec, nanosec = divmod(stamp_ns, NANOSECONDS)
    pose = Message(position=Message(x=speed * stamp_ns / 1e9, y=0.0), orientation=Message(x=0.0, y=0.0, z=0.0, w=1.0))
    twist = Message(linear=Message(x=speed), angular=Message(z=0.0))
    stamp = Message(stamp=Message(sec=sec, nanosec=nanosec))
    return Message(header=stamp, pose=Message(pose=pose), twist=Message(twist=twist))


def stepper(**changes) -> Stepper:
    config = replace(CONFIG, **changes)
    return Stepper(load_checkpoint(), CAMERA, SALOON, CarReader(Roles({"odometry": "/odometry"}), SALOON), config)


def drive(steps: Stepper, requests_until_ms: int, until_ms: int) -> list:
    """Reports at 50 Hz, requests at 20 Hz until they end."""
    found = []
    for ms in range(0, until_ms, 10):
        now = START + ms * MS
        if ms % 20 == 0:
            found += steps.take("odometry", odometry(now), now)
        if ms % 50 == 0 and ms < requests_until_ms:
            found += steps.enter(ControlCommand(now, 0.0, 0.1, 5.0), now)
    return found


def test_a_picture_waits_for_the_cars_report_and_the_route_and_is_stepped_once_both_are_there():
    steps = stepper()
    assert list(steps.enter(CameraFrame(START, DARK), START)) == []
    assert list(steps.take("odometry", odometry(START), START + MS)) == []
    steps.take_route(ROUTE)
    (stepped,) = steps.take("odometry", odometry(START + 20 * MS), START + 20 * MS)
    assert (stepped.stamp_ns, stepped.log_time_ns, stepped.route) == (START, START, ROUTE)
    assert stepped.action is not None


def test_a_picture_that_a_newer_one_overtakes_is_counted_with_what_it_lacked():
    steps = stepper()
    list(steps.enter(CameraFrame(START, DARK), START))
    list(steps.enter(CameraFrame(START + 50 * MS, DARK), START + 50 * MS))
    steps.finish()
    assert sum(steps.refused.values()) == 2
    assert "no odometry, acceleration, velocity, steering for it" in steps.refused


def test_a_stamp_that_goes_back_is_not_stepped():
    steps = stepper()
    steps.take_route(ROUTE)
    list(steps.take("odometry", odometry(START), START))
    assert len(list(steps.enter(CameraFrame(START, DARK), START))) == 1
    assert list(steps.enter(CameraFrame(START - 40 * MS, DARK), START + 50 * MS)) == []
    assert steps.refused == {"a stamp that goes back": 1}


def test_the_gate_speaks_up_where_requests_fall_silent_although_no_message_says_so():
    steps = stepper()
    before = drive(steps, requests_until_ms=2000, until_ms=2000)
    assert before[-1].decision.state == "engaged"
    assert before[-1].spoke == ()
    now = START + 2400 * MS
    for ms in range(2000, 2400, 20):
        list(steps.take("odometry", odometry(START + ms * MS), START + ms * MS))
    (late,) = [*steps.take("odometry", odometry(now), now), *steps.enter(ControlCommand(now, 0.0, 0.1, 5.0), now)]
    assert any(reason.startswith("request_") for reason in late.spoke)


def test_in_lock_step_nothing_is_decided_between_the_frames():
    steps = stepper(lockstep=True)
    found = []
    for tick in range(40):
        now = START + tick * 50 * MS
        list(steps.take("odometry", odometry(now), now * 3))
        found += steps.enter(ControlCommand(now, 0.0, 0.1, 5.0), now * 3)
    assert len(found) == 40
    assert found[-1].decision.state == "engaged"
    assert all(not stepped.spoke for stepped in found[5:])


@pytest.mark.parametrize("pause_s", [60.0])
def test_a_bag_that_pauses_for_long_is_not_decided_through(pause_s):
    steps = stepper()
    drive(steps, requests_until_ms=500, until_ms=500)
    later = START + round(pause_s * NANOSECONDS)
    list(steps.take("odometry", odometry(later), later))
    assert len(steps._spoke) < 10
