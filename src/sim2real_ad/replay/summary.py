"""A replay in figures, gathered frame by frame: an hour of frames needs no list of them."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable
from typing import Any

from sim2real_ad.evaluation.statistics import quantile
from sim2real_ad.replay.results import Decision, Difference, Motion, ReplayFrame, ReplaySummary

PARTS: dict[str, type[Decision] | type[Motion]] = {
    **dict.fromkeys(("action", "recorded_action"), Decision),
    **dict.fromkeys(("request", "command", "recorded_command", "driven"), Motion),
}
"""The parts of a frame that hold fields of their own."""

SIDES = {
    "action": ("action", "recorded_action"),
    "command": ("command", "recorded_command"),
    "driven": ("command", "driven"),
}
"""What is compared, by the name of the difference: the replay's side, and the bag's."""

OOD_QUANTILES = {"p50": 0.5, "p95": 0.95, "max": 1.0}


def frame_differences(frame: ReplayFrame) -> dict[str, float]:
    """Return the replay's side minus the bag's, by field as in `ReplaySummary.differences`: rad, m/s^2 or, of actions,
    without a unit. A side that the frame lacks leaves its fields out."""
    found: dict[str, float] = {}
    for name, (ours, theirs) in SIDES.items():
        replayed, other = getattr(frame, ours), getattr(frame, theirs)
        if replayed is not None and other is not None:
            for field in PARTS[ours].model_fields:
                found[f"{name}.{field}"] = getattr(replayed, field) - getattr(other, field)
    return found


def summarize_replay(frames: Iterable[ReplayFrame], **facts: Any) -> ReplaySummary:
    """Reduce a replay to figures. facts: what the frames do not say, by the names of `ReplaySummary`."""
    tally = ReplayTally()
    for frame in frames:
        tally.add(frame)
    return tally.summary(**facts)


class ReplayTally:
    """Counts frames as they come. Of each it keeps the out-of-distribution score, 8 bytes, for the quantiles."""

    def __init__(self) -> None:
        self._frames = self._intervened = 0
        self._differences: dict[str, _DifferenceTally] = {}
        self._interventions: Counter[str] = Counter()
        self._ood = array("d")
        self._seen_min = self._time_to_collision_min = math.inf

    def add(self, frame: ReplayFrame) -> None:
        """Count one frame."""
        self._frames += 1
        for name, value in frame_differences(frame).items():
            self._differences.setdefault(name, _DifferenceTally()).add(value, frame.stamp_ns)
        self._interventions.update(set(frame.reasons))
        self._intervened += bool(frame.reasons)
        if frame.ood is not None:
            self._ood.append(frame.ood)
        if frame.seen is not None:
            self._seen_min = min(self._seen_min, frame.seen)
        if frame.time_to_collision is not None:
            self._time_to_collision_min = min(self._time_to_collision_min, frame.time_to_collision)

    def summary(self, **facts: Any) -> ReplaySummary:
        """Return the figures of the frames so far. facts: what they do not say, by the names of `ReplaySummary`."""
        return ReplaySummary(
            **facts,
            frames=self._frames,
            differences={name: tally.difference() for name, tally in sorted(self._differences.items())},
            interventions=dict(sorted(self._interventions.items())),
            intervened=self._intervened / self._frames if self._frames else 0.0,
            ood={name: quantile(self._ood, at) for name, at in OOD_QUANTILES.items()} if self._ood else {},
            seen_min=_finite(self._seen_min),
            time_to_collision_min=_finite(self._time_to_collision_min),
        )


class _DifferenceTally:
    """One field's differences."""

    def __init__(self) -> None:
        self._n = self._at_ns = 0
        self._sum = self._squares = 0.0
        self._max = -1.0

    def add(self, value: float, stamp_ns: int) -> None:
        self._n += 1
        self._sum += value
        self._squares += value * value
        if abs(value) > self._max:
            self._max, self._at_ns = abs(value), stamp_ns

    def difference(self) -> Difference:
        rms = math.sqrt(self._squares / self._n)
        return Difference(n=self._n, mean=self._sum / self._n, rms=rms, max=self._max, at_ns=self._at_ns)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
