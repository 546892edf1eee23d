"""Names and numbers of DBW2 that the code needs beyond its DBC."""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from pathlib import Path

from sim2real_ad.dbw.codec import Codec

COMMANDS = ("STEER_CMD", "BRAKE_CMD", "THROTTLE_CMD", "GEAR_CMD", "SYSTEM_CMD", "ULC_CMD", "ULC_CFG")

MODULES = {"steer": "STEER_REPORT", "brake": "BRAKE_REPORT", "throttle": "THROTTLE_REPORT"}
"""The modules that act, by the report of each."""

DETAILS = {"steer": "STEER_DETAIL", "brake": "BRAKE_DETAIL", "throttle": "THROTTLE_DETAIL"}

NEEDED = (*MODULES.values(), "GEAR_REPORT", "SYSTEM_REPORT", "VEHICLE_VELOCITY", "BRAKE_INFO", "ULC_REPORT")
"""Reports without which the car is not driven."""

RATE_LIMIT_STEP, MOST_RATE_LIMIT = 4.0, 1016.0
"""deg/s: the step of the steering's rate limit, and its greatest value; the one above means no limit."""


class SteerType(IntEnum):
    """What a steering command holds."""

    NONE = 0
    ANGLE = 2
    CURVATURE = 3


class BrakeType(IntEnum):
    """What a brake command holds."""

    NONE = 0
    ACCELERATION = 8


class UlcType(IntEnum):
    """What a command of the longitudinal controller holds."""

    NONE = 0
    ACCELERATION = 2


class SystemCommand(IntEnum):
    """What is asked of all modules together."""

    NONE = 0
    ENABLE = 1
    DISABLE = 2


class SystemState(IntEnum):
    """Where all modules stand together."""

    MANUAL = 0
    READY = 1
    ACTIVE = 2
    FAULT = 7


class SyncMode(IntEnum):
    """Who keeps the modules in step: the host below ALL_OR_NONE, the firmware from there on (ds_dbw_can DbwNode)."""

    NONE = 0
    DISENGAGES = 1
    ALL_OR_NONE = 2


@cache
def dataspeed_codec() -> Codec:
    """Return the codec of DBW2, compiled once a process. Raises DbwError where cantools is missing."""
    return Codec.load(Path(__file__).with_name("dataspeed.dbc"))
