"""What the modules of DBW2 report: the car's state, what is wrong, and who has taken over."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from sim2real_ad.dbw.codec import Frame
from sim2real_ad.dbw.dataspeed.messages import (
    COMMANDS,
    DETAILS,
    MODULES,
    NEEDED,
    SyncMode,
    SystemState,
    dataspeed_codec,
)
from sim2real_ad.dbw.interface import Gear
from sim2real_ad.dbw.readings import known, pedal
from sim2real_ad.dbw.settings import DataspeedSettings
from sim2real_ad.dbw.traffic import Receiver, watch_timeouts_ns

KILOMETRES_AN_HOUR = 1.0 / 3.6
"""m/s."""


class DataspeedReports:
    """The newest of every report, and what it means."""

    def __init__(self, settings: DataspeedSettings) -> None:
        self._settings = settings
        codec = dataspeed_codec()
        self._codec = codec
        self._bus = Receiver(codec, watch_timeouts_ns(codec, NEEDED, settings.watch.report_timeout_ms))

    def receive(self, frame: Frame, now_ns: int) -> None:
        """Take a frame from the bus."""
        self._bus.receive(frame, now_ns)

    def faults(self, now_ns: int) -> Iterator[str]:
        """Name what is wrong, whoever drives."""
        yield from self._bus.faults(now_ns)
        yield from self._bus.foreign(COMMANDS, now_ns)
        for module in MODULES:
            yield from self._module_faults(module)
        if self._is_set("gear", "FAULT"):
            yield "gear_fault"
        yield from self._system_faults()
        if self.speed is None and self._bus.values("VEHICLE_VELOCITY"):
            yield "speed_unknown"
        if self.wheel_angle is None and self._bus.values("STEER_REPORT"):
            yield "steering_angle_unknown"

    def conditions(self) -> Iterator[str]:
        """Name what is no fault but keeps the car from being driven: the driver's doing now, and the gear."""
        yield from (f"override_{name}" for name in (*MODULES, "gear") if self._is_set(name, "OVERRIDE_ACTIVE"))
        if self.gear not in (Gear.DRIVE, Gear.LOW):
            yield "gear_not_forward"

    def latched(self) -> tuple[str, ...]:
        """Name the modules whose override is over but was not cleared."""
        latched = [module for module in MODULES if self._is_set(module, "OVERRIDE_LATCHED")]
        return (*latched, "ulc") if self._bus.is_set("ULC_REPORT", "OVERRIDE_LATCHED") else tuple(latched)

    def overrides(self) -> tuple[str, ...]:
        """Name the overrides that are not cleared: by their modules, or, where none says so, that there is one."""
        latched = tuple(f"override_{module}" for module in self.latched())
        elsewhere = any(self._is_set(module, "OVERRIDE_OTHER") for module in MODULES)
        return latched or (("override_other",) if elsewhere else ())

    def command_timeouts(self) -> Iterator[str]:
        """Name the modules that miss their commands."""
        for name in ("STEER_REPORT", "ULC_REPORT"):
            if self._bus.is_set(name, "TIMEOUT"):
                yield f"{name.split('_')[0].lower()}_command_timeout"

    def notices(self) -> Iterator[str]:
        """Name what the car says that is no reason to let go."""
        for module, detail in DETAILS.items():
            if self._bus.is_set(detail, "DEGRADED"):
                yield f"{module}_degraded"
        if self._bus.values("BRAKE_DETAIL") and not self._bus.is_set("BRAKE_DETAIL", "COMMS_LOSS_ARMED"):
            yield "own_stop_not_armed"

    @property
    def enabled(self) -> bool:
        """Whether steering and longitudinal control follow, and with them, where it keeps them in step, the system."""
        brakes_instead = self._bus.is_set("ULC_REPORT", "PREEMPTED") and self._is_set("brake", "ENABLED")
        follows = self._is_set("steer", "ENABLED") and (self._bus.is_set("ULC_REPORT", "ENABLED") or brakes_instead)
        return follows and (not self.firmware_syncs or self.system_state == SystemState.ACTIVE)

    @property
    def firmware_syncs(self) -> bool:
        """Whether the firmware enables and disables all modules together, by system commands."""
        return self._bus.value("SYSTEM_REPORT", "SYNC_MODE") >= SyncMode.ALL_OR_NONE

    @property
    def system_state(self) -> float:
        """A `SystemState`, NaN before the first report."""
        return self._bus.value("SYSTEM_REPORT", "STATE")

    @property
    def not_ready(self) -> str:
        """Why the car does not follow yet, in its own words."""
        return f"not_ready_{self._system_reason('REASON_NOT_READY')}"

    @property
    def disengaged(self) -> str:
        """Why the car follows no longer, in its own words."""
        return f"disengaged_{self._system_reason('REASON_DISENGAGED')}"

    @property
    def speed(self) -> float | None:
        """m/s along base_link x: the brakes' measurement, else the propulsion's, as ds_dbw_can has it."""
        for signal in ("BRAKES_VELOCITY", "PROPULSION_VELOCITY"):
            value = self._bus.value("VEHICLE_VELOCITY", signal)
            if math.isfinite(value):
                return value * KILOMETRES_AN_HOUR
        return None

    @property
    def wheel_angle(self) -> float | None:
        """Angle of the steering wheel in rad, left positive."""
        angle = known(self._bus.value("STEER_REPORT", "ANGLE"))
        return None if angle is None else math.radians(angle)

    @property
    def gear(self) -> Gear:
        """The gear, NONE where it is not one of ours."""
        value = self._bus.value("GEAR_REPORT", "GEAR")
        return Gear(int(value)) if value in list(Gear) else Gear.NONE

    def gear_rejection(self, gear: Gear) -> str | None:
        """Return why a gear that was asked for is refused, None while it is not."""
        report = self._bus.values("GEAR_REPORT")
        if report.get("COMMANDED_GEAR") != gear or not report["REJECT"]:
            return None
        return self._codec.choice("GEAR_REPORT", "REJECT", report["REJECT"])

    @property
    def acceleration(self) -> float | None:
        """m/s^2, as the longitudinal controller measures it."""
        return known(self._bus.value("ULC_REPORT", "ACCELERATION"))

    @property
    def yaw_rate(self) -> float | None:
        """rad/s, left positive."""
        return known(self._bus.value("GYRO", "YAW_RATE"))

    @property
    def steering_torque(self) -> float | None:
        """N m of the driver's hands, left positive."""
        return known(self._bus.value("STEER_REPORT", "TORQUE"))

    @property
    def accelerator_pedal(self) -> float | None:
        """The driver's foot, 0..1."""
        return pedal(self._bus.value("THROTTLE_REPORT", "INPUT") / 100.0)

    @property
    def brake_pedal(self) -> float | None:
        """The driver's foot, 0..1 of the torque that the full pedal asks for."""
        return pedal(self._bus.value("BRAKE_INFO", "PEDAL_TORQUE") / self._settings.brake_pedal_full_torque)

    def ages(self, now_ns: int) -> Mapping[str, float]:
        """Return the age of every needed report in s."""
        return {name: self._bus.age_s(name, now_ns) for name in NEEDED}

    def _is_set(self, module: str, signal: str) -> bool:
        return self._bus.is_set(f"{module.upper()}_REPORT", signal)

    def _system_reason(self, signal: str) -> str:
        value = self._bus.value("SYSTEM_REPORT", signal)
        return self._codec.choice("SYSTEM_REPORT", signal, value) if value > 0 else "unsaid"

    def _module_faults(self, module: str) -> Iterator[str]:
        if self._is_set(module, "FAULT"):
            yield f"{module}_fault"
            details = self._bus.values(DETAILS[module])
            yield from (f"{module}_{name.lower()}" for name, set_ in details.items() if set_ and "FAULT_" in name)
        if self._bus.is_set(DETAILS[module], "HARDWARE_DISABLE"):
            yield f"{module}_hardware_disable"
        for signal, word in (("BAD_CRC", "crc"), ("BAD_COUNTER", "counter")):
            if self._is_set(module, signal):
                yield f"{module}_command_{word}"

    def _system_faults(self) -> Iterator[str]:
        for signal, word in (("BAD_CRC", "crc"), ("BAD_COUNTER", "counter")):
            if self._bus.is_set("ULC_REPORT", signal):
                yield f"ulc_command_{word}"
        for signal in ("INHIBIT", "LOCKOUT"):
            if self._bus.is_set("SYSTEM_REPORT", signal):
                yield f"system_{signal.lower()}"
        if self.system_state == SystemState.FAULT:
            yield "system_fault"
