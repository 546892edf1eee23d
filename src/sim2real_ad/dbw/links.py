"""The two ends of a bus, one look at a time: hear what came, decide, send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sim2real_ad.dbw.bus import BusEvent, CanBus
from sim2real_ad.dbw.bus_loop import Periods
from sim2real_ad.dbw.codec import Frame
from sim2real_ad.dbw.ecu import Actuation, CarState, Ecu
from sim2real_ad.dbw.interface import DbwState, DriveByWire
from sim2real_ad.dbw.orders import Orders
from sim2real_ad.types import ControlCommand


class CommandTracker(Protocol):
    """What makes the car's actuators answer as the profile promises; see `control.tracking.Tracker`."""

    def step(self, now_ns: int, command: ControlCommand, measured: DbwState) -> ControlCommand:
        """Return what to ask the actuators for."""

    def reset(self) -> None:
        """Forget what was commanded."""


class HostLink:
    """The vehicle computer's end.

    tracker: stands between the gate's commands and the bus while the car follows; told: gets the car's state after
    every decision, and what happened on the bus; sent: how evenly an engaged car gets its commands.
    """

    def __init__(
        self,
        drive_by_wire: DriveByWire,
        bus: CanBus,
        orders: Orders,
        tracker: CommandTracker,
        told: Callable[[DbwState, list[BusEvent]], None],
        period_s: float,
    ) -> None:
        """period_s: from one look to the next."""
        self._drive_by_wire, self._bus, self._orders = drive_by_wire, bus, orders
        self._tracker, self._told = tracker, told
        self.sent = Periods(max(period_s, drive_by_wire.command_period_s))

    def step(self, now_ns: int) -> None:
        """Look once. To be called at 50 Hz or more; now_ns must not go back."""
        for frame in self._bus.receive():
            self._drive_by_wire.receive(frame, now_ns)
        self._drive_by_wire.set_bus_fault(self._bus.fault)
        order = self._orders.take(now_ns)
        if order is None:
            return
        frames = self._drive_by_wire.step(now_ns, self._tracked(now_ns, order.command), order.engage)
        self._bus.send(frames, self._drive_by_wire.frame_separation_s)
        self._count(now_ns, frames)
        self._told(self._drive_by_wire.state, self._bus.take_events())

    def _count(self, now_ns: int, frames: list[Frame]) -> None:
        if self._drive_by_wire.state.phase != "engaged":
            self.sent.forget()
        elif frames:
            self.sent.note(now_ns)

    def _tracked(self, now_ns: int, command: ControlCommand | None) -> ControlCommand | None:
        """Return what to ask the actuators for. What is not finite goes on as it is: the protocol refuses it."""
        state = self._drive_by_wire.state
        if command is None or state.phase != "engaged" or not command.is_finite:
            self._tracker.reset()
            return command
        return self._tracker.step(now_ns, command, state)


class CarLink:
    """The car's end, simulated. car: says how the car moves; actuated: gets what the actuators get, or None."""

    def __init__(
        self, ecu: Ecu, bus: CanBus, car: Callable[[], CarState], actuated: Callable[[Actuation | None], None]
    ) -> None:
        self._ecu, self._bus, self._car, self._actuated = ecu, bus, car, actuated

    def step(self, now_ns: int) -> None:
        """Look once. To be called every 10 ms or more often; now_ns must not go back."""
        for frame in self._bus.receive():
            self._ecu.receive(frame, now_ns)
        frames, actuation = self._ecu.step(now_ns, self._car())
        self._bus.send(frames)
        self._actuated(actuation)
