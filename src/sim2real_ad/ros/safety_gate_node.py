"""The safety gate as a node. In lock-step it answers each request; in real time it decides at a fixed rate.

It is never silent: whatever fails upstream, the timer goes on and the gate says stop, explicitly. Its commands are its
heartbeat: a car that gets none for 100 ms brakes by itself.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from sim2real_ad.errors import GraphError
from sim2real_ad.policy.checkpoint import read_spec
from sim2real_ad.ros.conversions import command_from_message, message_from_command, ns_from_time, set_time
from sim2real_ad.ros.diagnostics import message_from_statuses
from sim2real_ad.ros.ego_node import EgoNode, EgoParameters
from sim2real_ad.ros.gate_inputs import InputKeeper
from sim2real_ad.ros.node import message_class, run_node
from sim2real_ad.ros.stamp_clock import StampClock
from sim2real_ad.ros.topics import ENGAGE_SERVICE, EPISODE
from sim2real_ad.safety.budgets import AGE, FrameBudgets
from sim2real_ad.safety.diagnostics import check_statuses
from sim2real_ad.safety.gate import Gate, GateConfig, GateDecision
from sim2real_ad.safety.inputs import Source
from sim2real_ad.safety.limits import load_safety_limits
from sim2real_ad.types import seconds_from_ns
from sim2real_ad.vehicle.profile import load_vehicle

DIAGNOSTICS_PERIOD_S = 0.2
ALONE_PERIOD_S = 0.1
UNKNOWN_NODE = "_NODE_NAME_UNKNOWN_"
"""What the middleware calls a node whose topics it has heard of before its name."""
SETTLING_S = 3.0
"""For so long after its start a gate takes whoever commands the car for the older one; two that start at once refuse
both."""


class SafetyGateParameters(EgoParameters):
    """limits: name in config/safety or path; checkpoint: whose views it gets, empty for the shipped one; required:
    inputs that must come; rate_hz: decisions a second in real time; time_source: the clock of the stamps, `simulation`
    means /clock; auto_engage: for simulation only.

    actuated: whether a car takes the commands; otherwise neither the car nor its driver can tell anything.
    """

    vehicle: str
    checkpoint: str
    limits: str
    required: tuple[Source, ...]
    auto_engage: bool
    rate_hz: float = Field(ge=50.0, le=1000.0)
    time_source: Literal["system", "simulation"]
    actuated: bool

    def gate_config(self) -> GateConfig:
        """Return the part that the gate itself needs."""
        required = tuple(r for r in self.required if self.actuated or r not in ("vehicle", "driver"))
        return GateConfig(
            auto_engage=self.auto_engage,
            required=required,
            limits=load_safety_limits(self.limits),
            actuated=self.actuated,
        )


class SafetyGateNode(EgoNode[SafetyGateParameters]):
    """Last node before the car."""

    kind = "safety_gate"
    model = SafetyGateParameters

    def __init__(self) -> None:
        super().__init__()
        p = self.parameters
        spec = read_spec(Path(p.checkpoint) if p.checkpoint else None)
        self._gate = Gate(load_vehicle(p.vehicle), p.gate_config(), spec.bev)
        self._budgets = FrameBudgets(self._gate.limits.budgets)
        self._told = InputKeeper(self.ego, actuated=p.actuated)
        self._stamp_clock = StampClock()
        self._received_ns: int | None = None
        self._gear: int | None = None
        self._decision: GateDecision | None = None
        self._started_s = time.monotonic()
        self._controls = self.publisher("control")
        self._gears = self.publisher("gear")
        self._statuses = self.publisher("gate_status")
        self._diagnostics = self.publisher("diagnostics")
        self._listen_to_all()
        self.create_service(message_class("std_srvs/srv/SetBool"), ENGAGE_SERVICE, self._on_engage_service)
        self.every(DIAGNOSTICS_PERIOD_S, self._publish_diagnostics)
        self.every(ALONE_PERIOD_S, self._check_alone)
        if not p.lockstep:
            self.every(1.0 / p.rate_hz, self._decide_by_time)

    def _listen_to_all(self) -> None:
        self.subscribe("view", self._on_view)
        self.subscribe("vehicle", self._on_vehicle)
        self.subscribe("driver", self._told.on_driver)
        self.subscribe("request", self._on_request)
        self.subscribe("engage", self._on_engage)
        if self.parameters.auto_engage:
            self.subscribe("episode", self._on_episode)
        if self.parameters.time_source == "simulation":
            self.subscribe("clock", self._on_clock)
        if not self.parameters.lockstep:
            self.subscribe("timing", self._on_timing)

    def on_ego(self) -> None:
        """In lock-step, answer the request that waits for this report."""
        if self.parameters.lockstep:
            self._answer()

    def _on_clock(self, message: Any) -> None:
        self._stamp_clock.update(ns_from_time(message.clock), time.monotonic_ns())

    def _on_view(self, message: Any) -> None:
        self._told.on_view(message)
        if self.parameters.lockstep:
            self._answer()

    def _on_vehicle(self, message: Any) -> None:
        self._told.on_vehicle(message)
        if self.parameters.lockstep:
            self._answer()

    def _on_request(self, message: Any) -> None:
        self._told.request, self._received_ns = command_from_message(message), time.monotonic_ns()
        if self.parameters.lockstep:
            self._answer()
        else:
            self._decide_by_time()

    def _on_timing(self, message: Any) -> None:
        """In lock-step the time that a frame takes means nothing: the world waits for it."""
        self._budgets.add(message.stage, (message.published_ns - message.received_ns) / 1e6)

    def _on_episode(self, message: Any) -> None:
        """A new episode is a new drive: nothing of the last one may show in it."""
        if message.state == message_class(EPISODE.type_name).RUNNING:
            self._gate.reset()
            self._budgets.reset()
            if self.parameters.lockstep:
                self._told.clear()

    def _on_engage(self, message: Any) -> None:
        self._engage(engage=message.engage)

    def _engage(self, *, engage: bool) -> tuple[str, ...]:
        """Take or give back authority; return why it was not taken."""
        if not engage:
            self._gate.disengage()
            return ()
        now_ns = self._now_ns()
        refusals = ("no_clock",) if now_ns is None else self._gate.engage(now_ns)
        if refusals:
            self.get_logger().warning(f"engage refused: {', '.join(refusals)}")
        return refusals

    def _on_engage_service(self, request: Any, response: Any) -> Any:
        refusals = self._engage(engage=request.data)
        response.success, response.message = not refusals, ", ".join(refusals)
        return response

    def _now_ns(self) -> int | None:
        if self.parameters.time_source == "system":
            return time.time_ns()
        return self._stamp_clock.now_ns(time.monotonic_ns())

    def _answer(self) -> None:
        """Lock-step: time stands still, so now is the frame's own stamp."""
        if self._told.request is None or self._received_ns is None:
            return
        stamp_ns = self._told.request.stamp_ns
        inputs = self._told.at(stamp_ns)
        if inputs is not None:
            self._publish(self._gate.step(inputs, stamp_ns), stamp_ns)

    def _decide_by_time(self) -> None:
        now_ns = self._now_ns()
        if now_ns is None:
            return
        inputs = self._told.newest(tuple(self._budgets.findings()))
        if self._received_ns is not None and inputs.request is not None:
            self._budgets.add(AGE, seconds_from_ns(now_ns - inputs.request.stamp_ns) * 1e3)
        self._publish(self._gate.step(inputs, now_ns), now_ns)

    def _publish(self, decision: GateDecision, now_ns: int) -> None:
        self._decision = decision
        self._controls.publish(message_from_command(decision.command))
        self._publish_status(decision, now_ns)
        self._publish_gear(decision)
        request = self._told.request
        if self._received_ns is not None and request is not None:
            self.report_timing(request.stamp_ns, self._received_ns)
            self._received_ns = None

    def _publish_status(self, decision: GateDecision, now_ns: int) -> None:
        message = message_class(self.ports.outputs["gate_status"].type_name)()
        set_time(message.header.stamp, decision.command.stamp_ns)
        message.header.frame_id = "base_link"
        message.state, message.reasons = decision.state, list(decision.reasons)
        message.engaged = self.parameters.actuated and decision.state != "disengaged"
        request = self._told.request
        message.age = seconds_from_ns(now_ns - request.stamp_ns) if request else -1.0
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

    def _publish_diagnostics(self) -> None:
        if self._decision is not None:
            now_ns = self._now_ns() or self._decision.command.stamp_ns
            statuses = check_statuses(self._decision)
            self._diagnostics.publish(message_from_statuses(statuses, self.get_name(), now_ns))

    def _check_alone(self) -> None:
        """Refuse to be the second that commands the car; of a later one, tell."""
        topic = self._controls.topic_name
        others = self.count_publishers(topic) - 1
        if others <= 0:
            return
        found = {publisher.node_name for publisher in self.get_publishers_info_by_topic(topic)}
        who = ", ".join(sorted(found - {self.get_name(), UNKNOWN_NODE})) or "another node"
        if time.monotonic() - self._started_s < SETTLING_S:
            raise GraphError(f"{topic} is commanded already, by {who}: two gates would fight over the car")
        self.get_logger().error(f"{topic} is commanded by {who} too", throttle_duration_sec=5.0)


def main() -> None:
    """Run the node."""
    run_node(SafetyGateNode)


if __name__ == "__main__":
    main()
