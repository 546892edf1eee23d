"""Watches one drive from outside, as a ROS node: when a fault began, when somebody stopped, how far the car went."""

from __future__ import annotations

import time
from typing import Any

from sim2real_ad.faults.judge import Seen
from sim2real_ad.ros.conversions import ns_from_time
from sim2real_ad.ros.episode_client import EpisodeClient
from sim2real_ad.ros.node import topic_type
from sim2real_ad.ros.qos import publisher_qos
from sim2real_ad.ros.topics import (
    ACTUATION,
    CONTROL,
    CONTROL_MODE,
    DIAGNOSTICS,
    GATE_STATUS,
    ODOMETRY,
    TIMING,
    UPSET,
)
from sim2real_ad.ros.vehicle_reports import BRAKED, DRIVE_BY_WIRE

INJECTOR = "fault_injector"


class FaultWatch(EpisodeClient):
    """An episode's client that notes what the car and the gate say."""

    def __init__(self) -> None:
        self.seen = Seen()
        self._start_ns: int | None = None
        self._stamp_ns = 0
        super().__init__()
        for topic, callback in (
            (CONTROL, self._on_control),
            (CONTROL_MODE, self._on_mode),
            (ACTUATION, self._on_actuation),
            (DIAGNOSTICS, self._on_diagnostics),
            (GATE_STATUS, self._on_gate),
            (ODOMETRY, self._on_odometry),
            (TIMING, self._on_timing),
        ):
            self._listen(topic, callback)
        self._upset = self._node.create_publisher(topic_type(UPSET), UPSET.name, publisher_qos(UPSET.qos))

    def upset(self, line: str) -> None:
        """Let something go wrong with the car's simulated modules, see `dbw.upset.upset`."""
        self._upset.publish(topic_type(UPSET)(data=line))

    @property
    def elapsed_s(self) -> float:
        """Simulated seconds of the episode, by the newest report of the car."""
        return 0.0 if self._start_ns is None else (self._stamp_ns - self._start_ns) / 1e9

    def _on_status(self, message: Any) -> None:
        super()._on_status(message)
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

    def _on_actuation(self, message: Any) -> None:
        """Note what the car's simulated modules do before anybody tells of it: see `simulated_ecu_node.LEAST_SPEED`."""
        if self._start_ns is not None and message.longitudinal.velocity == 0.0:
            self.seen.let_go.append(time.monotonic_ns())

    def _on_diagnostics(self, message: Any) -> None:
        """Note when the vehicle interface stops the car without a command, which it tells in the step that does it."""
        told = (status for status in message.status if status.name.endswith(f": {DRIVE_BY_WIRE}"))
        if any(value.key == BRAKED and value.value == "true" for status in told for value in status.values):
            self.seen.let_go.append(time.monotonic_ns())

    def _on_gate(self, message: Any) -> None:
        self.seen.statuses.append((time.monotonic_ns(), message.state, tuple(message.reasons)))

    def _on_odometry(self, message: Any) -> None:
        self._stamp_ns = ns_from_time(message.header.stamp)
        position, speed = message.pose.pose.position, message.twist.twist.linear.x
        self.seen.positions.append((time.monotonic_ns(), position.x, position.y, speed))

    def _on_timing(self, message: Any) -> None:
        if message.stage == INJECTOR and self.seen.injected_ns is None:
            self.seen.injected_ns = message.received_ns
