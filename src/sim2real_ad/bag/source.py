"""A recorded drive in any of the forms that ROS 2 gives it, as one stream of messages in order of log time.

Read are rosbag2 folders and single files, MCAP and SQLite, split or not, compressed by file, message or chunk. What is
cut short or damaged is read as far as it goes; `problems` tells what was left out.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

import zstandard

from sim2real_ad.bag import mcap_records, sqlite_storage
from sim2real_ad.bag.layout import files_of_bag, find_bags
from sim2real_ad.bag.mcap_storage import McapFile
from sim2real_ad.bag.sqlite_storage import SqliteFile
from sim2real_ad.bag.storage import BagTopic, Damage, Report, StorageFile, merged
from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.mcap_stream import RawMessage
from sim2real_ad.types import seconds_from_ns

__all__ = ["BagSource", "BagTopic", "Damage", "find_bags", "open_bag"]

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
"""CDR begins with a zero byte, so a message that begins like this was compressed by rosbag2."""
ROS1_MAGIC = b"#ROSBAG"
MAX_MESSAGE_BYTES = 2**30


class BagSource:
    """An open bag. Use as a context manager: files that were decompressed to be read are deleted in the end.

    start_ns, end_ns: log time of the first and last message, 0 where there is none; damage: what could not be read,
    filled while reading; problems: the same as sentences.
    """

    def __init__(self, path: Path) -> None:
        """Raises SourceError where there is no bag at the path, or none of its files can be read."""
        self.path = path
        self.damage: list[Damage] = []
        self._unpacked = TemporaryDirectory(prefix="s2r-bag-")
        try:
            self._files = self._open_files()
        except BaseException:
            self.close()
            raise
        self.topics = self._join_topics()
        spans = [file.span_ns for file in self._files if file.span_ns is not None]
        self.start_ns = min((start for start, _ in spans), default=0)
        self.end_ns = max((end for _, end in spans), default=0)

    def __enter__(self) -> BagSource:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def problems(self) -> list[str]:
        """What could not be read so far, a sentence each; times in seconds from the bag's start."""
        return [self._sentence(damage) for damage in self.damage]

    @property
    def message_count(self) -> int:
        """Messages of all topics, by the files' indexes where they have them."""
        return sum(topic.count for topic in self.topics.values())

    def seconds(self, log_time_ns: int) -> float:
        """Return a log time as seconds from the bag's start."""
        return seconds_from_ns(log_time_ns - self.start_ns)

    def messages(self, topics: Collection[str] | None = None) -> Iterator[RawMessage]:
        """Yield the messages of some topics, or of all, in order of log time. May be called again and again."""
        for message in merged(part for file in self._files for part in file.parts(topics)):
            if message.data[:4] != ZSTD_MAGIC:
                yield message
                continue
            plain = self._decompressed(message)
            if plain is not None:
                yield plain

    def close(self) -> None:
        """Delete what was decompressed."""
        self._unpacked.cleanup()

    def _report(self, damage: Damage) -> None:
        if damage not in self.damage:
            self.damage.append(damage)

    def _sentence(self, damage: Damage) -> str:
        at = "" if damage.at_ns is None else f" (at {self.seconds(damage.at_ns):.3f} s)"
        return damage.what + at + (f"; topics {', '.join(damage.topics)}" if damage.topics else "")

    def _open_files(self) -> list[StorageFile]:
        paths, problems = files_of_bag(self.path)
        for problem in problems:
            self._report(Damage(problem))
        failures: list[SourceError] = []
        files = [file for path in paths if (file := self._open_file(path, failures)) is not None]
        if not files:
            raise failures[0]
        for failure in failures:
            self._report(Damage(f"{failure}; its messages are left out"))
        return files

    def _open_file(self, path: Path, failures: list[SourceError]) -> StorageFile | None:
        try:
            return _open_file(path, Path(self._unpacked.name), self._report)
        except SourceError as error:
            failures.append(error)
            return None

    def _join_topics(self) -> dict[str, BagTopic]:
        """Join the topics of all files; a topic that has two types keeps the first."""
        joined: dict[str, BagTopic] = {}
        for topic in (topic for file in self._files for topic in file.topics):
            known = joined.setdefault(topic.name, replace(topic, count=0))
            if known.type_name != topic.type_name:
                types = f"{known.type_name} and {topic.type_name}"
                self._report(Damage(f"{topic.name} has messages of two types: {types}", topics=(topic.name,)))
            joined[topic.name] = replace(
                known,
                count=known.count + topic.count,
                definition=known.definition or topic.definition,
                offered_qos=known.offered_qos or topic.offered_qos,
            )
        return dict(sorted(joined.items()))

    def _decompressed(self, message: RawMessage) -> RawMessage | None:
        try:
            data = zstandard.ZstdDecompressor().decompress(message.data, max_output_size=MAX_MESSAGE_BYTES)
        except (zstandard.ZstdError, MemoryError) as error:
            what = f"a compressed message cannot be read ({error}); it is left out"
            self._report(Damage(what, message.log_time_ns, (message.topic,)))
            return None
        return replace(message, data=data)


def open_bag(path: Path) -> BagSource:
    """Open a bag: a rosbag2 folder, a folder of .mcap or .db3 files, or such a file.

    An empty bag opens, too. Raises SourceError where there is no bag, or nothing of it can be read.
    """
    return BagSource(path)


def _open_file(path: Path, unpacked: Path, report: Report) -> StorageFile:
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    if head.startswith(mcap_records.MAGIC):
        return McapFile(path, report)
    if head == sqlite_storage.MAGIC:
        return SqliteFile(path, report)
    if head.startswith(ZSTD_MAGIC) and path.parent != unpacked:
        return _open_file(_unpack(path, unpacked, report), unpacked, report)
    if head.startswith(ROS1_MAGIC):
        raise SourceError(f"{path} is a ROS 1 bag; make a rosbag2 of it with: rosbags-convert --src {path} --dst DIR")
    if not head:
        raise SourceError(f"{path} is empty: its recorder wrote nothing")
    raise SourceError(f"{path} is no bag: neither MCAP nor a rosbag2 database")


def _unpack(path: Path, folder: Path, report: Report) -> Path:
    """Decompress a file as far as it goes."""
    unpacked = folder / path.name.removesuffix(".zstd")
    try:
        with path.open("rb") as packed, unpacked.open("wb") as plain:
            shutil.copyfileobj(
                zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True), plain, 2**20
            )
    except zstandard.ZstdError as error:
        report(Damage(f"{path.name} cannot be decompressed to its end ({error})"))
    except OSError as error:
        raise SourceError(f"{path} cannot be decompressed to {folder}: {error.strerror}") from error
    return unpacked
