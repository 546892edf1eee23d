import math
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sim2real_ad.control.limits import STANDSTILL_SPEED
from sim2real_ad.control.pedal_map import PedalMap, pedals_from_command, read_pedal_table
from sim2real_ad.errors import ConfigError
from sim2real_ad.types import ControlCommand
from sim2real_ad.vehicle.profile import load_vehicle

SALOON = load_vehicle("saloon")
MAP = PedalMap.load(SALOON)
speeds = st.floats(0.01, 40.0)
accelerations = st.floats(-12.0, 6.0)


def command(angle=0.0, acceleration=0.0):
    return ControlCommand(0, angle, acceleration)


@given(accelerations, speeds)
@example(0.0, 8.0)
def test_pedals_give_back_the_acceleration_that_was_asked_for(acceleration, speed):
    floor, ceiling = MAP.acceleration(0.0, 1.0, speed), MAP.acceleration(1.0, 0.0, speed)
    throttle, brake = MAP.pedals(acceleration, speed)
    assert MAP.acceleration(throttle, brake, speed) == pytest.approx(min(max(acceleration, floor), ceiling), abs=1e-9)


@given(st.floats(0.0, 1.0), st.booleans(), speeds)
def test_an_acceleration_gives_back_the_pedal_that_made_it(pedal, is_throttle, speed):
    pressed = (pedal, 0.0) if is_throttle else (0.0, pedal)
    assert MAP.pedals(MAP.acceleration(*pressed, speed), speed) == pytest.approx(pressed, abs=1e-9)


@given(accelerations, st.floats(-5.0, 60.0))
def test_never_both_pedals_and_never_beyond_the_floor(acceleration, speed):
    throttle, brake = MAP.pedals(acceleration, speed)
    assert throttle == 0.0 or brake == 0.0
    assert 0.0 <= throttle <= 1.0
    assert 0.0 <= brake <= 1.0


@given(accelerations, accelerations, speeds)
def test_more_acceleration_never_means_less_throttle_or_more_brake(one, other, speed):
    low, high = sorted((one, other))
    weak, strong = MAP.pedals(low, speed), MAP.pedals(high, speed)
    assert strong[0] >= weak[0]
    assert strong[1] <= weak[1]


def test_values_on_the_grid_are_the_files_and_between_them_bilinear():
    assert MAP.acceleration(0.2, 0.0, 4.0) == pytest.approx(0.779)
    assert MAP.acceleration(0.25, 0.0, 5.0) == pytest.approx((0.779 + 0.774 + 1.229 + 1.224) / 4)
    assert MAP.acceleration(0.0, 0.4, 10.0) == pytest.approx(-3.34)


def test_with_no_pedal_a_rolling_car_slows_by_drag_more_at_speed():
    assert MAP.acceleration(0.0, 0.0, 25.0) < MAP.acceleration(0.0, 0.0, 5.0) < 0.0
    assert MAP.acceleration(0.0, 0.0, 0.0) == 0.0


@given(st.floats(0.0, 1.0), st.floats(-3.0, 0.0))
def test_the_brake_holds_a_standing_car_and_never_reverses_it(brake, speed):
    assert MAP.acceleration(0.0, brake, speed) == 0.0


def test_both_pedals_add_their_forces():
    both = MAP.acceleration(0.5, 0.3, 8.0)
    assert both == pytest.approx(MAP.acceleration(0.5, 0.0, 8.0) + MAP.acceleration(0.0, 0.3, 8.0) + 0.132)


def test_a_standing_car_is_held_unless_it_is_asked_to_go():
    for speed in (0.0, STANDSTILL_SPEED, -0.02):
        held = pedals_from_command(command(acceleration=0.0), speed, SALOON, MAP)
        assert (held.throttle, held.brake) == (0.0, pytest.approx(0.25))
    assert pedals_from_command(command(acceleration=-4.0), 0.0, SALOON, MAP).brake == pytest.approx(0.5)
    going = pedals_from_command(command(acceleration=0.9), 0.0, SALOON, MAP)
    assert (going.throttle, going.brake) == (pytest.approx(0.2), 0.0)
    rolling = pedals_from_command(command(acceleration=0.0), 0.2, SALOON, MAP)
    assert rolling.brake == 0.0


def test_steer_is_the_share_of_full_lock_left_positive_and_saturates():
    assert pedals_from_command(command(angle=0.3), 5.0, SALOON, MAP).steer == pytest.approx(0.5)
    assert pedals_from_command(command(angle=-0.15), 5.0, SALOON, MAP).steer == pytest.approx(-0.25)
    assert pedals_from_command(command(angle=9.0), 5.0, SALOON, MAP).steer == 1.0
    assert pedals_from_command(command(angle=-9.0), 5.0, SALOON, MAP).steer == -1.0


@given(st.floats(-1.0, 1.0), accelerations, st.floats(0.0, 30.0))
def test_pedals_survive_the_wires_float32_unchanged(angle, acceleration, speed):
    pedals = pedals_from_command(command(angle, acceleration), speed, SALOON, MAP)
    values = (pedals.throttle, pedals.brake, pedals.steer)
    assert struct.unpack("3f", struct.pack("3f", *values)) == values


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_command_or_speed_that_is_not_finite_is_refused(bad):
    for arguments in ((command(angle=bad), 1.0), (command(acceleration=bad), 1.0), (command(), bad)):
        with pytest.raises(ValueError, match="finite"):
            pedals_from_command(*arguments, SALOON, MAP)


GOOD = "default,0,10\n0,0,-0.1\n0.5,2,1\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a row 'default"),
        ("speed,0,10\n0,0,0\n1,1,1\n", "needs a row 'default"),
        ("default,0\n0,0\n1,1\n", "needs a row 'default"),
        ("default,0,10\n0,0,0\n", "two or more pedal rows"),
        ("default,0,10\n0,0\n1,1,1\n", "row 2 has 2 values, expected 3"),
        ("default,0,10\n0,0,0\n1,x,1\n", "row 3: 'x' is not a finite number"),
        ("default,0,10\n0,0,0\n1,nan,1\n", "row 3: 'nan' is not a finite number"),
        ("default,0,inf\n0,0,0\n1,1,1\n", "row 1: 'inf' is not a finite number"),
        ("default,1,10\n0,0,0\n1,1,1\n", "the first speed must be 0, got 1.0"),
        ("default,0,0\n0,0,0\n1,1,1\n", "speed 0.0 after 0.0 must rise"),
        ("default,0,10\n0.1,0,0\n1,1,1\n", "the first pedal must be 0, got 0.1"),
        ("default,0,10\n0,0,0\n1.5,1,1\n", "pedal 1.5 after 0.0 must rise and not exceed 1.0"),
        ("default,0,10\n0,0,0\n0.5,1,1\n0.4,2,2\n", "pedal 0.4 after 0.5 must rise"),
        ("default,0,10\n0,0,0\n0.5,1,0\n", "row 3: 0.0 after 0.0 must rise with the pedal"),
        ("default,0,10\n0,0,0\n0.5,1,1\n0.6,2,0.5\n", "row 4: 0.5 after 1.0 must rise with the pedal"),
    ],
)
def test_a_wrong_map_is_refused_with_file_row_and_value(tmp_path, text, message):
    path = tmp_path / "map.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_pedal_table(path, rising=True)
    assert str(path) in str(caught.value)


def test_a_throttle_map_is_refused_as_a_brake_map(tmp_path):
    path = tmp_path / "map.csv"
    path.write_text(GOOD)
    assert read_pedal_table(path, rising=True).speeds == (0.0, 10.0)
    with pytest.raises(ConfigError, match="must fall with the pedal"):
        read_pedal_table(path, rising=False)


def test_blank_lines_are_skipped(tmp_path):
    path = tmp_path / "map.csv"
    path.write_text(GOOD.replace("\n", "\n\n"))
    assert read_pedal_table(path, rising=True).pedals == (0.0, 0.5)


def test_a_missing_or_binary_map_is_refused_with_its_path(tmp_path):
    with pytest.raises(ConfigError, match="nowhere"):
        read_pedal_table(tmp_path / "nowhere.csv", rising=True)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ConfigError, match="binary"):
        read_pedal_table(tmp_path / "binary.csv", rising=True)


def test_maps_that_disagree_on_coasting_are_refused(tmp_path):
    (tmp_path / "accel.csv").write_text(GOOD)
    (tmp_path / "brake.csv").write_text("default,0,10\n0,0,-0.3\n0.5,-2,-3\n")
    profile = SALOON.model_copy(
        update={"accel_map": str(tmp_path / "accel.csv"), "brake_map": str(tmp_path / "brake.csv")}
    )
    with pytest.raises(ConfigError, match=r"disagree on coasting at 10.0 m/s: -0.1 and -0.3"):
        PedalMap.load(profile)
