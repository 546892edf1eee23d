"""A piece of a bag as a bag of its own: from one moment to another, all topics or some."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from pathlib import Path

from sim2real_ad.bag.source import BagSource, BagTopic
from sim2real_ad.bag.write import BagWriter
from sim2real_ad.errors import ConfigError
from sim2real_ad.evaluation.mcap_stream import RawMessage
from sim2real_ad.types import NANOSECONDS

ABSOLUTE_FROM_S = 10**8
"""Numbers from here on (1973) are seconds since the epoch; smaller ones count from the bag's start."""
STATIC_TRANSFORMS = "tf2_msgs/msg/TFMessage"


@dataclass(frozen=True)
class Cut:
    """What was kept. counts: messages by topic; latched: topics whose last message before the cut was taken along;
    problems: what of the bag could not be read."""

    counts: dict[str, int]
    latched: tuple[str, ...]
    problems: tuple[str, ...]


def moment_ns(text: str, source: BagSource) -> int:
    """Return a moment as log time in ns.

    text: seconds from the bag's start, seconds since the epoch, or a date and time like 2026-01-31T12:00:00.500 (UTC
    where it names no zone). Raises ConfigError.
    """
    try:
        seconds = Decimal(text)
        if not seconds.is_finite() or seconds < 0:
            raise ConfigError(f"'{text}' is no moment: seconds must be 0 or more")
        nanoseconds = int(seconds * NANOSECONDS)
        return nanoseconds if seconds >= ABSOLUTE_FROM_S else source.start_ns + nanoseconds
    except InvalidOperation:
        return _ns_of_date(text)


def cut_bag(
    source: BagSource,
    out: Path,
    *,
    from_ns: int | None = None,
    to_ns: int | None = None,
    topics: Collection[str] = (),
) -> Cut:
    """Write the messages of [from_ns, to_ns) in log time; of some topics, or of all where none is named.

    What was latched before the cut is taken along at its start: the last message of each topic whose publishers offer
    it to late subscribers, or that has a single message; of static transforms, all.
    Raises ConfigError where nothing can be in the cut, a topic is not in the bag, or the folder exists.
    """
    start_ns, end_ns = source.start_ns if from_ns is None else from_ns, source.end_ns + 1 if to_ns is None else to_ns
    _check(source, start_ns, end_ns, topics)
    chosen = {name: topic for name, topic in source.topics.items() if not topics or name in topics}
    with BagWriter(out) as writer:
        for topic in chosen.values():
            writer.add_topic(topic)
        latched: dict[str, list[RawMessage]] = {name: [] for name, topic in chosen.items() if _is_latched(topic)}
        for message in _within(source, start_ns, end_ns, chosen, latched):
            writer.write(message)
        counts = {name: writer.counts[name] for name in chosen}
        return Cut(counts, tuple(name for name, kept in latched.items() if kept), tuple(source.problems))


def _within(
    source: BagSource, start_ns: int, end_ns: int, topics: Collection[str], latched: dict[str, list[RawMessage]]
) -> Iterator[RawMessage]:
    """Yield the messages of the cut, those that were latched before it first; `latched` is filled with them."""
    begun = False
    for message in source.messages(topics):
        if message.log_time_ns < start_ns:
            _remember(message, latched)
            continue
        if not begun:
            begun = True
            yield from _at(start_ns, latched)
        if message.log_time_ns >= end_ns:
            return
        yield message
    if not begun:
        yield from _at(start_ns, latched)


def _remember(message: RawMessage, latched: dict[str, list[RawMessage]]) -> None:
    kept = latched.get(message.topic)
    if kept is None:
        return
    if message.type_name != STATIC_TRANSFORMS:
        kept.clear()  # several nodes latch transforms on one topic, each its own
    kept.append(message)


def _at(start_ns: int, latched: dict[str, list[RawMessage]]) -> Iterator[RawMessage]:
    for message in sorted((m for kept in latched.values() for m in kept), key=lambda m: m.log_time_ns):
        yield replace(message, log_time_ns=start_ns)


def _is_latched(topic: BagTopic) -> bool:
    return topic.latched or topic.count == 1


def _check(source: BagSource, start_ns: int, end_ns: int, topics: Collection[str]) -> None:
    missing = sorted(set(topics) - source.topics.keys())
    if missing:
        raise ConfigError(f"{source.path} has no topic {', '.join(missing)}; it has {', '.join(source.topics)}")
    if start_ns > source.end_ns or end_ns <= source.start_ns:
        raise ConfigError(
            f"a cut from {source.seconds(start_ns):.3f} s to {source.seconds(end_ns):.3f} s holds nothing: "
            f"{source.path} has messages from 0 s to {source.seconds(source.end_ns):.3f} s"
        )
    if end_ns <= start_ns:
        raise ConfigError(f"a cut to {source.seconds(end_ns):.3f} s that begins at {source.seconds(start_ns):.3f} s")


def _ns_of_date(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise ConfigError(
            f"'{text}' is no moment: give seconds, or a date and time like 2026-01-31T12:00:00"
        ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (since.days * 86_400 + since.seconds) * NANOSECONDS + since.microseconds * 1000
