"""Records the graph's topics into MCAP. Messages stay the bytes they were on the wire; nothing is decoded."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field
from rclpy.event_handler import SubscriptionEventCallbacks

from sim2real_ad.errors import ConfigError
from sim2real_ad.ros.mcap_recording import McapRecording
from sim2real_ad.ros.node import GraphNode, NodeParameters, run_node, topic_type
from sim2real_ad.ros.qos import recorder_qos
from sim2real_ad.ros.topics import QosKind, Topic

COMPLAINT_PERIOD_S = 1.0


class RecorderParameters(NodeParameters):
    """path: MCAP file; when_exists: what to do where there is one, refuse or go on in the next free name; topics: `name
    type qos` each; chunk_bytes, flush_period_s: see McapRecording."""

    path: str
    topics: tuple[str, ...]
    chunk_bytes: int = Field(ge=1024)
    flush_period_s: float = Field(gt=0.0, le=10.0)
    compression: Literal["none", "lz4", "zstd"]
    when_exists: Literal["refuse", "next"]


class RecorderNode(GraphNode[RecorderParameters]):
    """A passive listener in deep queues; the writing is done by a thread of its own."""

    kind = "recorder"
    close_limit_s = 30.0
    model = RecorderParameters

    def __init__(self) -> None:
        super().__init__()
        p = self.parameters
        topics = [parse_topic(line) for line in p.topics]
        path = free_name(Path(p.path)) if p.when_exists == "next" else Path(p.path)
        self._recording = McapRecording(
            path, topics, chunk_bytes=p.chunk_bytes, flush_period_s=p.flush_period_s, compression=p.compression
        )
        self._subscriptions_by_topic = {topic.name: self._record(topic) for topic in topics}
        self.every(COMPLAINT_PERIOD_S, self._complain)

    def unconnected(self) -> list[str]:
        """Name the topics that nobody publishes yet."""
        return [name for name in self._subscriptions_by_topic if self.count_publishers(name) == 0]

    def _complain(self) -> None:
        """Say that nothing is recorded any more, as long as it is so; the drive goes on."""
        if self._recording.failure:
            self.get_logger().error(f"{self._recording.failure}; {self._recording.lost} messages are lost")

    def close(self) -> None:
        """Write what is queued and finish the file."""
        self._recording.close()

    def _record(self, topic: Topic) -> Any:
        write = self._recording.writer_of(topic)
        qos = recorder_qos(topic.qos)
        return self.create_subscription(
            topic_type(topic),
            topic.name,
            lambda data: write(data, time.time_ns()),
            qos,
            event_callbacks=SubscriptionEventCallbacks(message_lost=lambda info: self._note_lost(topic.name, info)),
            raw=True,
        )

    def _note_lost(self, name: str, info: Any) -> None:
        """Say that messages came faster than they were taken."""
        if info.total_count_change:
            self.get_logger().error(f"{name}: {info.total_count_change} messages lost, {info.total_count} in all")


def free_name(path: Path) -> Path:
    """Return a path that does not exist: this one, or the first of `name_1.mcap`, `name_2.mcap` and so on."""
    names = itertools.chain([path], (path.with_stem(f"{path.stem}_{number}") for number in itertools.count(1)))
    return next(name for name in names if not name.exists())


def parse_topic(line: str) -> Topic:
    """Read `name type qos`. Raises ConfigError."""
    parts = line.split()
    if len(parts) != 3 or parts[2] not in get_args(QosKind):
        raise ConfigError(f"a topic of a node's parameters: '{line}' is not 'name type qos'")
    kind: QosKind = parts[2]  # type: ignore[assignment]
    return Topic(parts[0], parts[1], kind)


def main() -> None:
    """Run the node."""
    run_node(RecorderNode)


if __name__ == "__main__":
    main()
