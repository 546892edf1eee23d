"""What the host's side of every protocol shares: what is known of the car, and whether its command can be sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from sim2real_ad.dbw.codec import Frame
from sim2real_ad.dbw.engagement import Engagement
from sim2real_ad.dbw.interface import DbwState, Gear
from sim2real_ad.dbw.settings import SteeringSettings, WatchSettings
from sim2real_ad.types import ControlCommand


class _CarReports(Protocol):
    """The newest of every report, in the units of `DbwState`; wheel_angle: of the steering wheel, rad."""

    @property
    def speed(self) -> float | None: ...
    @property
    def wheel_angle(self) -> float | None: ...
    @property
    def acceleration(self) -> float | None: ...
    @property
    def yaw_rate(self) -> float | None: ...
    @property
    def gear(self) -> Gear: ...
    @property
    def accelerator_pedal(self) -> float | None: ...
    @property
    def brake_pedal(self) -> float | None: ...
    @property
    def steering_torque(self) -> float | None: ...
    @property
    def enabled(self) -> bool: ...
    def receive(self, frame: Frame, now_ns: int) -> None: ...
    def ages(self, now_ns: int) -> Mapping[str, float]: ...


WantedT_co = TypeVar("WantedT_co", covariant=True)
WantedT = TypeVar("WantedT")
ReportsT = TypeVar("ReportsT", bound=_CarReports)


class Translator(Protocol[WantedT_co]):
    """Turns commands into a protocol's own words."""

    def wanted(self, command: ControlCommand, speed: float | None) -> WantedT_co | str:
        """Return what to send, or why it cannot be sent. speed: m/s."""


class Host(Generic[ReportsT, WantedT]):
    """The part of a `DriveByWire` that does not depend on the protocol."""

    def __init__(
        self,
        reports: ReportsT,
        commands: Translator[WantedT],
        watch: WatchSettings,
        steering: SteeringSettings,
        deceleration: float,
    ) -> None:
        """deceleration: m/s^2, of the stop where the gate's commands cease."""
        self._reports = reports
        self._commands = commands
        self._engagement = Engagement(watch)
        self._steering = steering
        self._deceleration = deceleration
        self._newest: ControlCommand | None = None
        self._bus_fault: str | None = None
        self._wanted_gear: Gear | None = None
        self._gear_refused = self._refusal = ""
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

    def _judged(self, command: ControlCommand | None) -> tuple[WantedT | None, str]:
        """Return what a command asks for, None where it cannot be sent, and what is wrong with it."""
        wanted = self._commands.wanted(command, self._reports.speed) if command else None
        if isinstance(wanted, str):
            self._refusal = wanted
            return None, "command_invalid"
        self._refusal = ""
        if self._engagement.phase != "stopping":
            self._newest = command or self._newest
        return wanted, "command_missing" if wanted is None else ""

    def _followed(self, wanted: WantedT | None) -> WantedT | None:
        """Return what a car that follows is told: what is wanted, or the stop. None where nothing can be said."""
        if not self._engagement.stops or self._newest is None:
            return wanted
        stop = replace(self._newest, acceleration=-self._deceleration, velocity=0.0)
        words = self._commands.wanted(stop, self._reports.speed)
        return None if isinstance(words, str) else words

    def _is_quiet(self, followed: WantedT | None) -> bool:
        """Whether nothing may be said: a car that follows is told to stop, or nothing."""
        return self._engagement.quiet or (self._engagement.stops and followed is None)

    def _with_bus_fault(self, faults: Iterable[str]) -> tuple[str, ...]:
        return (*faults, *([self._bus_fault] if self._bus_fault else []))

    def _with_problem(self, faults: tuple[str, ...], problem: str) -> tuple[str, ...]:
        """Add what is wrong with the command, unless nobody waits for one."""
        awaited = self._engagement.phase != "disengaged" or self._engagement.quiet
        return (*faults, problem) if self._refusal or (problem and awaited) else faults

    def _observed(self, now_ns: int, faults: tuple[str, ...], notices: Iterable[str], *, overridden: bool) -> DbwState:
        reports = self._reports
        wheel = reports.wheel_angle
        return DbwState(
            stamp_ns=now_ns,
            phase=self._engagement.phase,
            speed=reports.speed,
            steering_tire_angle=None if wheel is None else self._steering.tire_angle(wheel),
            acceleration=reports.acceleration,
            yaw_rate=reports.yaw_rate,
            gear=reports.gear,
            accelerator_pedal=reports.accelerator_pedal,
            brake_pedal=reports.brake_pedal,
            steering_torque=reports.steering_torque,
            enabled=reports.enabled,
            overridden=overridden,
            braked=self._engagement.stops,
            faults=faults,
            reasons=self._engagement.reasons,
            notices=(*notices, *(text for text in (self._gear_refused, self._refusal) if text)),
            ages=reports.ages(now_ns),
        )
