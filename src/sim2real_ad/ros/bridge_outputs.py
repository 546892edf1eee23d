"""What the bridge publishes at every tick: what a car, its localization and its camera would."""

from __future__ import annotations

from typing import Any

from rclpy.duration import Duration

from sim2real_ad.errors import GraphError
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.ros.conversions import (
    camera_info_from_model,
    ego_messages,
    image_from_frame,
    message_from_route,
    set_time,
)
from sim2real_ad.ros.node import GraphNode, message_class
from sim2real_ad.ros.topics import PORTS
from sim2real_ad.types import Route
from sim2real_ad.world.protocol import WorldTick

ACKNOWLEDGE_TIMEOUT_S = 5.0


class BridgeOutputs:
    """The bridge's publishers."""

    def __init__(self, node: GraphNode[Any]) -> None:
        self._publishers = {port: node.publisher(port) for port in PORTS[node.kind].outputs}
        self.engaged = False
        """Whether the car takes commands, as its next report will say."""
        self._classes = {port: message_class(t.type_name) for port, t in PORTS[node.kind].outputs.items()}

    def tick(self, tick: WorldTick, camera: CameraModel) -> None:
        """Publish one tick: the reports first, so that they are there when the frame arrives."""
        stamp_ns = tick.ego.stamp_ns
        for port, message in ego_messages(tick.ego).items():
            self._publishers[port].publish(message)
        self.authority(engaged=self.engaged, stamp_ns=stamp_ns)
        if tick.frame is not None:
            self._publishers["camera_info"].publish(camera_info_from_model(camera, stamp_ns))
            self._publishers["image"].publish(image_from_frame(tick.frame))
        clock = self._classes["clock"]()
        set_time(clock.clock, stamp_ns)
        self._publishers["clock"].publish(clock)

    def begin(self, route: Route, scenario: str, seed: int) -> None:
        """Publish the route and that an episode runs, and return when every reader has both.

        Raises GraphError where a reader does not acknowledge in time.
        """
        self._publishers["route"].publish(message_from_route(route))
        self.episode("RUNNING", route.stamp_ns, scenario, seed)
        self.authority(engaged=True, stamp_ns=route.stamp_ns)
        for port in ("route", "episode"):
            if not self._publishers[port].wait_for_all_acked(Duration(seconds=ACKNOWLEDGE_TIMEOUT_S)):
                raise GraphError(f"{self._publishers[port].topic_name}: a reader did not acknowledge the new episode")

    def episode(
        self, state: str, stamp_ns: int, scenario: str = "", seed: int = 0, message: str = "", result: str = ""
    ) -> None:
        """Publish how the episode stands. state: name of a constant of EpisodeStatus."""
        cls = self._classes["episode"]
        status = cls(scenario=scenario, seed=seed, state=getattr(cls, state), message=message, result=result)
        set_time(status.stamp, stamp_ns)
        self._publishers["episode"].publish(status)

    def authority(self, *, engaged: bool, stamp_ns: int) -> None:
        """Publish whether the simulated car takes commands, its gear, and that nobody touches the pedals or the wheel.

        At every tick too: it is the vehicle interface's heartbeat.
        """
        self.engaged = engaged
        modes, gears = self._classes["control_mode"], self._classes["gear"]
        mode = modes(mode=modes.AUTONOMOUS if engaged else modes.DISENGAGED)
        gear = gears(report=gears.DRIVE if engaged else gears.PARK)
        for port, message in (("control_mode", mode), ("gear", gear), ("driver", self._classes["driver"]())):
            set_time(message.stamp, stamp_ns)
            self._publishers[port].publish(message)
