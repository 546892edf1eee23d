"""Accounts for the frames of one episode: which became commands, how fast, and what the gate changed. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict

from sim2real_ad.evaluation.results import Infraction
from sim2real_ad.evaluation.statistics import quantile
from sim2real_ad.ros.topics import CHAIN
from sim2real_ad.safety.budgets import AGE
from sim2real_ad.safety.limits import BudgetLimits

FIRST, LAST = CHAIN[0], CHAIN[-1]
FRAME_BUDGET = "frame_budget"
"""Kind of the infraction that a stage commits which is too slow in more than one of a hundred frames."""


class FrameAccount:
    """Follows each camera stamp through the stages. Times are CLOCK_MONOTONIC in ns."""

    def __init__(self) -> None:
        self._sent: dict[int, set[str]] = {}
        self._received_ns: dict[int, int] = {}
        self._published_ns: dict[int, int] = {}
        self._took_ms: defaultdict[str, list[float]] = defaultdict(list)
        self._changed: set[int] = set()
        self.interventions: Counter[str] = Counter()

    def send(self, stamp_ns: int) -> None:
        """A frame left the camera's source."""
        self._sent.setdefault(stamp_ns, set())

    def add_timing(self, stamp_ns: int, stage: str, received_ns: int, published_ns: int) -> None:
        """A stage answered a frame. Timings of frames that were not sent here are another episode's."""
        stages = self._sent.get(stamp_ns)
        if stages is None:
            return
        stages.add(stage)
        self._took_ms[stage].append((published_ns - received_ns) / 1e6)
        if stage == FIRST:
            self._received_ns[stamp_ns] = received_ns
        elif stage == LAST:
            self._published_ns[stamp_ns] = published_ns

    def add_decision(self, stamp_ns: int, reasons: list[str]) -> None:
        """The gate decided; each reason counts once a decision."""
        if stamp_ns in self._sent and reasons:
            self._changed.add(stamp_ns)
            self.interventions.update(reasons)

    def silent_stage(self, stamp_ns: int) -> str | None:
        """Name the first stage that has not answered a frame, or None where all did."""
        answered = self._sent.get(stamp_ns, set())
        return next((stage for stage in CHAIN if stage not in answered), None)

    @property
    def frames_sent(self) -> int:
        """Frames that left the source."""
        return len(self._sent)

    @property
    def frames_lost(self) -> int:
        """Frames that never became a command."""
        return sum(LAST not in stages for stages in self._sent.values())

    @property
    def frames_intervened(self) -> int:
        """Frames that the gate did not pass as they were asked for."""
        return len(self._changed)

    @property
    def latencies_ms(self) -> tuple[float, ...]:
        """From the camera node's receipt of each frame to its command, in order."""
        known = [s for s in self._sent if s in self._received_ns and s in self._published_ns]
        return tuple(max(0.0, round((self._published_ns[s] - self._received_ns[s]) / 1e6, 3)) for s in known)

    def over_budget(self, budgets: BudgetLimits, time_s: float) -> tuple[Infraction, ...]:
        """Return an infraction for every stage, and for the whole way, whose p99 is over budget. time_s: when told."""
        found = []
        for stage, took_ms in (*self._took_ms.items(), (AGE, list(self.latencies_ms))):
            budget = budgets.of(stage)
            if budget is None or not took_ms or quantile(sorted(took_ms), 0.99) <= budget:
                continue
            missed = sum(ms > budget for ms in took_ms)
            frames = f"{missed} of {len(took_ms)} frames, at most {max(took_ms):.1f}"
            detail = f"{stage} took more than {budget:g} ms for {frames}"
            found.append(Infraction(kind=FRAME_BUDGET, time_s=time_s, detail=detail))
        return tuple(found)

    @property
    def complete(self) -> bool:
        """Whether every frame's command and timing are known."""
        return len(self._published_ns) == len(self._sent)
