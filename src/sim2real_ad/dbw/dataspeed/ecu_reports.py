"""The values of every report of the simulated DBW2."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from sim2real_ad.dbw.codec import CRC
from sim2real_ad.dbw.dataspeed.messages import DETAILS, MODULES, BrakeType, SteerType, UlcType, dataspeed_codec
from sim2real_ad.dbw.ecu import CarState, within
from sim2real_ad.dbw.interface import Gear

if TYPE_CHECKING:
    from sim2real_ad.dbw.dataspeed.ecu import DataspeedEcu

REPORTS = (
    *MODULES.values(),
    "GEAR_REPORT",
    "SYSTEM_REPORT",
    "VEHICLE_VELOCITY",
    "BRAKE_INFO",
    "ULC_REPORT",
    "GYRO",
    *DETAILS.values(),
)


def report_values(ecu: DataspeedEcu, name: str, now_ns: int, car: CarState) -> dict[str, float]:
    """Return every signal of a report but counter and CRC; what is not modelled is 0."""
    if name in MODULES.values():
        said = _module(ecu, name, now_ns, car)
    elif name in DETAILS.values():
        said = _detail(ecu, name)
    else:
        said = {
            "GEAR_REPORT": _gear,
            "SYSTEM_REPORT": _system,
            "VEHICLE_VELOCITY": _velocity,
            "BRAKE_INFO": _brake_info,
            "ULC_REPORT": _ulc,
            "GYRO": _gyro,
        }[name](ecu, now_ns, car)
    return {signal: said.get(signal, 0.0) for signal in _signals(name, said)}


def _signals(name: str, said: Mapping[str, float]) -> tuple[str, ...]:
    message = dataspeed_codec().messages[name]
    master = said.get(message.multiplexer.name) if message.multiplexer else None
    return tuple(code.name for code in message.variant(master).signals if code.name not in ("COUNTER", CRC))


def _within(name: str, signal: str, value: float) -> float:
    return within(dataspeed_codec(), name, signal, value)


def _module(ecu: DataspeedEcu, name: str, now_ns: int, car: CarState) -> dict[str, float]:
    module = ecu.modules[name.split("_")[0].lower()]
    flaw = ecu.flawed.get(module.command, "")
    others = [other for other in ecu.modules.values() if other is not module]
    following = module.following or (module.name in ("brake", "throttle") and ecu.modules["ulc"].following)
    flags: dict[str, float] = {
        "OVERRIDE_ACTIVE": module.acted_on,
        "OVERRIDE_OTHER": any(other.acted_on for other in others),
        "OVERRIDE_LATCHED": module.latched,
        "READY": not (module.fault or module.acted_on or module.latched),
        "ENABLED": following,
        "FAULT": module.fault,
        "TIMEOUT": not ecu.live(module, now_ns),
        "BAD_CRC": flaw == "crc",
        "BAD_COUNTER": flaw == "counter",
    }
    if module.name == "steer":
        return flags | _steer(ecu, car)
    if module.name == "brake":
        return flags | _brake(ecu, car)
    return flags | {"INPUT": _within(name, "INPUT", 100.0 * car.accelerator_pedal)}


def _steer(ecu: DataspeedEcu, car: CarState) -> dict[str, float]:
    angle = math.degrees(ecu.settings.steering.wheel_angle(car.steering_tire_angle))
    return {
        "ANGLE": _within("STEER_REPORT", "ANGLE", angle),
        "CMD_TYPE": SteerType.ANGLE,
        "COMMANDED_ANGLE": _within("STEER_REPORT", "COMMANDED_ANGLE", math.degrees(ecu.wheel_angle)),
        "TORQUE": _within("STEER_REPORT", "TORQUE", car.steering_torque),
    }


def _brake(ecu: DataspeedEcu, car: CarState) -> dict[str, float]:
    torque = car.brake_pedal * ecu.settings.brake_pedal_full_torque
    return {
        "CMD_TYPE": BrakeType.ACCELERATION,
        "INPUT_TORQUE": _within("BRAKE_REPORT", "INPUT_TORQUE", torque),
        "COMMANDED_ACCELERATION": _within("BRAKE_REPORT", "COMMANDED_ACCELERATION", ecu.acceleration),
        "OUTPUT_ACCELERATION": _within("BRAKE_REPORT", "OUTPUT_ACCELERATION", car.acceleration),
    }


def _detail(ecu: DataspeedEcu, name: str) -> dict[str, float]:
    module = ecu.modules[name.split("_")[0].lower()]
    source = "comms_loss" if ecu.own_stop.active and module.name == "brake" else "user"
    return {
        "FAULT_INTERNAL": module.fault,
        "COMMS_LOSS_ARMED": ecu.limits.own_stop_deceleration > 0.0,
        "CMD_SOURCE": _raw(name, "CMD_SOURCE", source),
    }


def _gear(ecu: DataspeedEcu, _now_ns: int, _car: CarState) -> dict[str, float]:
    return {
        "GEAR": ecu.gear,
        "COMMANDED_GEAR": ecu.gear_command,
        "DRIVER_GEAR": Gear.NONE,
        "REJECT": _raw("GEAR_REPORT", "REJECT", ecu.gear_rejection),
        "OVERRIDE_ACTIVE": ecu.gear_misbehaves("override"),
        "READY": not ecu.gear_misbehaves("fault"),
        "FAULT": ecu.gear_misbehaves("fault"),
        "BAD_CRC": ecu.flawed.get("GEAR_CMD") == "crc",
    }


def _system(ecu: DataspeedEcu, now_ns: int, _car: CarState) -> dict[str, float]:
    modules = ecu.modules.values()
    not_ready = ecu.not_ready(now_ns)
    return {
        "VALIDATES_COMMANDS": 1,
        "SYNC_MODE": ecu.sync_mode,
        "REASON_DISENGAGED": _raw("SYSTEM_REPORT", "REASON_DISENGAGED", ecu.disengaged_by),
        "REASON_NOT_READY": _raw("SYSTEM_REPORT", "REASON_NOT_READY", not_ready),
        "STATE": ecu.system_state(now_ns),
        "OVERRIDE": any(module.acted_on or module.latched for module in modules),
        "READY": not_ready == "none",
        "ENABLED": any(module.following for module in modules),
        "FAULT": any(module.fault for module in modules),
        "BAD_CRC": ecu.flawed.get("SYSTEM_CMD") == "crc",
        "BAD_COUNTER": ecu.flawed.get("SYSTEM_CMD") == "counter",
    }


def _velocity(_ecu: DataspeedEcu, _now_ns: int, car: CarState) -> dict[str, float]:
    velocity = _within("VEHICLE_VELOCITY", "BRAKES_VELOCITY", car.speed * 3.6)
    return {"BRAKES_VELOCITY": velocity, "PROPULSION_VELOCITY": velocity, "DIRECTION_SOURCE": 1}


def _brake_info(ecu: DataspeedEcu, _now_ns: int, car: CarState) -> dict[str, float]:
    torque = car.brake_pedal * ecu.settings.brake_pedal_full_torque
    return {"PEDAL_TORQUE": _within("BRAKE_INFO", "PEDAL_TORQUE", torque)}


def _ulc(ecu: DataspeedEcu, now_ns: int, car: CarState) -> dict[str, float]:
    module, brake = ecu.modules["ulc"], ecu.modules["brake"]
    flaw = ecu.flawed.get("ULC_CMD", "")
    return {
        "CMD_TYPE": UlcType.ACCELERATION if module.following else UlcType.NONE,
        "VELOCITY": _within("ULC_REPORT", "VELOCITY", car.speed),
        "ACCELERATION_REFERENCE": _within("ULC_REPORT", "ACCELERATION_REFERENCE", ecu.acceleration),
        "ACCELERATION": _within("ULC_REPORT", "ACCELERATION", car.acceleration),
        "OVERRIDE_ACTIVE": brake.acted_on or ecu.modules["throttle"].acted_on,
        "OVERRIDE_LATCHED": module.latched,
        "PREEMPTED": brake.following,
        "READY": not module.latched,
        "ENABLED": module.following and not brake.following,
        "TIMEOUT": not ecu.live(module, now_ns),
        "BAD_CRC": flaw == "crc",
        "BAD_COUNTER": flaw == "counter",
    }


def _gyro(_ecu: DataspeedEcu, _now_ns: int, car: CarState) -> dict[str, float]:
    return {"YAW_RATE": _within("GYRO", "YAW_RATE", car.yaw_rate)}


@cache
def _raw(name: str, signal: str, choice: str) -> int:
    """Return the number of a named value."""
    message = dataspeed_codec().messages[name]
    codes = {code.name: code for variant in message.variants.values() for code in variant.signals}
    return {text: raw for raw, text in codes[signal].choices.items()}[choice]
