"""The bus by configuration. What goes wrong while it runs is an event and a fault with a name, never an exception."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sim2real_ad.dbw.codec import Frame
from sim2real_ad.dbw.settings import BusSettings, SocketcanBusSettings, UdpBusSettings
from sim2real_ad.errors import DbwError

if TYPE_CHECKING:
    import can

BusFault = Literal["bus_lost", "bus_off", "bus_send_failed"]
EventKind = Literal["lost", "restored", "bus_off", "error_frame", "send_failed"]

BIT_RATE = 500_000
"""bit/s of Dataspeed's and PACMod3's buses."""

RETRY_S = 0.2
"""s between two attempts to reopen a lost bus."""

MOST_FRAMES, MOST_EVENTS = 1000, 100
"""At most so many frames in one look at the bus (0.2 s of a full one at 500 kbit/s), and events between two."""

ERROR_BUS_OFF, ERROR_RESTARTED = 0x40, 0x100
"""Classes of error frames: linux/can/error.h, CAN_ERR_BUSOFF and CAN_ERR_RESTARTED."""

TRANSMIT_BUFFER_FULL = 105
"""ENOBUFS: nobody acknowledges, or too much is sent; the interface itself is there."""

OpenCan = Callable[[BusSettings], "can.BusABC"]


@dataclass(frozen=True)
class BusEvent:
    """Something that happened on the bus. detail: for the user."""

    kind: EventKind
    detail: str


class CanBus:
    """One bus of a drive-by-wire. A lost one is looked for again at every use, every 0.2 s."""

    def __init__(
        self, settings: BusSettings, open_can: OpenCan | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Open it. Raises DbwError where it is not there."""
        self._settings, self._open_can, self._clock = settings, open_can or open_python_can, clock
        self._events: deque[BusEvent] = deque(maxlen=MOST_EVENTS)
        self._retry_at = 0.0
        self.fault: BusFault | None = None
        self._can: can.BusABC | None = self._open_can(settings)

    def send(self, frames: Iterable[Frame], separation_s: float = 0.0) -> bool:
        """Send frames with at least separation_s between two; return whether all went out."""
        for number, frame in enumerate(frames):
            if number and separation_s > 0.0:
                time.sleep(separation_s)
            if not self._send(frame):
                return False
        return True

    def receive(self, timeout_s: float = 0.0) -> list[Frame]:
        """Return the frames that are there, after waiting at most timeout_s for the first one."""
        frames: list[Frame] = []
        for look in range(MOST_FRAMES):
            message = self._receive(0.0 if look else timeout_s)
            if message is None:
                break
            if message.is_error_frame:
                self._note_error_frame(message)
            elif not message.is_remote_frame:
                self._is_back()
                frames.append(Frame(message.arbitration_id, bytes(message.data), message.is_extended_id))
        return frames

    def take_events(self) -> list[BusEvent]:
        """Return what happened since the last call."""
        events = list(self._events)
        self._events.clear()
        return events

    def close(self) -> None:
        """Close the bus. Using it again reopens it."""
        if self._can is not None:
            self._can.shutdown()
            self._can = None

    def _send(self, frame: Frame) -> bool:
        import can

        bus = self._working()
        if bus is None or self.fault == "bus_off":
            return False
        try:
            bus.send(can.Message(arbitration_id=frame.id, data=frame.data, is_extended_id=frame.extended), timeout=0.0)
        except (can.CanError, OSError, ValueError) as error:
            self._note_send_error(error)
            return False
        if self.fault == "bus_send_failed":
            self._is_back()
        return True

    def _receive(self, timeout_s: float) -> can.Message | None:
        import can

        bus = self._working()
        if bus is None:
            return None
        try:
            return bus.recv(timeout_s)
        except (can.CanError, OSError, ValueError) as error:
            self._lose(str(error))
            return None

    def _working(self) -> can.BusABC | None:
        if self._can is None and self._clock() >= self._retry_at:
            self._retry_at = self._clock() + RETRY_S
            try:
                self._can = self._open_can(self._settings)
            except DbwError:
                return None
            self._is_back()
        return self._can

    def _note_send_error(self, error: Exception) -> None:
        code = getattr(error, "error_code", None) or getattr(error, "errno", None)
        if code != TRANSMIT_BUFFER_FULL and "buffer full" not in str(error):
            self._lose(str(error))
            return
        self.fault = "bus_send_failed"
        self._events.append(BusEvent("send_failed", str(error)))

    def _note_error_frame(self, message: can.Message) -> None:
        classes = message.arbitration_id
        if classes & ERROR_BUS_OFF:
            self.fault = "bus_off"
            self._events.append(BusEvent("bus_off", "the controller took itself off the bus after too many errors"))
        elif classes & ERROR_RESTARTED:
            self._is_back()
        else:
            self._events.append(BusEvent("error_frame", f"classes 0x{classes:X}, data {bytes(message.data).hex()}"))

    def _lose(self, detail: str) -> None:
        self.close()
        self.fault, self._retry_at = "bus_lost", self._clock() + RETRY_S
        self._events.append(BusEvent("lost", detail))

    def _is_back(self) -> None:
        if self.fault is not None:
            self._events.append(BusEvent("restored", f"after {self.fault}"))
            self.fault = None


def bring_up(channel: str) -> str:
    """Return the command that brings a CAN interface up, for root."""
    return f"ip link set {channel} up type can bitrate {BIT_RATE} restart-ms 100"


def open_python_can(settings: BusSettings) -> can.BusABC:
    """Open the python-can bus that the settings name. Raises DbwError that says what is missing."""
    try:
        import can

        from sim2real_ad.dbw.loopback_bus import LoopbackBus
    except ImportError as error:
        raise DbwError("a bus needs python-can: pip install 'sim2real_ad[can]'") from error
    try:
        if isinstance(settings, UdpBusSettings):
            return LoopbackBus(settings.group, settings.port)
        return can.Bus(interface=settings.kind, channel=settings.channel)
    except (can.CanError, OSError, ValueError) as error:
        raise DbwError(_missing(settings, error)) from error


def _missing(settings: BusSettings, error: Exception) -> str:
    if isinstance(settings, SocketcanBusSettings):
        return f"no CAN interface {settings.channel}: {error}; bring it up with `{bring_up(settings.channel)}`"
    return f"cannot open the {settings.kind} bus: {error}"
