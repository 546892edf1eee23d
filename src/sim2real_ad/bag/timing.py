"""When the messages of a topic were recorded and stamped, and what periods they keep. 16 bytes a message."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.bag.definitions import BagDecoder, begins_with_stamp
from sim2real_ad.bag.storage import BagTopic
from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.mcap_stream import RawMessage
from sim2real_ad.types import NANOSECONDS

Clock = Literal["stamp", "log"]
Nanoseconds = NDArray[np.int64]

SHARED_TYPES = frozenset(
    ("diagnostic_msgs/msg/DiagnosticArray", "rcl_interfaces/msg/Log", "sim2real_ad_msgs/msg/FrameTiming")
)
"""Several nodes publish these on one topic, so that their stamps interleave."""
LAST_NS = 2**63 - 1
"""The last moment that ROS can name; MCAP can name later ones."""
MIN_PERIODIC = 10
PERIODIC_SHARE, PERIODIC_WITHIN = 0.8, 0.5
"""A topic is periodic where this share of its periods differs from the median by no more than this share of it."""


@dataclass(frozen=True)
class Seen:
    """Something that was seen a number of times. first_ns, worst_ns: log times; worst: its size in ns."""

    count: int
    first_ns: int
    worst_ns: int
    worst: int


@dataclass(frozen=True)
class Periods:
    """The periods of a topic. steps_ns: from each message to the next; at_ns: log time of the latter; clock: theirs."""

    clock: Clock
    steps_ns: Nanoseconds
    at_ns: Nanoseconds

    @property
    def median_ns(self) -> float | None:
        """Median period in ns; None without two messages of different times."""
        return float(np.median(self._positive)) if self._positive.size else None

    @property
    def longest_ns(self) -> float | None:
        """Longest period in ns."""
        return float(self._positive.max()) if self._positive.size else None

    @property
    def rate_hz(self) -> float | None:
        """Messages a second, where the clock runs forward."""
        forward = self.steps_ns[self.steps_ns >= 0]
        return forward.size * NANOSECONDS / float(forward.sum()) if self._positive.size else None

    @property
    def jitter_ns(self) -> float | None:
        """95 % of the periods are within this of the median, ns."""
        median = self.median_ns
        return None if median is None else float(np.percentile(np.abs(self._positive - median), 95.0))

    @property
    def periodic(self) -> bool:
        """Whether the topic keeps a period at all."""
        median, periods = self.median_ns, self._positive
        if median is None or periods.size < MIN_PERIODIC:
            return False
        return bool(np.mean(np.abs(periods - median) <= PERIODIC_WITHIN * median) >= PERIODIC_SHARE)

    def longer_than(self, limit_ns: float) -> Seen | None:
        """Return the periods that are longer than a limit."""
        return _seen(self.steps_ns, self.at_ns, self.steps_ns > limit_ns)

    @property
    def _positive(self) -> Nanoseconds:
        return self.steps_ns[self.steps_ns > 0]


class TopicTiming:
    """Takes a topic's messages, in order of log time.

    unreadable: messages that are not of their type, by their headers, and the first of all by its whole; encoding: of
    the first, where it is a picture.
    """

    def __init__(self, topic: BagTopic) -> None:
        self.topic = topic
        self.count = 0
        self.encoding = ""
        self.unreadable = 0
        self.unreadable_ns = 0
        self.reason = ""
        self.stamped = begins_with_stamp(topic.definition, topic.type_name)
        self.shared = topic.type_name in SHARED_TYPES
        self._log, self._stamps = array("q"), array("q")

    @property
    def log_ns(self) -> Nanoseconds:
        """Log times of the readable messages, ns."""
        return np.array(self._log, np.int64)

    @property
    def stamps_ns(self) -> Nanoseconds:
        """Their stamps, ns; empty where the type has none."""
        return np.array(self._stamps, np.int64)

    def add(self, message: RawMessage) -> None:
        """Take the next message."""
        self.count += 1
        try:
            if self.count == 1 and self.topic.definition:
                self.encoding = str(getattr(BagDecoder()(message), "encoding", ""))
            if self.stamped:
                self._stamps.append(message.leading_stamp_ns())
        except (struct.error, IndexError):
            self._refuse(message, f"{len(message.data)} bytes hold no header")
            return
        except SourceError as error:
            self._refuse(message, str(error))
            return
        self._log.append(min(message.log_time_ns, LAST_NS))

    def periods(self) -> Periods:
        """Return the periods, by the stamps where they tell the messages apart, else by the log time."""
        stamps, log = self.stamps_ns, self.log_ns
        clock: Clock = "stamp" if stamps.size and stamps.min() != stamps.max() else "log"
        return Periods(clock, np.diff(stamps if clock == "stamp" else log), log[1:])

    def steps_back(self, at_least_ns: int, below_ns: int | None = None) -> Seen | None:
        """Return where the stamps go back by at_least_ns or more, and less than below_ns."""
        back = -np.diff(self.stamps_ns)
        fits = back >= at_least_ns if below_ns is None else (back >= at_least_ns) & (back < below_ns)
        return _seen(back, self.log_ns[1:], fits)

    def repeats(self) -> Seen | None:
        """Return where a stamp is that of the message before."""
        steps = np.diff(self.stamps_ns)
        return _seen(steps, self.log_ns[1:], (steps == 0) & (self.stamps_ns[1:] != 0))

    def zeros(self) -> Seen | None:
        """Return where the stamp is 0, which means that there is none."""
        return _seen(self.stamps_ns, self.log_ns, self.stamps_ns == 0)

    def stamp_minus_log_ns(self) -> float | None:
        """Return how far the stamps are ahead of the log time, ns, in the median; None where there are none."""
        stamps = self.stamps_ns
        given = stamps != 0
        return float(np.median(stamps[given] - self.log_ns[given])) if given.any() else None

    def _refuse(self, message: RawMessage, reason: str) -> None:
        if not self.unreadable:
            self.unreadable_ns, self.reason = message.log_time_ns, reason
        self.unreadable += 1


def _seen(values: Nanoseconds, at_ns: Nanoseconds, where: NDArray[np.bool_]) -> Seen | None:
    if not where.any():
        return None
    times, found = at_ns[where], values[where]
    worst = int(found.argmax())
    return Seen(int(where.sum()), int(times[0]), int(times[worst]), int(found[worst]))
