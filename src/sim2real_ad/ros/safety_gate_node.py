"""The safety gate as a node. In lock-step it answers each request; in real time it decides at a fixed rate.

It is never silent: whatever fails upstream, the timer goes on and the gate says stop, explicitly.
"""

from __future__ import annotations

import time
from typing import Any, Literal

from pydantic import Field

from sim2real_ad.ros.conversions import command_from_message, message_from_command, ns_from_time, set_time
from sim2real_ad.ros.ego_node import EgoNode, EgoParameters
from sim2real_ad.ros.node import message_class, run_node
from sim2real_ad.ros.stamp_clock import StampClock
from sim2real_ad.ros.topics import EPISODE
from sim2real_ad.safety.gate import Gate, GateConfig, GateDecision
from sim2real_ad.types import ControlCommand, seconds_from_ns
from sim2real_ad.vehicle.profile import load_vehicle


class SafetyGateParameters(EgoParameters, GateConfig):
    """rate_hz: decisions a second in real time; time_source: the clock of the stamps, `simulation` means /clock.

    actuated: whether a car takes the commands; false only tells so in the status.
    """

    vehicle: str
    rate_hz: float = Field(ge=50.0, le=1000.0)
    time_source: Literal["system", "simulation"]
    actuated: bool

    def gate_config(self) -> GateConfig:
        """Return the part that the gate itself needs."""
        return GateConfig(**{name: getattr(self, name) for name in GateConfig.model_fields})


class SafetyGateNode(EgoNode[SafetyGateParameters]):
    """Last node before the car."""

    kind = "safety_gate"
    model = SafetyGateParameters

    def __init__(self) -> None:
        super().__init__()
        self._gate = Gate(load_vehicle(self.parameters.vehicle), self.parameters.gate_config())
        self._stamp_clock = StampClock()
        self._request: ControlCommand | None = None
        self._received_ns: int | None = None
        self._gear: int | None = None
        self._controls = self.publisher("control")
        self._gears = self.publisher("gear")
        self._statuses = self.publisher("gate_status")
        self.subscribe("request", self._on_request)
        self.subscribe("engage", self._on_engage)
        if self.parameters.auto_engage:
            self.subscribe("episode", self._on_episode)
        if self.parameters.time_source == "simulation":
            self.subscribe("clock", self._on_clock)
        if not self.parameters.lockstep:
            self.every(1.0 / self.parameters.rate_hz, self._decide_by_time)

    def on_ego(self) -> None:
        """In lock-step, answer the request that waits for this report."""
        if self.parameters.lockstep:
            self._answer()

    def _on_clock(self, message: Any) -> None:
        self._stamp_clock.update(ns_from_time(message.clock), time.monotonic_ns())

    def _on_request(self, message: Any) -> None:
        self._request, self._received_ns = command_from_message(message), time.monotonic_ns()
        if self.parameters.lockstep:
            self._answer()
        else:
            self._decide_by_time()

    def _on_episode(self, message: Any) -> None:
        """A new episode is a new drive: nothing of the last one may show in it."""
        if message.state == message_class(EPISODE.type_name).RUNNING:
            self._gate.reset()
            if self.parameters.lockstep:
                self._request = None

    def _on_engage(self, message: Any) -> None:
        if not message.engage:
            self._gate.disengage()
            return
        now_ns = self._now_ns()
        refusals = ("no_clock",) if now_ns is None else self._gate.engage(now_ns)
        if refusals:
            self.get_logger().warning(f"engage refused: {', '.join(refusals)}")

    def _now_ns(self) -> int | None:
        if self.parameters.time_source == "system":
            return time.time_ns()
        return self._stamp_clock.now_ns(time.monotonic_ns())

    def _answer(self) -> None:
        """Lock-step: time stands still, so now is the frame's own stamp."""
        if self._request is None or self._received_ns is None:
            return
        ego = self.ego.at(self._request.stamp_ns)
        if ego is not None:
            self._publish(self._gate.step(self._request, ego, self._request.stamp_ns), self._request.stamp_ns)

    def _decide_by_time(self) -> None:
        now_ns = self._now_ns()
        if now_ns is not None:
            self._publish(self._gate.step(self._request, self.ego.newest(), now_ns), now_ns)

    def _publish(self, decision: GateDecision, now_ns: int) -> None:
        self._controls.publish(message_from_command(decision.command))
        self._publish_status(decision, now_ns)
        self._publish_gear(decision)
        if self._received_ns is not None and self._request is not None:
            self.report_timing(self._request.stamp_ns, self._received_ns)
            self._received_ns = None

    def _publish_status(self, decision: GateDecision, now_ns: int) -> None:
        message = message_class(self.ports.outputs["gate_status"].type_name)()
        set_time(message.header.stamp, decision.command.stamp_ns)
        message.header.frame_id = "base_link"
        message.state, message.reasons = decision.state, list(decision.reasons)
        message.engaged = self.parameters.actuated and decision.state != "disengaged"
        message.age = seconds_from_ns(now_ns - self._request.stamp_ns) if self._request else -1.0
        self._statuses.publish(message)

    def _publish_gear(self, decision: GateDecision) -> None:
        """Ask for a gear when the state asks for another one; the topic is latched."""
        command = message_class(self.ports.outputs["gear"].type_name)
        gear = command.NONE if decision.state == "disengaged" else command.DRIVE
        if gear != self._gear:
            self._gear = gear
            message = command(command=gear)
            set_time(message.stamp, decision.command.stamp_ns)
            self._gears.publish(message)


def main() -> None:
    """Run the node."""
    run_node(SafetyGateNode)


if __name__ == "__main__":
    main()
