"""What a file of a bag offers, whatever its format, and how its parts become one stream in order of log time."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rosbags.interfaces import Qos, QosDurability
from rosbags.rosbag2 import ReaderError
from rosbags.rosbag2.metadata import parse_qos

from sim2real_ad.evaluation.mcap_stream import RawMessage


@dataclass(frozen=True)
class BagTopic:
    """A topic of a bag.

    type_name: like sensor_msgs/msg/Image; count: messages, by the file's index where it has one; definition: .msg text
    of the type with all that it holds, empty where nobody knows it; offered_qos: of its publishers, as recorded.
    """

    name: str
    type_name: str
    count: int
    definition: str
    offered_qos: tuple[Qos, ...] = ()

    @property
    def latched(self) -> bool:
        """Whether late subscribers got the last message, too."""
        return any(qos.durability == QosDurability.TRANSIENT_LOCAL for qos in self.offered_qos)


@dataclass(frozen=True)
class Damage:
    """Something that could not be read. at_ns: log time, None where unknown; topics: those that miss messages."""

    what: str
    at_ns: int | None = None
    topics: tuple[str, ...] = ()


Report = Callable[[Damage], None]


@dataclass(frozen=True)
class Part:
    """A stretch of a file. start_ns: no message is older; read: yields its messages in order of log time."""

    start_ns: int
    read: Callable[[], Iterator[RawMessage]]


class StorageFile(Protocol):
    """One file of a bag."""

    @property
    def topics(self) -> Sequence[BagTopic]:
        """Its topics, one a channel."""
        ...

    @property
    def span_ns(self) -> tuple[int, int] | None:
        """Log time of the first and the last message in ns; None where there is none."""
        ...

    def parts(self, topics: Collection[str] | None) -> list[Part]:
        """Return the parts that may hold messages of the topics; None: of all."""
        ...


def merged(parts: Iterable[Part]) -> Iterator[RawMessage]:
    """Yield the messages of all parts in order of log time; of equal times, those of the earlier part first.

    A part is opened when its time has come, so only parts that overlap are in memory together.
    """
    waiting = deque(enumerate(sorted(parts, key=lambda part: part.start_ns)))
    active: list[tuple[int, int, RawMessage, Iterator[RawMessage]]] = []
    while waiting or active:
        if waiting and (not active or waiting[0][1].start_ns <= active[0][0]):
            order, part = waiting.popleft()
            messages = part.read()
            first = next(messages, None)
            if first is not None:
                heapq.heappush(active, (first.log_time_ns, order, first, messages))
            continue
        _, order, message, messages = active[0]
        yield message
        following = next(messages, None)
        if following is None:
            heapq.heappop(active)
        else:
            heapq.heapreplace(active, (following.log_time_ns, order, following, messages))


def qos_from_text(text: str) -> tuple[Qos, ...]:
    """Read offered_qos_profiles as rosbag2 writes them; empty where they cannot be read."""
    try:
        return tuple(parse_qos(text))
    except (ReaderError, KeyError, TypeError, ValueError, AttributeError):
        return ()
