"""Stands in for the car in shadow mode: for every camera frame, the ego state of an assumed drive.

A video says nothing of the car. Assumed is a constant speed, straight ahead along +x of a map of its own, and a
straight route. Whatever is judged from a shadow drive leans on that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from sim2real_ad.ros.conversions import ego_messages, message_from_route, ns_from_time, set_time
from sim2real_ad.ros.node import GraphNode, NodeParameters, message_class, run_node
from sim2real_ad.types import EgoState, Pose2, Route, seconds_from_ns


class ShadowVehicleParameters(NodeParameters):
    """speed, speed_limit: m/s; route_length: m."""

    speed: float = Field(ge=0.0, le=60.0)
    speed_limit: float = Field(gt=0.0, le=60.0)
    route_length: float = Field(ge=100.0, le=100_000.0)


class ShadowVehicleNode(GraphNode[ShadowVehicleParameters]):
    """Publishes what a car and its localization would, stamped like the frame; the control mode is MANUAL."""

    kind = "shadow_vehicle"
    model = ShadowVehicleParameters

    def __init__(self) -> None:
        super().__init__()
        self._start_ns: int | None = None
        self._reports = {port: self.publisher(port) for port in self.ports.outputs}
        self.subscribe("frame", self._on_frame)

    def _on_frame(self, message: Any) -> None:
        stamp_ns = ns_from_time(message.header.stamp)
        if self._start_ns is None:
            self._start_ns = stamp_ns
            self._reports["route"].publish(message_from_route(self._route(stamp_ns)))
        x = self.parameters.speed * seconds_from_ns(stamp_ns - self._start_ns)
        ego = EgoState(stamp_ns, Pose2(x, 0.0, 0.0), self.parameters.speed)
        for port, report in ego_messages(ego).items():
            self._reports[port].publish(report)
        self._publish_constant("control_mode", "MANUAL", "mode", stamp_ns)
        self._publish_constant("gear", "DRIVE", "report", stamp_ns)

    def _route(self, stamp_ns: int) -> Route:
        x = np.arange(0.0, self.parameters.route_length + 1.0)
        return Route(stamp_ns, np.stack((x, np.zeros_like(x)), axis=1), self.parameters.speed_limit)

    def _publish_constant(self, port: str, constant: str, field: str, stamp_ns: int) -> None:
        cls = message_class(self.ports.outputs[port].type_name)
        message = cls(**{field: getattr(cls, constant)})
        set_time(message.stamp, stamp_ns)
        self._reports[port].publish(message)


def main() -> None:
    """Run the node."""
    run_node(ShadowVehicleNode)


if __name__ == "__main__":
    main()
