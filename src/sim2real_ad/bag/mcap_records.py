"""The records of MCAP, from bytes. Chunks are walked here: the library makes an object of every record in them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO

import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Schema
from mcap.stream_reader import get_chunk_data_stream

MAGIC = b"\x89MCAP0\r\n"
RECORD = struct.Struct("<BQ")
"""Opcode and length of the body, which follows."""
MESSAGE = struct.Struct("<HIQQ")
"""Channel, sequence, log time and publish time, in ns; the data follow."""
CHUNK = struct.Struct("<QQQI")
"""First and last log time in ns, size and CRC of the content; compression and data follow."""
COMPRESSIONS = ("", "lz4", "zstd")
MAX_CHUNK_BYTES = 2**31

UNREADABLE = (McapError, struct.error, zlib.error, zstandard.ZstdError, ValueError, EOFError, RuntimeError, MemoryError)
"""What the library and the decompressors raise over bytes that are not what they should be."""


def chunk_content(body: bytes) -> bytes:
    """Return the records within a chunk, decompressed and checked. Raises ValueError where it is damaged."""
    try:
        start_ns, end_ns, size, crc = CHUNK.unpack_from(body)
        compression, data = _compression_and_data(body[CHUNK.size :])
        if compression not in COMPRESSIONS:
            raise ValueError(f"unknown compression '{compression}'")
        if size > MAX_CHUNK_BYTES:
            raise ValueError(f"a chunk of {size} bytes")
        chunk = Chunk(compression, data, end_ns, start_ns, crc, size)
        stream, length = get_chunk_data_stream(chunk, validate_crc=True)
        if length != size:
            raise ValueError(f"{length} bytes instead of {size}")
        return bytes(stream.read(length))
    except UNREADABLE as error:
        raise ValueError(str(error) or type(error).__name__) from error


def walk(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield opcode, start and end of the body of each record. Raises ValueError where one goes beyond the end."""
    position, size = 0, len(content)
    while position < size:
        if size - position < RECORD.size:
            raise ValueError("it ends within a record")
        opcode, length = RECORD.unpack_from(content, position)
        start = position + RECORD.size
        position = start + length
        if position > size:
            raise ValueError("a record goes beyond its end")
        yield opcode, start, position


def definition_record(opcode: int, body: bytes) -> Schema | Channel | None:
    """Read a schema or a channel; None for another record. Raises ValueError where it is damaged."""
    kind = {Opcode.SCHEMA: Schema, Opcode.CHANNEL: Channel}.get(opcode)
    if kind is None:
        return None
    try:
        return kind.read(ReadDataStream(BytesIO(body)))
    except UNREADABLE as error:
        raise ValueError(str(error) or type(error).__name__) from error


def _compression_and_data(rest: bytes) -> tuple[str, bytes]:
    (length,) = struct.unpack_from("<I", rest)
    compression = rest[4 : 4 + length].decode()
    (size,) = struct.unpack_from("<Q", rest, 4 + length)
    data = rest[12 + length : 12 + length + size]
    if len(data) != size:
        raise ValueError("its data go beyond its end")
    return compression, data
