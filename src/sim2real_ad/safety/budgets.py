"""How long each stage may take with a frame: the frames that took longer, and a stage that keeps doing so."""

from __future__ import annotations

from collections import Counter

from sim2real_ad.safety.findings import Finding, Severity
from sim2real_ad.safety.limits import BudgetLimits

AGE = "age"
"""Name of the budget of the whole way, beside those of the stages."""


class FrameBudgets:
    """Follows the stages' timings. missed: frames over budget by stage; worst_ms: the longest by stage."""

    def __init__(self, limits: BudgetLimits) -> None:
        self._limits = limits
        self._in_a_row: Counter[str] = Counter()
        self.reset()

    def reset(self) -> None:
        """Begin a new drive."""
        self._in_a_row.clear()
        self.missed: Counter[str] = Counter()
        self.frames: Counter[str] = Counter()
        self.worst_ms: dict[str, float] = {}

    def add(self, stage: str, took_ms: float) -> None:
        """Note how long a stage, or the whole way (AGE), took with a frame, ms. Stages without a budget are not."""
        budget = self._limits.of(stage)
        if budget is None:
            return
        self.frames[stage] += 1
        self.worst_ms[stage] = max(took_ms, self.worst_ms.get(stage, took_ms))
        if took_ms > budget:
            self.missed[stage] += 1
            self._in_a_row[stage] += 1
        else:
            self._in_a_row[stage] = 0

    def findings(self) -> list[Finding]:
        """Return the stages that keep missing their budget."""
        found = []
        for stage, count in self._in_a_row.items():
            if count >= self._limits.missed_in_a_row:
                detail = f"{count} frames in a row over {self._limits.of(stage)} ms"
                found.append(Finding("budgets", f"{stage}_over_budget", Severity.STOP, detail))
        return found
