"""What a drive-by-wire knows of its car, as Autoware's vehicle interface and the usual tools have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim2real_ad.dbw.interface import DbwState, Gear
from sim2real_ad.ros.conversions import BASE_FRAME, set_time
from sim2real_ad.ros.node import message_class
from sim2real_ad.ros.topics import CONTROL_MODE, DRIVER, GEAR, GEAR_COMMAND, STEERING, VELOCITY
from sim2real_ad.safety.diagnostics import CheckStatus, Level

DRIVE_BY_WIRE = "drive_by_wire"
"""Name of its status in /diagnostics."""
BRAKED = "braked"
"""Of that status, the value that says whether the vehicle interface stops the car by itself: true or false."""


def report_messages(state: DbwState, stamp_ns: int) -> dict[str, Any]:
    """Return the reports of a state by port. What is not known is not reported, so that whoever needs it misses it."""
    made = {
        "velocity": _velocity(state),
        "steering": _steering(state),
        "gear": _gear(state),
        "control_mode": _control_mode(state),
        "driver": _driver(state),
    }
    reports = {port: message for port, message in made.items() if message is not None}
    for message in reports.values():
        set_time(message.header.stamp if hasattr(message, "header") else message.stamp, stamp_ns)
    return reports


def gear_from_command(message: Any) -> Gear | None:
    """Return the gear that an autoware_vehicle_msgs/GearCommand asks for, None where it asks for none."""
    command = message_class(GEAR_COMMAND.type_name)
    known = {getattr(command, gear.name): gear for gear in Gear if gear is not Gear.NONE}
    return known.get(message.command)


def status_of(state: DbwState, values: Mapping[str, str]) -> CheckStatus:
    """Return a state as one line of diagnostics. values: further ones to show."""
    told = ", ".join(dict.fromkeys((*state.faults, *state.reasons)))
    level: Level = "ERROR" if state.faults or state.braked else "OK" if state.phase == "engaged" else "WARN"
    shown = {
        "reasons": ", ".join(state.reasons),
        "faults": ", ".join(state.faults),
        "notices": ", ".join(state.notices),
        "overridden": str(state.overridden).lower(),
        BRAKED: str(state.braked).lower(),
        **values,
    }
    return CheckStatus(DRIVE_BY_WIRE, level, f"{state.phase}: {told}" if told else state.phase, shown)


def _velocity(state: DbwState) -> Any:
    if state.speed is None:
        return None
    message = message_class(VELOCITY.type_name)(longitudinal_velocity=state.speed, heading_rate=state.yaw_rate or 0.0)
    message.header.frame_id = BASE_FRAME
    return message


def _steering(state: DbwState) -> Any:
    if state.steering_tire_angle is None:
        return None
    return message_class(STEERING.type_name)(steering_tire_angle=state.steering_tire_angle)


def _gear(state: DbwState) -> Any:
    report = message_class(GEAR.type_name)
    return report(report=getattr(report, state.gear.name))


def _control_mode(state: DbwState) -> Any:
    report = message_class(CONTROL_MODE.type_name)
    if state.phase == "engaged":
        return report(mode=report.AUTONOMOUS)
    if state.overridden:
        return report(mode=report.MANUAL)
    return report(mode=report.NOT_READY if state.faults or state.braked else report.DISENGAGED)


def _driver(state: DbwState) -> Any:
    brake, accelerator, torque = state.brake_pedal, state.accelerator_pedal, state.steering_torque
    if brake is None or accelerator is None or torque is None:
        return None
    return message_class(DRIVER.type_name)(brake_pedal=brake, accelerator_pedal=accelerator, steering_torque=torque)
