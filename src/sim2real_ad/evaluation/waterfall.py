"""Where the time of a frame goes: in the stages, and on the ways between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sim2real_ad.evaluation.episode_log import EpisodeLog, StageTiming
from sim2real_ad.evaluation.statistics import median, quantile

WHOLE = "first receipt to last answer"


@dataclass(frozen=True)
class Step:
    """A stage's work, or the way to it, over all frames; ms. start: where the medians before it end; budget: what a
    stage may take, None where it has none; over: frames that took longer."""

    name: str
    start: float
    p50: float
    p99: float
    max: float
    budget: float | None = None
    over: int = 0

    @property
    def is_way(self) -> bool:
        """Whether this is the way to a stage, not a stage."""
        return self.name.startswith("to ")


def frame_steps(logs: Iterable[EpisodeLog], budgets: Mapping[str, float] | None = None) -> list[Step]:
    """Return the steps in the order of the data's way, each stage after the way to it. budgets: ms by stage.

    Starts follow one another: the medians of the parts need not add up to the median of the whole.
    """
    lengths: dict[str, tuple[list[float], list[float]]] = {}
    for stages in _frames(logs):
        before_ns: int | None = None
        for timing in stages:
            way, work = lengths.setdefault(timing.stage, ([], []))
            work.append(_ms(timing.received_ns, timing.published_ns))
            if before_ns is not None:
                way.append(_ms(before_ns, timing.received_ns))
            before_ns = timing.published_ns
    steps: list[Step] = []
    for stage, (way, work) in lengths.items():
        for name, values in ((f"to {stage}", way), (stage, work)):
            if values:
                start = steps[-1].start + max(steps[-1].p50, 0.0) if steps else 0.0
                steps.append(_step(name, start, values, (budgets or {}).get(name)))
    return steps


def age_at_last_stage(logs: Iterable[EpisodeLog], budget: float | None = None) -> Step | None:
    """Return how old each frame is when its command leaves the last stage, from the first stage's receipt on.

    A frame counts where it went as far as any; None where no frame was followed through more than one stage.
    """
    frames = list(_frames(logs))
    longest = max((len(stages) for stages in frames), default=0)
    whole = [_ms(s[0].received_ns, s[-1].published_ns) for s in frames if len(s) == longest > 1]
    return _step(WHOLE, 0.0, whole, budget) if whole else None


def _frames(logs: Iterable[EpisodeLog]) -> Iterable[list[StageTiming]]:
    """Yield the timings of each frame, in the order in which they happened."""
    for log in logs:
        frames: dict[int, list[StageTiming]] = {}
        for timing in log.timings:
            frames.setdefault(timing.stamp_ns, []).append(timing)
        for stages in frames.values():
            yield sorted(stages, key=lambda t: (t.received_ns, t.published_ns))


def _step(name: str, start: float, values: list[float], budget: float | None) -> Step:
    over = sum(value > budget for value in values) if budget is not None else 0
    return Step(name, start, median(values), quantile(values, 0.99), max(values), budget, over)


def _ms(start_ns: int, end_ns: int) -> float:
    return (end_ns - start_ns) / 1e6
