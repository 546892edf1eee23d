"""What can be wrong with a bag, each kind found by one function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from sim2real_ad.bag.cameras import Camera
from sim2real_ad.bag.source import BagSource
from sim2real_ad.bag.timing import TopicTiming
from sim2real_ad.config import StrictModel
from sim2real_ad.types import ns_from_seconds, seconds_from_ns

Severity = Literal["error", "warning"]
Kind = Literal[
    "damaged",
    "empty",
    "missing_topic",
    "unknown_type",
    "undecodable",
    "gap",
    "wrong_rate",
    "stamps_back",
    "clock_restart",
    "other_epoch",
    "no_stamp",
    "repeated_stamps",
    "no_calibration",
    "several_cameras",
]
Timings = Mapping[str, TopicTiming]

GAP_MEDIANS, GAP_NS = 3.0, ns_from_seconds(0.2)
"""A gap is longer than so many median periods, and than this."""
SILENT_END_NS = ns_from_seconds(1.0)
"""A topic whose last message is longer before the bag's end has stopped."""
RATE_TOLERANCE = 0.1
"""Share by which a rate may differ from the expected one."""
RESTART_NS = ns_from_seconds(1.0)
"""Stamps of several topics that go back by this or more are a clock that began anew, as a simulator's does."""
EPOCH_NS = ns_from_seconds(3600.0)
"""Stamps that are farther than this from the log time are of another clock."""


class Finding(StrictModel):
    """Something wrong. topic: empty where it is of the whole bag; time_s: where it is seen, from the bag's start."""

    severity: Severity
    kind: Kind
    topic: str
    time_s: float
    text: str


def all_findings(
    source: BagSource, timings: Timings, cameras: list[Camera], expected: Mapping[str, float]
) -> Iterator[Finding]:
    """Yield what is wrong with a bag that has been read to its end. expected: rates in Hz by topic."""
    yield from unread(source, timings)
    for name, timing in timings.items():
        yield from unintelligible(source, name, timing)
        if timing.count and not timing.shared:
            yield from gaps(source, name, timing)
            yield from repeated_stamps(source, name, timing)
        yield from missing_stamps(source, name, timing)
    yield from stamps_back(source, {name: timing for name, timing in timings.items() if not timing.shared})
    yield from other_epochs(source, timings)
    yield from wrong_rates(source, timings, expected)
    yield from camera_findings(cameras)


def unread(source: BagSource, timings: Timings) -> Iterator[Finding]:
    """What the bag has lost, and whether anything is in it at all."""
    for damage, problem in zip(source.damage, source.problems, strict=True):
        time_s = 0.0 if damage.at_ns is None else source.seconds(damage.at_ns)
        topic = damage.topics[0] if len(damage.topics) == 1 else ""
        yield Finding(severity="error", kind="damaged", topic=topic, time_s=time_s, text=problem)
    if not any(timing.count for timing in timings.values()):
        yield Finding(severity="error", kind="empty", topic="", time_s=0.0, text="the bag holds no messages")


def unintelligible(source: BagSource, name: str, timing: TopicTiming) -> Iterator[Finding]:
    """Messages of unknown types, or that are not of their type."""
    if timing.count and not timing.topic.definition:
        text = f"{name}: the type {timing.topic.type_name or 'without a name'} is known neither to the bag nor here"
        yield Finding(severity="warning", kind="unknown_type", topic=name, time_s=0.0, text=text)
    if timing.unreadable:
        share = f"{timing.unreadable} of {timing.count} messages"
        text = f"{name}: no {timing.topic.type_name} in {share}; the first: {timing.reason}"
        time_s = source.seconds(timing.unreadable_ns)
        yield Finding(severity="error", kind="undecodable", topic=name, time_s=time_s, text=text)


def gaps(source: BagSource, name: str, timing: TopicTiming) -> Iterator[Finding]:
    """Periods that are far too long, of topics that keep one; and topics that fall silent before the end."""
    periods = timing.periods()
    median_ns = periods.median_ns
    if median_ns is None or not periods.periodic:
        return
    limit_ns, usual = max(GAP_MEDIANS * median_ns, GAP_NS), f"its period is {seconds(median_ns)}"
    seen = periods.longer_than(limit_ns)
    if seen is not None:
        many = "a gap" if seen.count == 1 else f"{seen.count} gaps, the longest"
        text = f"{name}: {many} of {seconds(seen.worst)}; {usual}"
        yield Finding(severity="error", kind="gap", topic=name, time_s=source.seconds(seen.worst_ns), text=text)
    last_ns = int(timing.log_ns[-1])
    if source.end_ns - last_ns > max(limit_ns, SILENT_END_NS):
        text = f"{name}: nothing in the last {seconds(source.end_ns - last_ns)} of the bag; {usual}"
        yield Finding(severity="error", kind="gap", topic=name, time_s=source.seconds(last_ns), text=text)


def repeated_stamps(source: BagSource, name: str, timing: TopicTiming) -> Iterator[Finding]:
    """Messages with the stamp of the one before."""
    seen = timing.repeats()
    if seen is not None:
        text = f"{name}: the stamp of the message before, in {seen.count} of {timing.count} messages"
        time_s = source.seconds(seen.first_ns)
        yield Finding(severity="warning", kind="repeated_stamps", topic=name, time_s=time_s, text=text)


def missing_stamps(source: BagSource, name: str, timing: TopicTiming) -> Iterator[Finding]:
    """Stamps of 0."""
    seen = timing.zeros()
    if seen is None:
        return
    every = seen.count == timing.count
    text = f"{name}: the stamp 0, which means none, in {seen.count} of {timing.count} messages"
    severity: Severity = "error" if every else "warning"
    yield Finding(severity=severity, kind="no_stamp", topic=name, time_s=source.seconds(seen.first_ns), text=text)


def stamps_back(source: BagSource, timings: Timings) -> Iterator[Finding]:
    """Stamps that go back; where several topics leap back, the clock began anew, and that is one finding."""
    leaps = {name: seen for name, timing in timings.items() if (seen := timing.steps_back(RESTART_NS)) is not None}
    if len(leaps) > 1:
        first_ns = min(seen.first_ns for seen in leaps.values())
        times = max(seen.count for seen in leaps.values())
        text = f"the clock began anew: the stamps of {len(leaps)} topics leap back, as often as {times} times"
        yield Finding(severity="warning", kind="clock_restart", topic="", time_s=source.seconds(first_ns), text=text)
    limit_ns = RESTART_NS if len(leaps) > 1 else None
    for name, timing in timings.items():
        seen = timing.steps_back(1, limit_ns)
        if seen is not None:
            text = f"{name}: stamps go back by up to {seconds(seen.worst)}, in {seen.count} of {timing.count} messages"
            time_s = source.seconds(seen.first_ns)
            yield Finding(severity="error", kind="stamps_back", topic=name, time_s=time_s, text=text)


def other_epochs(source: BagSource, timings: Timings) -> Iterator[Finding]:
    """Stamps of another clock than the log time, while those of other topics are of that one."""
    ahead = {name: ns for name, timing in timings.items() if (ns := timing.stamp_minus_log_ns()) is not None}
    apart = {name: ns for name, ns in ahead.items() if abs(ns) > EPOCH_NS}
    if len(apart) == len(ahead):  # all by a clock of their own, such as a simulator's
        return
    for name, ns in apart.items():
        text = f"{name}: stamps are {seconds(abs(ns))} {'ahead of' if ns > 0 else 'behind'} the time of recording"
        time_s = source.seconds(int(timings[name].log_ns[0]))
        yield Finding(severity="error", kind="other_epoch", topic=name, time_s=time_s, text=text)


def wrong_rates(source: BagSource, timings: Timings, expected: Mapping[str, float]) -> Iterator[Finding]:
    """Rates that differ from what was expected, and expected topics that are not there."""
    for name, wanted_hz in expected.items():
        timing = timings.get(name)
        if timing is None or timing.count == 0:
            text = f"{name}: expected at {wanted_hz:g} Hz, not in the bag"
            yield Finding(severity="error", kind="missing_topic", topic=name, time_s=0.0, text=text)
            continue
        rate_hz = timing.periods().rate_hz or 0.0
        if abs(rate_hz - wanted_hz) > RATE_TOLERANCE * wanted_hz:
            text = f"{name}: {rate_hz:.4g} Hz, expected {wanted_hz:g} Hz"
            yield Finding(severity="error", kind="wrong_rate", topic=name, time_s=0.0, text=text)


def camera_findings(cameras: list[Camera]) -> Iterator[Finding]:
    """Cameras without calibration, and more than the one that a policy looks through."""
    for camera in cameras:
        if camera.info is None:
            topic = camera.topics[0]
            text = f"{topic}: no {camera.namespace.rstrip('/')}/camera_info in the bag; name the camera yourself"
            yield Finding(severity="warning", kind="no_calibration", topic=topic, time_s=0.0, text=text)
    if len(cameras) > 1:
        names = ", ".join(camera.namespace for camera in cameras)
        text = f"{len(cameras)} cameras, where one is expected: {names}"
        yield Finding(severity="warning", kind="several_cameras", topic="", time_s=0.0, text=text)


def seconds(nanoseconds: float) -> str:
    """Return a duration as text."""
    return f"{seconds_from_ns(round(nanoseconds)):.3f} s"
