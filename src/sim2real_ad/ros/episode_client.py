"""Asks the bridge for episodes and waits for their results: the supervisor's own, small ROS node."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.signals import SignalHandlerOptions

from sim2real_ad.errors import GraphError, ScenarioError
from sim2real_ad.evaluation.results import EpisodeResult
from sim2real_ad.ros.node import topic_type
from sim2real_ad.ros.qos import subscriber_qos
from sim2real_ad.ros.topics import EPISODE, START_EPISODE, Topic

if TYPE_CHECKING:
    from typing_extensions import Self

POLL_S = 0.05
START_TIMEOUT_S = 120.0
"""Loading a large map into a CARLA server takes its time."""


class EpisodeClient:
    """Use as a context manager; needs the transport profile in the environment."""

    def __init__(self, check: Callable[[], None] = lambda: None) -> None:
        """check: called again and again while waiting; raises where the graph is broken."""
        from sim2real_ad_msgs.srv import StartEpisode

        self._check = check
        self._context = rclpy.Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node("supervisor", context=self._context, start_parameter_services=False)
        self._request_type = StartEpisode.Request
        self._starter = self._node.create_client(StartEpisode, START_EPISODE)
        self._status: Any = None
        self._listen(EPISODE, self._on_status)
        self._executor = rclpy.executors.SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(timeout_sec=1.0)
        self._node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    def wait_for_bridge(self, timeout_s: float) -> None:
        """Wait for the service that starts episodes. Raises GraphError."""
        self._wait(self._starter.service_is_ready, timeout_s, f"service {START_EPISODE} did not appear")

    def run(self, scenario: str, seed: int, on_start: Callable[[], None]) -> EpisodeResult:
        """Run one episode and return its judged result.

        Raises ScenarioError where it could not be laid out, GraphError where it could not be driven to its end.
        """
        self.start(scenario, seed)
        on_start()
        self._wait(self._ended, None, "")
        if self._status.state == self._status.FAILED:
            raise GraphError(f"scenario '{scenario}', seed {seed}: {self._status.message}")
        return EpisodeResult.model_validate_json(self._status.result)

    def start(self, scenario: str, seed: int) -> None:
        """Start one episode. Raises ScenarioError where it cannot be laid out, GraphError where nobody starts it."""
        self._status = None
        future = self._starter.call_async(self._request_type(scenario=scenario, seed=seed))
        self._wait(future.done, START_TIMEOUT_S, f"node 'carla_bridge' did not start episode '{scenario}'")
        answer = future.result()
        if not answer.accepted:
            raise ScenarioError(f"scenario '{scenario}', seed {seed}: {answer.message}")

    def spin(self) -> None:
        """Take what comes for a moment. Raises GraphError where ROS was shut down."""
        try:
            self._executor.spin_once(timeout_sec=POLL_S)
        except ExternalShutdownException as error:
            raise GraphError("ROS was shut down from outside") from error

    def _listen(self, topic: Topic, callback: Callable[[Any], None]) -> None:
        self._node.create_subscription(topic_type(topic), topic.name, callback, subscriber_qos(topic.qos))

    def _ended(self) -> bool:
        return self._status is not None and self._status.state in (self._status.FINISHED, self._status.FAILED)

    def _on_status(self, message: Any) -> None:
        self._status = message

    def _wait(self, done: Callable[[], bool], timeout_s: float | None, complaint: str) -> None:
        started_s = time.monotonic()
        while not done():
            self._check()
            if timeout_s is not None and time.monotonic() - started_s > timeout_s:
                raise GraphError(f"{complaint} within {timeout_s:.0f} s")
            self.spin()
