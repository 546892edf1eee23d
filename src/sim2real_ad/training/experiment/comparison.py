"""What guidance changed: a group against the same start without it, drive by drive on the same unseen drives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.training.experiment.drives import Drive
from sim2real_ad.training.experiment.figures import JudgedRun, lateral_jerk

RESAMPLES = 10_000
RESAMPLING_SEED = 0x5EED


@dataclass(frozen=True)
class Difference:
    """Guided minus unguided, over the drives that both were judged on.

    success: of the rates, -1..1, low and high its 95 % interval (paired bootstrap over drives); gained, lost: drives
    that one of a pair of runs of equal seed succeeded in and the other did not, summed over the pairs; p_value: exact
    McNemar test of the first pair, None without a pair; infractions: per 100 drives; rms_lateral_jerk: m/s^3;
    mean_speed: m/s.
    """

    success: float
    low: float
    high: float
    gained: int
    lost: int
    pairs: int
    p_value: float | None
    infractions: float
    rms_lateral_jerk: float
    mean_speed: float


def compare(guided: Sequence[JudgedRun], unguided: Sequence[JudgedRun]) -> Difference:
    """Compare two groups. A start that was not trained pairs with every seed. Raises ValueError without a shared drive.

    Where a group has several seeds, a drive counts with its mean over them: drives are resampled, not runs.
    """
    keys = _shared(guided, unguided)
    if not keys:
        raise ValueError(f"{guided[0].run.group} and {unguided[0].run.group} share no judged drive")
    change = _successes(guided, keys).mean(0) - _successes(unguided, keys).mean(0)
    low, high = bootstrap_interval(change, [scenario for scenario, _ in keys])
    tables = [_discordant(one, other, keys) for one, other in _pairs(guided, unguided)]
    ours, theirs = _drives(guided, keys), _drives(unguided, keys)
    return Difference(
        float(change.mean()),
        low,
        high,
        sum(gained for gained, _ in tables),
        sum(lost for _, lost in tables),
        len(tables),
        mcnemar(*tables[0]) if tables else None,
        _infractions(ours) - _infractions(theirs),
        lateral_jerk(ours) - lateral_jerk(theirs),
        float(np.mean([d.mean_speed for d in ours]) - np.mean([d.mean_speed for d in theirs])),
    )


def bootstrap_interval(values: NDArray[Any], strata: Sequence[str]) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean of values (N,), resampled within each stratum.

    The same values give the same interval.
    """
    random = np.random.default_rng(RESAMPLING_SEED)
    total = np.zeros(RESAMPLES)
    for name in dict.fromkeys(strata):
        held = values[[stratum == name for stratum in strata]]
        total += held[random.integers(len(held), size=(RESAMPLES, len(held)))].sum(1)
    low, high = np.quantile(total / len(values), (0.025, 0.975))
    return float(low), float(high)


def mcnemar(gained: int, lost: int) -> float:
    """Return the two-sided p-value of McNemar's exact test: a fair coin decides each of the discordant pairs."""
    count = gained + lost
    tail = sum(math.comb(count, k) for k in range(min(gained, lost) + 1)) / 2**count
    return min(1.0, 2.0 * tail)


def _shared(*groups: Sequence[JudgedRun]) -> list[tuple[str, int]]:
    sets = [{drive.key for drive in run.drives} for group in groups for run in group]
    return sorted(set.intersection(*sets))


def _successes(runs: Sequence[JudgedRun], keys: Sequence[tuple[str, int]]) -> NDArray[np.float64]:
    rows = [{drive.key: float(drive.success) for drive in run.drives} for run in runs]
    return np.array([[row[key] for key in keys] for row in rows])


def _pairs(guided: Sequence[JudgedRun], unguided: Sequence[JudgedRun]) -> list[tuple[JudgedRun, JudgedRun]]:
    return [
        (one, other) for one in guided for other in unguided if not other.run.trains or other.run.seed == one.run.seed
    ]


def _discordant(one: JudgedRun, other: JudgedRun, keys: Sequence[tuple[str, int]]) -> tuple[int, int]:
    ours, theirs = _successes([one], keys)[0], _successes([other], keys)[0]
    return int((ours > theirs).sum()), int((ours < theirs).sum())


def _drives(runs: Sequence[JudgedRun], keys: Sequence[tuple[str, int]]) -> list[Drive]:
    wanted = set(keys)
    return [drive for run in runs for drive in run.drives if drive.key in wanted]


def _infractions(drives: Sequence[Drive]) -> float:
    return 100.0 * sum(len(drive.infractions) for drive in drives) / len(drives)
