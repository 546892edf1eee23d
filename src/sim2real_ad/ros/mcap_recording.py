"""An MCAP file of profile `ros2`, written by a thread of its own; after a kill readable but for the last moment."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from mcap.writer import CompressionType, Writer

import sim2real_ad
from sim2real_ad.errors import ConfigError, SourceError
from sim2real_ad.ros.message_definitions import full_definition
from sim2real_ad.ros.topics import Topic

COMPRESSIONS = {"none": CompressionType.NONE, "lz4": CompressionType.LZ4, "zstd": CompressionType.ZSTD}
_QOS = """- history: keep_last
  depth: {depth}
  reliability: {reliability}
  durability: {durability}
  deadline: {{sec: 9223372036, nsec: 854775807}}
  lifespan: {{sec: 9223372036, nsec: 854775807}}
  liveliness: automatic
  liveliness_lease_duration: {{sec: 9223372036, nsec: 854775807}}
  avoid_ros_namespace_conventions: false
"""


class McapRecording:
    """Takes messages from any thread and writes them in the order in which they came.

    chunk_bytes: size at which a chunk is written; flush_period_s: after which it is written however small it is.
    """

    def __init__(
        self, path: Path, topics: Sequence[Topic], *, chunk_bytes: int, flush_period_s: float, compression: str
    ) -> None:
        """Raises ConfigError where the file exists or cannot be made, TransportError where a definition is missing."""
        self._queue: queue.SimpleQueue[tuple[int, bytes, int] | None] = queue.SimpleQueue()
        self._flush_period_s = flush_period_s
        self._failure: OSError | None = None
        self.lost = 0
        """Messages that came after the writing had failed."""
        definitions = {t.type_name: full_definition(t.type_name) for t in topics}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("xb")
        except FileExistsError as error:
            raise ConfigError(f"recording {path} exists; name a new folder") from error
        except OSError as error:
            raise ConfigError(f"recording {path} cannot be written: {error.strerror}") from error
        self._writer = Writer(self._file, chunk_size=chunk_bytes, compression=COMPRESSIONS[compression])
        self._writer.start(profile="ros2", library=f"sim2real_ad {sim2real_ad.__version__}")
        self._channels = self._register(topics, definitions)
        self._file.flush()
        self._thread = threading.Thread(target=self._write, name="recording", daemon=True)
        self._thread.start()

    def writer_of(self, topic: Topic) -> Callable[[bytes, int], None]:
        """Return what takes a message of a topic: its CDR bytes and the time of its receipt in ns."""
        channel, put = self._channels[topic.name], self._queue.put

        def write(data: bytes, time_ns: int) -> None:
            if self._failure is None:
                put((channel, data, time_ns))
            else:  # nobody takes them any more: they would pile up
                self.lost += 1

        return write

    @property
    def failure(self) -> str:
        """Why nothing is written any more, empty where it is."""
        return "" if self._failure is None else f"recording {self._file.name}: {self._failure.strerror}"

    def close(self) -> None:
        """Write what waits and finish the file. Raises SourceError where writing has failed."""
        self._queue.put(None)
        self._thread.join()
        if self.failure:
            raise SourceError(f"{self.failure}; {self.lost} messages that came later are not in it")
        self._writer.finish()
        self._file.close()

    def _register(self, topics: Sequence[Topic], definitions: dict[str, str]) -> dict[str, int]:
        schemas = {n: self._writer.register_schema(n, "ros2msg", text.encode()) for n, text in definitions.items()}
        return {
            t.name: self._writer.register_channel(
                t.name, "cdr", schemas[t.type_name], {"offered_qos_profiles": _offered_qos(t)}
            )
            for t in topics
        }

    def _write(self) -> None:
        """Thread: a full disk ends the writing, not the drive."""
        due_s = time.monotonic() + self._flush_period_s
        try:
            while True:
                with suppress(queue.Empty):
                    item = self._queue.get(timeout=max(0.0, due_s - time.monotonic()))
                    if item is None:
                        return
                    channel, data, time_ns = item
                    self._writer.add_message(channel, log_time=time_ns, publish_time=time_ns, data=data)
                if time.monotonic() >= due_s:
                    self._writer.flush()
                    self._file.flush()
                    due_s = time.monotonic() + self._flush_period_s
        except OSError as error:
            self._failure = error


def _offered_qos(topic: Topic) -> str:
    """Return the quality of service in the words of rosbag2, which plays a topic back with it."""
    from sim2real_ad.ros.qos import publisher_qos

    qos = publisher_qos(topic.qos)
    return _QOS.format(
        depth=qos.depth, reliability=qos.reliability.name.lower(), durability=qos.durability.name.lower()
    )
