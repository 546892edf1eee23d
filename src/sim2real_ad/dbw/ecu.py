"""What the simulated modules of every protocol share: the car they sit in, what they do to it, how they misbehave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from sim2real_ad.dbw.codec import Codec, Frame
from sim2real_ad.dbw.interface import Gear
from sim2real_ad.dbw.settings import EcuSettings
from sim2real_ad.dbw.traffic import Sender, Timer
from sim2real_ad.errors import DbwError
from sim2real_ad.types import NANOSECONDS

MisbehaviourKind = Literal["silence", "drop", "bad_crc", "stuck_counter", "fault", "override", "bus_off"]

OF_MESSAGES = ("silence", "drop", "bad_crc", "stuck_counter")
"""Kinds whose target is a message, empty for all reports."""

OF_MODULES = ("fault", "override")
"""Kinds whose target is a module."""


@dataclass(frozen=True)
class Misbehaviour:
    """One thing that goes wrong.

    silence: reports are not sent; drop: only every second one is; bad_crc: CRC or complement is wrong; stuck_counter:
    it stands still; fault: a module has one; override: as if the driver acted on a module; bus_off: nothing is sent or
    received.
    """

    kind: MisbehaviourKind
    target: str = ""


@dataclass(frozen=True)
class CarState:
    """The car that the modules sit in.

    speed: m/s; acceleration: m/s^2; steering_tire_angle: rad, left positive; yaw_rate: rad/s; the driver's pedals,
    0..1, and torque on the wheel, N m, left positive.
    """

    speed: float = 0.0
    acceleration: float = 0.0
    steering_tire_angle: float = 0.0
    yaw_rate: float = 0.0
    accelerator_pedal: float = 0.0
    brake_pedal: float = 0.0
    steering_torque: float = 0.0


@dataclass(frozen=True)
class Actuation:
    """What the actuators get. None: nobody actuates it, the driver has it.

    steering_tire_angle: rad; acceleration: m/s^2; accelerator_pedal, brake_pedal: 0..1, of protocols that take pedals;
    own_stop: whether the module stops the car because commands ceased.
    """

    steering_tire_angle: float | None = None
    acceleration: float | None = None
    accelerator_pedal: float | None = None
    brake_pedal: float | None = None
    own_stop: bool = False


class Ecu(Protocol):
    """The car's side of a drive-by-wire, simulated: frames and the car's state in, frames and actuation out."""

    gear: Gear

    def receive(self, frame: Frame, now_ns: int) -> None:
        """Take a frame from the bus. Never raises."""

    def step(self, now_ns: int, car: CarState) -> tuple[list[Frame], Actuation | None]:
        """Return the reports that are due, and what the actuators get, None where the driver has the car.

        To be called every 10 ms or more often; now_ns must not go back.
        """

    def misbehave(self, misbehaviour: Misbehaviour) -> None:
        """Let something go wrong from now on. Raises DbwError where there is no such target."""

    def behave(self) -> None:
        """Let nothing go wrong any more. What has latched stays."""


class Misbehaviours:
    """What goes wrong now, checked against what there is."""

    def __init__(self, codec: Codec, reports: tuple[str, ...], modules: tuple[str, ...]) -> None:
        self._codec, self._reports, self._modules = codec, reports, modules
        self._active: set[Misbehaviour] = set()

    def add(self, misbehaviour: Misbehaviour) -> None:
        """Let something go wrong. Raises DbwError naming the targets that there are."""
        kind, target = misbehaviour.kind, misbehaviour.target
        if kind in OF_MESSAGES and target and target not in self._reports:
            raise DbwError(f"{kind}: no report {target}; known: {', '.join(self._reports)}")
        if kind in OF_MODULES and target not in self._modules:
            raise DbwError(f"{kind}: no module {target!r}; known: {', '.join(self._modules)}")
        if kind in ("bad_crc", "stuck_counter") and target and self._codec.messages[target].check == "none":
            raise DbwError(f"{kind}: {target} carries no counter or check")
        self._active.add(misbehaviour)

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._active.clear()

    def of_message(self, kind: MisbehaviourKind, message: str) -> bool:
        """Return whether a message, or every message, misbehaves so."""
        return Misbehaviour(kind) in self._active or Misbehaviour(kind, message) in self._active

    def of_module(self, kind: MisbehaviourKind, module: str) -> bool:
        """Return whether a module misbehaves so."""
        return Misbehaviour(kind, module) in self._active

    @property
    def bus_off(self) -> bool:
        """Whether nothing goes over the bus."""
        return Misbehaviour("bus_off") in self._active


class Reporter:
    """Sends reports when they are due, and wrongly where it is told to."""

    def __init__(self, codec: Codec, reports: tuple[str, ...], wrongs: Misbehaviours) -> None:
        self._codec, self._wrongs = codec, wrongs
        self._sender = Sender(codec)
        self._timers = {name: Timer(codec.messages[name].period_ms) for name in reports}
        self._dropped: set[str] = set()

    def is_due(self, name: str, now_ns: int) -> bool:
        """Return whether a report is to be sent now, and count on if it is."""
        return self._timers[name].is_due(now_ns)

    def frame(self, name: str, values: Mapping[str, float]) -> list[Frame]:
        """Return the frame to send, or none."""
        stuck = self._wrongs.of_message("stuck_counter", name)
        frame = self._sender.again(name, values) if stuck else self._sender.frame(name, values)
        if self._wrongs.bus_off or self._wrongs.of_message("silence", name) or self._drops(name):
            return []
        return [self._spoilt(frame, name) if self._wrongs.of_message("bad_crc", name) else frame]

    def _drops(self, name: str) -> bool:
        if not self._wrongs.of_message("drop", name) or name in self._dropped:
            self._dropped.discard(name)
            return False
        self._dropped.add(name)
        return True

    def _spoilt(self, frame: Frame, name: str) -> Frame:
        code = self._codec.messages[name]
        word = int.from_bytes(frame.data, code.order)
        if code.check == "none":
            return frame
        # One bit of the check: the CRC is the last byte, the complement lies where the DBC says.
        place = code.complement[1] if code.complement else 8 * (code.length - 1)
        return frame._replace(data=(word ^ 1 << place).to_bytes(code.length, code.order))


class SimulatedModules:
    """The part of an `Ecu` that does not depend on the protocol."""

    def __init__(self, codec: Codec, reports: tuple[str, ...], modules: tuple[str, ...]) -> None:
        """modules: what a fault or an override can be of."""
        self._wrongs = Misbehaviours(codec, reports, modules)
        self._reporter = Reporter(codec, reports, self._wrongs)
        self._stepped_ns: int | None = None

    def misbehave(self, misbehaviour: Misbehaviour) -> None:
        """Let something go wrong from now on. Raises DbwError where there is no such target."""
        self._wrongs.add(misbehaviour)

    def behave(self) -> None:
        """Let nothing go wrong any more; what has latched stays."""
        self._wrongs.clear()

    def _elapsed_s(self, now_ns: int) -> float:
        """Return the time since the last step, 0 at the first."""
        before_ns, self._stepped_ns = self._stepped_ns, now_ns
        return 0.0 if before_ns is None else (now_ns - before_ns) / NANOSECONDS


class OwnStop:
    """A module's own stop when commands cease. It lasts until the driver takes over or the module is engaged again."""

    def __init__(self, settings: EcuSettings) -> None:
        self._settings = settings
        self.active = False

    def step(self, *, commands_lost: bool, engaged: bool, driver_acts: bool) -> None:
        """Begin where commands were lost and nothing follows any more; end where somebody has the car again."""
        if engaged or driver_acts:
            self.active = False
        elif commands_lost and self._settings.own_stop_deceleration > 0.0:
            self.active = True


def approach(value: float, wanted: float, most_up: float, most_down: float) -> float:
    """Return value moved towards wanted by no more than most_up or most_down."""
    return min(max(wanted, value - most_down), value + most_up)


def within(codec: Codec, name: str, signal: str, value: float) -> float:
    """Return the value nearest to a measurement that a report can hold."""
    low, high = codec.limits(name, signal)
    return min(max(value, low), high)
