"""What the modules report reaches the user under its name, and what they do not know stays unknown."""

from dataclasses import replace

import pytest
from dbw_drive import COMMAND, Drive

from sim2real_ad.dbw.bits import crc8_j1850, crc8_seed
from sim2real_ad.dbw.codec import Decoded
from sim2real_ad.dbw.dataspeed.messages import dataspeed_codec
from sim2real_ad.dbw.pacmod.messages import pacmod_codec

CODECS = {"dataspeed": dataspeed_codec(), "pacmod": pacmod_codec()}


def changed(protocol, name, changes):
    """A bus that changes bytes of one message; the CRC is made to fit."""
    codec = CODECS[protocol]

    def change(frame):
        answer = codec.decode(frame)
        if not isinstance(answer, Decoded) or answer.name != name:
            return frame
        data = bytearray(frame.data)
        for place, byte in changes.items():
            data[place] = byte
        if codec.messages[name].check == "j1850":
            data[-1] = crc8_j1850(bytes(data[:-1]), crc8_seed(frame.id))
        return frame._replace(data=bytes(data))

    return change


def engaged_then(protocol, name, changes):
    drive = Drive(protocol).engaged()
    drive.to_interface = changed(protocol, name, changes)
    drive.run(300)
    return drive


# Places of the changed bits: the DBC files, which golden frames bind to the protocols.
FAULTS = [
    ("dataspeed", "VEHICLE_VELOCITY", {0: 0x00, 1: 0x80, 2: 0x00, 3: 0x80}, "speed_unknown"),
    ("dataspeed", "STEER_REPORT", {0: 0x00, 1: 0x20}, "steering_angle_unknown"),
    ("dataspeed", "STEER_DETAIL", {1: 0x80}, "steer_hardware_disable"),
    ("dataspeed", "SYSTEM_REPORT", {0: 0x0B}, "system_inhibit"),
    ("dataspeed", "SYSTEM_REPORT", {5: 0x40}, "system_lockout"),
    ("pacmod", "VEHICLE_SPEED_RPT", {0: 0x7F, 1: 0xFF}, "speed_unknown"),
    ("pacmod", "STEERING_RPT", {5: 0x7F, 6: 0xFE}, "steering_angle_unknown"),
    ("pacmod", "ESTOP_RPT", {0: 0x01}, "estop"),
    ("pacmod", "ESTOP_RPT", {0: 0x02}, "estop_fault"),
    ("pacmod", "GLOBAL_RPT_2", {0: 0x2B}, "supervisory_enable_required"),
    ("pacmod", "COMPONENT_RPT_00", {0: 0x40}, "config_fault"),
]


@pytest.mark.parametrize(("protocol", "name", "changes", "fault"), FAULTS)
def test_what_the_car_says_is_wrong_lets_go_under_its_name(protocol, name, changes, fault):
    drive = engaged_then(protocol, name, changes)
    assert drive.state.phase == "disengaged"
    assert fault in drive.state.reasons
    assert fault in drive.state.faults


def test_the_propulsions_speed_serves_where_the_brakes_is_unknown():
    drive = engaged_then("dataspeed", "VEHICLE_VELOCITY", {0: 0x00, 1: 0x80})
    assert drive.state.speed == pytest.approx(5.0, abs=0.01)
    assert drive.state.phase == "engaged"


@pytest.mark.parametrize(
    ("name", "changes", "notice"),
    [("STEER_DETAIL", {0: 0x01}, "steer_degraded"), ("BRAKE_DETAIL", {4: 0x00}, "own_stop_not_armed")],
)
def test_what_is_no_reason_to_let_go_is_a_notice(name, changes, notice):
    drive = engaged_then("dataspeed", name, changes)
    assert (drive.state.phase, drive.state.notices) == ("engaged", (notice,))


def test_an_override_that_no_module_owns_is_named_as_such():
    drive = engaged_then("dataspeed", "STEER_REPORT", {5: 0x40})
    assert drive.state.reasons == ("override_other",)
    assert drive.state.overridden


def test_commands_that_arrive_damaged_let_go_under_their_names():
    drive = Drive().engaged()
    drive.to_ecu = lambda frame: frame._replace(data=bytes(len(frame.data)))
    drive.run(100, until=lambda drive: drive.state.phase == "disengaged")
    assert {"steer_command_crc", "ulc_command_crc"} <= set(drive.state.reasons)


def test_a_torque_that_the_platform_does_not_measure_is_unknown():
    drive = engaged_then("pacmod", "STEERING_AUX_RPT", {7: 0x00})
    assert drive.state.steering_torque is None
    assert drive.state.phase == "engaged"


def test_steering_by_curvature_needs_a_speed():
    drive = Drive(changes={"steer_by": "curvature"})
    drive.misbehave("silence", "VEHICLE_VELOCITY")
    drive.run(100)
    assert drive.state.notices == ("curvature needs a speed, which is unknown",)


def test_pedals_need_a_speed():
    drive = Drive("pacmod")
    drive.misbehave("silence", "VEHICLE_SPEED_RPT")
    drive.run(100)
    assert drive.state.notices == ("pedals need a speed, which is unknown",)


def test_a_curve_that_the_curvature_signal_cannot_hold_is_refused():
    drive = Drive(changes={"steer_by": "curvature"}, command=replace(COMMAND, steering_tire_angle=0.62))
    drive.driver(speed=0.0)
    drive.run(100)
    assert drive.state.notices[0].startswith("curvature 0.21")
    assert "command_invalid" in drive.state.faults


def test_a_gear_that_is_none_of_ours_is_none():
    drive = engaged_then("dataspeed", "GEAR_REPORT", {0: 0x07})
    assert drive.state.gear == 0
    assert drive.state.reasons == ("gear_not_forward",)
