"""Episodes that were recorded, judged a second time by language goals: where goals and infractions disagree.

Low means a score below LOW. An infraction that pictures can announce (collision, off_road, stop_line_run) is missed
where no score of its last FORESIGHT_S was low. An alert, a stretch of low scores, is unfounded where no infraction
follows within FORESIGHT_S of its end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim2real_ad.config import StrictModel
from sim2real_ad.evaluation.rank_statistics import auroc
from sim2real_ad.reward.audit_figures import Flags, Values
from sim2real_ad.reward.audit_truth import DANGERS

LOW = 0.5
FORESIGHT_S = 2.0
JOIN_S = 0.6
"""Low scores at most this far apart are one alert."""
OVERALL = "all goals"


@dataclass(frozen=True, eq=False)
class Timeline:
    """One episode's scores. times: (N,) s since its start; names: of the G goals; values: (N, G), NaN where abstained;
    overall: (N,), NaN likewise."""

    times: Values
    names: tuple[str, ...]
    values: Values
    overall: Values

    @property
    def abstained(self) -> Flags:
        """(N,): where there is no overall score."""
        return np.asarray(~np.isfinite(self.overall), np.bool_)


class JudgedInfraction(StrictModel):
    """An infraction of the record. lowest: the least score of the seconds before it, None where there was none."""

    kind: str
    time_s: float
    lowest: float | None
    missed: bool


class Alert(StrictModel):
    """A stretch of low scores. goal: the one with the least score at the worst moment; gate: it intervened then."""

    start_s: float
    end_s: float
    worst_s: float
    score: float
    goal: str
    founded: bool
    gate: bool


class JudgedEpisode(StrictModel):
    """One episode. success: strict, of the record, None where the recording ends before the verdict.

    mean: of each goal's scores and of all goals together, None where it always abstained; gate: spans in s in which
    the gate changed commands.
    """

    scenario: str
    seed: int | None
    success: bool | None
    samples: int
    abstained: int
    mean: dict[str, float | None]
    infractions: tuple[JudgedInfraction, ...]
    alerts: tuple[Alert, ...]
    gate: tuple[tuple[float, float], ...]

    @property
    def disagreements(self) -> int:
        """How often goals and record part."""
        return sum(i.missed for i in self.infractions) + sum(not w.founded for w in self.alerts)


def judge_infractions(timeline: Timeline, infractions: Sequence[tuple[str, float]]) -> tuple[JudgedInfraction, ...]:
    """Look back from each infraction (kind, s). What no picture announces, such as a timeout, is never missed."""
    return tuple(_judge_infraction(timeline, kind, time_s) for kind, time_s in infractions)


def find_alerts(
    timeline: Timeline, infractions: Sequence[tuple[str, float]], gate: Sequence[tuple[float, float]]
) -> tuple[Alert, ...]:
    """Find the stretches of low scores, and say which an infraction or the gate bears out."""
    dangers = [time_s for kind, time_s in infractions if kind in DANGERS]
    return tuple(_alert(timeline, stretch, dangers, gate) for stretch in _stretches(timeline))


def agreement(timelines: Sequence[tuple[Timeline, Sequence[tuple[str, float]]]]) -> float | None:
    """Return the AUROC of the overall score: other moments over those within FORESIGHT_S before an infraction.

    None where the episodes hold only one of the kinds.
    """
    safe, unsafe = [np.zeros(0)], [np.zeros(0)]
    for timeline, infractions in timelines:
        before = np.zeros(len(timeline.times), np.bool_)
        for kind, time_s in infractions:
            before |= _just_before(timeline, time_s) & (kind in DANGERS)
        known = ~timeline.abstained
        safe.append(timeline.overall[known & ~before])
        unsafe.append(timeline.overall[known & before])
    return auroc(np.concatenate(safe), np.concatenate(unsafe))


def means(timeline: Timeline) -> dict[str, float | None]:
    """Return the mean score of each goal and of all together."""
    columns = [*timeline.values.T, timeline.overall]
    names = (*timeline.names, OVERALL)
    return {name: _mean(column) for name, column in zip(names, columns, strict=True)}


def _judge_infraction(timeline: Timeline, kind: str, time_s: float) -> JudgedInfraction:
    before = _just_before(timeline, time_s)
    scores = timeline.overall[before & ~timeline.abstained]
    lowest = float(scores.min()) if len(scores) else None
    # Where the recording was cut off before the infraction, nobody was asked.
    missed = kind in DANGERS and bool(before.any()) and (lowest is None or lowest >= LOW)
    return JudgedInfraction(kind=kind, time_s=time_s, lowest=lowest, missed=missed)


def _just_before(timeline: Timeline, time_s: float) -> Flags:
    return np.asarray((timeline.times >= time_s - FORESIGHT_S) & (timeline.times <= time_s + 1e-9), np.bool_)


def _stretches(timeline: Timeline) -> list[list[int]]:
    """Return the indices of low scores, a list a stretch."""
    found: list[list[int]] = []
    for index in np.flatnonzero(timeline.overall < LOW).tolist():
        if found and timeline.times[index] - timeline.times[found[-1][-1]] <= JOIN_S:
            found[-1].append(index)
        else:
            found.append([index])
    return found


def _alert(
    timeline: Timeline, stretch: list[int], dangers: Sequence[float], gate: Sequence[tuple[float, float]]
) -> Alert:
    start, end = float(timeline.times[stretch[0]]), float(timeline.times[stretch[-1]])
    worst = min(stretch, key=lambda index: float(timeline.overall[index]))
    goals = np.where(np.isfinite(timeline.values[worst]), timeline.values[worst], math.inf)
    return Alert(
        start_s=start,
        end_s=end,
        worst_s=float(timeline.times[worst]),
        score=float(timeline.overall[worst]),
        goal=timeline.names[int(goals.argmin())] if len(goals) else OVERALL,
        founded=any(start - 1e-9 <= time_s <= end + FORESIGHT_S for time_s in dangers),
        gate=any(a <= end + FORESIGHT_S and b >= start for a, b in gate),
    )


def _mean(column: Values) -> float | None:
    finite = column[np.isfinite(column)]
    return round(float(finite.mean()), 4) if len(finite) else None
