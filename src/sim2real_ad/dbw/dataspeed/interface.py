"""The host's side of DBW2: steering and the longitudinal controller at every step, the rest when it is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sim2real_ad.dbw.codec import Frame
from sim2real_ad.dbw.dataspeed.commands import NOTHING, CommandTranslator, Wanted
from sim2real_ad.dbw.dataspeed.messages import BrakeType, SystemCommand, SystemState, dataspeed_codec
from sim2real_ad.dbw.dataspeed.reports import DataspeedReports
from sim2real_ad.dbw.engagement import Engagement
from sim2real_ad.dbw.interface import DbwState, Gear
from sim2real_ad.dbw.settings import DataspeedSettings
from sim2real_ad.dbw.traffic import Sender, Timer
from sim2real_ad.types import ControlCommand
from sim2real_ad.vehicle.profile import VehicleProfile

ULC_CFG_PERIOD_MS = 200
"""The protocol's; its timeout is 1 s."""

ENABLE_PERIOD_MS, GEAR_PERIOD_MS = 50, 100
"""How often a system command or a gear is asked for until the reports show it; ds_dbw_can's timer runs at 50 ms."""

NO_JERK_LIMIT = 255

BRAKE_OFF: Mapping[str, float] = {"CMD_TYPE": BrakeType.NONE}


class DataspeedInterface:
    """A `DriveByWire` for Dataspeed DBW2, as the Ford E-Transit has it."""

    frame_separation_s = 0.0

    def __init__(self, profile: VehicleProfile, settings: DataspeedSettings) -> None:
        """Raise DbwError where profile and settings do not fit, or cantools is missing."""
        self._ratio = settings.steering.ratio
        self._commands = CommandTranslator(profile, settings)
        self._reports = DataspeedReports(settings)
        self._sender = Sender(dataspeed_codec())
        self._engagement = Engagement(settings.watch)
        self._brake_used = False
        self._bus_fault: str | None = None
        self._wanted_gear: Gear | None = None
        self._gear_refused = self._refusal = ""
        self._limits_due = Timer(ULC_CFG_PERIOD_MS)
        self._enable_due = Timer(ENABLE_PERIOD_MS)
        self._gear_due = Timer(GEAR_PERIOD_MS)
        self._state = DbwState()

    @property
    def state(self) -> DbwState:
        """What was known at the last step."""
        return self._state

    def receive(self, frame: Frame, now_ns: int) -> None:
        """Take a frame from the bus. Never raises."""
        self._reports.receive(frame, now_ns)

    def set_bus_fault(self, name: str | None) -> None:
        """Tell what is wrong with the bus, None where it works again."""
        self._bus_fault = name

    def shift(self, gear: Gear) -> None:
        """Ask for a gear; sent until the car reports it or refuses."""
        self._wanted_gear, self._gear_refused = gear, ""

    def step(self, now_ns: int, command: ControlCommand | None, engage: bool) -> list[Frame]:
        """Return the frames to send now; see `DriveByWire.step`."""
        wanted = self._commands.wanted(command, self._reports.speed) if command else None
        usable = None if isinstance(wanted, str) else wanted
        self._refusal = wanted if isinstance(wanted, str) else ""
        problem = "command_invalid" if self._refusal else "command_missing" if usable is None else ""
        faults = self._faults(now_ns)
        self._engage(now_ns, faults, problem, engage)
        frames = list(self._frames(now_ns, usable))
        shown = self._refusal or (problem and (self._engagement.phase != "disengaged" or self._engagement.quiet))
        self._state = self._observed(now_ns, (*faults, problem) if shown else faults)
        return frames

    def _faults(self, now_ns: int) -> tuple[str, ...]:
        return (*self._reports.faults(now_ns), *([self._bus_fault] if self._bus_fault else []))

    def _engage(self, now_ns: int, faults: tuple[str, ...], problem: str, engage: bool) -> None:
        reports, engaged = self._reports, self._engagement.phase == "engaged"
        obstacles = (*faults, *reports.conditions())
        if engaged:
            obstacles += (*reports.overrides(), *reports.command_timeouts())
        waiting_for = reports.disengaged if engaged else reports.not_ready
        self._engagement.step(now_ns, engage, problem, obstacles, reports.enabled, waiting_for)

    def _frames(self, now_ns: int, usable: Wanted | None) -> Iterator[Frame]:
        if not self._engagement.quiet:
            yield from self._control_frames(now_ns, usable or NOTHING)
            yield from self._system_frames(now_ns)
        yield from self._gear_frames(now_ns)

    def _control_frames(self, now_ns: int, wanted: Wanted) -> Iterator[Frame]:
        phase = self._engagement.phase
        latched = self._reports.latched() if phase == "engaging" else ()
        wanted = NOTHING if phase == "disengaged" else wanted
        flags = {"ENABLE": phase != "disengaged" and not latched, "CLEAR": bool(latched)}
        limits = {"RATE_LIMIT": 0, "ACCEL_LIMIT": 0}
        yield self._sender.frame("STEER_CMD", {**limits, **wanted.steer, **flags, "IGNORE": 0})
        shift = {"ENABLE_SHIFT": 0, "ENABLE_SHIFT_PARK": 0, "COAST": 0}
        yield self._sender.frame("ULC_CMD", {**wanted.ulc, **flags, **shift})
        if self._limits_due.is_due(now_ns):
            yield self._sender.frame("ULC_CFG", self._commands.ulc_limits())
        yield from self._brake_frames(wanted.brake, latched)

    def _brake_frames(self, brake: Mapping[str, float] | None, latched: tuple[str, ...]) -> Iterator[Frame]:
        self._brake_used = self._engagement.phase != "disengaged" and (self._brake_used or brake is not None)
        # Where the firmware keeps the modules in step, the ULC's clear flag is theirs, too.
        clear = set() if self._reports.firmware_syncs else set(latched)
        if self._brake_used or "brake" in clear:
            flags = {"ENABLE": brake is not None, "CLEAR": "brake" in clear, "IGNORE": 0}
            limits = {"JERK_LIMIT_UP": 0, "JERK_LIMIT_DOWN": NO_JERK_LIMIT}
            yield self._sender.frame("BRAKE_CMD", {**(brake or BRAKE_OFF), **limits, **flags})
        if "throttle" in clear:
            yield self._sender.frame("THROTTLE_CMD", {"CMD_TYPE": 0, "ENABLE": 0, "CLEAR": 1, "IGNORE": 0})

    def _system_frames(self, now_ns: int) -> Iterator[Frame]:
        if not self._reports.firmware_syncs:
            return
        if self._engagement.let_go:
            yield self._sender.frame("SYSTEM_CMD", {"CMD": SystemCommand.DISABLE})
        ready = self._engagement.phase == "engaging" and self._reports.system_state == SystemState.READY
        if ready and self._enable_due.is_due(now_ns):
            yield self._sender.frame("SYSTEM_CMD", {"CMD": SystemCommand.ENABLE})

    def _gear_frames(self, now_ns: int) -> Iterator[Frame]:
        gear = self._wanted_gear
        if gear is None:
            return
        rejection = self._reports.gear_rejection(gear)
        if rejection or self._reports.gear == gear:
            self._wanted_gear = None
            self._gear_refused = f"gear_refused_{rejection}" if rejection else ""
        elif self._gear_due.is_due(now_ns):
            yield self._sender.frame("GEAR_CMD", {"GEAR": gear})

    def _observed(self, now_ns: int, faults: tuple[str, ...]) -> DbwState:
        reports = self._reports
        wheel = reports.wheel_angle
        overridden = any(name.startswith("override_") for name in (*reports.overrides(), *reports.conditions()))
        return DbwState(
            stamp_ns=now_ns,
            phase=self._engagement.phase,
            speed=reports.speed,
            steering_tire_angle=None if wheel is None else wheel / self._ratio,
            acceleration=reports.acceleration,
            yaw_rate=reports.yaw_rate,
            gear=reports.gear,
            accelerator_pedal=reports.accelerator_pedal,
            brake_pedal=reports.brake_pedal,
            steering_torque=reports.steering_torque,
            enabled=reports.enabled,
            overridden=overridden,
            faults=faults,
            reasons=self._engagement.reasons,
            notices=(*reports.notices(), *(text for text in (self._gear_refused, self._refusal) if text)),
            ages=reports.ages(now_ns),
        )
