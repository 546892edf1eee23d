"""Listen to the graph for a while from a process of its own, as a node that `s2r` starts: `s2r doctor` asks here.

A process, because the transport's settings count from its first moment, and because what does not come up must not
take the asking program with it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from sim2real_ad.doctor.survey import DriverCalibration, GateWord, Heard, Picture
from sim2real_ad.errors import Sim2RealError, TransportError
from sim2real_ad.ros.topics import CAMERA_INFO_RAW, GATE_STATUS, IMAGE_COMPRESSED, IMAGE_RAW, Topic
from sim2real_ad.ros.transport import mapped_segments, transport_environment

What = Literal["nothing", "topic", "compressed", "gate"]
TOPICS: Mapping[What, tuple[Topic, ...]] = {
    "nothing": (),
    "topic": (IMAGE_RAW, CAMERA_INFO_RAW),
    "compressed": (IMAGE_COMPRESSED, CAMERA_INFO_RAW),
    "gate": (GATE_STATUS,),
}
DISCOVERY_S = 4.0
"""How long the first message may take to come; the listening begins with it."""
START_S = 30.0


def listen(what: What, seconds: float, names: Mapping[str, str] = MappingProxyType({})) -> Heard:
    """Listen from a process of its own. names: from topic to topic, of those that are called otherwise.

    Raises TransportError with its last words where it fails.
    """
    command = [sys.executable, "-m", __name__, "--what", what, "--seconds", str(seconds)]
    command += ["--names", json.dumps(dict(names))]
    environment = transport_environment(os.environ)
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=START_S + DISCOVERY_S + seconds
        )
    except subprocess.TimeoutExpired as error:
        raise TransportError(f"a ROS node did not answer within {error.timeout:.0f} s") from error
    if done.returncode != 0:
        words = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise TransportError(f"a ROS node does not come up: {words[-1]}")
    return heard_from(json.loads(done.stdout.splitlines()[-1]))


def heard_from(data: Mapping[str, Any]) -> Heard:
    """Return what a listening process printed."""
    messages = data["messages"]
    return Heard(
        segment_bytes=data["segment_bytes"],
        seconds=data["seconds"],
        pictures=tuple(Picture(*m) for topic in (IMAGE_RAW, IMAGE_COMPRESSED) for m in messages.get(topic.name, ())),
        calibrations=tuple(DriverCalibration(tuple(k), w, h) for k, w, h in messages.get(CAMERA_INFO_RAW.name, ())),
        gate=tuple(GateWord(state, tuple(why), age) for state, why, age in messages.get(GATE_STATUS.name, ())),
    )


def described(topic: Topic, message: Any) -> list[Any]:
    """Return of a message what `heard_from` takes. Raises SourceError where a compressed picture cannot be decoded."""
    from sim2real_ad.ros.conversions import ns_from_time

    if topic == GATE_STATUS:
        return [message.state, list(message.reasons), message.age]
    if topic == CAMERA_INFO_RAW:
        return [[float(value) for value in message.k], message.width, message.height]
    received_ns = time.time_ns()
    width, height = _size(message) if topic == IMAGE_COMPRESSED else (message.width, message.height)
    return [ns_from_time(message.header.stamp), received_ns, width, height]


def main() -> None:
    """Listen, print one line of JSON, and exit: 0, or 2 with one line on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--what", choices=TOPICS, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--names", type=json.loads, default={})
    options = parser.parse_args()
    try:
        line = json.dumps(_hear(TOPICS[options.what], options.seconds, options.names))
    except Sim2RealError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    sys.stdout.write(f"{line}\n")


def _hear(topics: tuple[Topic, ...], seconds: float, names: Mapping[str, str]) -> dict[str, Any]:
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    from sim2real_ad.ros.node import topic_type
    from sim2real_ad.ros.qos import subscriber_qos

    rclpy.init()
    node = rclpy.create_node("doctor", start_parameter_services=False)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    messages: defaultdict[str, list[list[Any]]] = defaultdict(list)
    for topic in topics:
        node.create_subscription(
            topic_type(topic),
            names.get(topic.name, topic.name),
            lambda message, topic=topic: messages[topic.name].append(described(topic, message)),
            subscriber_qos(topic.qos, lossless=False),
        )
    heard_s = _spin(executor, messages, topics[0].name if topics else "", seconds)
    segment = max((size for _, size in mapped_segments(os.getpid())), default=0)
    executor.shutdown(timeout_sec=1.0)
    node.destroy_node()
    rclpy.try_shutdown()
    return {"segment_bytes": segment, "seconds": heard_s, "messages": messages}


def _spin(executor: Any, messages: Mapping[str, list[Any]], first: str, seconds: float) -> float:
    """Spin until the first topic has been heard for a while, or has not come at all; return for how long, s."""
    if not first:
        return 0.0
    until_s = time.monotonic() + DISCOVERY_S
    while not messages.get(first) and time.monotonic() < until_s:
        executor.spin_once(timeout_sec=0.1)
    if not messages.get(first):
        return DISCOVERY_S
    started_s = time.monotonic()
    while time.monotonic() < started_s + seconds:
        executor.spin_once(timeout_sec=0.1)
    return time.monotonic() - started_s


def _size(message: Any) -> tuple[int, int]:
    from sim2real_ad.bag.images import COMPRESSED_IMAGE, rgb_of

    height, width = rgb_of(message, COMPRESSED_IMAGE).shape[:2]
    return width, height


if __name__ == "__main__":
    main()
