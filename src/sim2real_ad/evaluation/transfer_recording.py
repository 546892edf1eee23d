"""The error terms that a drive tells by itself, from its recording: no ground truth, so a real car has them too."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.config import StrictModel
from sim2real_ad.evaluation.episode_log import EpisodeLog, Signal
from sim2real_ad.evaluation.keyframes import OBSERVATION_TYPE
from sim2real_ad.evaluation.mcap_stream import McapStream, MessageDecoder
from sim2real_ad.evaluation.recording import read_recording
from sim2real_ad.evaluation.transfer import Actuation, ActuationError, actuation_error
from sim2real_ad.types import seconds_from_ns
from sim2real_ad.vehicle.profile import VehicleProfile


class OnlineTerms(StrictModel):
    """One drive. actuation: commanded against done; ood_mean, ood_p95: of the out-of-distribution score, 0..1, None
    where no observation was recorded."""

    scenario: str
    seed: int | None
    actuation: ActuationError
    ood_mean: float | None = None
    ood_p95: float | None = None


def online_terms(paths: Iterable[Path], profile: VehicleProfile) -> list[OnlineTerms]:
    """Return the terms of every episode of a recording, or of a bag of the car that profile describes.

    Raises SourceError where a file is missing or no MCAP file.
    """
    paths = list(paths)
    logs = read_recording(paths).episodes
    scores = [score for path in paths for score in _ood_scores(path)]
    return [_terms(log, scores, profile) for log in logs]


def actuation_of(log: EpisodeLog) -> Actuation:
    """Return an episode's commands beside what the car did, at the stamps that all of them have."""
    names = ("command", "ego", "acceleration")
    rows = [_by_stamp(log.signals.get(name)) for name in names]
    stamps = sorted(set.intersection(*map(set, rows)))
    if not stamps:
        nothing = np.zeros(0)
        return Actuation(*(nothing,) * 6)
    command, ego, acceleration = (np.array([row[stamp] for stamp in stamps], np.float64) for row in rows)
    seconds = np.array([seconds_from_ns(s - stamps[0]) for s in stamps])
    return Actuation(seconds, command[:, 0], command[:, 1], ego[:, 3], ego[:, 4], acceleration[:, 0])


def _by_stamp(signal: Signal | None) -> dict[int, tuple[float, ...]]:
    return {} if signal is None else dict(zip(signal.stamps_ns, signal.rows, strict=True))


def _terms(log: EpisodeLog, scores: list[tuple[int, float]], profile: VehicleProfile) -> OnlineTerms:
    """Scores belong to an episode by their stamps."""
    last_ns = log.end_ns if log.end_ns is not None else max(log.start_ns, *_last_stamps(log))
    own: NDArray[np.float64] = np.array([score for stamp, score in scores if log.start_ns <= stamp <= last_ns])
    return OnlineTerms(
        scenario=log.scenario,
        seed=log.seed,
        actuation=actuation_error(actuation_of(log), profile),
        ood_mean=float(own.mean()) if len(own) else None,
        ood_p95=float(np.quantile(own, 0.95)) if len(own) else None,
    )


def _last_stamps(log: EpisodeLog) -> list[int]:
    return [signal.stamps_ns[-1] for signal in log.signals.values() if signal.stamps_ns] or [log.start_ns]


def _ood_scores(path: Path) -> list[tuple[int, float]]:
    decode = MessageDecoder()
    messages = (m for m in McapStream(path) if m.type_name == OBSERVATION_TYPE)
    return [(m.leading_stamp_ns(), float(decode(m).ood)) for m in messages]
