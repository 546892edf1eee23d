"""One line says what shall go wrong with a simulated drive-by-wire."""

import pytest
from dbw_drive import Drive

from sim2real_ad.dbw.ecu import CarState
from sim2real_ad.dbw.upset import upset
from sim2real_ad.errors import DbwError


@pytest.mark.parametrize("protocol", ["dataspeed", "pacmod"])
@pytest.mark.parametrize("line", ["bus_off", "silence", "bad_crc", "stuck_counter"])
def test_what_goes_wrong_lets_go_of_the_car_and_has_a_name(protocol, line):
    drive = Drive(protocol).engaged()
    drive.car = upset(drive.ecu, drive.car, line)
    drive.run(300)
    assert drive.state.phase == "disengaged"
    assert drive.state.faults or drive.state.reasons


def test_a_fault_is_of_a_module():
    drive = Drive("dataspeed").engaged()
    upset(drive.ecu, drive.car, "fault steer")
    drive.run(100)
    assert any("steer" in reason for reason in drive.state.reasons)


@pytest.mark.parametrize(
    ("line", "field"), [("brake_pedal 0.3", "brake_pedal"), ("steering_torque -5", "steering_torque")]
)
def test_the_driver_acts_and_lets_be(line, field):
    drive = Drive("dataspeed").engaged()
    drive.car = upset(drive.ecu, drive.car, line)
    assert getattr(drive.car, field) == float(line.split()[1])
    drive.run(100)
    assert drive.state.phase == "disengaged"
    drive.car = upset(drive.ecu, drive.car, "behave")
    assert drive.car == CarState(speed=5.0)
    assert drive.again().state.phase == "engaged"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("explode", "none of silence, drop"),
        ("", "none of silence"),
        ("brake_pedal hard", "'hard' is no number"),
        ("fault sunroof", "no module 'sunroof'"),
        ("silence NO_SUCH_REPORT", "no report NO_SUCH_REPORT"),
    ],
)
def test_what_cannot_go_wrong_is_refused_with_what_can(line, reason):
    drive = Drive("dataspeed")
    with pytest.raises(DbwError, match=reason):
        upset(drive.ecu, drive.car, line)
