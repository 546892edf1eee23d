"""Judges a whole checkpoint in process, camera to gate, in any domain, on seeds that were never trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sim2real_ad.config import StrictModel
from sim2real_ad.evaluation.statistics import wilson_interval
from sim2real_ad.pipeline import DrivingPipeline
from sim2real_ad.policy.checkpoint import load_checkpoint
from sim2real_ad.safety.gate import Gate, GateConfig
from sim2real_ad.training.ablation.stages import mapping_without, observation_without
from sim2real_ad.training.domain_world import open_domain
from sim2real_ad.world.episode import Episode
from sim2real_ad.world.scenarios import load_scenario


@dataclass(frozen=True)
class Trial:
    """One drive to be judged. checkpoint None means the shipped one; domain: name or path of a target domain, "" the
    training domain; without: what is left out on purpose, see `training.ablation.stages`."""

    scenario: str
    seed: int
    checkpoint: Path | None = None
    domain: str = ""
    without: str = ""


class Judgement(StrictModel):
    """How a drive went. domain: "" is the training domain; infraction: empty for a success; ood: the mean
    out-of-distribution score; interventions: frames whose command the gate changed, by reason; intervened: those with
    any; frames: all of them."""

    domain: str
    scenario: str
    seed: int
    infraction: str
    seconds: float
    trajectory_hash: str
    ood: float
    interventions: dict[str, int]
    intervened: int
    frames: int

    @property
    def success(self) -> bool:
        """Strictly: the goal reached, and nothing wrong on the way."""
        return not self.infraction


@dataclass(frozen=True)
class Score:
    """A scenario's count of strict successes with its Wilson 95 % interval.

    intervened: share of the frames whose command the gate changed; interventions: by reason; frames: all of them.
    """

    scenario: str
    successes: int
    trials: int
    interval: tuple[float, float]
    failures: tuple[str, ...]
    intervened: float
    interventions: tuple[tuple[str, int], ...]
    frames: int

    def __str__(self) -> str:
        low, high = self.interval
        reasons = ", ".join(f"{reason} {count}" for reason, count in self.interventions)
        gate = f"the gate stepped in at {self.intervened:.2%} of the frames" + (f": {reasons}" if reasons else "")
        failed = f"; {', '.join(self.failures)}" if self.failures else ""
        return f"{self.scenario}: {self.successes} of {self.trials} (Wilson 95 % {low:.2f}..{high:.2f}); {gate}{failed}"


def judge_trial(trial: Trial) -> Judgement:
    """Drive one episode through the pipeline and say how it went."""
    world = open_domain(trial.domain)
    pipeline = _pipeline(trial.domain, trial.checkpoint, trial.without)
    pipeline.reset()
    gate = pipeline.gate
    assert isinstance(gate, Gate)
    gate.reset()
    episode = Episode(world, load_scenario(trial.scenario), trial.seed)
    tick, ood, ticks, intervened, interventions = episode.start(), 0.0, 0, 0, Counter[str]()
    while not episode.verdict.done:
        assert tick.frame is not None
        step = pipeline.step(tick.frame, tick.ego, world.plan.route, tick.ego.stamp_ns)
        tick = episode.step(step.command)
        ood, ticks = ood + step.observation.ood, ticks + 1
        intervened += bool(step.gate_reasons)
        interventions.update(step.gate_reasons)
    verdict = episode.verdict
    detail = "; ".join(f"{i.kind} at {i.time_s:.1f} s: {i.detail}" for i in verdict.infractions)
    return Judgement(
        domain=trial.domain,
        scenario=trial.scenario,
        seed=trial.seed,
        infraction="" if verdict.success else detail or "not finished",
        seconds=ticks * world.tick_s,
        trajectory_hash=episode.trajectory_hash,
        ood=ood / max(ticks, 1),
        interventions=dict(interventions),
        intervened=intervened,
        frames=ticks,
    )


def judge_all(trials: list[Trial], executor: Executor | None = None) -> Iterator[Judgement]:
    """Judge every trial, in order; in parallel where an executor is given."""
    yield from executor.map(judge_trial, trials) if executor else map(judge_trial, trials)


def scores(judgements: Iterable[Judgement]) -> tuple[Score, ...]:
    """Sum judgements up by scenario."""
    by_scenario: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        by_scenario.setdefault(judgement.scenario, []).append(judgement)
    return tuple(_score(name, found) for name, found in by_scenario.items())


def _score(name: str, judgements: list[Judgement]) -> Score:
    successes = sum(j.success for j in judgements)
    failures = tuple(f"seed {j.seed}: {j.infraction}" for j in judgements if not j.success)
    reasons = sum((Counter(j.interventions) for j in judgements), Counter[str]())
    frames = sum(j.frames for j in judgements)
    share = sum(j.intervened for j in judgements) / max(frames, 1)
    interval = wilson_interval(successes, len(judgements))
    return Score(name, successes, len(judgements), interval, failures, share, tuple(reasons.most_common()), frames)


@lru_cache(maxsize=2)
def _pipeline(domain: str, checkpoint: Path | None, without: str) -> DrivingPipeline:
    world, loaded = open_domain(domain), load_checkpoint(checkpoint)
    gate = Gate(world.profile, GateConfig(auto_engage=True), loaded.spec.bev)
    observe = observation_without(without, loaded, world.camera)
    return DrivingPipeline(observe, loaded.policy_stage(world.profile), mapping_without(without, world.profile), gate)
