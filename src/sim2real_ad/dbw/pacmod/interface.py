"""The host's side of PACMod3: all commands at 30 Hz, enabled by an edge once the systems are ready."""

from __future__ import annotations

from collections.abc import Iterator

from sim2real_ad.dbw.codec import Frame
from sim2real_ad.dbw.host import Host
from sim2real_ad.dbw.interface import Gear
from sim2real_ad.dbw.pacmod.commands import CommandTranslator, Wanted
from sim2real_ad.dbw.pacmod.messages import NO_GEAR, RAW_GEARS, pacmod_codec
from sim2real_ad.dbw.pacmod.reports import PacmodReports
from sim2real_ad.dbw.settings import PacmodSettings
from sim2real_ad.dbw.traffic import Sender, Timer
from sim2real_ad.types import NANOSECONDS, ControlCommand
from sim2real_ad.vehicle.profile import VehicleProfile

SHIFT_NS = 3 * NANOSECONDS
"""How long a gear is asked for. Ours: PACMod3 has no word for a refused gear."""

NOTHING = Wanted(0.0, 0.0, 0.0, 0.0)


class PacmodInterface(Host[PacmodReports, Wanted]):
    """A `DriveByWire` for PACMod3."""

    frame_separation_s = 0.0005
    """User CAN Protocol, rules for transmitting: successive frames at least 500 us apart."""

    def __init__(self, profile: VehicleProfile, settings: PacmodSettings) -> None:
        """Raise DbwError or ConfigError where profile, maps and settings do not fit, or cantools is missing."""
        reports, commands = PacmodReports(settings), CommandTranslator(profile, settings)
        deceleration = profile.limits.emergency_deceleration
        super().__init__(reports, commands, settings.watch, settings.steering, deceleration)
        self.command_period_s = settings.command_period_ms / 1e3
        self._sender = Sender(pacmod_codec())
        self._due = Timer(settings.command_period_ms)
        self._edge_possible = self._shift_edge_possible = False
        self._gear_since_ns: int | None = None

    def shift(self, gear: Gear) -> None:
        """Ask for a gear; sent until the car reports it, for 3 s at most."""
        self._wanted_gear, self._gear_since_ns, self._gear_refused = gear, None, ""

    def step(self, now_ns: int, command: ControlCommand | None, engage: bool) -> list[Frame]:
        """Return the frames to send now, none where they are not due; see `DriveByWire.step`."""
        usable, problem = self._judged(command)
        hard = self._with_bus_fault(self._reports.faults(now_ns))
        before = self._engagement.quiet, self._engagement.stops
        self._engage(now_ns, hard, problem, engage)
        frames = []
        # What is urgent does not wait for its turn: letting go, a command that is missed, and one that is back.
        urgent = self._engagement.let_go or (self._engagement.quiet, self._engagement.stops) != before
        if self._due.is_due(now_ns) or urgent:
            frames = list(self._frames(now_ns, self._followed(usable)))
        faults = self._with_problem((*hard, *self._reports.latched_faults()), problem)
        overridden = any(True for _ in self._reports.overrides())
        self._state = self._observed(now_ns, faults, (), overridden=overridden)
        return frames

    def _engage(self, now_ns: int, hard: tuple[str, ...], problem: str, engage: bool) -> None:
        reports = self._reports
        obstacles = (*hard, *reports.conditions())
        if self._engagement.follows:
            obstacles += (*reports.latched_faults(), *reports.overrides(), *reports.command_timeouts())
        self._engagement.step(now_ns, engage, problem, obstacles, reports.enabled, reports.not_enabled)

    def _frames(self, now_ns: int, followed: Wanted | None) -> Iterator[Frame]:
        engaging = self._engagement.phase == "engaging"
        clear_faults = engaging and any(True for _ in self._reports.latched_faults())
        clear_overrides = engaging and any(True for _ in self._reports.overrides())
        yield self._sender.frame(
            "GLOBAL_CMD",
            {"CLEAR_FAULTS": clear_faults, "SANITY_CHECK_REQUIRED": 1, "CLEAR_OVERRIDES": clear_overrides},
        )
        if self._is_quiet(followed):
            self._edge_possible = False
        else:
            yield from self._driving_frames(followed or NOTHING, clear_overrides)
        yield self._shift_frame(now_ns)

    def _driving_frames(self, wanted: Wanted, clear: bool) -> Iterator[Frame]:
        ready = self._engagement.phase == "engaging" and self._edge_possible and self._reports.ready
        enable = self._engagement.follows or ready
        # Enabling needs a live command that does not enable, before the one that does.
        self._edge_possible = self._edge_possible or not enable
        flags = {"ENABLE": enable, "IGNORE_OVERRIDES": 0, "CLEAR_OVERRIDE": clear}
        wanted = wanted if enable else NOTHING
        yield self._sender.frame("ACCEL_CMD", {**flags, "PEDAL": wanted.throttle})
        yield self._sender.frame("BRAKE_CMD", {**flags, "PEDAL": wanted.brake})
        steering = {"ANGLE": wanted.wheel_angle, "RATE_LIMIT": wanted.wheel_rate}
        yield self._sender.frame("STEERING_CMD", {**flags, **steering})

    def _shift_frame(self, now_ns: int) -> Frame:
        gear = self._gear_to_ask(now_ns)
        enable = gear is not None and self._shift_edge_possible
        self._shift_edge_possible = self._shift_edge_possible or not enable
        values = {"ENABLE": enable, "IGNORE_OVERRIDES": 0, "CLEAR_OVERRIDE": 0}
        return self._sender.frame("SHIFT_CMD", {**values, "GEAR": NO_GEAR if gear is None else RAW_GEARS[gear]})

    def _gear_to_ask(self, now_ns: int) -> Gear | None:
        gear = self._wanted_gear
        if gear is None:
            return None
        since = self._gear_since_ns = now_ns if self._gear_since_ns is None else self._gear_since_ns
        if self._reports.gear != gear and now_ns - since < SHIFT_NS:
            return gear
        if self._reports.gear != gear:
            self._gear_refused = "gear_refused"
        self._wanted_gear = None
        return None
