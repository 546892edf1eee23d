"""An MCAP file of a bag: its topics, and its messages a chunk at a time. What is damaged is left out and reported."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

from mcap.opcode import Opcode
from mcap.records import Channel

from sim2real_ad.bag.definitions import definition_text, full_type_name
from sim2real_ad.bag.mcap_index import McapIndex, Stretch, index_file
from sim2real_ad.bag.mcap_records import MAGIC, MESSAGE, UNREADABLE, walk
from sim2real_ad.bag.storage import BagTopic, Damage, Part, Report, qos_from_text
from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.mcap_stream import RawMessage

Entry = tuple[int, int, int, BagTopic]
"""A message within a chunk: log time in ns, start and end of its data, topic."""


class McapFile:
    """One MCAP file, whole, cut short or damaged."""

    def __init__(self, path: Path, report: Report) -> None:
        """Raises SourceError where the file cannot be opened or is no MCAP file."""
        self._path, self._report = path, report
        try:
            with path.open("rb") as file:
                if file.read(len(MAGIC)) != MAGIC:
                    raise SourceError(f"{path} is no MCAP file")
                index = index_file(path, file, report)
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror}") from error
        self._stretches = index.stretches
        self._topic_of_channel = self._topics_of_channels(index)
        self.topics = list(self._topic_of_channel.values())
        starts, ends = [s.start_ns for s in index.stretches], [s.end_ns for s in index.stretches]
        self.span_ns = (min(starts), max(ends)) if starts else None

    def parts(self, topics: Collection[str] | None) -> list[Part]:
        """Return the chunks that may hold messages of the topics; None: of all."""
        wanted = {c: t for c, t in self._topic_of_channel.items() if topics is None or t.name in topics}
        return [
            Part(stretch.start_ns, partial(self._read, stretch, wanted))
            for stretch in self._stretches
            if not stretch.counts or not wanted.keys().isdisjoint(stretch.counts)
        ]

    def _topics_of_channels(self, index: McapIndex) -> dict[int, BagTopic]:
        topics = {}
        for number, channel in sorted(index.channels.items()):
            if channel.message_encoding == "cdr":
                topics[number] = _topic(channel, index)
            else:
                what = f"{channel.topic} is encoded as '{channel.message_encoding}', not as cdr; it is left out"
                self._report(Damage(what, topics=(channel.topic,)))
        return topics

    def _read(self, stretch: Stretch, wanted: dict[int, BagTopic]) -> Iterator[RawMessage]:
        try:
            with self._path.open("rb") as file:
                content = stretch.content(file)
        except (OSError, *UNREADABLE) as error:
            self._report(self._damage(stretch, f"cannot be read ({error}); it is left out"))
            return
        entries: list[Entry] = []
        try:
            _find_messages(content, wanted, entries)
        except UNREADABLE as error:
            self._report(self._damage(stretch, f"is damaged ({error}); what follows in it is left out"))
        for log_time_ns, start, end, topic in sorted(entries, key=_by_time):
            yield RawMessage(topic.name, topic.type_name, topic.definition, log_time_ns, content[start:end])

    def _damage(self, stretch: Stretch, what: str) -> Damage:
        names = {self._topic_of_channel[c].name for c in stretch.counts if c in self._topic_of_channel}
        return Damage(
            f"a chunk at byte {stretch.offset} of {self._path.name} {what}", stretch.start_ns, tuple(sorted(names))
        )


def _find_messages(content: bytes, wanted: dict[int, BagTopic], found: list[Entry]) -> None:
    """Add the wanted messages of a chunk to those found. Raises ValueError where its records do not hang together."""
    unpack, message = MESSAGE.unpack_from, int(Opcode.MESSAGE)
    for opcode, start, end in walk(content):
        if opcode == message:
            if end - start < MESSAGE.size:
                raise ValueError("a message is too short")
            channel, _, log_time_ns, _ = unpack(content, start)
            topic = wanted.get(channel)
            if topic is not None:
                found.append((log_time_ns, start + MESSAGE.size, end, topic))


def _by_time(entry: Entry) -> tuple[int, int]:
    return entry[:2]


def _topic(channel: Channel, index: McapIndex) -> BagTopic:
    schema = index.schemas.get(channel.schema_id)
    type_name = full_type_name(schema.name) if schema is not None else ""
    definition = ""
    if schema is not None:
        definition = definition_text(type_name, schema.encoding, schema.data.decode(errors="replace"))
    qos = qos_from_text(channel.metadata.get("offered_qos_profiles", ""))
    return BagTopic(channel.topic, type_name, index.counts[channel.id], definition, qos)
