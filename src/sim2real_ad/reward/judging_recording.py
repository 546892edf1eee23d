"""What guidance says of a recorded run: observations out of MCAP files, scored in batches. Memory stays bounded."""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from sim2real_ad.errors import ConfigError, SourceError
from sim2real_ad.evaluation.episode_log import EpisodeLog
from sim2real_ad.evaluation.keyframes import (
    IMAGE_TYPES,
    OBSERVATION_TYPE,
    decode_observation,
    decode_rgb,
    encode_jpeg,
)
from sim2real_ad.evaluation.mcap_stream import McapStream, MessageDecoder, RawMessage
from sim2real_ad.evaluation.recording import read_recording
from sim2real_ad.evaluation.results import RECORDING_FILE, RunInfo, read_results, read_run
from sim2real_ad.observation.spec import BevSpec, ObservationSpec
from sim2real_ad.reward.guidance import Scene, driven_curvature
from sim2real_ad.reward.judging import Timeline
from sim2real_ad.reward.judging_guidance import GoalJudge, Said
from sim2real_ad.reward.judging_memory import GroundMemory
from sim2real_ad.types import Pose2, UInt8Array, ns_from_seconds, seconds_from_ns
from sim2real_ad.vehicle.profile import load_vehicle

BATCH = 32
SLACK_NS = 1_000_000
"""A tick that comes this much early is due."""
KEPT_IMAGES = 40
"""Camera messages held while the observation made of them is on its way."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Shot:
    """A scored scene, packed. The pictures of disagreements are painted from it."""

    time_s: float
    speed: float
    curvature: float
    bev: bytes
    jpeg: bytes = b""

    def scene(self, spec: BevSpec) -> Scene:
        """Unpack it."""
        bev = np.frombuffer(zlib.decompress(self.bev), np.uint8).reshape(spec.shape)
        rgb = None
        if self.jpeg:
            bgr = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
            rgb = None if bgr is None else np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        return Scene(bev, self.speed, self.curvature, rgb)


@dataclass
class ScoredEpisode:
    """A recorded episode with what was said of it. shots: as many as the timeline has times."""

    log: EpisodeLog
    timeline: Timeline
    shots: tuple[Shot, ...]


@dataclass
class ScoredRun:
    """A whole run. problems: what could not be read, a line each."""

    run: RunInfo
    spec: BevSpec
    view: str
    episodes: list[ScoredEpisode]
    problems: list[str] = field(default_factory=list)
    record: dict[str, int | float | str] = field(default_factory=dict)


def find_recordings(run_dir: Path) -> list[Path]:
    """Return a run's recordings. Raises SourceError where the folder is no run, or one without a recording."""
    read_run(run_dir)
    found = sorted(run_dir.rglob("*.mcap"))
    if not found:
        raise SourceError(
            f"{run_dir / RECORDING_FILE}: no such recording; `s2r drive` writes it unless told --no-record"
        )
    return found


def score_run(
    run_dir: Path,
    open_for: Callable[[BevSpec], GoalJudge],
    rate_hz: float,
    progress: Progress = lambda _line, _share: None,
) -> ScoredRun:
    """Score a run's recordings at about rate_hz, as far as they go. open_for: opens the judge for the BEV's spec.

    Raises SourceError, ScorerError or ConfigError naming what is missing or unusable.
    """
    if not 0.1 <= rate_hz <= 20.0:
        raise ConfigError(f"--rate {rate_hz} Hz is outside 0.1..20 Hz")
    paths, run = find_recordings(run_dir), read_run(run_dir)
    recordings = [read_recording([path]) for path in paths]
    logs = [log for recording in recordings for log in recording.episodes]
    _give_results(run_dir, logs)
    spec = _spec_of(run, logs, run_dir)
    judge = open_for(spec)
    scored = ScoredRun(run, spec, judge.view, [])
    for path, recording in zip(paths, recordings, strict=True):
        scored.problems += recording.problems
        _end_unended(recording.episodes)
        episodes = [_EpisodeScorer(log, judge, spec, rate_hz) for log in recording.episodes]
        for number, episode in enumerate(_feed(path, episodes, spec, camera=judge.view == "camera", scored=scored)):
            progress(episode.title, (len(scored.episodes) + number) / max(len(logs), 1))
        scored.episodes += [episode.finish() for episode in episodes]
    scored.record = judge.record()
    if not any(episode.shots for episode in scored.episodes):
        raise SourceError(f"{paths[0]}: holds no observation that can be judged (topic /sim2real_ad/observation)")
    return scored


class _EpisodeScorer:
    """Takes the observations of one episode, thinned to a rate, and scores them in batches."""

    def __init__(self, log: EpisodeLog, judge: GoalJudge, spec: BevSpec, rate_hz: float) -> None:
        self.log = log
        self.memory = GroundMemory(spec)
        self.title = f"{log.scenario or 'drive'}{'' if log.seed is None else f' seed {log.seed}'}"
        self.motion = _Motion(log)
        self._judge = judge
        self._period_ns = ns_from_seconds(1.0 / rate_hz)
        self._next_ns = log.start_ns
        self._shots: list[Shot] = []
        self._batch: list[Scene] = []
        self._said: list[Said] = [(np.zeros((0, len(judge.names))), np.zeros(0))]

    def owns(self, stamp_ns: int) -> bool:
        """Tell whether an observation is this episode's."""
        return self.log.start_ns <= stamp_ns and (self.log.end_ns is None or stamp_ns <= self.log.end_ns)

    def is_due(self, stamp_ns: int) -> bool:
        """Tell whether it is time for an observation."""
        return stamp_ns >= self._next_ns

    def add(self, stamp_ns: int, scene: Scene) -> None:
        """Take an observation that is due."""
        self._next_ns = stamp_ns + self._period_ns - SLACK_NS
        jpeg = b"" if scene.rgb is None else encode_jpeg(np.ascontiguousarray(scene.rgb[..., ::-1]))
        bev = zlib.compress(scene.bev.tobytes(), 1)
        self._shots.append(Shot(seconds_from_ns(stamp_ns - self.log.start_ns), scene.speed, scene.curvature, bev, jpeg))
        self._batch.append(scene)
        if len(self._batch) == BATCH:
            self._score()

    def finish(self) -> ScoredEpisode:
        """Score what is left."""
        if self._batch:
            self._score()
        values, overall = (np.concatenate(column) for column in zip(*self._said, strict=True))
        times = np.array([shot.time_s for shot in self._shots])
        return ScoredEpisode(self.log, Timeline(times, self._judge.names, values, overall), tuple(self._shots))

    def _score(self) -> None:
        self._said.append(self._judge(self._batch))
        self._batch = []


def _feed(
    path: Path, episodes: Sequence[_EpisodeScorer], spec: BevSpec, *, camera: bool, scored: ScoredRun
) -> Iterator[_EpisodeScorer]:
    """Hand a file's observations to the episodes they belong to; yields each episode as it begins."""
    decode, current, last_ns = MessageDecoder(), -1, 0
    images: OrderedDict[int, RawMessage] = OrderedDict()
    for message in McapStream(path):
        if camera and message.type_name in IMAGE_TYPES:
            images[message.leading_stamp_ns()] = message
            if len(images) > KEPT_IMAGES:
                images.popitem(last=False)
        if message.type_name != OBSERVATION_TYPE:
            continue
        stamp_ns = message.leading_stamp_ns()
        # Stamps go back only where the clock has started again: then this is a later episode's.
        index = _owner(episodes, stamp_ns, max(current + (stamp_ns < last_ns), 0))
        last_ns = stamp_ns
        if index is None or not episodes[index].is_due(stamp_ns):
            continue
        if index > current:
            current = index
            yield episodes[index]
        try:
            scene = _scene(message, decode, images.get(stamp_ns), episodes[index], spec, camera=camera)
        except SourceError as error:
            if str(error) not in scored.problems:
                scored.problems.append(str(error))
        else:
            episodes[index].add(stamp_ns, scene)


def _owner(episodes: Sequence[_EpisodeScorer], stamp_ns: int, first: int) -> int | None:
    return next((i for i in range(first, len(episodes)) if episodes[i].owns(stamp_ns)), None)


def _scene(
    message: RawMessage,
    decode: MessageDecoder,
    image: RawMessage | None,
    episode: _EpisodeScorer,
    spec: BevSpec,
    *,
    camera: bool,
) -> Scene:
    stamp_ns = message.leading_stamp_ns()
    observation = decode_observation(decode(message), stamp_ns, with_history=False)
    if observation.bev.shape != spec.shape:
        raise SourceError(f"{message.topic}: BEV of shape {observation.bev.shape}, the run's spec says {spec.shape}")
    if camera and image is None:
        raise SourceError("the goals look at the camera's picture, and not every observation has one recorded")
    rgb = None if image is None else _rgb(image, decode)
    bev = episode.memory.fill(observation.bev, observation.validity, episode.motion.pose(stamp_ns))
    return Scene(bev, *episode.motion.at(stamp_ns), rgb)


def _rgb(message: RawMessage, decode: MessageDecoder) -> UInt8Array:
    return np.ascontiguousarray(decode_rgb(message, decode(message)))


class _Motion:
    """Pose, speed in m/s and driven curvature in 1/m by stamp, from what the car reported."""

    def __init__(self, log: EpisodeLog) -> None:
        ego, steering = log.signals.get("ego"), log.signals.get("steering")
        self._stamps = [] if ego is None else ego.stamps_ns
        self._poses = [] if ego is None else [Pose2(*row[:3]) for row in ego.rows]
        self._speed = np.zeros(0) if ego is None else ego.column("speed")
        self._yaw_rate = np.zeros(0) if ego is None else ego.column("yaw_rate")
        self._steering_stamps = [] if steering is None else steering.stamps_ns
        self._tyres = np.zeros(0) if steering is None else steering.column("steering_tire_angle")
        self._wheelbase = load_vehicle("saloon").wheelbase

    def pose(self, stamp_ns: int) -> Pose2:
        """Return the newest pose in the map frame that is known at a stamp; the origin before anything is."""
        index = bisect_right(self._stamps, stamp_ns) - 1
        return Pose2(0.0, 0.0, 0.0) if index < 0 else self._poses[index]

    def at(self, stamp_ns: int) -> tuple[float, float]:
        """Return the newest that is known at a stamp; (0, 0) before anything is."""
        index = bisect_right(self._stamps, stamp_ns) - 1
        if index < 0:
            return 0.0, 0.0
        speed, yaw_rate = float(self._speed[index]), float(self._yaw_rate[index])
        tyres = bisect_right(self._steering_stamps, stamp_ns) - 1
        angle = 0.0 if tyres < 0 else float(self._tyres[tyres])
        return speed, driven_curvature(speed, yaw_rate, angle, self._wheelbase)


def _end_unended(logs: Sequence[EpisodeLog]) -> None:
    """Let an episode that was broken off end where the next one begins."""
    for log, following in pairwise(logs):
        if log.end_ns is None and following.start_ns > log.start_ns:
            log.end_ns = following.start_ns


def _give_results(run_dir: Path, logs: Sequence[EpisodeLog]) -> None:
    """Give every log the verdict that result.jsonl holds for it; the recording's own serves where it holds none."""
    unmatched = list(read_results(run_dir))
    for log in logs:
        found = next((r for r in unmatched if (r.scenario, r.seed) == (log.scenario, log.seed)), None)
        if found is not None:
            unmatched.remove(found)
            log.result = found


def _spec_of(run: RunInfo, logs: Sequence[EpisodeLog], run_dir: Path) -> BevSpec:
    recorded = next((p.fingerprint for log in logs for p in log.observations), "")
    known = [spec for spec in (run.observation, ObservationSpec()) if spec is not None]
    for spec in known:
        if recorded in ("", spec.fingerprint):
            return spec.bev
    named = ", ".join(spec.fingerprint for spec in known)
    raise SourceError(f"{run_dir}: observations are of spec {recorded}; known are {named} (run.json and the default)")
