"""Whatever goes wrong with the car's modules: it is let go within 100 ms of simulated time, and named."""

import pytest
from dbw_drive import Drive

from sim2real_ad.dbw.settings import EcuSettings
from sim2real_ad.errors import DbwError

LIMIT_MS = 100

DATASPEED_FAST = ["STEER_REPORT", "BRAKE_REPORT", "THROTTLE_REPORT", "VEHICLE_VELOCITY", "BRAKE_INFO", "ULC_REPORT"]
DATASPEED_SLOW = ["GEAR_REPORT", "SYSTEM_REPORT"]
PACMOD_REPORTS = [
    "ACCEL_RPT",
    "BRAKE_RPT",
    "STEERING_RPT",
    "SHIFT_RPT",
    "GLOBAL_RPT_2",
    "COMPONENT_RPT_00",
    "VEHICLE_SPEED_RPT",
]

FAULTS = [
    *(("dataspeed", "silence", name, f"{name.lower()}_timeout") for name in ["", *DATASPEED_FAST]),
    *(("dataspeed", "bad_crc", name, f"{name.lower()}_crc") for name in ["", *DATASPEED_FAST]),
    *(("dataspeed", "stuck_counter", name, f"{name.lower()}_counter") for name in ["", *DATASPEED_FAST]),
    *(("dataspeed", "fault", name, f"{name}_fault") for name in ["steer", "brake", "throttle", "gear"]),
    *(("dataspeed", "override", name, f"override_{name}") for name in ["steer", "brake", "throttle", "gear"]),
    ("dataspeed", "bus_off", "", "_timeout"),
    *(("pacmod", "silence", name, f"{name.lower()}_timeout") for name in ["", *PACMOD_REPORTS]),
    ("pacmod", "bad_crc", "", "component_rpt_00_complement"),
    ("pacmod", "bad_crc", "COMPONENT_RPT_00", "component_rpt_00_complement"),
    ("pacmod", "stuck_counter", "COMPONENT_RPT_00", "component_rpt_00_counter"),
    *(("pacmod", "fault", name, f"{name}_vehicle_fault") for name in ["accel", "brake", "steering", "shift"]),
    *(("pacmod", "override", name, f"override_{name}") for name in ["accel", "brake", "steering"]),
    ("pacmod", "bus_off", "", "_timeout"),
]


def let_go(drive):
    return drive.state.phase == "disengaged"


@pytest.mark.parametrize("later_ms", [0, 15])
@pytest.mark.parametrize(("protocol", "kind", "target", "name"), FAULTS)
def test_every_fault_lets_go_within_100_ms_and_is_named(protocol, kind, target, name, later_ms):
    drive = Drive(protocol).engaged()
    drive.run(later_ms)
    drive.misbehave(kind, target)
    assert drive.run(200, until=let_go) <= LIMIT_MS
    assert any(name in reason for reason in drive.state.reasons), drive.state.reasons


@pytest.mark.parametrize("name", DATASPEED_SLOW)
@pytest.mark.parametrize(("kind", "word"), [("bad_crc", "crc"), ("stuck_counter", "counter")])
def test_a_wrong_slow_report_lets_go_with_the_first_frame(name, kind, word):
    drive = Drive().engaged()
    drive.misbehave(kind, name)
    assert drive.run(300, until=let_go) <= 100 + LIMIT_MS
    assert drive.state.reasons == (f"{name.lower()}_{word}",)


@pytest.mark.parametrize("name", DATASPEED_SLOW)
def test_a_silent_slow_report_lets_go_within_the_protocols_timeout(name):
    drive = Drive().engaged()
    drive.misbehave("silence", name)
    assert drive.run(500, until=let_go) <= 350 + LIMIT_MS
    assert drive.state.reasons == (f"{name.lower()}_timeout",)


@pytest.mark.parametrize("protocol", ["dataspeed", "pacmod"])
@pytest.mark.parametrize(
    ("acts", "modules"),
    [
        ({"brake_pedal": 0.2}, ("brake", "brake")),
        ({"accelerator_pedal": 0.3}, ("throttle", "accel")),
        ({"steering_torque": -4.0}, ("steer", "steering")),
    ],
)
def test_the_driver_takes_over_within_100_ms_and_the_actuators_are_his(protocol, acts, modules):
    drive = Drive(protocol).engaged()
    drive.driver(**acts)
    assert drive.run(200, until=let_go) <= LIMIT_MS
    assert drive.actuation is None
    assert drive.state.overridden
    assert f"override_{modules[protocol == 'pacmod']}" in drive.state.reasons


@pytest.mark.parametrize("protocol", ["dataspeed", "pacmod"])
def test_an_override_stays_until_a_new_edge_clears_it(protocol):
    drive = Drive(protocol).engaged()
    drive.driver(brake_pedal=0.2)
    drive.run(100)
    drive.driver(brake_pedal=0.0)
    drive.run(1000)
    assert (drive.state.phase, drive.state.overridden, drive.actuation) == ("disengaged", True, None)
    drive.again()
    assert (drive.state.phase, drive.state.overridden) == ("engaged", False)
    assert drive.actuation is not None


@pytest.mark.parametrize("protocol", ["dataspeed", "pacmod"])
def test_a_foot_on_the_brake_keeps_the_car_from_engaging(protocol):
    drive = Drive(protocol).engaged()
    drive.driver(brake_pedal=0.2)
    drive.run(100)
    drive.again()
    drive.run(1000)
    assert drive.state.phase == "disengaged"
    assert "override_brake" in drive.state.reasons


@pytest.mark.parametrize("sync_mode", ["none", "disengages", "all_or_none"])
@pytest.mark.parametrize("acts", [{"brake_pedal": 0.2}, {"accelerator_pedal": 0.3}, {"steering_torque": 4.0}])
def test_overrides_are_cleared_however_dataspeed_keeps_its_modules_in_step(sync_mode, acts):
    drive = Drive(ecu_settings=EcuSettings(sync_mode=sync_mode)).engaged()
    drive.driver(**acts)
    assert drive.run(200, until=let_go) <= LIMIT_MS
    drive.driver(**dict.fromkeys(acts, 0.0))
    assert drive.again().state.phase == "engaged"


def test_a_pacmod_fault_stays_until_it_is_cleared_after_its_cause_is_gone():
    drive = Drive("pacmod").engaged()
    drive.misbehave("fault", "accel")
    drive.run(100)
    drive.again()
    drive.run(1000)
    assert drive.state.reasons == ("engaging_timeout", "accel_vehicle_fault")
    drive.ecu.behave()
    drive.run(200)
    assert "accel_vehicle_fault" in drive.state.faults
    assert drive.again().state.phase == "engaged"
    assert drive.state.faults == ()


def test_a_dataspeed_fault_ends_with_its_cause_and_needs_a_new_edge():
    drive = Drive().engaged()
    drive.misbehave("fault", "steer")
    drive.run(300)
    assert {"steer_fault", "steer_fault_internal", "system_fault"} <= set(drive.state.faults)
    drive.ecu.behave()
    drive.run(300)
    assert (drive.state.phase, drive.state.faults) == ("disengaged", ())
    assert drive.again().state.phase == "engaged"


@pytest.mark.parametrize("protocol", ["dataspeed", "pacmod"])
def test_a_bus_fault_that_is_told_lets_go_at_the_next_step(protocol):
    drive = Drive(protocol).engaged()
    drive.interface.set_bus_fault("bus_off")
    assert drive.run(200, until=let_go) <= 20
    assert drive.state.reasons == ("bus_off",)
    assert "bus_off" in drive.state.faults
    drive.interface.set_bus_fault(None)
    assert drive.again().state.phase == "engaged"


@pytest.mark.parametrize("protocol", ["dataspeed", "pacmod"])
def test_every_second_report_lost_is_borne_with(protocol):
    drive = Drive(protocol).engaged()
    drive.misbehave("drop", "STEER_REPORT" if protocol == "dataspeed" else "STEERING_RPT")
    drive.run(1000)
    assert drive.state.phase == "engaged"


@pytest.mark.parametrize("protocol", ["dataspeed", "pacmod"])
def test_a_car_that_was_never_heard_of_is_not_engaged(protocol):
    drive = Drive(protocol)
    drive.misbehave("bus_off")
    drive.run(200)
    drive.again()
    assert drive.state.phase == "disengaged"
    assert any(reason.endswith("_missing") for reason in drive.state.reasons)


@pytest.mark.parametrize(
    ("protocol", "kind", "target"),
    [
        ("dataspeed", "silence", "HORN_RPT"),
        ("dataspeed", "fault", "horn"),
        ("pacmod", "fault", ""),
        ("pacmod", "bad_crc", "ACCEL_RPT"),
    ],
)
def test_a_misbehaviour_that_cannot_be_is_refused(protocol, kind, target):
    with pytest.raises(DbwError, match=kind):
        Drive(protocol).misbehave(kind, target)
