"""What PACMod3 reports: the car's state, what is wrong, and who has taken over."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from sim2real_ad.dbw.codec import Frame
from sim2real_ad.dbw.interface import Gear
from sim2real_ad.dbw.pacmod.messages import (
    COMMANDS,
    DRIVING_SYSTEMS,
    FAULT_BITS,
    NEEDED,
    RAW_GEARS,
    SYSTEMS,
    pacmod_codec,
    report_name,
)
from sim2real_ad.dbw.readings import known, pedal
from sim2real_ad.dbw.settings import PacmodSettings
from sim2real_ad.dbw.traffic import Receiver, watch_timeouts_ns

GEARS: dict[float, Gear] = {raw: gear for gear, raw in RAW_GEARS.items()}

OPTIONAL = ("STEERING_AUX_RPT", "LINEAR_ACCEL_RPT", "ANG_VEL_RPT")


class PacmodReports:
    """The newest of every report, and what it means."""

    def __init__(self, settings: PacmodSettings) -> None:
        self._settings = settings
        codec = pacmod_codec()
        timeouts = watch_timeouts_ns(codec, NEEDED, settings.watch.report_timeout_ms)
        self._bus = Receiver(codec, timeouts)

    def receive(self, frame: Frame, now_ns: int) -> None:
        """Take a frame from the bus."""
        self._bus.receive(frame, now_ns)

    def faults(self, now_ns: int) -> Iterator[str]:
        """Name what is wrong and cannot be cleared from here, whoever drives."""
        yield from self._bus.faults(now_ns)
        yield from self._bus.foreign(COMMANDS, now_ns)
        for signal in ("ESTOP", "ESTOP_FAULT"):
            if self._bus.is_set("ESTOP_RPT", signal):
                yield signal.lower()
        if self._bus.is_set("GLOBAL_RPT_2", "SUPERVISORY_ENABLE_REQUIRED"):
            yield "supervisory_enable_required"
        if self._bus.is_set("COMPONENT_RPT_00", "CONFIG_FAULT"):
            yield "config_fault"
        if self.speed is None and self._bus.values("VEHICLE_SPEED_RPT"):
            yield "speed_unknown"
        if self.wheel_angle is None and self._bus.values("STEERING_RPT"):
            yield "steering_angle_unknown"

    def latched_faults(self) -> Iterator[str]:
        """Name what stays until it is cleared by a command, and its cause is gone."""
        for system in SYSTEMS:
            for bit in FAULT_BITS:
                if self._is_set(system, bit):
                    yield f"{system}_{bit.lower()}"
        if self._bus.is_set("GLOBAL_RPT_2", "SYSTEM_FAULT_ACTIVE"):
            yield "system_fault"
            for signal in ("GLOBAL_CMD_SANITY_FAULT", "GLOBAL_CMD_TIMEOUT"):
                if self._bus.is_set("WATCHDOG_RPT_2", signal):
                    yield signal.lower()

    def overrides(self) -> Iterator[str]:
        """Name the systems that the driver has taken over, until that is cleared."""
        yield from (f"override_{system}" for system in SYSTEMS if self._is_set(system, "OVERRIDE_ACTIVE"))

    def conditions(self) -> Iterator[str]:
        """Name what is no fault but keeps the car from being driven."""
        if self.gear not in (Gear.DRIVE, Gear.LOW):
            yield "gear_not_forward"

    def command_timeouts(self) -> Iterator[str]:
        """Name the systems that miss their commands."""
        for system in DRIVING_SYSTEMS:
            if self._is_set(system, "COMMAND_TIMEOUT"):
                yield f"{system}_command_timeout"

    @property
    def enabled(self) -> bool:
        """Whether pedals and steering follow."""
        return all(self._is_set(system, "ENABLED") for system in DRIVING_SYSTEMS)

    @property
    def ready(self) -> bool:
        """Whether systems may be enabled."""
        is_set = self._bus.is_set
        return is_set("GLOBAL_RPT_2", "SYSTEM_READY") and not is_set("GLOBAL_RPT_2", "DISABLE_ALL_SYSTEMS")

    @property
    def not_enabled(self) -> str:
        """Why the car does not follow."""
        for reason in (*self.latched_faults(), *self.overrides()):
            return reason
        if self._bus.is_set("GLOBAL_RPT_2", "DISABLE_ALL_SYSTEMS"):
            return "all_systems_disabled"
        if not self.ready:
            return "system_not_ready"
        return "not_enabled_" + "_".join(system for system in DRIVING_SYSTEMS if not self._is_set(system, "ENABLED"))

    @property
    def speed(self) -> float | None:
        """m/s along base_link x."""
        return known(self._bus.value("VEHICLE_SPEED_RPT", "SPEED"))

    @property
    def wheel_angle(self) -> float | None:
        """Angle of the steering wheel in rad, left positive."""
        return known(self._bus.value("STEERING_RPT", "OUTPUT_VALUE"))

    @property
    def gear(self) -> Gear:
        """The gear, NONE where it is not one of ours."""
        return GEARS.get(self._bus.value("SHIFT_RPT", "OUTPUT_VALUE"), Gear.NONE)

    @property
    def acceleration(self) -> float | None:
        """m/s^2 along x, where the platform measures it."""
        valid = self._bus.is_set("LINEAR_ACCEL_RPT", "LONGITUDINAL_VALID")
        return known(self._bus.value("LINEAR_ACCEL_RPT", "LONGITUDINAL")) if valid else None

    @property
    def yaw_rate(self) -> float | None:
        """rad/s, left positive, where the platform measures it."""
        valid = self._bus.is_set("ANG_VEL_RPT", "YAW_VALID")
        return known(self._bus.value("ANG_VEL_RPT", "YAW_RATE")) if valid else None

    @property
    def steering_torque(self) -> float | None:
        """N m of the driver's hands, left positive, where the platform measures it."""
        if not self._bus.is_set("STEERING_AUX_RPT", "TORQUE_AVAILABLE"):
            return None
        return known(self._bus.value("STEERING_AUX_RPT", "TORQUE") * self._settings.torque_full_scale)

    @property
    def accelerator_pedal(self) -> float | None:
        """The driver's foot, 0..1."""
        return pedal(self._bus.value("ACCEL_RPT", "MANUAL_INPUT"))

    @property
    def brake_pedal(self) -> float | None:
        """The driver's foot, 0..1."""
        return pedal(self._bus.value("BRAKE_RPT", "MANUAL_INPUT"))

    def ages(self, now_ns: int) -> Mapping[str, float]:
        """Return the age in s of every needed report, and of the others that came."""
        ages = {name: self._bus.age_s(name, now_ns) for name in (*NEEDED, *OPTIONAL)}
        return {name: age for name, age in ages.items() if name in NEEDED or math.isfinite(age)}

    def _is_set(self, system: str, signal: str) -> bool:
        return self._bus.is_set(report_name(system), signal)
