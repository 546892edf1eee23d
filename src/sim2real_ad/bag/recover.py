"""A bag that is cut short or damaged, as a whole one with all that can still be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sim2real_ad.bag.source import open_bag
from sim2real_ad.bag.write import BagWriter


@dataclass(frozen=True)
class Recovery:
    """What was saved.

    saved: messages by topic; until_s: when the last of them was recorded, seconds from the bag's start; problems: what
    was wrong and what is lost, empty where the bag was whole.
    """

    saved: dict[str, int]
    until_s: float
    problems: tuple[str, ...]


def recover_bag(path: Path, out: Path) -> Recovery:
    """Write a whole bag of what can be read of another, messages byte by byte.

    Raises SourceError where nothing can be read, ConfigError where the folder exists.
    """
    with open_bag(path) as source, BagWriter(out) as writer:
        until_ns = source.start_ns
        for topic in source.topics.values():
            writer.add_topic(topic)
        for message in source.messages():
            writer.write(message)
            until_ns = message.log_time_ns
        saved = {name: writer.counts[name] for name in source.topics}
        return Recovery(saved, source.seconds(until_ns), tuple(source.problems))
