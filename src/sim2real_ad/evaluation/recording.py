"""A recorded drive as one log an episode: signals by their stamps, and a few pictures. Streams; memory stays bounded.

An episode is what lies between RUNNING and FINISHED or FAILED on /simulation/episode; a recording without that topic
(a shadow or vehicle drive) is one episode. Messages belong to an episode by their stamp, not by their place in the
file, since topics reach the recorder in no fixed order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.episode_log import SIGNAL_SOURCES, EpisodeLog, GateEvent, Signal, StageTiming
from sim2real_ad.evaluation.keyframes import IMAGE_TYPES, OBSERVATION_TYPE, KeyFrames
from sim2real_ad.evaluation.mcap_stream import McapStream, MessageDecoder, RawMessage
from sim2real_ad.evaluation.results import EpisodeResult
from sim2real_ad.types import ns_from_seconds

RUNNING, FINISHED, FAILED = 1, 2, 3
EPISODE_TOPIC = "/simulation/episode"
ROUTE_TYPE = "sim2real_ad_msgs/msg/Route"
TIMING_TYPE = "sim2real_ad_msgs/msg/FrameTiming"
GATE_TYPE = "sim2real_ad_msgs/msg/GateStatus"
PICTURE_TYPES = (OBSERVATION_TYPE, *IMAGE_TYPES)
USED_TYPES = {TIMING_TYPE, GATE_TYPE, *PICTURE_TYPES}
EARLY_NS = 1_000_000_000
"""How far an episode's messages may run ahead of its RUNNING in the file, in stamps."""
MAX_WAITING = 400
"""Messages held while no episode is known; more, without any RUNNING so far, mean a drive without episodes."""
MAX_PICTURES = 6


Wanted = Callable[[str, int | None], bool]


@dataclass
class Recording:
    """Every episode of one or more files. problems: what could not be read, a line each."""

    episodes: list[EpisodeLog] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_recording(paths: Iterable[Path], wanted: Wanted = lambda _scenario, _seed: True) -> Recording:
    """Read recordings, in order, as far as they go.

    wanted: tells whether an episode's signals and pictures are needed; the others keep their result only, which is
    much quicker. Raises SourceError where a file is missing or no MCAP file.
    """
    recording = Recording()
    for path in paths:
        stream = McapStream(path)
        builder = _Builder(recording, wanted)
        for message in stream:
            builder.add(message)
        builder.finish()
        if stream.cut_short:
            recording.problems.append(stream.cut_short)
    return recording


class _Builder:
    """Sorts the messages of one file into episodes."""

    def __init__(self, recording: Recording, wanted: Wanted) -> None:
        self._recording = recording
        self._wanted = wanted
        self._decode = MessageDecoder()
        self._unreadable: set[str] = set()
        self._announced = False
        self._route = np.zeros((0, 2))
        self._waiting: list[tuple[int, RawMessage]] = []
        self._current: EpisodeLog | None = None
        self._frames = KeyFrames(self._decode)

    def add(self, message: RawMessage) -> None:
        """Take the next message, in the order of the file. Raises SourceError where it cannot be decoded."""
        if message.topic == EPISODE_TOPIC:
            self._change_state(message)
        elif message.type_name == ROUTE_TYPE:
            self._route = _route_points(self._decode(message))
            if self._current is not None:
                self._current.route = self._route
        elif message.topic in SIGNAL_SOURCES or message.type_name in USED_TYPES:
            self._sort_in(message.leading_stamp_ns(), message)

    def finish(self) -> None:
        """Close the last episode; without any announcement, what there is makes one."""
        if self._current is None and not self._announced and self._waiting:
            self._begin_unannounced()
        self._close(None)

    def _change_state(self, message: RawMessage) -> None:
        status = self._decode(message)
        if status.state == RUNNING:
            if self._announced:
                self._close(None)
            self._announced = True
            start_ns = message.leading_stamp_ns()
            self._begin(status.scenario, int(status.seed), start_ns, start_ns + EARLY_NS)
        elif status.state in (FINISHED, FAILED) and self._current is not None:
            self._current.failure = status.message
            self._current.result = self._judged(status.result)
            self._close(message.leading_stamp_ns())

    def _judged(self, text: str) -> EpisodeResult | None:
        try:
            return EpisodeResult.model_validate_json(text) if text else None
        except ValueError as error:
            self._recording.problems.append(f"{EPISODE_TOPIC}: unreadable result: {error}")
            return None

    def _begin_unannounced(self) -> None:
        stamps = [stamp for stamp, _ in self._waiting]
        self._begin("", None, min(stamps), max(stamps))

    def _begin(self, scenario: str, seed: int | None, start_ns: int, early_until_ns: int) -> None:
        self._current = EpisodeLog(scenario, seed, start_ns, route=self._route)
        self._frames = KeyFrames(self._decode)
        early, self._waiting = self._waiting, []
        for stamp_ns, message in early:
            if start_ns <= stamp_ns <= early_until_ns:
                self._store(self._current, stamp_ns, message)

    def _close(self, end_ns: int | None) -> None:
        log, self._current = self._current, None
        if log is None:
            return
        log.end_ns = end_ns
        try:
            log.pictures = self._frames.choose(_moments(log))
            log.observations = self._frames.observations()
        except SourceError as error:
            self._recording.problems.append(str(error))
        self._recording.episodes.append(log)

    def _sort_in(self, stamp_ns: int, message: RawMessage) -> None:
        if self._current is None:
            self._waiting.append((stamp_ns, message))
            if len(self._waiting) > MAX_WAITING and self._announced:
                self._waiting = self._waiting[MAX_WAITING // 2 :]
            elif len(self._waiting) > MAX_WAITING:
                self._begin_unannounced()
        elif stamp_ns >= self._current.start_ns:
            self._store(self._current, stamp_ns, message)

    def _store(self, log: EpisodeLog, stamp_ns: int, message: RawMessage) -> None:
        if not self._wanted(log.scenario, log.seed):
            return
        try:
            if message.type_name in PICTURE_TYPES:
                self._frames.add(stamp_ns, message)
            else:
                _store_message(log, stamp_ns, message, self._decode(message))
        except SourceError as error:
            if message.topic not in self._unreadable:
                self._unreadable.add(message.topic)
                self._recording.problems.append(str(error))


def _store_message(log: EpisodeLog, stamp_ns: int, raw: RawMessage, message: Any) -> None:
    source = SIGNAL_SOURCES.get(raw.topic)
    if source is not None:
        signal = log.signals.setdefault(source.name, Signal(source.columns))
        signal.stamps_ns.append(stamp_ns)
        signal.rows.append(source.row(message))
    elif raw.type_name == GATE_TYPE:
        log.gate.append(GateEvent(stamp_ns, message.state, tuple(message.reasons), message.age))
    elif raw.type_name == TIMING_TYPE:
        log.timings.append(StageTiming(stamp_ns, message.stage, message.received_ns, message.published_ns))


def _route_points(message: Any) -> NDArray[np.float64]:
    positions = (pose.pose.position for pose in message.path.poses)
    return np.array([(p.x, p.y) for p in positions], dtype=np.float64).reshape(-1, 2)


def _moments(log: EpisodeLog) -> list[int]:
    """Return the moments worth a picture: infractions, the first change by the gate, and evenly spaced ones."""
    last_ns = max((s.stamps_ns[-1] for s in log.signals.values() if s.stamps_ns), default=log.start_ns)
    infractions = log.result.infractions if log.result else ()
    moments = [log.start_ns + ns_from_seconds(i.time_s) for i in infractions[:2]]
    moments += [event.stamp_ns for event in log.gate if event.reasons][:1]
    evenly = MAX_PICTURES - len(moments)
    return moments + [log.start_ns + round((last_ns - log.start_ns) * k / (evenly - 1)) for k in range(evenly)]
