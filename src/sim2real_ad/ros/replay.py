"""`s2r replay --graph`: a bag's frames through the live nodes in lock-step, and whether they command the same."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import rclpy
from rclpy.duration import Duration
from rclpy.signals import SignalHandlerOptions

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.errors import GraphError
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.policy.checkpoint import Checkpoint
from sim2real_ad.replay.stepping import Stepped
from sim2real_ad.ros.conversions import (
    camera_info_from_model,
    command_from_message,
    ego_messages,
    image_from_frame,
    message_from_route,
    reading_from_message,
    route_from_message,
    set_time,
)
from sim2real_ad.ros.ego_tracker import EgoSource, EgoTracker
from sim2real_ad.ros.graph import SHADOW_PREFIX, DriveOptions, stepped_graph
from sim2real_ad.ros.node import topic_type
from sim2real_ad.ros.qos import publisher_qos, subscriber_qos
from sim2real_ad.ros.supervisor import Supervisor
from sim2real_ad.ros.topics import CAMERA_INFO_RAW, CONTROL, CONTROL_MODE, EGO_PORTS, EPISODE, IMAGE_RAW, ROUTE, Topic
from sim2real_ad.safety.gate import Gate, GateConfig
from sim2real_ad.safety.inputs import GateInputs, VehicleStatus
from sim2real_ad.types import CameraFrame, ControlCommand, Route
from sim2real_ad.vehicle.profile import VehicleProfile, load_vehicle

ANSWER_TIMEOUT_S = 20.0
POLL_S = 0.2
PUBLISHED: Mapping[str, Topic] = {
    **EGO_PORTS,
    "image": IMAGE_RAW,
    "camera_info": CAMERA_INFO_RAW,
    "control_mode": CONTROL_MODE,
    "route": ROUTE,
    "episode": EPISODE,
}
"""What the player of a bag is to the graph: car, localization, camera and plan."""


class GraphWatcher:
    """Steps the graph through every picture that a replay steps; use as a context manager, from the main thread.

    frames: stepped; differing: stamps whose command is not, to the bit, what the pipeline in this process decides on
    the same inputs, and both.
    """

    def __init__(self, checkpoint: Checkpoint, options: DriveOptions, camera: CameraModel, gate: GateConfig) -> None:
        """camera, gate: as the replay's, so that nothing but the graph differs. Raises GraphError."""
        self._camera = camera
        self._actuated = gate.actuated
        self._pipeline = _InProcess(checkpoint, camera, load_vehicle(options.vehicle), gate)
        self._graph = stepped_graph(options, PUBLISHED.values(), actuated=gate.actuated)
        self._answer: ControlCommand | None = None
        self._route: Route | None = None
        self.frames = 0
        self.differing: list[tuple[int, ControlCommand, ControlCommand]] = []

    def start(self, logs: Path) -> None:
        """Start the nodes. logs: folder for what they say. Raises GraphError where one does not come up."""
        self._supervisor = Supervisor(self._graph, logs)
        self._context = rclpy.Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node("bag_player", context=self._context, start_parameter_services=False)
        self._publishers = {
            port: self._node.create_publisher(topic_type(topic), topic.name, publisher_qos(topic.qos))
            for port, topic in PUBLISHED.items()
        }
        self._node.create_subscription(
            topic_type(CONTROL), SHADOW_PREFIX + CONTROL.name, self._on_control, subscriber_qos(CONTROL.qos)
        )
        self._executor = rclpy.executors.SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._supervisor.start()
        self._supervisor.wait_until_ready()
        self._wait_for_readers()

    def close(self) -> None:
        """End the nodes."""
        self._supervisor.__exit__(None, None, None)
        self._executor.shutdown(timeout_sec=1.0)
        self._node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    def see(self, stepped: Stepped) -> None:
        """Let the graph answer a picture. Raises GraphError where it does not in time."""
        if stepped.frame is None or stepped.route is None:
            return
        stamp_ns = stepped.stamp_ns
        if stepped.begins:
            self._pipeline.begin()
            self._publish_latched("episode", _running(stamp_ns))
        if stepped.route is not self._route:
            self._route = stepped.route
            self._publish_latched("route", message_from_route(stepped.route))
        reports = ego_messages(replace(stepped.ego, stamp_ns=stamp_ns))
        expected = self._pipeline.step(stepped.frame, reports, stepped.route)
        self._play(stepped, reports)
        answer = self._wait_for(stamp_ns)
        self.frames += 1
        if answer != expected:
            self.differing.append((stamp_ns, answer, expected))

    def facts(self) -> dict[str, Any]:
        """Nothing for the summary."""
        return {}

    def left_out(self) -> list[str]:
        """Say where there was nothing to step the graph through."""
        return [] if self.frames else ["graph: the bag has no pictures to step it through"]

    def _play(self, stepped: Stepped, reports: Mapping[EgoSource, Any]) -> None:
        assert stepped.frame is not None
        for port, message in reports.items():
            self._publishers[port].publish(message)
        if self._actuated:
            self._publishers["control_mode"].publish(_autonomous(stepped.stamp_ns))
        height, width = stepped.frame.rgb.shape[:2]
        camera = self._camera.scaled(width, height)
        self._publishers["camera_info"].publish(camera_info_from_model(camera, stepped.stamp_ns))
        self._publishers["image"].publish(image_from_frame(stepped.frame))

    def _publish_latched(self, port: str, message: Any) -> None:
        """What a drive begins with is there before its first picture."""
        self._publishers[port].publish(message)
        if not self._publishers[port].wait_for_all_acked(Duration(seconds=ANSWER_TIMEOUT_S)):
            raise GraphError(f"{self._publishers[port].topic_name}: a reader did not acknowledge it")

    def _wait_for_readers(self) -> None:
        """Wait until every node hears the player: what is sent before is lost on it, and its first frame would hang."""
        until_s = time.monotonic() + ANSWER_TIMEOUT_S
        wanted = {port: self._graph.readers(topic.name) for port, topic in PUBLISHED.items()}
        while any(self._publishers[port].get_subscription_count() < count for port, count in wanted.items()):
            self._executor.spin_once(timeout_sec=POLL_S)
            if time.monotonic() > until_s:
                raise GraphError("nobody in the graph listens to the bag's player")

    def _wait_for(self, stamp_ns: int) -> ControlCommand:
        until_s = time.monotonic() + ANSWER_TIMEOUT_S
        while self._answer is None or self._answer.stamp_ns != stamp_ns:
            self._executor.spin_once(timeout_sec=POLL_S)
            self._supervisor.check()
            if time.monotonic() > until_s:
                raise GraphError(f"no command for the picture of {stamp_ns} ns within {ANSWER_TIMEOUT_S:.0f} s")
        return self._answer

    def _on_control(self, message: Any) -> None:
        self._answer = command_from_message(message)


class _InProcess:
    """The stages in this process, fed with what the messages say: float32 where they say it in float32."""

    def __init__(self, checkpoint: Checkpoint, camera: CameraModel, profile: VehicleProfile, gate: GateConfig) -> None:
        self._observe = checkpoint.observation_stage(camera)
        self._decide = checkpoint.policy_stage(profile)
        self._mapping = ActionMapping(profile)
        self._gate = Gate(profile, gate, checkpoint.spec.bev)
        self._ego = EgoTracker(exact=True, max_age_s=0.0)
        self._actuated = gate.actuated

    def begin(self) -> None:
        """A new drive, for the gate."""
        self._gate.reset()

    def step(self, frame: CameraFrame, reports: Mapping[EgoSource, Any], route: Route) -> ControlCommand:
        """Return what the gate lets pass for a picture. reports: of the car, at its stamp."""
        for source, message in reports.items():
            self._ego.add(source, reading_from_message(source, message))
        stamp_ns = frame.stamp_ns
        ego = self._ego.at(stamp_ns)
        assert ego is not None
        view = self._observe.step(frame, ego, route_from_message(message_from_route(route)))
        request = self._mapping.step(self._decide.step(view), ego)
        vehicle = VehicleStatus(stamp_ns, True) if self._actuated else None
        inputs = GateInputs(request, ego, self._ego.localization(stamp_ns), view, vehicle)
        return self._gate.step(inputs, stamp_ns).command


def _running(stamp_ns: int) -> Any:
    cls = topic_type(EPISODE)
    message = cls(state=cls.RUNNING)
    set_time(message.stamp, stamp_ns)
    return message


def _autonomous(stamp_ns: int) -> Any:
    cls = topic_type(CONTROL_MODE)
    message = cls(mode=cls.AUTONOMOUS)
    set_time(message.stamp, stamp_ns)
    return message
