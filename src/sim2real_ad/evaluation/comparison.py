"""Compare two runs of the same episodes, bit by bit, and find where they part: the check of determinism."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.episode_log import EpisodeLog, Signal
from sim2real_ad.evaluation.recording import read_recording
from sim2real_ad.evaluation.results import EpisodeResult, read_results
from sim2real_ad.types import seconds_from_ns

WAY_OF_CAUSE = ("ego", "steering", "action", "request", "command")
"""Signals in the order in which one tick makes them: the first that differs is nearest to the cause."""

Key = tuple[str, int, int]
"""Scenario, seed, and the how manieth episode of these two."""


@dataclass(frozen=True)
class EpisodeComparison:
    """One episode in both runs. same: equal trajectory hashes; parting: where they part, as far as known."""

    scenario: str
    seed: int
    same: bool
    parting: str = ""


def compare_runs(first: Path, second: Path) -> list[EpisodeComparison]:
    """Compare the episodes that two runs have in common.

    Raises SourceError where a folder is no run, or they have no judged episode in common.
    """
    ours, theirs = _by_key(read_results(first)), _by_key(read_results(second))
    common = [key for key in ours if key in theirs]
    if not common:
        raise SourceError(f"{first} and {second} have no judged episode of the same scenario and seed in common")
    differing = {key[:2] for key in common if ours[key].trajectory_hash != theirs[key].trajectory_hash}
    logs = [_logs(run, differing) if differing else {} for run in (first, second)]
    return [_compare(key, ours[key], theirs[key], logs[0].get(key), logs[1].get(key)) for key in common]


def first_difference(ours: EpisodeLog, theirs: EpisodeLog) -> str:
    """Return which recorded signal differs first and when, or that none does."""
    found = [d for name in WAY_OF_CAUSE for d in _differences(name, ours, theirs)]
    if not found:
        return "every recorded signal is the same"
    time_s, order, name = min(found)
    del order
    return f"{name} at {time_s:.3f} s"


def _compare(
    key: Key, ours: EpisodeResult, theirs: EpisodeResult, our_log: EpisodeLog | None, their_log: EpisodeLog | None
) -> EpisodeComparison:
    same = ours.trajectory_hash == theirs.trajectory_hash
    known = not same and our_log is not None and their_log is not None
    parting = first_difference(our_log, their_log) if known and our_log and their_log else ""
    return EpisodeComparison(key[0], key[1], same, parting or ("" if same else "not recorded"))


def _differences(name: str, ours: EpisodeLog, theirs: EpisodeLog) -> Iterator[tuple[float, int, str]]:
    """Yield the first difference of one signal as (s since the start, order of cause, name)."""
    mine, other = ours.signals.get(name), theirs.signals.get(name)
    if mine is None or other is None:
        return
    pairs = zip(_since_start(ours, mine), _since_start(theirs, other), strict=False)
    parting = next((a[0] for a, b in pairs if a != b), None)
    if parting is None and len(mine.rows) != len(other.rows):
        shorter = min((ours, mine), (theirs, other), key=lambda pair: len(pair[1].rows))
        parting = _since_start(*shorter)[-1][0] if shorter[1].rows else 0
    if parting is not None:
        yield seconds_from_ns(parting), WAY_OF_CAUSE.index(name), name


def _since_start(log: EpisodeLog, signal: Signal) -> list[tuple[int, tuple[float, ...]]]:
    return [(stamp - log.start_ns, row) for stamp, row in zip(signal.stamps_ns, signal.rows, strict=True)]


def _by_key(results: Sequence[EpisodeResult]) -> dict[Key, EpisodeResult]:
    keyed: dict[Key, EpisodeResult] = {}
    for result in results:
        if result.error is None:
            keyed[_next_key(keyed, result.scenario, result.seed)] = result
    return keyed


def _logs(run: Path, wanted: set[tuple[str, int]]) -> dict[Key, EpisodeLog]:
    recording = read_recording(sorted(run.rglob("*.mcap")), lambda scenario, seed: (scenario, seed) in wanted)
    keyed: dict[Key, EpisodeLog] = {}
    for log in recording.episodes:
        if log.seed is not None and (log.result is None or log.result.error is None):
            keyed[_next_key(keyed, log.scenario, log.seed)] = log
    return keyed


def _next_key(known: dict[Key, EpisodeResult] | dict[Key, EpisodeLog], scenario: str, seed: int) -> Key:
    occurrence = sum(key[:2] == (scenario, seed) for key in known)
    return scenario, seed, occurrence
