"""`s2r shadow`: the graph on a driving video, commands computed and recorded, no car moved."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rclpy
from rich.progress import Progress

from sim2real_ad.errors import Sim2RealError
from sim2real_ad.evaluation.results import EpisodeResult, ResultWriter
from sim2real_ad.ros.capture import VideoFile
from sim2real_ad.ros.conversions import ns_from_time
from sim2real_ad.ros.episode_client import POLL_S
from sim2real_ad.ros.frame_account import FIRST, LAST, FrameAccount
from sim2real_ad.ros.graph import DriveOptions, shadow_graph
from sim2real_ad.ros.node import topic_type
from sim2real_ad.ros.qos import publisher_qos, subscriber_qos
from sim2real_ad.ros.supervisor import Supervisor
from sim2real_ad.ros.topics import GATE_STATUS, START, TIMING
from sim2real_ad.types import seconds_from_ns

SETTLE_S = 0.5


@dataclass(frozen=True)
class ShadowRequest:
    """video: file; speed: m/s that the car is assumed to drive; max_frames: 0 for the whole video."""

    video: Path
    speed: float
    max_frames: int = 0


def shadow(request: ShadowRequest, options: DriveOptions, writer: ResultWriter, progress: Progress) -> None:
    """Run the graph over the video and write one result: frames, latencies, what the gate changed.

    There is nothing to reach and nothing to break: a shadow drive that saw every frame through is a success.
    Raises SourceError where the video cannot be read, GraphError where the graph broke.
    """
    video = VideoFile(request.video)
    frames = min(request.max_frames or video.frame_count, video.frame_count)
    video.close()
    graph = shadow_graph(options, str(request.video), request.speed, request.max_frames)
    task = progress.add_task("starting the graph", total=frames)
    with Supervisor(graph, writer.out_dir / "logs", may_end=frozenset({"camera"})) as supervisor:
        watcher = ShadowWatcher()
        try:
            supervisor.start()
            _watch(watcher, supervisor, lambda done: progress.update(task, description="driving", completed=done))
        except Sim2RealError as error:
            writer.write(watcher.result(request, str(error)))
            raise
        finally:
            watcher.close()
        writer.write(watcher.result(request))


def _watch(watcher: ShadowWatcher, supervisor: Supervisor, show: Any) -> None:
    """Follow the frames until the camera node has reached the video's end and the last command is known."""
    supervisor.wait_until_ready()
    watcher.start()
    ended_s: float | None = None
    while ended_s is None or (not watcher.account.complete and time.monotonic() - ended_s < SETTLE_S):
        watcher.spin()
        show(watcher.account.frames_sent)
        supervisor.check()
        if ended_s is None and supervisor.has_ended("camera"):
            ended_s = time.monotonic()
    watcher.drain()


class ShadowWatcher:
    """Accounts for the frames of a drive without a bridge: a small ROS node in the supervisor's process."""

    def __init__(self) -> None:
        from rclpy.signals import SignalHandlerOptions

        self.account = FrameAccount()
        self._stamps: list[int] = []
        self._started_s = time.monotonic()
        self._ended_s = self._started_s
        self._context = rclpy.Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node("supervisor", context=self._context, start_parameter_services=False)
        for topic, callback in ((TIMING, self._on_timing), (GATE_STATUS, self._on_status)):
            self._node.create_subscription(topic_type(topic), topic.name, callback, subscriber_qos(topic.qos))
        self._starter = self._node.create_publisher(topic_type(START), START.name, publisher_qos(START.qos))
        self._executor = rclpy.executors.SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)

    def start(self) -> None:
        """Let the video begin."""
        self._starter.publish(topic_type(START)())

    def spin(self) -> None:
        """Handle what comes within a moment."""
        self._executor.spin_once(timeout_sec=POLL_S)

    def drain(self) -> None:
        """Handle what still comes until nothing has for a while."""
        until_s = time.monotonic() + SETTLE_S
        while time.monotonic() < until_s:
            self.spin()

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown(timeout_sec=1.0)
        self._node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    def result(self, request: ShadowRequest, error: str | None = None) -> EpisodeResult:
        """Return what happened so far as one episode."""
        duration_s = seconds_from_ns(self._stamps[-1] - self._stamps[0]) if self._stamps else 0.0
        wall_s = self._ended_s - self._started_s
        complete = self.account.frames_sent > 0 and self.account.frames_lost == 0 and error is None
        return EpisodeResult(
            index=0,
            scenario=f"shadow {request.video.stem}",
            seed=0,
            success=complete,
            duration_s=duration_s,
            progress=1.0 if complete else 0.0,
            frames_sent=self.account.frames_sent,
            frames_lost=self.account.frames_lost,
            latencies_ms=self.account.latencies_ms,
            real_time_factor=duration_s / wall_s if wall_s > 0.0 else 0.0,
            gate_interventions=dict(self.account.interventions),
            error=error,
        )

    def _on_timing(self, message: Any) -> None:
        """The camera node's own report is what counts as a frame sent; stages report in any order."""
        stamp_ns = ns_from_time(message.stamp)
        if message.stage == FIRST:
            if not self._stamps:
                self._started_s = time.monotonic()
            self._stamps.append(stamp_ns)
        if message.stage in (FIRST, LAST):
            self.account.send(stamp_ns)
            self._ended_s = time.monotonic()
        self.account.add_timing(stamp_ns, message.stage, message.received_ns, message.published_ns)

    def _on_status(self, message: Any) -> None:
        self.account.add_decision(ns_from_time(message.header.stamp), message.reasons)
