import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.evaluation.trajectory import Trajectory
from sim2real_ad.types import EgoState, Pose2

TICK_NS = 50_000_000


def drive(accelerations: list[float], start_ns: int = 0) -> Trajectory:
    trajectory, speed = Trajectory(), 5.0
    for tick, acceleration in enumerate(accelerations):
        speed += acceleration * 0.05
        trajectory.add(EgoState(start_ns + tick * TICK_NS, Pose2(tick * 0.25, 0.0, 0.0), speed, acceleration))
    return trajectory


def test_the_same_drive_at_another_time_has_the_same_hash() -> None:
    assert drive([0.0, 1.0, -1.0]).hash == drive([0.0, 1.0, -1.0], start_ns=10**12).hash


@given(st.sampled_from(["x", "y", "yaw", "speed", "steering_tire_angle"]), st.integers(0, 2))
def test_one_changed_bit_changes_the_hash(field: str, tick: int) -> None:
    states = drive([0.0, 1.0, -1.0]).states
    source = states[tick].pose if field in ("x", "y", "yaw") else states[tick]
    value = {field: math.nextafter(getattr(source, field), math.inf)}
    changed = dataclasses.replace(source, **value)
    if isinstance(changed, Pose2):
        changed = dataclasses.replace(states[tick], pose=changed)
    other = Trajectory()
    for index, state in enumerate(states):
        other.add(changed if index == tick else state)
    assert other.hash != drive([0.0, 1.0, -1.0]).hash


def test_a_missing_tick_changes_the_hash() -> None:
    assert drive([0.0, 0.0]).hash != drive([0.0]).hash


def test_stamps_must_rise() -> None:
    trajectory = drive([0.0])
    with pytest.raises(ValueError, match="not after the last"):
        trajectory.add(trajectory.states[0])


def test_comfort_figures_are_the_extremes() -> None:
    comfort = drive([0.0, 1.0, -2.0, 0.0]).comfort()
    assert comfort["max_acceleration"] == 1.0
    assert comfort["max_deceleration"] == 2.0
    assert comfort["max_jerk"] == 60.0


def test_lateral_acceleration_is_speed_times_yaw_rate() -> None:
    trajectory = Trajectory()
    for tick in range(2):
        trajectory.add(EgoState(tick, Pose2(0.0, 0.0, 0.0), 10.0, yaw_rate=-0.2))
    assert trajectory.comfort()["max_lateral_acceleration"] == 2.0


def test_duration_spans_first_to_last_state() -> None:
    assert drive([0.0] * 21).duration_s == 1.0
    assert Trajectory().duration_s == 0.0
    assert Trajectory().comfort() == {}
