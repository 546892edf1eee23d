"""What reaches the car: the value that was asked for, a stop when commands cease, and nothing that is illegal."""

import math
from dataclasses import replace

import pytest
from dbw_drive import COMMAND, ECU_STEP_MS, INTERFACE_STEP_MS, PROFILES, Drive, settings_for
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.control.pedal_map import PedalMap, pedals_from_command
from sim2real_ad.dbw.bits import crc8_j1850, crc8_seed
from sim2real_ad.dbw.codec import Frame
from sim2real_ad.dbw.dataspeed.messages import dataspeed_codec
from sim2real_ad.dbw.interface import Gear
from sim2real_ad.dbw.pacmod.messages import pacmod_codec
from sim2real_ad.dbw.protocols import interface_for
from sim2real_ad.dbw.settings import EcuSettings, SteeringSettings
from sim2real_ad.errors import DbwError
from sim2real_ad.types import ControlCommand

PROTOCOLS = ["dataspeed", "pacmod"]
CODECS = {"dataspeed": dataspeed_codec(), "pacmod": pacmod_codec()}
ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)


def sent(drive, name):
    decoded = [CODECS[drive.protocol].decode(frame) for frame in drive.sent]
    return [frame.values for frame in decoded if frame.name == name]


def let_go(drive):
    return drive.state.phase == "disengaged"


def own_stop(drive):
    return drive.actuation is not None and drive.actuation.own_stop


def braking(drive):
    """Whether the modules are told to brake as hard as the profile allows."""
    if drive.actuation is None:
        return False
    hardest = -PROFILES[drive.protocol].limits.emergency_deceleration
    if drive.protocol == "dataspeed":
        return drive.actuation.acceleration == pytest.approx(hardest, abs=0.01)
    wanted = replace(COMMAND, acceleration=hardest)
    pedals = pedals_from_command(wanted, drive.car.speed, PROFILES["pacmod"], PedalMap.load(PROFILES["pacmod"]))
    return drive.actuation.brake_pedal == pytest.approx(pedals.brake, abs=0.01) and pedals.brake > 0.3


@pytest.mark.parametrize("angle", [-0.6, -0.05, 0.0, 0.2])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_tyre_angle_reaches_the_steering(protocol, angle):
    drive = Drive(protocol, command=replace(COMMAND, steering_tire_angle=angle)).engaged()
    drive.run(3000)
    assert drive.actuation.steering_tire_angle == pytest.approx(angle, abs=1e-4)


@pytest.mark.parametrize("acceleration", [-6.0, -1.5, 0.0, 2.0])
def test_the_acceleration_reaches_dataspeeds_longitudinal_controller(acceleration):
    drive = Drive(command=replace(COMMAND, acceleration=acceleration)).engaged()
    drive.run(1000)
    assert drive.actuation.acceleration == pytest.approx(acceleration, abs=0.0005)


@pytest.mark.parametrize("acceleration", [-3.0, -0.05, 0.0, 1.0])
def test_the_acceleration_reaches_pacmods_pedals_by_the_cars_maps(acceleration):
    drive = Drive("pacmod", command=replace(COMMAND, acceleration=acceleration)).engaged()
    pedals = drive.actuation.accelerator_pedal, drive.actuation.brake_pedal
    given_ = PedalMap.load(PROFILES["pacmod"]).acceleration(*pedals, drive.car.speed)
    assert given_ == pytest.approx(acceleration, abs=0.02)
    assert min(pedals) == 0.0


def test_braking_beyond_the_longitudinal_controller_is_asked_of_the_brake_itself():
    drive = Drive(command=replace(COMMAND, acceleration=-7.5)).engaged()
    drive.run(500)
    assert drive.actuation.acceleration == pytest.approx(-7.5, abs=0.001)
    assert drive.state.phase == "engaged"
    drive.command = replace(COMMAND, acceleration=-1.0)
    drive.run(1000)
    assert drive.actuation.acceleration == pytest.approx(-1.0, abs=0.001)
    assert (drive.state.phase, sent(drive, "BRAKE_CMD")[0]["ENABLE"]) == ("engaged", 0)


def test_steering_by_curvature_leads_to_the_same_tyre_angle():
    drive = Drive(changes={"steer_by": "curvature"}, command=replace(COMMAND, steering_tire_angle=0.1)).engaged()
    drive.run(1000)
    assert drive.actuation.steering_tire_angle == pytest.approx(0.1, abs=1e-4)
    assert sent(drive, "STEER_CMD")[0]["CMD_TYPE"] == 3


@pytest.mark.parametrize(("asked", "allowed"), [(0.0, 0.5), (0.25, 0.25), (3.0, 0.5)])
def test_the_steering_turns_no_faster_than_command_and_profile_allow(asked, allowed):
    drive = Drive(command=replace(COMMAND, steering_tire_rotation_rate=asked)).engaged()
    on_the_bus = math.radians(sent(drive, "STEER_CMD")[0]["RATE_LIMIT"]) / 17.0
    assert on_the_bus == pytest.approx(allowed, abs=math.radians(4.0) / 17.0)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_is_enabled_before_the_gate_wants_it(protocol):
    drive = Drive(protocol)
    drive.run(1000)
    assert drive.actuation is None
    assert all(values.get("ENABLE", 0) == 0 for name in CODECS[protocol].messages for values in sent(drive, name))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("step_ms", [0, 5, 10, 15])
def test_a_silent_host_leads_to_the_cars_own_stop_within_100_ms(protocol, step_ms):
    drive = Drive(protocol).engaged()
    drive.run(step_ms)
    drive.to_ecu = lambda frame: None
    assert drive.run(200, until=own_stop) <= 100


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("step_ms", [0, 5, 10, 15])
def test_a_lost_command_brakes_the_car_at_the_next_step(protocol, step_ms):
    drive = Drive(protocol).engaged()
    drive.run(step_ms)
    drive.command = None
    assert drive.run(200, until=lambda drive: "command_missing" in drive.state.faults) <= INTERFACE_STEP_MS
    assert drive.state.braked
    drive.run(2 * ECU_STEP_MS)
    assert (drive.actuation.brake_pedal or 0.0) > 0.0 or drive.actuation.acceleration < COMMAND.acceleration
    assert drive.run(300, until=braking) is not None
    assert drive.actuation.steering_tire_angle == pytest.approx(COMMAND.steering_tire_angle, abs=1e-3)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_stop_of_the_host_outlasts_the_command_and_the_request(protocol):
    drive = Drive(protocol).engaged()
    drive.command = None
    drive.run(300)
    assert (drive.state.phase, drive.state.reasons) == ("stopping", ("command_lost",))
    drive.command, drive.engage = replace(COMMAND, steering_tire_angle=0.2), False
    drive.run(2000)
    assert drive.state.phase == "stopping"
    assert braking(drive)
    assert drive.actuation.steering_tire_angle == pytest.approx(COMMAND.steering_tire_angle, abs=1e-3)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_stop_of_the_host_is_the_drivers_to_end(protocol):
    drive = Drive(protocol).engaged()
    drive.command = None
    drive.run(1000)
    drive.driver(brake_pedal=0.3)
    assert drive.run(200, until=let_go) <= 100
    assert drive.state.reasons[0] == "command_lost"
    assert drive.state.overridden
    drive.run(50)
    assert drive.actuation is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_new_edge_takes_the_car_out_of_the_hosts_stop(protocol):
    drive = Drive(protocol).engaged()
    drive.command = None
    drive.run(300)
    drive.command = COMMAND
    assert drive.again().state.phase == "engaged"
    assert not braking(drive)


def test_where_not_even_the_stop_can_be_said_the_host_is_silent_and_the_car_stops_itself():
    drive = Drive("dataspeed", changes={"steer_by": "curvature"}).engaged()
    drive.interface._commands.wanted = lambda command, speed: "cannot be said"
    drive.run(40)
    assert drive.sent == []
    assert drive.run(200, until=own_stop) <= 100


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_command_that_misses_two_steps_changes_nothing(protocol):
    drive = Drive(protocol).engaged()
    for command in (None, COMMAND, None, COMMAND):
        drive.command = command
        drive.run(40)
    assert drive.state.phase == "engaged"
    assert not drive.actuation.own_stop


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_cars_own_stop_goes_on_until_the_driver_acts(protocol):
    drive = Drive(protocol).engaged()
    drive.to_ecu = lambda frame: None
    drive.run(1000)
    drive.to_ecu = lambda frame: frame
    drive.run(1000)
    assert own_stop(drive)
    assert (drive.actuation.steering_tire_angle, drive.state.phase) == (None, "disengaged")
    drive.driver(brake_pedal=0.3)
    drive.run(50)
    assert drive.actuation is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_new_edge_takes_the_car_out_of_its_own_stop(protocol):
    drive = Drive(protocol).engaged()
    drive.to_ecu = lambda frame: None
    drive.run(300)
    drive.to_ecu = lambda frame: frame
    assert drive.again().state.phase == "engaged"
    assert not drive.actuation.own_stop


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_module_without_an_own_stop_lets_go(protocol):
    drive = Drive(protocol, ecu_settings=EcuSettings(own_stop_deceleration=0.0)).engaged()
    drive.to_ecu = lambda frame: None
    drive.run(200)
    assert drive.actuation is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_letting_go_is_told_to_the_car_and_stops_nothing(protocol):
    drive = Drive(protocol).engaged()
    drive.engage = False
    drive.run(60)
    assert (drive.actuation, drive.state.enabled, drive.state.reasons) == (None, False, ())


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"steering_tire_angle": math.nan}, "must be finite"),
        ({"acceleration": math.inf}, "must be finite"),
        ({"steering_tire_angle": 0.7}, "exceeds the lock"),
        ({"acceleration": -11.0}, "is outside of -10"),
        ({"acceleration": 7.0}, "is outside of -10"),
        ({"steering_tire_rotation_rate": -0.1}, "must not be negative"),
    ],
)
def test_an_illegal_command_is_named_and_the_car_braked_on_its_last_legal_angle(protocol, wrong, complaint):
    drive = Drive(protocol).engaged()
    drive.command = replace(COMMAND, **wrong)
    drive.run(25)
    assert "command_invalid" in drive.state.faults
    assert any(complaint in notice for notice in drive.state.notices)
    drive.run(300)
    assert drive.state.phase == "stopping"
    assert braking(drive)
    assert drive.actuation.steering_tire_angle == pytest.approx(COMMAND.steering_tire_angle, abs=1e-3)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=40)
@given(st.lists(st.tuples(ANY_FLOAT, ANY_FLOAT, ANY_FLOAT, st.booleans(), st.booleans()), max_size=8))
def test_no_command_whatever_makes_a_step_raise(protocol, story):
    drive = Drive(protocol)
    for angle, acceleration, rate, missing, engage in story:
        command = ControlCommand(0, angle, acceleration, steering_tire_rotation_rate=rate)
        drive.command, drive.engage = None if missing else command, engage
        drive.run(40)
    assert isinstance(drive.state.faults, tuple)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=40)
@given(st.data())
def test_no_frames_whatever_make_an_engaged_interface_or_its_ecu_raise(protocol, data):
    drive = Drive(protocol).engaged()
    ids = [message.id for message in CODECS[protocol].messages.values()]
    frame = st.builds(
        lambda can_id, content, crc: fuzzed_frame(protocol, can_id, content, crc),
        st.sampled_from(ids),
        st.binary(min_size=1, max_size=9),
        st.booleans(),
    )
    for fuzzed in data.draw(st.lists(frame, max_size=30)):
        drive.interface.receive(fuzzed, drive.now_ms * 1_000_000)
        drive.ecu.receive(fuzzed, drive.now_ms * 1_000_000)
        drive.run(5)
    drive.run(100)
    assert drive.state.phase in ("engaged", "disengaged")


def fuzzed_frame(protocol, can_id, content, crc):
    """A frame of random bytes, half of them with a CRC that fits."""
    code = next(message for message in CODECS[protocol].messages.values() if message.id == can_id)
    if not crc:
        return Frame(can_id, content)
    content = content.ljust(code.length, b"\x55")[: code.length]
    if code.check != "j1850":
        return Frame(can_id, content)
    return Frame(can_id, content[:-1] + bytes((crc8_j1850(content[:-1], crc8_seed(can_id)),)))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_profile_that_does_not_fit_the_wheel_is_refused(protocol):
    tight = settings_for(protocol).model_copy(update={"steering": SteeringSettings(ratio=17.0, max_wheel_angle=9.0)})
    with pytest.raises(DbwError, match=r"full lock is 10\.\d+ rad at the wheel .* over steering.max_wheel_angle 9"):
        interface_for(PROFILES[protocol], tight)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_gear_is_asked_for_until_the_car_reports_it(protocol):
    drive = Drive(protocol)
    drive.driver(speed=0.0)
    drive.run(200)
    drive.interface.shift(Gear.PARK)
    drive.run(500)
    assert drive.state.gear == drive.ecu.gear == Gear.PARK
    assert drive.state.notices == ()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_gear_that_is_refused_is_named(protocol):
    drive = Drive(protocol)
    drive.run(200)
    drive.interface.shift(Gear.REVERSE)
    drive.run(3500)
    assert drive.ecu.gear == Gear.DRIVE
    assert drive.state.notices == (("gear_refused_vehicle_speed",) if protocol == "dataspeed" else ("gear_refused",))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_car_that_is_not_in_a_forward_gear_is_not_engaged(protocol):
    drive = Drive(protocol)
    drive.ecu.gear = Gear.REVERSE
    drive.run(200)
    drive.again()
    assert drive.state.reasons == ("gear_not_forward",)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_state_is_that_of_the_car(protocol):
    drive = Drive(protocol)
    drive.driver(
        speed=7.5,
        acceleration=-0.5,
        steering_tire_angle=-0.2,
        yaw_rate=-0.3,
        accelerator_pedal=0.25,
        brake_pedal=0.125,
        steering_torque=2.5,
    )
    drive.run(300)
    state = drive.state
    assert state.speed == pytest.approx(7.5, abs=0.01)
    assert state.acceleration == pytest.approx(-0.5, abs=0.05)
    assert state.steering_tire_angle == pytest.approx(-0.2, abs=0.001)
    assert state.yaw_rate == pytest.approx(-0.3, abs=0.001)
    assert state.accelerator_pedal == pytest.approx(0.25, abs=0.001)
    assert state.brake_pedal == pytest.approx(0.125, abs=0.001)
    assert state.steering_torque == pytest.approx(2.5, abs=0.1)
    assert state.gear is Gear.DRIVE
    assert max(state.ages.values()) <= 0.1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_was_never_reported_is_unknown(protocol):
    state = interface_for(PROFILES[protocol], settings_for(protocol)).state
    assert (state.speed, state.steering_tire_angle, state.gear, state.phase) == (None, None, Gear.NONE, "disengaged")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_somebody_else_who_commands_the_car_is_a_fault(protocol):
    drive, intruder = Drive(protocol).engaged(), Drive(protocol)
    intruder.run(20)
    drive.interface.receive(intruder.sent[0], drive.now_ms * 1_000_000)
    assert drive.run(100, until=let_go) <= 20
    assert all(reason.startswith("foreign_") for reason in drive.state.reasons)
