"""The vehicle interface as a node: the gate's commands become frames on the car's bus, its frames become reports.

The bus is kept in time by a thread of its own. What the gate commands is followed for as long as it keeps commanding:
where it goes silent the car is braked from here, and where this process goes silent, its modules stop it by themselves.
"""

from __future__ import annotations

import time
from typing import Any, Literal

from pydantic import Field

from sim2real_ad.control.tracking import Tracker
from sim2real_ad.dbw.bus import BusEvent, CanBus
from sim2real_ad.dbw.bus_loop import BusLoop
from sim2real_ad.dbw.interface import DbwState
from sim2real_ad.dbw.links import HostLink
from sim2real_ad.dbw.orders import Orders
from sim2real_ad.dbw.protocols import interface_for
from sim2real_ad.dbw.settings import text_of_bus
from sim2real_ad.dbw.traffic import Timer
from sim2real_ad.ros.bus_parameters import drive_by_wire_of
from sim2real_ad.ros.conversions import command_from_message, ns_from_time
from sim2real_ad.ros.diagnostics import message_from_statuses
from sim2real_ad.ros.node import GraphNode, NodeParameters, run_node
from sim2real_ad.ros.stamp_clock import StampClock
from sim2real_ad.ros.vehicle_reports import gear_from_command, report_messages, status_of
from sim2real_ad.vehicle.profile import load_vehicle

REPORT_PERIOD_MS = 20.0
"""Of the reports: as often as the modules send most of theirs."""
DIAGNOSTICS_PERIOD_MS = 200.0
CLOSING_STOP_S = 4.0
"""How long an interface that is told to end goes on braking a car that moves, at most: less than launch leaves it."""


class VehicleInterfaceParameters(NodeParameters):
    """vehicle: name or path of the profile; bus: `profile`, or another bus in one line; rate_hz: looks at the bus a
    second; command_hold_s: how old the gate's newest command may be before the car is braked; time_source: the
    clock of the stamps, `simulation` means /clock.
    """

    vehicle: str
    bus: str
    rate_hz: float = Field(ge=50.0, le=200.0)
    command_hold_s: float = Field(gt=0.0, le=0.1)
    time_source: Literal["system", "simulation"]


class VehicleInterfaceNode(GraphNode[VehicleInterfaceParameters]):
    """Between the gate and the car's bus."""

    kind = "vehicle_interface"
    model = VehicleInterfaceParameters

    def __init__(self) -> None:
        """Raises ConfigError where the profile has no drive-by-wire, DbwError where its bus is not there."""
        super().__init__()
        p = self.parameters
        profile = load_vehicle(p.vehicle)
        settings = drive_by_wire_of(profile, p.bus)
        self._interface = interface_for(profile, settings.protocol)
        self._bus = CanBus(settings.bus)
        self._clock = StampClock()
        self._reports = {port: self.publisher(port) for port in self.ports.outputs}
        self._report_due, self._diagnosis_due = Timer(REPORT_PERIOD_MS), Timer(DIAGNOSTICS_PERIOD_MS)
        self._before = DbwState()
        period_s = 1.0 / p.rate_hz
        self._orders = Orders(p.command_hold_s, period_s)
        self._link = HostLink(self._interface, self._bus, self._orders, Tracker(profile), self._on_state, period_s)
        self._loop = BusLoop(self._link.step, period_s, self.stop)
        self.subscribe("control", self._on_control)
        self.subscribe("gate_status", self._on_gate_status)
        self.subscribe("gear_command", self._on_gear)
        if p.time_source == "simulation":
            self.subscribe("clock", self._on_clock)
        self.get_logger().info(f"{profile.name}: {settings.protocol.protocol} on {text_of_bus(settings.bus)}")
        self._loop.start()

    def close(self) -> None:
        """Brake a car that follows to its standstill, then send nothing any more and let go of the bus: the car's
        modules notice within 100 ms."""
        self._brake_to_standstill()
        self._loop.close()
        self._bus.close()

    def _brake_to_standstill(self) -> None:
        """Wait while the car comes to a stand: no command is heard any more, so it is being braked."""
        deadline_s = time.monotonic() + CLOSING_STOP_S
        while time.monotonic() < deadline_s and self._loop.is_running and self._interface.state.moves_for_us:
            time.sleep(0.02)

    def _on_control(self, message: Any) -> None:
        self._orders.put(command_from_message(message), time.monotonic_ns())

    def _on_gate_status(self, message: Any) -> None:
        self._orders.want(engage=message.engaged)

    def _on_gear(self, message: Any) -> None:
        gear = gear_from_command(message)
        if gear is not None:
            self._interface.shift(gear)

    def _on_clock(self, message: Any) -> None:
        self._clock.update(ns_from_time(message.clock), time.monotonic_ns())

    def _stamp_ns(self) -> int | None:
        if self.parameters.time_source == "system":
            return time.time_ns()
        return self._clock.within_tick_ns(time.monotonic_ns())

    def _on_state(self, state: DbwState, events: list[BusEvent]) -> None:
        """Tell everybody how the car is. In the bus's thread."""
        before, self._before = self._before, state
        self._log(before, state, events)
        stamp_ns = self._stamp_ns()
        if stamp_ns is not None:
            self._tell(before, state, stamp_ns)

    def _tell(self, before: DbwState, state: DbwState, stamp_ns: int) -> None:
        """Publish what is due. Once ROS is shut down there is nobody to tell, and the bus goes on without."""
        try:
            self._publish(before, state, stamp_ns)
        except Exception:  # what a publisher raises then has no common class
            if self.context.ok():
                raise

    def _publish(self, before: DbwState, state: DbwState, stamp_ns: int) -> None:
        changed = (state.phase, state.braked) != (before.phase, before.braked)
        if self._report_due.is_due(state.stamp_ns) or changed:
            for port, message in report_messages(state, stamp_ns).items():
                self._reports[port].publish(message)
        if self._diagnosis_due.is_due(state.stamp_ns) or changed:
            status = status_of(state, self._figures())
            self._reports["diagnostics"].publish(message_from_statuses([status], self.get_name(), stamp_ns))

    def _figures(self) -> dict[str, str]:
        sent = self._link.sent
        return {
            "command_period": f"{1e3 * sent.period_s:.1f} ms",
            "command_period_error_p99": f"{sent.error_ms(0.99):.2f} ms",
            "command_period_error_max": f"{sent.greatest_error_ms:.2f} ms",
        }

    def _log(self, before: DbwState, state: DbwState, events: list[BusEvent]) -> None:
        for event in events:
            self.get_logger().warning(f"bus {event.kind}: {event.detail}")
        if state.reasons and (state.phase, state.reasons) != (before.phase, before.reasons):
            self.get_logger().warning(f"{state.phase}: {', '.join(state.reasons)}")
        elif state.phase != before.phase:
            self.get_logger().info(state.phase)
        fresh = [fault for fault in state.faults if fault not in before.faults]
        if fresh:
            self.get_logger().warning(f"fault: {', '.join(fresh)}")


def main() -> None:
    """Run the node."""
    run_node(VehicleInterfaceNode)


if __name__ == "__main__":
    main()
