"""Names and numbers of PACMod3 that the code needs beyond its DBC."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sim2real_ad.dbw.codec import Codec
from sim2real_ad.dbw.interface import Gear

SYSTEMS = ("accel", "brake", "steering", "shift")
DRIVING_SYSTEMS = ("accel", "brake", "steering")
"""The systems that are enabled to drive; the shifter only is while a gear is asked for."""

FAULT_BITS = ("COMMAND_OUTPUT_FAULT", "INPUT_OUTPUT_FAULT", "OUTPUT_REPORTED_FAULT", "PACMOD_FAULT", "VEHICLE_FAULT")

COMMANDS = ("GLOBAL_CMD", "ACCEL_CMD", "BRAKE_CMD", "STEERING_CMD", "SHIFT_CMD")

NEEDED = (
    "ACCEL_RPT",
    "BRAKE_RPT",
    "STEERING_RPT",
    "SHIFT_RPT",
    "GLOBAL_RPT_2",
    "COMPONENT_RPT_00",
    "VEHICLE_SPEED_RPT",
)
"""Reports without which the car is not driven. Others depend on the vehicle platform."""

NO_GEAR = 7

RAW_GEARS = {Gear.PARK: 0, Gear.REVERSE: 1, Gear.NEUTRAL: 2, Gear.DRIVE: 3, Gear.LOW: 4}


def command_name(system: str) -> str:
    """Return the command message of a system."""
    return f"{system.upper()}_CMD"


def report_name(system: str) -> str:
    """Return the report message of a system."""
    return f"{system.upper()}_RPT"


@cache
def pacmod_codec() -> Codec:
    """Return the codec of PACMod3, compiled once a process. Raises DbwError where cantools is missing."""
    return Codec.load(Path(__file__).with_name("pacmod.dbc"))
