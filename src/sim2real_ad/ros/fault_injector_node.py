"""Stands on one edge of the graph, passes its messages on, and from a moment on does to them what a fault says."""

from __future__ import annotations

import time
from heapq import heappop, heappush
from typing import Any

from pydantic import Field

from sim2real_ad.faults.stream import StreamFault, StreamKind, stamp_of
from sim2real_ad.ros.conversions import ns_from_time
from sim2real_ad.ros.node import GraphNode, NodeParameters, message_class, run_node, topic_type
from sim2real_ad.ros.qos import publisher_qos, subscriber_qos
from sim2real_ad.ros.recorder_node import parse_topic
from sim2real_ad.ros.topics import EPISODE
from sim2real_ad.types import ns_from_seconds

PERIOD_S = 0.005
"""How exact a delay is."""


class FaultInjectorParameters(NodeParameters):
    """topic: `name type qos` of the edge; passed_on: the name under which others get it; at: s of the episode."""

    topic: str
    passed_on: str
    kind: StreamKind
    amount: float
    at: float = Field(ge=0.0)


class FaultInjectorNode(GraphNode[FaultInjectorParameters]):
    """Reports a timing for the first message that it changes: that is when the fault begins."""

    kind = "fault_injector"
    model = FaultInjectorParameters

    def __init__(self) -> None:
        super().__init__()
        p = self.parameters
        topic = parse_topic(p.topic)
        self._fault = StreamFault(p.kind, p.amount)
        self._begins_ns: int | None = None
        self._told = False
        self._waiting: list[tuple[float, int, Any]] = []
        self._count = 0
        self._out = self.create_publisher(topic_type(topic), p.passed_on, publisher_qos(topic.qos))
        self.create_subscription(
            topic_type(topic), topic.name, self.guarded(self._on_message), subscriber_qos(topic.qos)
        )
        self.subscribe("episode", self._on_episode)
        self.every(PERIOD_S, self._send_waiting)

    def _on_episode(self, message: Any) -> None:
        if message.state == message_class(EPISODE.type_name).RUNNING:
            self._begins_ns = ns_from_time(message.stamp) + ns_from_seconds(self.parameters.at)

    def _on_message(self, message: Any) -> None:
        received_ns, stamp_ns = time.monotonic_ns(), ns_from_time(stamp_of(message))
        if self._begins_ns is None or stamp_ns < self._begins_ns:
            self._out.publish(message)
            return
        come = self._fault.step(message)
        if self._fault.begun and not self._told:
            self._told = True
            self.report_timing(stamp_ns, received_ns)
        for delay, changed in come:
            if delay > 0.0:
                self._count += 1
                heappush(self._waiting, (time.monotonic() + delay, self._count, changed))
            else:
                self._out.publish(changed)

    def _send_waiting(self) -> None:
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            self._out.publish(heappop(self._waiting)[2])


def main() -> None:
    """Run the node."""
    run_node(FaultInjectorNode)


if __name__ == "__main__":
    main()
