"""Conditions that a replay must meet, as YAML in config/conditions: pass or fail for each bag.

A condition takes a quantity of the frames (`of`), chooses frames (`when`), reduces them to one number (`take`, or
`share_over` and `share_under`), and bounds it (`at_most`, `at_least`). What the bag has no data for is not judged,
which is neither passed nor failed, unless the condition is `required`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from sim2real_ad.config import StrictModel, find_config, load_config
from sim2real_ad.errors import ConfigError
from sim2real_ad.evaluation.results import Latency
from sim2real_ad.replay.quantities import YES_NO, Quantity, When
from sim2real_ad.replay.reduction import Reduction, Series
from sim2real_ad.replay.reference import ReferenceComparison, check_tolerances
from sim2real_ad.replay.results import ReplayFrame, ReplaySummary
from sim2real_ad.replay.summary import SIDES
from sim2real_ad.types import seconds_from_ns

Outcome = Literal["passed", "failed", "not judged"]

LATENCIES = tuple(f"latency_ms.{name}" for name in Latency.model_fields)
OF_SUMMARY = ("frames", "recorded_frames", "duration_s", "problems", "left_out", *LATENCIES)
"""Of problems and left_out, how many there are."""


class Condition(Quantity, Reduction):
    """One line of the verdict.

    of: of a frame, or of the summary (`frames`, `goals.NAME`, ...), which takes no reduction; at_most, at_least: the
    bounds; required: what cannot be judged has failed.
    """

    name: str = Field(min_length=1)
    when: When = When()
    at_most: float | None = None
    at_least: float | None = None
    required: bool = False

    @classmethod
    def _known(cls, of: str) -> bool:
        return super()._known(of) or of in OF_SUMMARY or bool(re.fullmatch(r"goals\..+", of))

    @classmethod
    def _listed(cls) -> tuple[str, ...]:
        return (*super()._listed(), *OF_SUMMARY, "goals.NAME")

    @property
    def of_summary(self) -> bool:
        """Whether the quantity is one of the summary."""
        return not super()._known(self.of)

    @property
    def quantity(self) -> str:
        """What is bounded, in words."""
        of = f"{self.of} {' or '.join(self.names)}" if self.names else self.of
        return of if self.of_summary else self.words(of)

    @property
    def bound(self) -> str:
        """The bounds, in words."""
        parts = (("at least", self.at_least), ("at most", self.at_most))
        return ", ".join(f"{word} {value:g}" for word, value in parts if value is not None)

    @model_validator(mode="after")
    def _bounded(self) -> Condition:
        if self.at_most is None and self.at_least is None:
            raise ValueError("needs at_most or at_least")
        if self.at_most is not None and self.at_least is not None and self.at_most < self.at_least:
            raise ValueError(f"no value is at least {self.at_least} and at most {self.at_most}")
        return self

    @model_validator(mode="after")
    def _reducible(self) -> Condition:
        if not self.of_summary:
            self.check(self.of, yes_no=self.of in YES_NO)
        elif self.reduces or self.when != When():
            raise ValueError(f"{self.of} is one number of the whole bag: no take, share, hold or when")
        return self


class Conditions(StrictModel):
    """What a replay must meet, and how far it may be from a reference, by field or pattern (`command.*`)."""

    conditions: tuple[Condition, ...] = ()
    tolerances: dict[str, float] = Field(default_factory=dict)

    @field_validator("conditions")
    @classmethod
    def _distinct(cls, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
        names = [c.name for c in conditions]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"names must differ: {', '.join(twice)}")
        return conditions

    @field_validator("tolerances")
    @classmethod
    def _possible(cls, tolerances: dict[str, float]) -> dict[str, float]:
        try:
            return check_tolerances(tolerances)
        except ConfigError as error:
            raise ValueError(str(error)) from error


class Verdict(StrictModel):
    """What a condition came to. value: None where it is infinite or was not judged; at_ns, at_s: of the worst frame,
    s since the first; reason: why there is no value."""

    condition: str
    outcome: Outcome
    quantity: str
    bound: str
    value: float | None = None
    at_ns: int | None = None
    at_s: float | None = None
    reason: str = ""

    def describe(self) -> str:
        """Return what was found, in one line."""
        if self.value is None:
            return f"{self.quantity}, {self.bound}: {self.reason}"
        worst = "" if self.at_s is None else f"; worst at {self.at_s:.3f} s"
        return f"{self.quantity} is {self.value:.6g}, must be {self.bound}{worst}"


@dataclass(frozen=True)
class JudgedBag:
    """What came of one bag. folder: where its report is."""

    folder: Path
    summary: ReplaySummary
    verdicts: tuple[Verdict, ...] = ()
    comparison: ReferenceComparison | None = None

    @property
    def outcome(self) -> Literal["passed", "failed", "not judged", "error"]:
        """Return the verdict over all: one failure, or a reference that is not met, is enough to fail."""
        if self.summary.error:
            return "error"
        found = [v.outcome for v in self.verdicts]
        if self.comparison is not None:
            found.append("passed" if self.comparison.equal else "failed")
        return "failed" if "failed" in found else "passed" if "passed" in found else "not judged"


def load_conditions(name_or_path: str) -> Conditions:
    """Read conditions by path, or by name in config/conditions. Raises ConfigError naming every wrong key."""
    return load_config(find_config(name_or_path, "conditions"), Conditions)


def judge_conditions(
    conditions: Conditions, frames: Iterable[ReplayFrame], summary: ReplaySummary
) -> tuple[Verdict, ...]:
    """Return a verdict a condition."""
    judge = ConditionsJudge(conditions)
    for frame in frames:
        judge.add(frame)
    return judge.verdicts(summary)


class ConditionsJudge:
    """Judges frames as they come. It keeps 16 bytes of each frame and condition."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions.conditions
        self._series = {c.name: Series() for c in self._conditions if not c.of_summary}
        self._counted: Counter[str] = Counter()
        self._first_ns: int | None = None

    def add(self, frame: ReplayFrame) -> None:
        """Take in one frame."""
        if self._first_ns is None:
            self._first_ns = frame.stamp_ns
        for condition in self._conditions:
            series = self._series.get(condition.name)
            if series is not None:
                counts = condition.when.holds(frame, frame.stamp_ns - self._first_ns)
                self._counted[condition.name] += counts
                series.add(frame.stamp_ns, condition.read(frame) if counts else None)

    def verdicts(self, summary: ReplaySummary) -> tuple[Verdict, ...]:
        """Return a verdict a condition, in their order."""
        return tuple(_of_summary(c, summary) if c.of_summary else self._of_frames(c) for c in self._conditions)

    def _of_frames(self, condition: Condition) -> Verdict:
        series = self._series[condition.name]
        if self._first_ns is None:
            return _not_judged(condition, "no frame was replayed")
        if not self._counted[condition.name]:
            return _not_judged(condition, "no frame meets its `when`")
        if not series.starts:
            return _not_judged(condition, f"the bag has no {_lacking(condition.of)}")
        found = condition.apply(series, low_is_worse=condition.at_most is None)
        if found is None:
            return _not_judged(condition, f"no stretch of frames lasts {condition.hold:g} s")
        value, place = found
        return _verdict(condition, value, None if place is None else series.stamps_ns[place], self._first_ns)


def _of_summary(condition: Condition, summary: ReplaySummary) -> Verdict:
    head, _, name = condition.of.partition(".")
    if head == "goals":
        value, lacking = summary.goals.get(name), f"no moment was judged by the goal '{name}'"
    elif head == "latency_ms":
        value, lacking = getattr(summary.latency_ms, name, None), "no latency was recorded"
    else:
        value, lacking = _number(getattr(summary, condition.of)), ""
    return _not_judged(condition, lacking) if value is None else _verdict(condition, value)


def _number(value: Any) -> float:
    return float(value if isinstance(value, int | float) else len(value))


def _lacking(of: str) -> str:
    """Return which side of a frame a quantity needs beyond the replay's own."""
    parts = of.split(".")
    return SIDES[parts[1]][1] if parts[0] == "difference" else parts[0]


def _verdict(condition: Condition, value: float, at_ns: int | None = None, first_ns: int = 0) -> Verdict:
    low = condition.at_least is not None and value < condition.at_least
    high = condition.at_most is not None and value > condition.at_most
    return Verdict(
        condition=condition.name,
        outcome="failed" if low or high else "passed",
        quantity=condition.quantity,
        bound=condition.bound,
        value=value if math.isfinite(value) else None,
        at_ns=at_ns,
        at_s=None if at_ns is None else seconds_from_ns(at_ns - first_ns),
        reason="" if math.isfinite(value) else "infinite, for nothing was ahead",
    )


def _not_judged(condition: Condition, reason: str) -> Verdict:
    outcome: Outcome = "failed" if condition.required else "not judged"
    reason = f"required, but {reason}" if condition.required else reason
    return Verdict(
        condition=condition.name,
        outcome=outcome,
        quantity=condition.quantity,
        bound=condition.bound,
        reason=reason,
    )
