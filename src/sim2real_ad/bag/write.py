"""Writes rosbag2 bags: a folder with an MCAP file of profile `ros2` and its metadata.yaml, definitions inside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer, WriterError

from sim2real_ad.bag.definitions import installed_definition, type_hash
from sim2real_ad.bag.messages import serialized
from sim2real_ad.bag.storage import BagTopic
from sim2real_ad.errors import ConfigError, SourceError
from sim2real_ad.evaluation.mcap_stream import RawMessage

_FOREVER = QosTime(9_223_372_036, 854_775_807)


def offered_qos(*, latched: bool) -> tuple[Qos, ...]:
    """Return what a reliable publisher of depth 1 offers. latched: late subscribers get the last message, too."""
    durability = QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE
    return (
        Qos(
            QosHistory.KEEP_LAST,
            1,
            QosReliability.RELIABLE,
            durability,
            _FOREVER,
            _FOREVER,
            QosLiveliness.AUTOMATIC,
            _FOREVER,
            False,
        ),
    )


class BagWriter:
    """Writes one bag. Use as a context manager.

    Where the block ends with an error, what was written is kept, but gets neither metadata nor end mark, so that
    nobody takes the bag for whole; `open_bag` reads it. After a kill what is lost is less than a chunk of 1 MiB.
    """

    def __init__(self, path: Path, *, compressed: bool = True) -> None:
        """Make the folder. compressed: by zstd, a chunk at a time.

        Raises ConfigError where the folder exists or cannot be made.
        """
        self.path = path
        self.counts: Counter[str] = Counter()
        self._connections: dict[tuple[str, str], Connection] = {}
        self._chunks = 0
        try:
            self._writer = Writer(path, version=Writer.VERSION_LATEST, storage_plugin=StoragePlugin.MCAP)
            if compressed:
                self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
            self._writer.open()
        except WriterError as error:
            raise ConfigError(f"bag {path} exists; name a new folder") from error
        except OSError as error:
            raise ConfigError(f"bag {path} cannot be written: {error.strerror}") from error

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            self._abandon()
            return
        with self._writing():
            self._writer.close()

    def add_topic(self, topic: BagTopic) -> None:
        """Announce a topic with its quality of service; one that was announced before is left as it is."""
        key = (topic.name, topic.type_name)
        if key in self._connections:
            return
        self._connections[key] = self._writer.add_connection(
            topic.name,
            topic.type_name,
            msgdef=topic.definition,
            rihs01=type_hash(topic.definition, topic.type_name),
            offered_qos_profiles=topic.offered_qos,
        )

    def write(self, message: RawMessage) -> None:
        """Write a message as it is, byte by byte. Raises SourceError where the disk is full."""
        connection = self._connections.get((message.topic, message.type_name))
        if connection is None:
            self.add_topic(BagTopic(message.topic, message.type_name, 0, message.definition))
            connection = self._connections[message.topic, message.type_name]
        with self._writing():
            self._writer.write(connection, message.log_time_ns, message.data)
            self._flush_chunks()
        self.counts[message.topic] += 1

    def write_new(self, topic: str, type_name: str, message: Any, log_time_ns: int) -> None:
        """Write a message that was made here; its definition is the installed one. Raises SourceError."""
        definition = installed_definition(type_name)
        self.write(RawMessage(topic, type_name, definition, log_time_ns, serialized(message, type_name)))

    def _flush_chunks(self) -> None:
        """Hand every chunk to the system as soon as it is whole."""
        storage = self._writer.storage
        if len(storage.chunks) != self._chunks:
            self._chunks = len(storage.chunks)
            storage.bio.flush()

    def _abandon(self) -> None:
        """Keep what was written up to now, unfinished."""
        storage = self._writer.storage
        try:
            if any(storage.chunk.msgs.values()):
                storage.close_chunk()
        except OSError:  # the disk is full: the error that ended the block says so
            pass
        finally:
            self._writer.abort()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SourceError(f"bag {self.path} cannot be written: {error.strerror}") from error
