"""What recording costs: six cameras and the car's state into MCAP, and the commands that pass beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from rclpy.signals import SignalHandlerOptions

from sim2real_ad.errors import GraphError
from sim2real_ad.evaluation.benchmark import Measurement, figure
from sim2real_ad.evaluation.statistics import quantile
from sim2real_ad.ros.conversions import ns_from_time, set_time
from sim2real_ad.ros.node import topic_type
from sim2real_ad.ros.node_spec import ALONE, Graph, NodeSpec
from sim2real_ad.ros.qos import publisher_qos, subscriber_qos
from sim2real_ad.ros.record import recorded_counts
from sim2real_ad.ros.supervisor import RECORDER, Supervisor
from sim2real_ad.ros.topics import CONTROL, EGO_PORTS, Topic

CAMERAS = tuple(Topic(f"/bench/camera_{n}/compressed", "sensor_msgs/msg/CompressedImage", "stream") for n in range(6))
STATE = tuple(EGO_PORTS.values())
CAMERA_HZ, STATE_HZ, CONTROL_HZ = 20.0, 100.0, 50.0
JPEG_BYTES = 200_000
"""Of a 1280x720 picture."""
LOAD_S, LEAD_S, TRAIL_S = 12.0, 6.0, 2.0
"""How long the load lasts, after its publishers may have been found, and before they go."""
MOST_OF_A_CORE = 0.25
COMPRESSION = "none"
"""JPEG does not get smaller."""


@dataclass(frozen=True)
class _Run:
    """sent: messages by topic; p99_ms: of the commands' way; cores: that the recorder took."""

    sent: Counter[str]
    p99_ms: float
    cores: float = 0.0


def measure_record() -> list[Measurement]:
    """Send the load with and without a recorder. Raises GraphError where a process does not come up."""
    with tempfile.TemporaryDirectory(prefix="s2r-bench-") as folder:
        out = Path(folder) / "recording.mcap"
        alone = _run(Graph(()), Path(folder) / "alone")
        beside = _run(Graph((_recorder(out),)), Path(folder) / "beside")
        counts = recorded_counts(out)
    sent = sum(beside.sent.values())
    lost = sent - sum(counts.get(name, 0) for name in beside.sent)
    note = f"{len(CAMERAS)} x {JPEG_BYTES // 1000} kB at {CAMERA_HZ:.0f} Hz, {len(STATE)} x state at {STATE_HZ:.0f} Hz"
    beside_note = f"{CONTROL_HZ:.0f} Hz, the same load"
    return [
        figure("recorder, messages lost", "messages", "lower", 0.0, (float(lost),), f"of {sent}; {note}"),
        figure("recorder, share of a core", "cores", "lower", MOST_OF_A_CORE, (beside.cores,), note),
        figure("commands without a recorder, p99", "ms", "lower", None, (alone.p99_ms,), beside_note),
        figure("commands beside the recorder, p99", "ms", "lower", None, (beside.p99_ms,), beside_note),
    ]


def _recorder(out: Path) -> NodeSpec:
    topics = [f"{t.name} {t.type_name} {t.qos}" for t in (*CAMERAS, *STATE)]
    return NodeSpec(RECORDER, {"path": str(out), "topics": topics, "compression": COMPRESSION, **ALONE})


def _run(graph: Graph, logs: Path) -> _Run:
    """Send the load from a process of its own, and commands within this one."""
    with Supervisor(graph, logs) as supervisor:
        supervisor.start()
        load = subprocess.Popen([sys.executable, "-m", __name__], stdout=subprocess.PIPE, env=os.environ)
        try:
            supervisor.wait_until_ready()  # the recorder waits for those it is to record
            return _watched(supervisor if graph.nodes else None, load)
        finally:
            load.kill()
            load.wait()


def _watched(supervisor: Supervisor | None, load: subprocess.Popen[bytes]) -> _Run:
    pid = supervisor.pid(RECORDER) if supervisor else None
    spent = _cpu_s(pid) if pid else 0.0
    latencies = _latencies(LEAD_S + LOAD_S)
    cores = (_cpu_s(pid) - spent) / LOAD_S if pid else 0.0
    told, _ = load.communicate(timeout=4.0 * (LOAD_S + LEAD_S + TRAIL_S))
    if load.returncode:
        raise GraphError(f"the process that sends the load ended with status {load.returncode}")
    counts = dict(line.split() for line in told.decode().splitlines())
    return _Run(Counter({name: int(count) for name, count in counts.items()}), quantile(latencies, 0.99), cores)


def _latencies(seconds: float) -> list[float]:
    """Return the ms that commands take from a publisher to a subscriber."""
    context = rclpy.Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("bench_control", context=context, start_parameter_services=False)
    found: list[float] = []

    def on_command(message: Any) -> None:
        found.append((time.monotonic_ns() - ns_from_time(message.stamp)) / 1e6)

    publisher = node.create_publisher(topic_type(CONTROL), "/bench/control", publisher_qos(CONTROL.qos))
    node.create_subscription(topic_type(CONTROL), "/bench/control", on_command, subscriber_qos(CONTROL.qos))

    def send() -> None:
        message = topic_type(CONTROL)()
        set_time(message.stamp, time.monotonic_ns())
        publisher.publish(message)

    node.create_timer(1.0 / CONTROL_HZ, send)
    executor = rclpy.executors.SingleThreadedExecutor(context=context)
    executor.add_node(node)
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown(timeout_sec=1.0)
    node.destroy_node()
    rclpy.try_shutdown(context=context)
    return found


def send_load() -> None:
    """Publish pictures and state for LOAD_S, and print how many of each topic; a process of its own."""
    rclpy.init()
    node = rclpy.create_node("bench_load", start_parameter_services=False)
    jpeg = np.random.default_rng(0).integers(0, 256, JPEG_BYTES, np.uint8).tobytes()
    publishers = {t: node.create_publisher(topic_type(t), t.name, publisher_qos(t.qos)) for t in (*CAMERAS, *STATE)}
    sent: Counter[str] = Counter()
    time.sleep(LEAD_S)
    started_s = time.monotonic()
    for tick in range(round(LOAD_S * STATE_HZ)):
        due = [*STATE, *(CAMERAS if tick % round(STATE_HZ / CAMERA_HZ) == 0 else ())]
        for topic in due:
            message = topic_type(topic)()
            if topic in CAMERAS:
                message.data.frombytes(jpeg)
            publishers[topic].publish(message)
            sent[topic.name] += 1
        time.sleep(max(0.0, started_s + (tick + 1) / STATE_HZ - time.monotonic()))
    time.sleep(TRAIL_S)
    for name, count in sent.items():
        sys.stdout.write(f"{name} {count}\n")
    rclpy.try_shutdown()


def _cpu_s(pid: int) -> float:
    """Return the CPU time in s that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    send_load()
