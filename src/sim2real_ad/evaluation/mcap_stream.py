"""Read ROS messages from an MCAP file, front to back, without ROS. A file that a kill cut short is read to its end."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcap.exceptions import McapError
from mcap.records import Channel, Message, Schema
from mcap.stream_reader import StreamReader
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from sim2real_ad.errors import SourceError
from sim2real_ad.types import NANOSECONDS

UNREADABLE = (SerdeError, TypesysError, struct.error, ValueError, IndexError, KeyError, AssertionError, RecursionError)
"""What the decoder raises for definitions and data that are none."""


@dataclass(frozen=True)
class RawMessage:
    """One message as recorded. type_name: like sensor_msgs/msg/Image; data: CDR with its four byte header."""

    topic: str
    type_name: str
    definition: str
    log_time_ns: int
    data: bytes

    def leading_stamp_ns(self) -> int:
        """Return the stamp of a message that begins with a header or a time, without decoding the rest."""
        sec, nanosec = struct.unpack_from("<iI" if self.data[1] & 1 else ">iI", self.data, 4)
        return int(sec) * NANOSECONDS + int(nanosec)


class McapStream:
    """The messages of one file, in the order in which they were recorded.

    cut_short: after the last message, why the file ended before its end mark; empty where it is whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut_short = ""

    def __iter__(self) -> Iterator[RawMessage]:
        """Yield every message. Raises SourceError where the file is missing or no MCAP file at all."""
        schemas: dict[int, Schema] = {}
        channels: dict[int, tuple[str, str, str]] = {}
        started = False
        try:
            with self.path.open("rb") as file:
                for record in StreamReader(file).records:
                    started = True
                    if isinstance(record, Schema):
                        schemas[record.id] = record
                    elif isinstance(record, Channel):
                        schema = schemas[record.schema_id]
                        channels[record.id] = (record.topic, schema.name, schema.data.decode())
                    elif isinstance(record, Message):
                        yield RawMessage(*channels[record.channel_id], record.log_time, record.data)
        except OSError as error:
            raise SourceError(f"recording {self.path}: {error.strerror}") from error
        except (McapError, struct.error, zlib.error, ValueError, KeyError, EOFError) as error:
            reason = str(error) or type(error).__name__
            if not started:
                raise SourceError(f"recording {self.path} is no MCAP file: {reason}") from error
            self.cut_short = f"{self.path.name} ends in the middle: {reason}"


class MessageDecoder:
    """Decodes messages by the definitions that the file itself carries."""

    def __init__(self) -> None:
        self._stores: dict[str, Typestore] = {}

    def __call__(self, message: RawMessage) -> Any:
        """Return the message as an object with the fields of its type; arrays as numpy arrays.

        Raises SourceError where the data do not match the definition.
        """
        try:
            return self._store(message).deserialize_cdr(message.data, message.type_name)
        except UNREADABLE as error:
            raise SourceError(f"{message.topic}: not a readable {message.type_name}: {error}") from error

    def _store(self, message: RawMessage) -> Typestore:
        store = self._stores.get(message.type_name)
        if store is None:
            store = self._stores[message.type_name] = get_typestore(Stores.EMPTY)
            store.register(get_types_from_msg(message.definition, message.type_name))
        return store
