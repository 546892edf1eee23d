"""The host's side of DBW2: steering and the longitudinal controller at every step, the rest when it is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sim2real_ad.dbw.codec import Frame
from sim2real_ad.dbw.dataspeed.commands import NOTHING, CommandTranslator, Wanted
from sim2real_ad.dbw.dataspeed.messages import BrakeType, SystemCommand, SystemState, dataspeed_codec
from sim2real_ad.dbw.dataspeed.reports import DataspeedReports
from sim2real_ad.dbw.host import Host
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


class DataspeedInterface(Host[DataspeedReports, Wanted]):
    """A `DriveByWire` for Dataspeed DBW2, as the Ford E-Transit has it."""

    frame_separation_s = 0.0
    command_period_s = 0.0

    def __init__(self, profile: VehicleProfile, settings: DataspeedSettings) -> None:
        """Raise DbwError where profile and settings do not fit, or cantools is missing."""
        reports, commands = DataspeedReports(settings), CommandTranslator(profile, settings)
        deceleration = profile.limits.emergency_deceleration
        super().__init__(reports, commands, settings.watch, settings.steering, deceleration)
        self._ulc_limits = commands.ulc_limits
        self._sender = Sender(dataspeed_codec())
        self._brake_used = False
        self._limits_due = Timer(ULC_CFG_PERIOD_MS)
        self._enable_due = Timer(ENABLE_PERIOD_MS)
        self._gear_due = Timer(GEAR_PERIOD_MS)

    def shift(self, gear: Gear) -> None:
        """Ask for a gear; sent until the car reports it or refuses."""
        self._wanted_gear, self._gear_refused = gear, ""

    def step(self, now_ns: int, command: ControlCommand | None, engage: bool) -> list[Frame]:
        """Return the frames to send now; see `DriveByWire.step`."""
        usable, problem = self._judged(command)
        faults = self._with_bus_fault(self._reports.faults(now_ns))
        self._engage(now_ns, faults, problem, engage)
        frames = list(self._frames(now_ns, self._followed(usable)))
        self._state = self._seen(now_ns, self._with_problem(faults, problem))
        return frames

    def _engage(self, now_ns: int, faults: tuple[str, ...], problem: str, engage: bool) -> None:
        reports, engaged = self._reports, self._engagement.follows
        obstacles = (*faults, *reports.conditions())
        if engaged:
            obstacles += (*reports.overrides(), *reports.command_timeouts())
        waiting_for = reports.disengaged if engaged else reports.not_ready
        self._engagement.step(now_ns, engage, problem, obstacles, reports.enabled, waiting_for)

    def _frames(self, now_ns: int, followed: Wanted | None) -> Iterator[Frame]:
        if not self._is_quiet(followed):
            yield from self._control_frames(now_ns, followed or NOTHING)
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
            yield self._sender.frame("ULC_CFG", self._ulc_limits())
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

    def _seen(self, now_ns: int, faults: tuple[str, ...]) -> DbwState:
        reports = self._reports
        overridden = any(name.startswith("override_") for name in (*reports.overrides(), *reports.conditions()))
        return self._observed(now_ns, faults, reports.notices(), overridden=overridden)
