"""Where the messages of an MCAP file lie: by its summary, or, where it has none, by a walk over its records."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from mcap.opcode import Opcode
from mcap.records import Channel, ChunkIndex, Footer, Schema, Statistics
from mcap.stream_reader import StreamReader

from sim2real_ad.bag.mcap_records import (
    CHUNK,
    MAGIC,
    MESSAGE,
    RECORD,
    UNREADABLE,
    chunk_content,
    definition_record,
    walk,
)
from sim2real_ad.bag.storage import Damage, Report

FOOTER_BYTES = RECORD.size + 20
RUN_BYTES = 2**20
"""Messages outside of chunks are taken together in runs of this size."""


@dataclass
class Stretch:
    """A chunk, or a run of messages outside of chunks.

    offset, length: in the file, with the chunk's record header; counts: messages by channel, as far as is known.
    """

    offset: int
    length: int
    start_ns: int
    end_ns: int
    counts: dict[int, int] = field(default_factory=dict)
    chunked: bool = True

    def content(self, file: BinaryIO) -> bytes:
        """Return its records. Raises ValueError where it is damaged, OSError."""
        file.seek(self.offset)
        data = file.read(self.length)
        if len(data) < self.length:
            raise ValueError("the file ends within it")
        return chunk_content(data[RECORD.size :]) if self.chunked else data


@dataclass
class McapIndex:
    """What a file holds. counts: messages by channel."""

    schemas: dict[int, Schema] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    stretches: list[Stretch] = field(default_factory=list)
    counts: Counter[int] = field(default_factory=Counter)


def index_file(path: Path, file: BinaryIO, report: Report) -> McapIndex:
    """Index an open MCAP file as far as it can be read; what cannot is reported. Raises OSError."""
    size = path.stat().st_size
    footer = _footer(file, size)
    summary_damaged = False
    try:
        summary = _summary(file, size, footer) if footer is not None and footer.summary_start else None
    except UNREADABLE:
        summary, summary_damaged = None, True
    if summary is not None:
        return summary
    walker = _Walker(path.name, file, size, report)
    walker.walk()
    if footer is None:
        report(Damage(f"{path.name} ends in the middle, at byte {walker.position} of {size}", walker.last_ns()))
    elif not walker.at_end:
        report(Damage(f"{path.name} is damaged at byte {walker.position}; the rest is lost", walker.last_ns()))
    elif summary_damaged:
        report(Damage(f"the index of {path.name} is damaged; it was read front to back"))
    return walker.index


def _footer(file: BinaryIO, size: int) -> Footer | None:
    """Return the footer of a file that was finished, else None."""
    tail_bytes = FOOTER_BYTES + len(MAGIC)
    if size < len(MAGIC) + tail_bytes:
        return None
    file.seek(size - tail_bytes)
    tail = file.read(tail_bytes)
    if not tail.endswith(MAGIC) or RECORD.unpack_from(tail) != (Opcode.FOOTER, 20):
        return None
    return next(iter(StreamReader(BytesIO(tail), skip_magic=True).records))


def _summary(file: BinaryIO, size: int, footer: Footer) -> McapIndex | None:
    """Return the index that the summary gives; None where it does not tell all that is needed.

    Raises one of UNREADABLE where it is damaged.
    """
    end = size - FOOTER_BYTES - len(MAGIC)
    if not len(MAGIC) < footer.summary_start <= end:
        raise ValueError("it lies outside of the file")
    file.seek(footer.summary_start)
    data = file.read(size - footer.summary_start)
    crc = zlib.crc32(data[: end - footer.summary_start + FOOTER_BYTES - 4])
    if footer.summary_crc not in (0, crc):
        raise ValueError("its checksum is another")
    return _index_from_summary(StreamReader(BytesIO(data), skip_magic=True), footer.summary_start)


def _index_from_summary(reader: StreamReader, data_end: int) -> McapIndex | None:
    index, statistics, chunks = McapIndex(), None, []
    for record in reader.records:
        if isinstance(record, Schema):
            index.schemas[record.id] = record
        elif isinstance(record, Channel):
            index.channels[record.id] = record
        elif isinstance(record, Statistics):
            statistics = record
        elif isinstance(record, ChunkIndex):
            chunks.append(record)
    if statistics is None or len(chunks) != statistics.chunk_count or not (chunks or statistics.message_count == 0):
        return None
    index.counts = Counter(statistics.channel_message_counts)
    index.stretches = [_stretch(chunk) for chunk in chunks if not _is_empty(chunk)]
    mentioned = {*index.counts, *(channel for stretch in index.stretches for channel in stretch.counts)}
    if any(stretch.offset + stretch.length > data_end for stretch in index.stretches):
        raise ValueError("it places a chunk outside of the file")
    named = {channel.schema_id for channel in index.channels.values()} - {0}
    return index if mentioned <= index.channels.keys() and named <= index.schemas.keys() else None


def _is_empty(chunk: ChunkIndex) -> bool:
    """Tell whether a chunk has definitions only: its times are 0 then, or were never set."""
    start_ns, end_ns = chunk.message_start_time, chunk.message_end_time
    return not chunk.message_index_offsets and (start_ns > end_ns or end_ns == 0)


def _stretch(chunk: ChunkIndex) -> Stretch:
    # How often each channel occurs is not said; that it does, is.
    counts = dict.fromkeys(chunk.message_index_offsets, 1)
    start, length = chunk.chunk_start_offset, chunk.chunk_length
    return Stretch(start, length, chunk.message_start_time, chunk.message_end_time, counts)


class _Walker:
    """Goes from record to record, without reading the messages. position: of the next record, in bytes."""

    def __init__(self, name: str, file: BinaryIO, size: int, report: Report) -> None:
        self.index = McapIndex()
        self.position = len(MAGIC)
        self.at_end = False
        self._name, self._file, self._size, self._report = name, file, size, report
        self._unsettled: Stretch | None = None

    def walk(self) -> None:
        """Go as far as the records hang together."""
        while not self.at_end and self.position + RECORD.size <= self._size:
            self._file.seek(self.position)
            opcode, length = RECORD.unpack(self._file.read(RECORD.size))
            if opcode == 0 or length > self._size - self.position - RECORD.size:
                break
            try:
                self._take(opcode, length)
            except UNREADABLE:
                break
            self.position += RECORD.size + length
        self._settle(whole=False)

    def last_ns(self) -> int | None:
        """Return the log time of the last message that can be read, ns."""
        return max((stretch.end_ns for stretch in self.index.stretches), default=None)

    def _take(self, opcode: int, length: int) -> None:
        if opcode == Opcode.MESSAGE_INDEX:
            self._count(self._file.read(min(length, 6)), length)
            return
        self._settle(whole=True)
        self._file.seek(self.position + RECORD.size)
        if opcode == Opcode.CHUNK:
            start_ns, end_ns, _, _ = CHUNK.unpack(self._file.read(CHUNK.size))
            self._unsettled = Stretch(self.position, RECORD.size + length, start_ns, end_ns)
        elif opcode == Opcode.MESSAGE:
            channel, _, log_time_ns, _ = MESSAGE.unpack(self._file.read(MESSAGE.size))
            self._extend_run(channel, log_time_ns, RECORD.size + length)
        elif opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
            self._learn(opcode, self._file.read(length))
        self.at_end = opcode in (Opcode.DATA_END, Opcode.FOOTER)

    def _learn(self, opcode: int, body: bytes) -> None:
        record = definition_record(opcode, body)
        if isinstance(record, Schema):
            self.index.schemas[record.id] = record
        elif isinstance(record, Channel):
            self.index.channels[record.id] = record

    def _extend_run(self, channel: int, log_time_ns: int, length: int) -> None:
        run = self.index.stretches[-1] if self.index.stretches else None
        adjoins = run is not None and not run.chunked and run.offset + run.length == self.position
        if run is None or not adjoins or run.length >= RUN_BYTES:
            run = Stretch(self.position, 0, log_time_ns, log_time_ns, chunked=False)
            self.index.stretches.append(run)
        run.length += length
        run.start_ns, run.end_ns = min(run.start_ns, log_time_ns), max(run.end_ns, log_time_ns)
        _add(run.counts, {channel: 1})
        _add(self.index.counts, {channel: 1})

    def _count(self, head: bytes, length: int) -> None:
        """Take in the message index of a channel: 16 bytes a message follow its id and size."""
        if self._unsettled is not None:
            _add(self._unsettled.counts, {int.from_bytes(head[:2], "little"): max(0, length - 6) // 16})

    def _settle(self, *, whole: bool) -> None:
        """Take in the last chunk. It is opened only where its message indexes do not tell all that is needed.

        whole: its message indexes have all been seen.
        """
        stretch, self._unsettled = self._unsettled, None
        if stretch is None:
            return
        if not whole or not stretch.counts or not stretch.counts.keys() <= self.index.channels.keys():
            try:
                stretch.counts = self._counts_within(stretch.content(self._file))
            except ValueError as error:
                what = f"a chunk at byte {stretch.offset} of {self._name} cannot be read ({error}); it is left out"
                self._report(Damage(what, stretch.start_ns))
                return
        if not stretch.counts:
            return
        self.index.stretches.append(stretch)
        _add(self.index.counts, stretch.counts)

    def _counts_within(self, content: bytes) -> dict[int, int]:
        counts: Counter[int] = Counter()
        for opcode, start, end in walk(content):
            if opcode == Opcode.MESSAGE:
                counts[MESSAGE.unpack_from(content, start)[0]] += 1
            elif opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
                self._learn(opcode, content[start:end])
        return dict(counts)


def _add(counts: dict[int, int], more: Mapping[int, int]) -> None:
    for channel, count in more.items():
        counts[channel] = counts.get(channel, 0) + count
