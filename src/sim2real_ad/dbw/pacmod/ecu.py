"""The systems of PACMod3, simulated: accelerator, brake, steering and shifter, and the component that leads them.

The rules are those of the User CAN Protocol 3.0: individual enabling, global command sanity check, system global
disable and system ready. What it leaves to the vehicle is modelled in the simplest way and named here: an override
latches in the system that was acted on, and a fault until it is cleared after its cause is gone; a counter must rise by
exactly one; a command with an illegal value is ignored; commands time out after 100 ms, three periods of 30 Hz.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sim2real_ad.control.pedal_map import PedalMap
from sim2real_ad.dbw.codec import Decoded, Frame
from sim2real_ad.dbw.ecu import Actuation, CarState, OwnStop, SimulatedModules, approach, within
from sim2real_ad.dbw.interface import Gear
from sim2real_ad.dbw.pacmod.messages import (
    COMMANDS,
    DRIVING_SYSTEMS,
    FAULT_BITS,
    RAW_GEARS,
    SYSTEMS,
    command_name,
    pacmod_codec,
    report_name,
)
from sim2real_ad.dbw.settings import EcuSettings, PacmodSettings
from sim2real_ad.dbw.traffic import MILLISECOND, Receiver
from sim2real_ad.vehicle.profile import VehicleProfile

COMMAND_TIMEOUT_NS = 100 * MILLISECOND

VALID_COMMANDS_NEEDED = 3
"""Global commands in a row with valid counter and complement that end DISABLE_ALL_SYSTEMS."""

SHIFT_SPEED = 0.5
"""m/s above which no gear is changed. Ours: the vehicle decides it."""

REPORTS = (
    *(report_name(system) for system in SYSTEMS),
    "GLOBAL_RPT_2",
    "COMPONENT_RPT_00",
    "VEHICLE_SPEED_RPT",
    "STEERING_AUX_RPT",
    "LINEAR_ACCEL_RPT",
    "ANG_VEL_RPT",
    "ESTOP_RPT",
    "WATCHDOG_RPT_2",
)


@dataclass
class System:
    """One system. armed: whether a live command that does not enable came, so that one that does will do so."""

    name: str
    enabled: bool = False
    armed: bool = False
    acted_on: bool = False
    overridden: bool = False
    faults: set[str] = field(default_factory=set)

    @property
    def command(self) -> str:
        """The message it follows."""
        return command_name(self.name)


class PacmodEcu(SimulatedModules):
    """An `Ecu` for PACMod3."""

    def __init__(self, profile: VehicleProfile, settings: PacmodSettings, ecu: EcuSettings) -> None:
        """Raise DbwError where cantools is missing, ConfigError where a pedal map is wrong."""
        codec = pacmod_codec()
        super().__init__(codec, REPORTS, SYSTEMS)
        self.gear = Gear.DRIVE
        self._settings, self._limits, self._map = settings, ecu, PedalMap.load(profile)
        self._systems = {name: System(name) for name in SYSTEMS}
        timeouts = dict.fromkeys(COMMANDS, COMMAND_TIMEOUT_NS)
        self._bus = Receiver(codec, timeouts, strict_counters=True, strict_values=True)
        self._own_stop = OwnStop(ecu)
        self._valid_commands, self._disable_all = 0, True
        self._global_faults: set[str] = set()
        self._wheel_angle = 0.0

    def receive(self, frame: Frame, now_ns: int) -> None:
        """Take a frame from the bus. Never raises."""
        if self._wrongs.bus_off:
            return
        answer = self._bus.receive(frame, now_ns)
        if answer.name != "GLOBAL_CMD":
            return
        if isinstance(answer, Decoded):
            self._valid_commands += 1
        else:
            self._lose_sanity("GLOBAL_CMD_SANITY_FAULT")

    def step(self, now_ns: int, car: CarState) -> tuple[list[Frame], Actuation | None]:
        """Return the reports that are due, and what the actuators get, None where the driver has the car."""
        elapsed_s = self._elapsed_s(now_ns)
        self._observe(car)
        self._clear(now_ns)
        self._check_sanity(now_ns)
        lost = [name for name in DRIVING_SYSTEMS if self._systems[name].enabled and not self._live(name, now_ns)]
        was_steering = self._systems["steering"].enabled
        for system in self._systems.values():
            self._enable(system, now_ns)
        acts = any(system.acted_on for system in self._systems.values())
        engaged = any(self._systems[name].enabled for name in DRIVING_SYSTEMS)
        self._own_stop.step(commands_lost=bool(lost), engaged=engaged, driver_acts=acts)
        if not was_steering:
            self._wheel_angle = self._settings.steering.wheel_angle(car.steering_tire_angle)
        self._steer(elapsed_s)
        self._shift(car)
        return list(self._frames(now_ns, car)), self._actuation(car)

    @property
    def _ready(self) -> bool:
        """System ready rules: no estop, no fault, no override."""
        systems = self._systems.values()
        return not (self._global_faults or any(system.faults or system.overridden for system in systems))

    def _live(self, name: str, now_ns: int) -> bool:
        return self._bus.fresh(command_name(name), now_ns)

    def _observe(self, car: CarState) -> None:
        limits = self._limits
        acts = {
            "steering": abs(car.steering_torque) > limits.override_torque,
            "brake": car.brake_pedal > limits.override_brake_pedal,
            "accel": car.accelerator_pedal > limits.override_accelerator_pedal,
            "shift": False,
        }
        for name, system in self._systems.items():
            system.acted_on = acts[name] or self._wrongs.of_module("override", name)
            ignored = self._bus.is_set(system.command, "IGNORE_OVERRIDES")
            system.overridden |= system.enabled and system.acted_on and not ignored
            if self._wrongs.of_module("fault", name):
                system.faults.add("VEHICLE_FAULT")

    def _clear(self, now_ns: int) -> None:
        fresh = self._bus.fresh("GLOBAL_CMD", now_ns)
        faults = fresh and self._bus.is_set("GLOBAL_CMD", "CLEAR_FAULTS")
        overrides = fresh and self._bus.is_set("GLOBAL_CMD", "CLEAR_OVERRIDES")
        if faults:
            self._global_faults.clear()
        for name, system in self._systems.items():
            if faults and not self._wrongs.of_module("fault", name):
                system.faults.clear()
            cleared = overrides or (self._live(name, now_ns) and self._bus.is_set(system.command, "CLEAR_OVERRIDE"))
            system.overridden &= system.acted_on or not cleared

    def _check_sanity(self, now_ns: int) -> None:
        if not self._bus.fresh("GLOBAL_CMD", now_ns):
            self._lose_sanity("GLOBAL_CMD_TIMEOUT")
        elif self._disable_all and self._valid_commands >= VALID_COMMANDS_NEEDED and self._ready:
            self._disable_all = False

    def _lose_sanity(self, fault: str) -> None:
        if any(system.enabled for system in self._systems.values()):
            self._global_faults.add(fault)
        self._valid_commands, self._disable_all = 0, True

    def _enable(self, system: System, now_ns: int) -> None:
        live, allowed = self._live(system.name, now_ns), self._ready and not self._disable_all
        asked = live and self._bus.is_set(system.command, "ENABLE")
        system.enabled = asked and allowed and (system.enabled or system.armed)
        # An edge that comes too early is lost: the command must go back first.
        system.armed = live and (not asked or (system.armed and system.enabled))

    def _steer(self, elapsed_s: float) -> None:
        if self._systems["steering"].enabled:
            most = self._bus.value("STEERING_CMD", "RATE_LIMIT") * elapsed_s
            self._wheel_angle = approach(self._wheel_angle, self._bus.value("STEERING_CMD", "ANGLE"), most, most)

    def _shift(self, car: CarState) -> None:
        if self._systems["shift"].enabled and abs(car.speed) <= SHIFT_SPEED:
            raw = self._bus.value("SHIFT_CMD", "GEAR")
            self.gear = next((gear for gear, number in RAW_GEARS.items() if number == raw), self.gear)

    def _actuation(self, car: CarState) -> Actuation | None:
        if self._own_stop.active:
            brake = self._map.pedals(-self._limits.own_stop_deceleration, max(car.speed, 0.0))[1]
            return Actuation(accelerator_pedal=0.0, brake_pedal=brake, own_stop=True)
        systems = {name: self._systems[name] for name in DRIVING_SYSTEMS}
        if not any(system.enabled for system in systems.values()):
            return None
        angle = self._settings.steering.tire_angle(self._wheel_angle)
        return Actuation(
            steering_tire_angle=angle if systems["steering"].enabled else None,
            accelerator_pedal=self._pedal("accel"),
            brake_pedal=self._pedal("brake"),
        )

    def _pedal(self, name: str) -> float | None:
        system = self._systems[name]
        return self._bus.value(system.command, "PEDAL") if system.enabled else None

    def _frames(self, now_ns: int, car: CarState) -> Iterator[Frame]:
        for name in REPORTS:
            if self._reporter.is_due(name, now_ns):
                yield from self._reporter.frame(name, self._values(name, now_ns, car))

    def _values(self, name: str, now_ns: int, car: CarState) -> Mapping[str, float]:
        for system in self._systems.values():
            if name == report_name(system.name):
                return {**self._flags(system, now_ns), **self._measured(system, car)}
        enabled = any(system.enabled for system in self._systems.values())
        overridden = any(system.overridden for system in self._systems.values())
        faulty = bool(self._global_faults or any(system.faults for system in self._systems.values()))
        state = {"SYSTEM_ENABLED": enabled, "SYSTEM_OVERRIDE_ACTIVE": overridden, "SYSTEM_FAULT_ACTIVE": faulty}
        return {
            "GLOBAL_RPT_2": {
                **state,
                "SUPERVISORY_ENABLE_REQUIRED": 0,
                "DISABLE_ALL_SYSTEMS": self._disable_all,
                "SYSTEM_READY": self._ready,
                "ENABLE_METHOD": 0,
            },
            "COMPONENT_RPT_00": {**state, "CONFIG_FAULT": 0, "COMPONENT_READY": 1},
            **self._motion(car),
            "ESTOP_RPT": {"ESTOP": 0, "ESTOP_FAULT": 0},
            "WATCHDOG_RPT_2": {
                fault: fault in self._global_faults for fault in ("GLOBAL_CMD_SANITY_FAULT", "GLOBAL_CMD_TIMEOUT")
            },
        }[name]

    def _flags(self, system: System, now_ns: int) -> Mapping[str, float]:
        return {
            "ENABLED": system.enabled,
            "OVERRIDE_ACTIVE": system.overridden,
            "COMMAND_TIMEOUT": not self._live(system.name, now_ns),
            **{bit: bit in system.faults for bit in FAULT_BITS},
        }

    def _measured(self, system: System, car: CarState) -> Mapping[str, float]:
        if system.name == "shift":
            raw = RAW_GEARS[self.gear]
            return {"MANUAL_INPUT": raw, "COMMANDED_VALUE": raw, "OUTPUT_VALUE": raw}
        report = report_name(system.name)
        wheel = self._settings.steering.wheel_angle(car.steering_tire_angle)
        manual = {"accel": car.accelerator_pedal, "brake": car.brake_pedal, "steering": wheel}[system.name]
        commanded = self._bus.value(system.command, "ANGLE" if system.name == "steering" else "PEDAL")
        commanded = 0.0 if math.isnan(commanded) else commanded
        output = wheel if system.name == "steering" else commanded if system.enabled else manual
        said = {"MANUAL_INPUT": manual, "COMMANDED_VALUE": commanded, "OUTPUT_VALUE": output}
        return {signal: within(pacmod_codec(), report, signal, value) for signal, value in said.items()}

    def _motion(self, car: CarState) -> Mapping[str, Mapping[str, float]]:
        codec = pacmod_codec()
        torque = car.steering_torque / self._settings.torque_full_scale
        return {
            "VEHICLE_SPEED_RPT": {"SPEED": within(codec, "VEHICLE_SPEED_RPT", "SPEED", car.speed)},
            "STEERING_AUX_RPT": {
                "TORQUE": within(codec, "STEERING_AUX_RPT", "TORQUE", torque),
                "OPERATOR_INTERACTION": self._systems["steering"].acted_on,
                "TORQUE_AVAILABLE": 1,
            },
            "LINEAR_ACCEL_RPT": {
                "LONGITUDINAL_VALID": 1,
                "LONGITUDINAL": within(codec, "LINEAR_ACCEL_RPT", "LONGITUDINAL", car.acceleration),
            },
            "ANG_VEL_RPT": {
                "YAW_VALID": 1,
                "YAW_RATE": within(codec, "ANG_VEL_RPT", "YAW_RATE", car.yaw_rate),
            },
        }
