"""One process's part in a training: takes it up where the last one stopped, and brings it to its end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.logger import configure

from sim2real_ad.files import write_json
from sim2real_ad.reward.guidance import Guidance
from sim2real_ad.reward.rewards import Reward
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.seeds import VALIDATION_SEEDS
from sim2real_ad.training.teacher.algorithms import initialise_actor, make_model, network_of, policy_of
from sim2real_ad.training.teacher.checkpoints import SaveCheckpoints, list_checkpoints, load_checkpoint
from sim2real_ad.training.teacher.environment import TeacherEnv
from sim2real_ad.training.teacher.evaluation import (
    BEST_POLICY,
    EvaluateRegularly,
    Evaluation,
    evaluate,
    read_best,
    read_evaluations,
    write_evaluations,
)
from sim2real_ad.training.teacher.fill import GuidanceFill
from sim2real_ad.training.teacher.folder import (
    RESULT_FILE,
    TEACHER_FILE,
    TEACHER_POLICY,
    collect_training_versions,
)
from sim2real_ad.training.teacher.monitor import Monitor
from sim2real_ad.training.teacher.policy import TeacherPolicy
from sim2real_ad.training.teacher.regularise import KeepClose
from sim2real_ad.training.teacher.settings import TeacherTraining
from sim2real_ad.training.teacher.starts import start_policy
from sim2real_ad.training.teacher.state import STATE_FINGERPRINT
from sim2real_ad.training.teacher.watch import GuidanceAudit
from sim2real_ad.training.teacher.worlds import open_worlds

CHOOSING_SEEDS, FINAL_SEEDS = VALIDATION_SEEDS[:500], VALIDATION_SEEDS[500:]
"""The last judgement takes other seeds than the choice of the best: a maximum over noisy judgements flatters itself."""


class WithoutGuidance:
    """A reward as it is where guidance has no say: an evaluation needs no scenes."""

    uses_guidance = False

    def __init__(self, reward: Reward) -> None:
        self.terms, self.total = reward.terms, reward.total


class Session:
    """Worlds, model and callbacks of one process."""

    def __init__(
        self, training: TeacherTraining, run: Path, reward: Reward, guidance: Guidance | None, progress: Progress
    ) -> None:
        """Open the worlds; imitate the expert first where the training starts from it and has not yet."""
        self._training, self._run, self._reward, self._guidance = training, run, reward, guidance
        self._progress = progress
        self._started_s = time.monotonic()
        self._earlier: dict[str, Any] = {"seconds": 0.0, "evaluation_seconds": 0.0, "guidance": []}
        self._start = start_policy(training.start, training.drives, run, progress)
        self._worlds = open_worlds(training.drives, reward, training.world_count, training.seed)
        self._judging: TeacherEnv | None = None
        self._monitor = Monitor(progress, training.steps, training.window, guidance)
        self._audit = GuidanceAudit(training.seed) if guidance is not None else None
        listeners = [self._monitor.hear] if self._audit is None else [self._monitor.hear, self._audit.hear]
        self._fill = GuidanceFill(reward, guidance, listeners)

    def close(self) -> None:
        """Release the worlds."""
        if self._judging is not None and not self._shares_world:
            self._judging.close()
        self._worlds.close()

    def train(self) -> dict[str, Any]:
        """Train to the last step and return the result. Whatever stops it, what was learned is saved first."""
        self._started_s = time.monotonic()
        model = self._take_up() or self._begin()
        history = [e for e in read_evaluations(self._run) if e.steps <= model.num_timesteps]
        write_evaluations(self._run, history)
        self._evaluations = EvaluateRegularly(
            self._run, self._training.evaluation, self._judge, history, from_the_start=self._start is not None
        )
        every_s = self._training.checkpoint_every_s
        self._checkpoints = SaveCheckpoints(self._run, self._worlds, every_s, self._remember, self._save_audit)
        model.set_logger(configure(str(self._run / "tensorboard"), ["tensorboard"]))
        self._learn(model)
        return self._conclude(model)

    def _begin(self) -> BaseAlgorithm:
        training = self._training
        model = make_model(training.algorithm, training.hyperparameters, self._worlds, training.seed)
        if self._start is not None:
            initialise_actor(model, network_of(self._start), training.closeness.log_std)
            if hasattr(model, "learning_starts"):
                model.learning_starts = 0  # The start explores better than random actions do.
        return model

    def _take_up(self) -> BaseAlgorithm | None:
        found = list_checkpoints(self._run)
        if not found:
            return None
        model, self._earlier = load_checkpoint(found[-1], self._training.algorithm, self._worlds)
        self._monitor.load(self._earlier["monitor"])
        if self._audit is not None:
            self._audit.take_up(found[-1])
        self._progress.say(f"{self._run} goes on at step {model.num_timesteps:,}")
        return model

    def _learn(self, model: BaseAlgorithm) -> None:
        callbacks: list[BaseCallback] = [self._fill, self._monitor, self._evaluations, self._checkpoints]
        if self._start is not None:
            callbacks.append(KeepClose(network_of(self._start), self._training.closeness, self._training.seed))
        left = self._training.steps - model.num_timesteps
        try:
            if left > 0:
                model.learn(left, CallbackList(callbacks), log_interval=None, reset_num_timesteps=False)
        finally:
            self._fill.rewind()
            self._checkpoints.save(model)

    def _judge(self, model: BaseAlgorithm) -> Evaluation:
        seeds = CHOOSING_SEEDS[: self._training.evaluation.episodes]
        evaluation = self._drive(policy_of(model), seeds, model.num_timesteps)
        if self._shares_world:
            model._last_obs = self._worlds.reset()
            model._last_episode_starts = np.ones(self._worlds.num_envs, bool)
            self._fill.forget_episodes()
            self._monitor.forget_episodes()
        best = " (best so far)" if evaluation.beats(self._evaluations.best) else ""
        self._progress.say(f"step {evaluation.steps:,}: {evaluation}{best}")
        return evaluation

    def _drive(self, policy: TeacherPolicy, seeds: range, steps: int) -> Evaluation:
        drives = self._training.drives
        if self._judging is None:
            shared, without = self._shares_world, WithoutGuidance(self._reward)
            self._judging = self._worlds.envs[0] if shared else TeacherEnv(drives.as_driven, without)
        self._judging.settings = drives.as_driven
        try:
            return evaluate(self._judging, policy.act, seeds, steps, self._seconds, self._progress)
        finally:
            self._judging.settings = drives

    @property
    def _shares_world(self) -> bool:
        """A CARLA server holds one world: the training's own is judged in, and starts afresh afterwards."""
        return self._training.drives.world == "carla"

    @property
    def _seconds(self) -> float:
        return float(self._earlier["seconds"]) + time.monotonic() - self._started_s

    def _save_audit(self, folder: Path) -> None:
        if self._audit is not None:
            self._audit.save(folder)

    def _remember(self) -> dict[str, Any]:
        mine = [] if self._guidance is None else [{**self._guidance.record(), "unusable": self._fill.unusable}]
        return {
            "seconds": self._seconds,
            "evaluation_seconds": self._earlier["evaluation_seconds"] + self._evaluations.spent_s,
            "guidance": [*self._earlier["guidance"], *mine],
            "monitor": self._monitor.state(),
        }

    def _conclude(self, model: BaseAlgorithm) -> dict[str, Any]:
        if not self._evaluations.history or self._evaluations.history[-1].steps != model.num_timesteps:
            self._evaluations.evaluate_now(model)
        policy = TeacherPolicy.load(self._run / BEST_POLICY)
        result = self._result(model, policy)
        policy.save(self._run / TEACHER_POLICY)
        write_json(self._run / TEACHER_FILE, _describe(self._training, policy, result))
        write_json(self._run / RESULT_FILE, result)
        return result

    def _result(self, model: BaseAlgorithm, policy: TeacherPolicy) -> dict[str, Any]:
        remembered, best, history = self._remember(), read_best(self._run), self._evaluations.history
        assert best is not None
        final = self._drive(policy, FINAL_SEEDS[: self._training.evaluation.final_episodes], best.steps)
        self._progress.say(f"teacher of step {best.steps:,}: {final}; lateral jerk {final.rms_lateral_jerk:.2f} m/s^3")
        training_s = max(remembered["seconds"] - remembered["evaluation_seconds"], 1e-9)
        names = ("algorithm", "reward", "scorer", "goals", "start", "seed")
        return {
            **{name: getattr(self._training, name) for name in names},
            "world": self._training.drives.world,
            "steps": model.num_timesteps,
            "seconds": remembered["seconds"],
            "steps_per_second": model.num_timesteps / training_s,
            "success": {name: score.successes / score.n for name, score in final.scenarios.items()},
            "rms_lateral_jerk": final.rms_lateral_jerk,
            "guidance": remembered["guidance"],
            "audit": None if self._audit is None else self._audit.conclude(self._run, self._run.name),
            "alarm": {"worst": self._monitor.alarm.worst.state, "reason": self._monitor.alarm.worst.reason},
            "evaluations": {
                "final": final.model_dump(),
                "best": best.model_dump(),
                "first": history[0].model_dump(),
                "last": history[-1].model_dump(),
            },
        }


def _describe(training: TeacherTraining, policy: TeacherPolicy, result: dict[str, Any]) -> dict[str, Any]:
    return {
        "state_fingerprint": STATE_FINGERPRINT,
        "hidden": list(policy.hidden),
        "training": training.identity(),
        "versions": collect_training_versions(),
        "result": result,
    }
