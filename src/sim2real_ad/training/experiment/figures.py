"""Judged drives in figures: rates with intervals, infractions and comfort, over the seeds of a group of runs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sim2real_ad.evaluation.statistics import root_mean_square, wilson_interval
from sim2real_ad.training.experiment.drives import Drive
from sim2real_ad.training.experiment.spec import RunSpec


@dataclass(frozen=True)
class JudgedRun:
    """A run and its drives, in the order of the run's trials."""

    run: RunSpec
    drives: tuple[Drive, ...]


@dataclass(frozen=True)
class Rate:
    """A success rate with its 95 % interval, all 0..1."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Group:
    """Runs that differ in the seed alone, in figures.

    rates: strict success by scenario; overall: of all drives; infractions: per 100 drives, by kind; rms_lateral_jerk:
    m/s^3, over all ticks; mean_speed: m/s, the mean over drives; steps: of each run.
    """

    start: str
    algorithm: str
    reward: str
    seeds: tuple[int, ...]
    steps: int
    rates: dict[str, Rate]
    overall: Rate
    infractions: dict[str, float]
    rms_lateral_jerk: float
    mean_speed: float


def group_runs(judged: Iterable[JudgedRun]) -> dict[tuple[str, str, str], list[JudgedRun]]:
    """Sort runs into their groups, in order of appearance, and by seed within."""
    groups: dict[tuple[str, str, str], list[JudgedRun]] = {}
    for run in sorted(judged, key=lambda one: one.run.seed):
        groups.setdefault(run.run.group, []).append(run)
    return groups


def summarise(runs: Sequence[JudgedRun]) -> Group:
    """Put a group into figures. Raises ValueError without a judged drive."""
    first = runs[0].run
    drives = [drive for run in runs for drive in run.drives]
    by_scenario = {
        name: rate_over_seeds([_count(d for d in run.drives if d.scenario == name) for run in runs])
        for name in first.scenarios
    }
    kinds = Counter(kind for drive in drives for kind in drive.infractions)
    return Group(
        *first.group,
        tuple(run.run.seed for run in runs),
        first.steps,
        by_scenario,
        rate_over_seeds([_count(run.drives) for run in runs]),
        {kind: 100.0 * count / len(drives) for kind, count in sorted(kinds.items())},
        lateral_jerk(drives),
        sum(drive.mean_speed for drive in drives) / len(drives),
    )


def lateral_jerk(drives: Sequence[Drive]) -> float:
    """Return the RMS lateral jerk over all ticks of drives, m/s^3."""
    return root_mean_square([drive.rms_lateral_jerk for drive in drives], [drive.ticks for drive in drives])


def rate_over_seeds(counts: Sequence[tuple[int, int]]) -> Rate:
    """Return the rate of (successes, trials), a pair a seed, with an interval that does not forget either scatter.

    One seed: Wilson over its drives. More: from the lower to the higher end of Wilson over all drives (the drives'
    scatter) and Student's t over the seeds' rates (the trainings' scatter), within 0..1. Either alone would be too
    narrow where the other scatter is the larger one. Raises ValueError where there is no trial.
    """
    successes, trials = (sum(column) for column in zip(*counts, strict=True))
    if trials == 0:
        raise ValueError("rate of no drives")
    low, high = wilson_interval(successes, trials)
    rates = [good / n for good, n in counts if n]
    if len(rates) > 1:
        mean = sum(rates) / len(rates)
        half = t_half_width(rates)
        low, high = min(low, max(mean - half, 0.0)), max(high, min(mean + half, 1.0))
    return Rate(successes / trials, low, high)


def t_half_width(values: Sequence[float]) -> float:
    """Return half the width of Student's 95 % interval of a mean of at least two values."""
    from scipy.stats import t

    count = len(values)
    mean = sum(values) / count
    variance = sum((value - mean) ** 2 for value in values) / (count - 1)
    return float(t.ppf(0.975, count - 1)) * math.sqrt(variance / count)


def _count(drives: Iterable[Drive]) -> tuple[int, int]:
    results = [drive.success for drive in drives]
    return sum(results), len(results)
