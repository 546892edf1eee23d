"""Bytes that were made elsewhere: by the public C++ header dispatch.hpp of ds_dbw_can 2.3.11, compiled, and by cantools
from as_pacmod.dbc 14.1.0. They bind our DBC files to what the modules speak."""

import pytest

from sim2real_ad.dbw.codec import Frame
from sim2real_ad.dbw.dataspeed.messages import dataspeed_codec
from sim2real_ad.dbw.pacmod.messages import pacmod_codec

FLAGS = {"ENABLE": 0, "CLEAR": 0, "IGNORE": 0}
NO_LIMITS = {"RATE_LIMIT": 0, "ACCEL_LIMIT": 0}
SYSTEM = {"ENABLE": 0, "IGNORE_OVERRIDES": 0}

DATASPEED_COMMANDS = [
    (
        "STEER_CMD",
        0x210,
        "32fc127a00005024",
        {**FLAGS, "CMD_TYPE": 2, "ANGLE": -97.4, "ENABLE": 1, "RATE_LIMIT": 487, "ACCEL_LIMIT": 0, "COUNTER": 5},
    ),
    (
        "STEER_CMD",
        0x210,
        "052033190300f075",
        {
            **FLAGS,
            "CMD_TYPE": 3,
            "CURVATURE": 0.05,
            "ENABLE": 1,
            "CLEAR": 1,
            "RATE_LIMIT": 100,
            "ACCEL_LIMIT": 300,
            "COUNTER": 15,
        },
    ),
    (
        "BRAKE_CMD",
        0x211,
        "b4e21800ff00202a",
        {
            **FLAGS,
            "CMD_TYPE": 8,
            "ACCELERATION": -7.5,
            "ENABLE": 1,
            "JERK_LIMIT_UP": 0,
            "JERK_LIMIT_DOWN": 255,
            "COUNTER": 2,
        },
    ),
    ("THROTTLE_CMD", 0x212, "00002000000090bb", {**FLAGS, "CMD_TYPE": 0, "CLEAR": 1, "COUNTER": 9}),
    ("GEAR_CMD", 0x213, "0400005d", {"GEAR": 4}),
    ("SYSTEM_CMD", 0x216, "71b7", {"CMD": 1, "COUNTER": 7}),
    (
        "ULC_CMD",
        0x284,
        "3cf612000000c04c",
        {
            "CMD_TYPE": 2,
            "ACCELERATION": -1.25,
            "ENABLE": 1,
            "CLEAR": 0,
            "ENABLE_SHIFT": 0,
            "ENABLE_SHIFT_PARK": 0,
            "COAST": 0,
            "COUNTER": 12,
        },
    ),
    (
        "ULC_CFG",
        0x285,
        "50f064fe00001082",
        {"ACCEL_LIMIT": 2.0, "DECEL_LIMIT": 6.0, "JERK_LIMIT_THROTTLE": 10.0, "JERK_LIMIT_BRAKE": 25.4, "COUNTER": 1},
    ),
]

DATASPEED_REPORTS = [
    (
        0x100,
        "d2840cbed880c3c2",
        "STEER_REPORT",
        {
            "ANGLE": 123.4,
            "COMMANDED_ANGLE": -50.0,
            "TORQUE": -2.5,
            "LIMITING_RATE": 1,
            "OVERRIDE_LATCHED": 1,
            "READY": 1,
            "ENABLED": 1,
        },
    ),
    (
        0x101,
        "2c010c8e700e8ccb",
        "BRAKE_REPORT",
        {
            "INPUT_TORQUE": 1200,
            "COMMANDED_ACCELERATION": -2.5,
            "OUTPUT_ACCELERATION": -2.0,
            "FAULT": 1,
            "TIMEOUT": 1,
        },
    ),
    (
        0x102,
        "f40140e61826607c",
        "THROTTLE_REPORT",
        {"INPUT": 12.5, "COMMANDED": 40.0, "OUTPUT": 39.0, "OVERRIDE_ACTIVE": 1, "BAD_COUNTER": 1},
    ),
    (
        0x103,
        "14620000000081e7",
        "GEAR_REPORT",
        {"GEAR": 4, "COMMANDED_GEAR": 1, "DRIVER_GEAR": 2, "REJECT": 6, "READY": 1, "FAULT": 0},
    ),
    (
        0x106,
        "0a24384109404292",
        "SYSTEM_REPORT",
        {
            "VALIDATES_COMMANDS": 1,
            "SYNC_MODE": 2,
            "REASON_DISENGAGED": 36,
            "REASON_NOT_READY": 56,
            "TIME_PHASE": 321,
            "STATE": 2,
            "LOCKOUT": 1,
            "ENABLED": 1,
            "READY": 0,
        },
    ),
    (
        0x107,
        "100e0cfe0000c255",
        "VEHICLE_VELOCITY",
        {"BRAKES_VELOCITY": 36.0, "PROPULSION_VELOCITY": -5.0, "DIRECTION_SOURCE": 2},
    ),
    (
        0x10A,
        "c8006420652080e3",
        "BRAKE_INFO",
        {"PEDAL_TORQUE": 800, "REQUEST_TORQUE": 400, "ACTUAL_TORQUE": 404, "ABS_ACTIVE": 1, "ESC_ENABLED": 1},
    ),
    (
        0x280,
        "f4419c9fe20f42b2",
        "ULC_REPORT",
        {
            "VELOCITY_REFERENCE": 10.0,
            "VELOCITY": -2.0,
            "CMD_TYPE": 2,
            "ACCELERATION_REFERENCE": -1.5,
            "ACCELERATION": 0.75,
            "PREEMPTED": 1,
            "ENABLED": 1,
        },
    ),
    (0x2A1, "f40118fcdc05c09f", "GYRO", {"ROLL_RATE": 0.1, "PITCH_RATE": -0.2, "YAW_RATE": 0.3}),
    (
        0x300,
        "01840000781c8a58",
        "STEER_DETAIL",
        {
            "DEGRADED": 1,
            "FAULT_INTERNAL": 1,
            "HARDWARE_DISABLE": 1,
            "RATE_LIMIT": 480,
            "ANGLE_LIMIT": 540,
            "CMD_SOURCE": 1,
        },
    ),
    (0x301, "0001000010006046", "BRAKE_DETAIL", {"FAULT_POWER": 1, "COMMS_LOSS_ARMED": 1, "CMD_SOURCE": 4}),
    (0x302, "001000000000e823", "THROTTLE_DETAIL", {"FAULT_SENSOR": 1, "CMD_SOURCE": 5}),
]

PACMOD_COMMANDS = [
    (
        "GLOBAL_CMD",
        0x80,
        "0396",
        {"CLEAR_FAULTS": 1, "SANITY_CHECK_REQUIRED": 1, "CLEAR_OVERRIDES": 0, "COUNTER": 6},
    ),
    ("ACCEL_CMD", 0x100, "010113", {**SYSTEM, "ENABLE": 1, "CLEAR_OVERRIDE": 0, "PEDAL": 0.275}),
    ("BRAKE_CMD", 0x104, "050258", {**SYSTEM, "ENABLE": 1, "CLEAR_OVERRIDE": 1, "PEDAL": 0.6}),
    ("SHIFT_CMD", 0x128, "0103", {**SYSTEM, "ENABLE": 1, "CLEAR_OVERRIDE": 0, "GEAR": 3}),
    (
        "STEERING_CMD",
        0x12C,
        "01f6d72134",
        {**SYSTEM, "ENABLE": 1, "CLEAR_OVERRIDE": 0, "ANGLE": -2.345, "RATE_LIMIT": 8.5},
    ),
]

PACMOD_REPORTS = [
    (0x11, "2100", "GLOBAL_RPT_2", {"SYSTEM_ENABLED": 1, "SYSTEM_READY": 1, "DISABLE_ALL_SYSTEMS": 0}),
    (0x20, "0140004b00", "COMPONENT_RPT_00", {"SYSTEM_ENABLED": 1, "COMPONENT_READY": 1, "COUNTER": 11}),
    (
        0x200,
        "01006400fa00f000",
        "ACCEL_RPT",
        {"ENABLED": 1, "MANUAL_INPUT": 0.1, "COMMANDED_VALUE": 0.25, "OUTPUT_VALUE": 0.24},
    ),
    (0x204, "4201f40000000000", "BRAKE_RPT", {"OVERRIDE_ACTIVE": 1, "VEHICLE_FAULT": 1, "MANUAL_INPUT": 0.5}),
    (0x228, "0003020300", "SHIFT_RPT", {"MANUAL_INPUT": 3, "COMMANDED_VALUE": 2, "OUTPUT_VALUE": 3}),
    (
        0x22C,
        "81fa2401f4fa8800",
        "STEERING_RPT",
        {"ENABLED": 1, "COMMAND_TIMEOUT": 1, "MANUAL_INPUT": -1.5, "COMMANDED_VALUE": 0.5, "OUTPUT_VALUE": -1.4},
    ),
    (
        0x32C,
        "0000f63c00000102",
        "STEERING_AUX_RPT",
        {"TORQUE": -0.25, "OPERATOR_INTERACTION": 1, "TORQUE_AVAILABLE": 1},
    ),
    (0x400, "04d2", "VEHICLE_SPEED_RPT", {"SPEED": 12.34}),
    (0x419, "100000ff060000", "LINEAR_ACCEL_RPT", {"LONGITUDINAL_VALID": 1, "LONGITUDINAL": -2.5}),
    (0x41A, "2000000000007b", "ANG_VEL_RPT", {"YAW_VALID": 1, "YAW_RATE": 0.123}),
    (0x41C, "01", "ESTOP_RPT", {"ESTOP": 1, "ESTOP_FAULT": 0}),
    (0x421, "00000000000400", "WATCHDOG_RPT_2", {"GLOBAL_CMD_SANITY_FAULT": 0, "GLOBAL_CMD_TIMEOUT": 1}),
]


@pytest.mark.parametrize(("name", "can_id", "data", "values"), DATASPEED_COMMANDS)
def test_a_dataspeed_command_is_what_the_modules_expect(name, can_id, data, values):
    assert dataspeed_codec().encode(name, values) == Frame(can_id, bytes.fromhex(data))


@pytest.mark.parametrize(("can_id", "data", "name", "values"), DATASPEED_REPORTS)
def test_a_dataspeed_report_is_understood(can_id, data, name, values):
    decoded = dataspeed_codec().decode(Frame(can_id, bytes.fromhex(data)))
    assert decoded.name == name
    assert {signal: decoded.values[signal] for signal in values} == pytest.approx(values)


@pytest.mark.parametrize(("name", "can_id", "data", "values"), PACMOD_COMMANDS)
def test_a_pacmod_command_is_what_the_systems_expect(name, can_id, data, values):
    assert pacmod_codec().encode(name, values) == Frame(can_id, bytes.fromhex(data))


@pytest.mark.parametrize(("can_id", "data", "name", "values"), PACMOD_REPORTS)
def test_a_pacmod_report_is_understood(can_id, data, name, values):
    decoded = pacmod_codec().decode(Frame(can_id, bytes.fromhex(data)))
    assert decoded.name == name
    assert {signal: decoded.values[signal] for signal in values} == pytest.approx(values)


def test_no_message_is_without_its_golden_frame():
    seen = {name for name, *_ in (*DATASPEED_COMMANDS, *PACMOD_COMMANDS)}
    seen |= {name for _, _, name, _ in (*DATASPEED_REPORTS, *PACMOD_REPORTS)}
    assert seen == {*dataspeed_codec().messages, *pacmod_codec().messages}
