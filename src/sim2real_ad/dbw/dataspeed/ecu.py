"""The modules of DBW2, simulated: steering, brake, throttle, gear, longitudinal controller (ULC) and the system.

What is known of the real ones is in the public header and node of ds_dbw_can 2.3.11: which frames are believed, the
timeouts, the flags and reasons. What is not published is modelled in the simplest way and named here: a command with a
wrong CRC, a repeated counter or an illegal value is ignored, the first two are flagged; an override disengages all
modules and latches in the one that was acted on, until a clear flag comes while the driver does nothing; the ULC's
clear flag covers brake and throttle where the firmware keeps the modules in step.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sim2real_ad.control.vehicle_model import tire_angle_from_curvature
from sim2real_ad.dbw.codec import Decoded, Frame, Rejected
from sim2real_ad.dbw.dataspeed.ecu_reports import REPORTS, report_values
from sim2real_ad.dbw.dataspeed.messages import (
    COMMANDS,
    MOST_RATE_LIMIT,
    SteerType,
    SyncMode,
    SystemCommand,
    SystemState,
    dataspeed_codec,
)
from sim2real_ad.dbw.ecu import Actuation, CarState, OwnStop, SimulatedModules, approach
from sim2real_ad.dbw.interface import Gear
from sim2real_ad.dbw.settings import DataspeedSettings, EcuSettings
from sim2real_ad.dbw.traffic import MILLISECOND, Receiver
from sim2real_ad.vehicle.profile import VehicleProfile

COMMAND_TIMEOUT_NS = 100 * MILLISECOND
LIVE_COMMANDS = ("STEER_CMD", "ULC_CMD", "BRAKE_CMD")

PEDALS = {"brake", "throttle", "ulc"}
"""The modules that the longitudinal controller needs, and itself."""

CLEARING_COMMANDS = {"steer": "STEER_CMD", "brake": "BRAKE_CMD", "throttle": "THROTTLE_CMD", "ulc": "ULC_CMD"}

LEAST_RATE_LIMIT = 100.0
"""deg/s: the steering takes less for this (ds_dbw_can, cmdAngleRateDegS)."""

SHIFT_SPEED = 0.5
"""m/s above which a gear is refused. Ours: the real limit is not published."""

ON_CHANGE_MS = {"SYSTEM_REPORT": 10, "GEAR_REPORT": 20}
"""Reports that come at once when something changes, but not more often than this (their PERIOD_MIN)."""


@dataclass
class Module:
    """One module. command: the message it follows; acted_on: whether the driver acts on it now."""

    name: str
    command: str
    following: bool = False
    acted_on: bool = False
    latched: bool = False
    fault: bool = False


class DataspeedEcu(SimulatedModules):
    """An `Ecu` for Dataspeed DBW2."""

    def __init__(self, profile: VehicleProfile, settings: DataspeedSettings, ecu: EcuSettings) -> None:
        """Raise DbwError where cantools is missing."""
        codec = dataspeed_codec()
        super().__init__(codec, REPORTS, ("steer", "brake", "throttle", "gear"))
        self.gear = Gear.DRIVE
        self.profile, self.settings, self.limits = profile, settings, ecu
        self.sync_mode = SyncMode[ecu.sync_mode.upper()]
        self.modules = {
            name: Module(name, command)
            for name, command in (
                ("steer", "STEER_CMD"),
                ("ulc", "ULC_CMD"),
                ("brake", "BRAKE_CMD"),
                ("throttle", "ULC_CMD"),
            )
        }
        self.bus = Receiver(codec, dict.fromkeys(LIVE_COMMANDS, COMMAND_TIMEOUT_NS), strict_values=True)
        self.flawed: dict[str, str] = {}
        self.disengaged_by = "power_cycle"
        self.gear_command, self.gear_rejection = Gear.NONE, "none"
        self.own_stop = OwnStop(ecu)
        self.wheel_angle = self.acceleration = 0.0
        self._system_asked = SystemCommand.NONE
        self._said: dict[str, tuple[dict[str, float], int]] = {}

    def receive(self, frame: Frame, now_ns: int) -> None:
        """Take a frame from the bus. Never raises."""
        if self._wrongs.bus_off:
            return
        answer = self.bus.receive(frame, now_ns)
        if answer.name not in COMMANDS:
            return
        self.flawed[answer.name] = answer.fault if isinstance(answer, Rejected) else ""
        if isinstance(answer, Decoded) and answer.name == "SYSTEM_CMD":
            self._system_asked = SystemCommand(int(answer.values["CMD"]) % len(SystemCommand))
        if isinstance(answer, Decoded) and answer.name == "GEAR_CMD" and answer.values["GEAR"] in list(Gear):
            self.gear_command = Gear(int(answer.values["GEAR"]))

    def step(self, now_ns: int, car: CarState) -> tuple[list[Frame], Actuation | None]:
        """Return the reports that are due, and what the actuators get, None where the driver has the car."""
        elapsed_s = self._elapsed_s(now_ns)
        self._observe(car)
        self._clear_latches(now_ns)
        lost = [module for module in self._followers() if not self.live(module, now_ns)]
        self._disengage(now_ns)
        self._engage(now_ns, car)
        self._system_asked = SystemCommand.NONE
        self._shift(car)
        acts = any(module.acted_on for module in self.modules.values())
        self.own_stop.step(commands_lost=bool(lost), engaged=bool(self._followers()), driver_acts=acts)
        self._move(elapsed_s, car)
        return list(self._frames(now_ns, car)), self._actuation()

    def live(self, module: Module, now_ns: int) -> bool:
        """Return whether a module's commands come in time."""
        return self.bus.fresh(module.command, now_ns)

    def asked(self, module: Module, now_ns: int) -> bool:
        """Return whether a live command enables a module."""
        return self.live(module, now_ns) and self.bus.is_set(module.command, "ENABLE")

    @property
    def firmware_syncs(self) -> bool:
        """Whether all modules are enabled and disabled together, by system commands."""
        return self.sync_mode >= SyncMode.ALL_OR_NONE

    def system_state(self, now_ns: int) -> SystemState:
        """Return where all modules stand together."""
        if any(module.fault for module in self.modules.values()) or self._wrongs.of_module("fault", "gear"):
            return SystemState.FAULT
        if self._followers():
            return SystemState.ACTIVE
        return SystemState.READY if self.not_ready(now_ns) == "none" else SystemState.MANUAL

    def not_ready(self, now_ns: int) -> str:
        """Return why not all modules can be enabled, `none` where they can."""
        return next(self._not_ready(now_ns), "none")

    def gear_misbehaves(self, kind: str) -> bool:
        """Return whether the gear has a fault or an override."""
        return self._wrongs.of_module("fault" if kind == "fault" else "override", "gear")

    def _followers(self) -> list[Module]:
        return [module for module in self.modules.values() if module.following]

    def _observe(self, car: CarState) -> None:
        limits = self.limits
        acts = {
            "steer": abs(car.steering_torque) > limits.override_torque,
            "brake": car.brake_pedal > limits.override_brake_pedal,
            "throttle": car.accelerator_pedal > limits.override_accelerator_pedal,
            "ulc": False,
        }
        for module in self.modules.values():
            module.acted_on = acts[module.name] or self._wrongs.of_module("override", module.name)
            module.fault = self._wrongs.of_module("fault", module.name)

    def _clear_latches(self, now_ns: int) -> None:
        for module in self.modules.values():
            commands = [CLEARING_COMMANDS[module.name]]
            if self.firmware_syncs and module.name in PEDALS:
                commands.append("ULC_CMD")
            acted_on = self._pedals_acted_on() if module.name == "ulc" else module.acted_on
            if not acted_on and any(self._clears(name, now_ns) for name in commands):
                module.latched = False

    def _clears(self, name: str, now_ns: int) -> bool:
        return self.bus.age_s(name, now_ns) * 1e9 < COMMAND_TIMEOUT_NS and self.bus.is_set(name, "CLEAR")

    def _pedals_acted_on(self) -> bool:
        return self.modules["brake"].acted_on or self.modules["throttle"].acted_on

    def _disengage(self, now_ns: int) -> None:
        followers = self._followers()
        causes = list(self._causes(now_ns))
        if not followers or not causes:
            return
        overridden = any(module.acted_on for module in self.modules.values()) or self.gear_misbehaves("override")
        stricken = {name for name, _ in causes}
        if stricken & PEDALS:
            stricken |= PEDALS
        together = self.sync_mode != SyncMode.NONE or overridden
        for module in followers:
            if together or module.name in stricken:
                module.following, self.disengaged_by = False, causes[0][1]
        self.modules["ulc"].latched |= self._pedals_acted_on()
        for module in self.modules.values():
            module.latched |= module.acted_on

    def _causes(self, now_ns: int) -> Iterator[tuple[str, str]]:
        """Yield (module, reason) of everything that forbids to follow."""
        for name in ("steer", "brake", "throttle"):
            module = self.modules[name]
            if module.fault:
                yield name, f"{name}_fault"
            if module.acted_on:
                yield name, f"{name}_override"
        for kind in ("fault", "override"):
            if self.gear_misbehaves(kind):
                yield "gear", f"gear_{kind}"
        if self._system_asked == SystemCommand.DISABLE:
            yield "system", "disable_command"
        for name in ("steer", "ulc"):
            module, said = self.modules[name], "throttle" if name == "ulc" else name
            if not self.live(module, now_ns):
                flaw = self.flawed.get(module.command)
                yield name, f"{said}_command_{flaw if flaw in ('crc', 'counter') else 'timeout'}"
            elif not self.asked(module, now_ns):
                yield name, f"{said}_command_disengaged"

    def _not_ready(self, now_ns: int) -> Iterator[str]:
        for name in ("steer", "brake", "throttle"):
            module = self.modules[name]
            for bad, word in ((module.fault, "fault"), (module.acted_on, "override_active")):
                if bad:
                    yield f"{name}_{word}"
            if module.latched or (name == "throttle" and self.modules["ulc"].latched):
                yield f"{name}_override_latched"
        for kind, word in (("fault", "fault"), ("override", "override_active")):
            if self.gear_misbehaves(kind):
                yield f"gear_{word}"
        for name, said in (("steer", "steer"), ("ulc", "throttle")):
            if not self.live(self.modules[name], now_ns):
                yield f"{said}_command_missing"
            elif not self.asked(self.modules[name], now_ns):
                yield f"{said}_command_not_enabling"

    def _engage(self, now_ns: int, car: CarState) -> None:
        before = bool(self._followers())
        if self.firmware_syncs:
            if self._system_asked == SystemCommand.ENABLE and self.not_ready(now_ns) == "none":
                self._follow("steer", "ulc")
        else:
            hindered = {name for name, _ in self._causes(now_ns)} | {
                module.name for module in self.modules.values() if module.latched
            }
            if "steer" not in hindered and not self._overridden():
                self._follow("steer")
            if not PEDALS & hindered and not self._overridden():
                self._follow("ulc")
        brake = self.modules["brake"]
        brake.following = self.modules["ulc"].following and self.asked(brake, now_ns)
        if self._followers() and not before:
            self.disengaged_by = "none"
            self.wheel_angle = self.settings.steering.wheel_angle(car.steering_tire_angle)
            self.acceleration = car.acceleration

    def _overridden(self) -> bool:
        return any(module.acted_on or module.latched for module in self.modules.values())

    def _follow(self, *names: str) -> None:
        for name in names:
            self.modules[name].following = True

    def _shift(self, car: CarState) -> None:
        if self.gear_command == Gear.NONE:
            return
        if abs(car.speed) > SHIFT_SPEED:
            self.gear_rejection = "vehicle_speed"
        else:
            self.gear, self.gear_rejection = self.gear_command, "none"

    def _move(self, elapsed_s: float, car: CarState) -> None:
        if self.modules["steer"].following:
            rate = self.bus.value("STEER_CMD", "RATE_LIMIT")
            limited = 0.0 < rate <= MOST_RATE_LIMIT
            most = math.radians(max(rate, LEAST_RATE_LIMIT)) * elapsed_s if limited else math.inf
            self.wheel_angle = approach(self.wheel_angle, self._wanted_wheel(car), most, most)
        if self.modules["brake"].following:
            self.acceleration = self.bus.values("BRAKE_CMD").get("ACCELERATION", self.acceleration)
        elif self.modules["ulc"].following:
            up, down = (self.bus.value("ULC_CFG", f"JERK_LIMIT_{name}") for name in ("THROTTLE", "BRAKE"))
            wanted = self.bus.values("ULC_CMD").get("ACCELERATION", 0.0)
            self.acceleration = approach(
                self.acceleration,
                wanted,
                up * elapsed_s if up > 0.0 else math.inf,
                down * elapsed_s if down > 0.0 else math.inf,
            )

    def _wanted_wheel(self, car: CarState) -> float:
        command = self.bus.values("STEER_CMD")
        if command["CMD_TYPE"] == SteerType.ANGLE:
            return math.radians(command["ANGLE"])
        if command["CMD_TYPE"] != SteerType.CURVATURE:
            return self.wheel_angle
        profile = self.profile
        tire = tire_angle_from_curvature(
            command["CURVATURE"], car.speed, profile.wheelbase, profile.understeer_gradient
        )
        return self.settings.steering.wheel_angle(tire)

    def _actuation(self) -> Actuation | None:
        if self.own_stop.active:
            return Actuation(acceleration=-self.limits.own_stop_deceleration, own_stop=True)
        if not self._followers():
            return None
        steers, drives = self.modules["steer"].following, self.modules["ulc"].following
        return Actuation(
            steering_tire_angle=self.settings.steering.tire_angle(self.wheel_angle) if steers else None,
            acceleration=self.acceleration if drives else None,
        )

    def _frames(self, now_ns: int, car: CarState) -> Iterator[Frame]:
        for name in REPORTS:
            due = self._reporter.is_due(name, now_ns)
            if not due and name not in ON_CHANGE_MS:
                continue
            values = report_values(self, name, now_ns, car)
            if due or self._changed(name, values, now_ns):
                self._said[name] = (values, now_ns)
                yield from self._reporter.frame(name, values)

    def _changed(self, name: str, values: dict[str, float], now_ns: int) -> bool:
        said, said_ns = self._said[name]
        return values != said and now_ns - said_ns >= ON_CHANGE_MS[name] * MILLISECOND
