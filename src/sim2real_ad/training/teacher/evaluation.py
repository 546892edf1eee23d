"""Judges a policy on validation seeds: strict success, infractions, comfort; and keeps the best one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from sim2real_ad.config import StrictModel
from sim2real_ad.evaluation.statistics import root_mean_square, wilson_interval
from sim2real_ad.files import write_text
from sim2real_ad.training.teacher.algorithms import policy_of
from sim2real_ad.training.teacher.driving import drive_episode
from sim2real_ad.training.teacher.environment import TeacherEnv
from sim2real_ad.training.teacher.policy import Actor
from sim2real_ad.training.teacher.settings import EvaluationSettings

EVALUATIONS_FILE, BEST_POLICY, BEST_FILE = "evaluations.jsonl", "best.npz", "best.json"


class ScenarioScore(StrictModel):
    """A scenario's drives. interval: Wilson 95 %; mean_return: of the reward without guidance; jerk in m/s^3."""

    successes: int
    n: int
    interval: tuple[float, float]
    infractions: dict[str, int]
    mean_return: float
    mean_seconds: float
    rms_lateral_jerk: float
    rms_jerk: float


class Evaluation(StrictModel):
    """A policy's judgement. seconds: of training so far, over all its processes."""

    steps: int
    seconds: float
    scenarios: dict[str, ScenarioScore]
    rms_lateral_jerk: float

    @property
    def successes(self) -> int:
        """Over all scenarios."""
        return sum(score.successes for score in self.scenarios.values())

    @property
    def success_rate(self) -> float:
        """The share of drives with strict success, over all scenarios."""
        return self.successes / sum(score.n for score in self.scenarios.values())

    def beats(self, other: Evaluation | None) -> bool:
        """Whether it has more strict successes, or as many with less lateral jerk."""
        mine = (self.success_rate, -self.rms_lateral_jerk)
        return other is None or mine > (other.success_rate, -other.rms_lateral_jerk)

    def __str__(self) -> str:
        return ", ".join(f"{name} {s.successes}/{s.n}" for name, s in self.scenarios.items())


@dataclass(frozen=True)
class _Drive:
    """What one drive comes to. lateral_jerk, jerk: RMS over its ticks, m/s^3."""

    total: float
    ticks: int
    lateral_jerk: float
    jerk: float
    success: bool
    infractions: tuple[str, ...]


def _drive(env: TeacherEnv, actor: Actor, scenario: str, seed: int) -> _Drive:
    driven = drive_episode(env, actor, scenario, seed)
    return _Drive(
        driven.total,
        len(driven.moments),
        root_mean_square(moment.lateral_jerk for moment in driven.moments),
        root_mean_square(moment.jerk for moment in driven.moments),
        driven.success,
        driven.infractions,
    )


def evaluate(
    env: TeacherEnv,
    actor: Actor,
    seeds: Iterable[int],
    steps: int,
    seconds: float,
    told: Callable[[str, float], None] = lambda _line, _share: None,
) -> Evaluation:
    """Drive every scenario of the environment over the seeds. Raises WorldError."""
    chosen, names = list(seeds), list(env.scenarios)
    drives: dict[str, list[_Drive]] = {name: [] for name in names}
    for number, (name, seed) in enumerate((name, seed) for name in names for seed in chosen):
        drives[name].append(_drive(env, actor, name, seed))
        told(f"evaluation: {name}", number / (len(names) * len(chosen)))
    everything = [drive for group in drives.values() for drive in group]
    scores = {name: _score(group, env.world.tick_s) for name, group in drives.items()}
    jerk = root_mean_square((d.lateral_jerk for d in everything), (d.ticks for d in everything))
    return Evaluation(steps=steps, seconds=round(seconds, 1), scenarios=scores, rms_lateral_jerk=jerk)


def _score(drives: list[_Drive], tick_s: float) -> ScenarioScore:
    successes, ticks = sum(drive.success for drive in drives), [drive.ticks for drive in drives]
    return ScenarioScore(
        successes=successes,
        n=len(drives),
        interval=wilson_interval(successes, len(drives)),
        infractions=dict(Counter(kind for drive in drives for kind in drive.infractions)),
        mean_return=float(np.mean([drive.total for drive in drives])),
        mean_seconds=float(np.mean([drive.ticks * tick_s for drive in drives])),
        rms_lateral_jerk=root_mean_square((drive.lateral_jerk for drive in drives), ticks),
        rms_jerk=root_mean_square((drive.jerk for drive in drives), ticks),
    )


def read_evaluations(folder: Path) -> list[Evaluation]:
    """Return a run's evaluations so far, in order; none where there is no file."""
    path = folder / EVALUATIONS_FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [Evaluation.model_validate_json(line) for line in lines]


def write_evaluations(folder: Path, evaluations: Iterable[Evaluation]) -> None:
    """Write a run's evaluations anew, at once."""
    write_text(folder / EVALUATIONS_FILE, "".join(e.model_dump_json() + "\n" for e in evaluations))


class EvaluateRegularly(BaseCallback):
    """Evaluates between rollouts and keeps the best policy. history: the evaluations of the run so far."""

    def __init__(
        self,
        run: Path,
        settings: EvaluationSettings,
        judge: Callable[[BaseAlgorithm], Evaluation],
        history: list[Evaluation],
        *,
        from_the_start: bool,
        told: Sequence[Callable[[Evaluation], None]] = (),
    ) -> None:
        """judge: drives the model over the validation seeds; from_the_start: judge the start too."""
        super().__init__()
        self.history = history
        self.spent_s = 0.0
        self._run, self._settings, self._judge, self._told = run, settings, judge, told
        done = history[-1].steps if history else 0 if from_the_start else None
        self._next = 0 if done == 0 and not history else (done or 0) + settings.every

    @property
    def best(self) -> Evaluation | None:
        """The evaluation of the policy that is kept."""
        return read_best(self._run)

    def evaluate_now(self, model: BaseAlgorithm) -> None:
        """Judge the model as it is and keep it where it is the best so far."""
        started = time.monotonic()
        evaluation = self._judge(model)
        self.spent_s += time.monotonic() - started
        self.history.append(evaluation)
        write_evaluations(self._run, self.history)
        if evaluation.beats(self.best):
            policy_of(model).save(self._run / BEST_POLICY)
            write_text(self._run / BEST_FILE, evaluation.model_dump_json(indent=1))
        for listener in self._told:
            listener(evaluation)

    def _on_rollout_start(self) -> None:
        if self.num_timesteps >= self._next:
            self._next = self.num_timesteps - self.num_timesteps % self._settings.every + self._settings.every
            self.evaluate_now(self.model)
            self._log(self.history[-1])

    def _on_step(self) -> bool:
        return True

    def _log(self, evaluation: Evaluation) -> None:
        for name, score in evaluation.scenarios.items():
            self.logger.record(f"evaluation/success/{name}", score.successes / score.n)
            self.logger.record(f"evaluation/rms_lateral_jerk/{name}", score.rms_lateral_jerk)
        self.logger.record("evaluation/success", evaluation.success_rate)


def read_best(run: Path) -> Evaluation | None:
    """Return the evaluation of the best policy of a run, or None where none has been judged yet."""
    path = run / BEST_FILE
    return Evaluation.model_validate_json(path.read_text(encoding="utf-8")) if path.is_file() else None
