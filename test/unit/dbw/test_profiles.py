"""A car's bus and protocol stand in its profile; another bus in one line; the steering's offset in both directions."""

import math

import pytest
from dbw_drive import Drive, settings_for
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.dbw.protocols import ecu_for, interface_for
from sim2real_ad.dbw.settings import EcuSettings, SteeringSettings, bus_from_text, text_of_bus
from sim2real_ad.errors import ConfigError, DbwError
from sim2real_ad.vehicle.profile import load_vehicle

PROTOCOLS = {"e_transit": "dataspeed", "saloon": "pacmod"}


@pytest.mark.parametrize(("vehicle", "protocol"), PROTOCOLS.items())
def test_a_shipped_profile_brings_its_bus_and_both_ends_of_its_protocol(vehicle, protocol):
    profile = load_vehicle(vehicle)
    settings = profile.drive_by_wire
    assert settings.protocol.protocol == protocol
    assert settings.bus.kind == "socketcan"
    assert interface_for(profile, settings.protocol).state.phase == "disengaged"
    assert ecu_for(profile, settings.protocol, EcuSettings())


def test_a_car_without_a_drive_by_wire_of_ours_has_none():
    assert load_vehicle("sprinter").drive_by_wire is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("socketcan:can1", {"kind": "socketcan", "channel": "can1"}),
        ("udp_multicast:239.74.163.2:43200", {"kind": "udp_multicast", "group": "239.74.163.2", "port": 43200}),
        ("virtual:here", {"kind": "virtual", "channel": "here"}),
    ],
)
def test_a_bus_is_one_line(text, expected):
    assert bus_from_text(text).model_dump() == expected
    assert text_of_bus(bus_from_text(text)) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("can0", "is none of socketcan:CHANNEL"),
        ("", "is none of socketcan:CHANNEL"),
        ("slcan:tty0", "slcan"),
        ("socketcan:", "at least 1 character"),
        ("socketcan:an_interface_name_of_linux", "at most 15"),
        ("udp_multicast:224.0.0.1:43113", "not in 239.0.0.0/8"),
        ("udp_multicast:239.1.1.1:80", "greater than or equal to 1024"),
        ("udp_multicast:239.1.1.1:many", "integer"),
        ("udp_multicast:239.1.1.1", "is none of"),
    ],
)
def test_a_line_that_is_no_bus_is_refused_with_what_is_one(text, reason):
    with pytest.raises(ConfigError, match=reason):
        bus_from_text(text)


@given(st.floats(-0.7, 0.7), st.floats(5.0, 40.0), st.floats(-0.5, 0.5))
def test_wheel_and_tire_angle_are_each_others_inverse(tire, ratio, offset):
    steering = SteeringSettings(ratio=ratio, offset=offset, max_wheel_angle=12.0)
    assert steering.tire_angle(steering.wheel_angle(tire)) == pytest.approx(tire, abs=1e-12)
    assert steering.wheel_angle(0.0) == offset


@pytest.mark.parametrize("protocol", ["dataspeed", "pacmod"])
def test_an_offset_of_the_wheel_is_no_offset_of_the_tires(protocol):
    drive = Drive(protocol, changes={"steering": SteeringSettings(ratio=17.0, offset=0.2, max_wheel_angle=11.0)})
    drive.engaged().run(500)
    assert drive.actuation.steering_tire_angle == pytest.approx(drive.command.steering_tire_angle, abs=0.002)
    drive.driver(steering_tire_angle=0.1)
    drive.run(100)
    assert drive.state.steering_tire_angle == pytest.approx(0.1, abs=0.002)


def test_an_offset_that_takes_full_lock_beyond_the_wheels_end_is_refused():
    profile = load_vehicle("e_transit")
    lock = 17.0 * profile.max_steering_tire_angle
    steering = SteeringSettings(ratio=17.0, offset=0.3, max_wheel_angle=math.ceil(100 * lock) / 100)
    with pytest.raises(DbwError, match=r"plus steering\.offset"):
        interface_for(profile, settings_for("dataspeed").model_copy(update={"steering": steering}))
