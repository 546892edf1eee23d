"""Watches one drive from outside, as a ROS node: when a fault began, when somebody stopped, how far the car went."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.signals import SignalHandlerOptions

from sim2real_ad.errors import GraphError, ScenarioError
from sim2real_ad.faults.judge import Seen
from sim2real_ad.ros.conversions import ns_from_time
from sim2real_ad.ros.node import topic_type
from sim2real_ad.ros.qos import subscriber_qos
from sim2real_ad.ros.topics import (
    CONTROL,
    CONTROL_MODE,
    EPISODE,
    GATE_STATUS,
    ODOMETRY,
    START_EPISODE,
    TIMING,
    Topic,
)

START_TIMEOUT_S = 120.0
POLL_S = 0.02
INJECTOR = "fault_injector"


class FaultWatch:
    """Use as a context manager; needs the transport profile in the environment."""

    def __init__(self) -> None:
        from sim2real_ad_msgs.srv import StartEpisode

        self.seen = Seen()
        self._start_ns: int | None = None
        self._stamp_ns = 0
        self._context = rclpy.Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node("fault_watch", context=self._context, start_parameter_services=False)
        self._request_type = StartEpisode.Request
        self._starter = self._node.create_client(StartEpisode, START_EPISODE)
        for topic, callback in (
            (EPISODE, self._on_episode),
            (CONTROL, self._on_control),
            (CONTROL_MODE, self._on_mode),
            (GATE_STATUS, self._on_status),
            (ODOMETRY, self._on_odometry),
            (TIMING, self._on_timing),
        ):
            self._listen(topic, callback)
        self._executor = rclpy.executors.SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)

    def __enter__(self) -> FaultWatch:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(timeout_sec=1.0)
        self._node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    @property
    def elapsed_s(self) -> float:
        """Simulated seconds of the episode, by the newest report of the car."""
        return 0.0 if self._start_ns is None else (self._stamp_ns - self._start_ns) / 1e9

    def start(self, scenario: str, seed: int) -> None:
        """Start an episode. Raises ScenarioError where it cannot be laid out, GraphError where nobody starts it."""
        self._spin_until(self._starter.service_is_ready, START_TIMEOUT_S)
        future = self._starter.call_async(self._request_type(scenario=scenario, seed=seed))
        self._spin_until(future.done, START_TIMEOUT_S)
        answer = future.result()
        if not answer.accepted:
            raise ScenarioError(f"scenario '{scenario}', seed {seed}: {answer.message}")

    def spin(self) -> None:
        """Take what comes for a moment."""
        self._executor.spin_once(timeout_sec=POLL_S)

    def _spin_until(self, done: Callable[[], bool], timeout_s: float) -> None:
        started_s = time.monotonic()
        while not done():
            if time.monotonic() - started_s > timeout_s:
                raise GraphError(f"node 'carla_bridge' did not answer within {timeout_s:.0f} s")
            self.spin()

    def _listen(self, topic: Topic, callback: Callable[[Any], None]) -> None:
        self._node.create_subscription(topic_type(topic), topic.name, callback, subscriber_qos(topic.qos))

    def _on_episode(self, message: Any) -> None:
        if message.state == message.RUNNING:
            self._start_ns = ns_from_time(message.stamp)
        elif message.state == message.FINISHED:
            self.seen.result = message.result
        elif message.state == message.FAILED:
            self.seen.failure = message.message

    def _on_control(self, message: Any) -> None:
        if message.longitudinal.velocity == 0.0 and message.longitudinal.acceleration < 0.0:
            self.seen.stops.append(time.monotonic_ns())

    def _on_mode(self, message: Any) -> None:
        if self._start_ns is not None and message.mode != message.AUTONOMOUS:
            self.seen.let_go.append(time.monotonic_ns())

    def _on_status(self, message: Any) -> None:
        self.seen.statuses.append((time.monotonic_ns(), message.state, tuple(message.reasons)))

    def _on_odometry(self, message: Any) -> None:
        self._stamp_ns = ns_from_time(message.header.stamp)
        position, speed = message.pose.pose.position, message.twist.twist.linear.x
        self.seen.positions.append((time.monotonic_ns(), position.x, position.y, speed))

    def _on_timing(self, message: Any) -> None:
        if message.stage == INJECTOR and self.seen.injected_ns is None:
            self.seen.injected_ns = message.received_ns
