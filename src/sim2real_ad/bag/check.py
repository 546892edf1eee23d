"""Whether a bag is fit for use: figures of every topic, and what is wrong.

Read are the headers only, and the first message of each topic as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import NonNegativeFloat, NonNegativeInt

from sim2real_ad.bag.cameras import cameras_of
from sim2real_ad.bag.findings import Finding, all_findings
from sim2real_ad.bag.source import BagSource
from sim2real_ad.bag.timing import Clock, TopicTiming
from sim2real_ad.config import StrictModel
from sim2real_ad.types import NANOSECONDS


class TopicCheck(StrictModel):
    """A topic in figures.

    clock: what periods are measured by: the header stamps, or the log time where there are none; rate_hz: messages a
    second; jitter_s: 95 % of the periods are within this of the median. None where there are no two messages.
    """

    name: str
    type_name: str
    count: NonNegativeInt
    clock: Clock
    median_period_s: NonNegativeFloat | None
    rate_hz: NonNegativeFloat | None
    jitter_s: NonNegativeFloat | None
    longest_period_s: NonNegativeFloat | None


class BagCheck(StrictModel):
    """A bag, checked. messages: those that were read; findings: errors first, by time."""

    bag: str
    duration_s: NonNegativeFloat
    messages: NonNegativeInt
    topics: tuple[TopicCheck, ...]
    findings: tuple[Finding, ...]

    @property
    def fit(self) -> bool:
        """Whether nothing worse than a warning was found."""
        return all(finding.severity != "error" for finding in self.findings)


def check_bag(source: BagSource, expected: Mapping[str, float] | None = None) -> BagCheck:
    """Check a bag. expected: rates in Hz by topic; one that is not in the bag is an error."""
    timings = {name: TopicTiming(topic) for name, topic in source.topics.items()}
    for message in source.messages():
        timings[message.topic].add(message)
    cameras = cameras_of(source.topics, {name: timing.encoding for name, timing in timings.items()})
    findings = all_findings(source, timings, cameras, expected or {})
    return BagCheck(
        bag=str(source.path),
        duration_s=source.seconds(source.end_ns),
        messages=sum(timing.count for timing in timings.values()),
        topics=tuple(_figures(timing) for timing in timings.values()),
        findings=tuple(sorted(findings, key=lambda f: (f.severity, f.time_s, f.topic))),
    )


def _figures(timing: TopicTiming) -> TopicCheck:
    periods = timing.periods()
    return TopicCheck(
        name=timing.topic.name,
        type_name=timing.topic.type_name,
        count=timing.count,
        clock=periods.clock,
        median_period_s=_seconds(periods.median_ns),
        rate_hz=periods.rate_hz,
        jitter_s=_seconds(periods.jitter_ns),
        longest_period_s=_seconds(periods.longest_ns),
    )


def _seconds(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / NANOSECONDS
