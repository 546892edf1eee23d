"""A whole training of a teacher in one folder: begun, watched, judged, saved, and taken up again after a kill.

RUN/run.json            what was asked for, and with which versions
RUN/checkpoints/        the last two: model, replay buffer, random states, progress
RUN/tensorboard/        every reward term, success and infractions by scenario, guidance, the algorithm's own figures
RUN/evaluations.jsonl   a judgement on validation seeds every so many steps
RUN/best.npz, best.json the best policy so far and its judgement
RUN/teacher.npz, teacher.json, result.json   at the end
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.logger import configure

from sim2real_ad.errors import TrainingError
from sim2real_ad.evaluation.provenance import collect_versions
from sim2real_ad.reward.guidance import Guidance
from sim2real_ad.reward.rewards import Reward, load_reward
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
from sim2real_ad.training.teacher.guide import make_guidance, with_goals_view
from sim2real_ad.training.teacher.monitor import Monitor
from sim2real_ad.training.teacher.policy import TeacherPolicy
from sim2real_ad.training.teacher.regularise import KeepClose
from sim2real_ad.training.teacher.settings import TeacherTraining
from sim2real_ad.training.teacher.start import starting_policy
from sim2real_ad.training.teacher.state import STATE_FINGERPRINT
from sim2real_ad.training.teacher.worlds import Worlds, open_worlds

RUN_FILE, RESULT_FILE, TEACHER_POLICY, TEACHER_FILE = "run.json", "result.json", "teacher.npz", "teacher.json"
FINAL_SEEDS = VALIDATION_SEEDS[500:]
"""Other than the ones that chose the best policy: a maximum over noisy judgements flatters itself."""


class WithoutGuidance:
    """A reward as it is where guidance has no say: an evaluation needs no scenes."""

    uses_guidance = False

    def __init__(self, reward: Reward) -> None:
        self.terms, self.total = reward.terms, reward.total


def train_teacher(
    training: TeacherTraining,
    run: Path,
    progress: Progress | None = None,
    *,
    guidance: Guidance | None = None,
    command: list[str] | None = None,
) -> dict[str, Any]:
    """Train, or go on training, and return what `result.json` holds. A finished run is not trained again.

    guidance: in place of the one that the settings name. Raises TrainingError where the folder holds another training,
    ConfigError, ScorerError, ScenarioError, CheckpointError or WorldError.
    """
    torch.set_num_threads(1)
    reward = load_reward(training.reward)
    training = with_goals_view(training, reward)
    _claim(run, training, command)
    finished = _finished(run, training)
    if finished is not None:
        return finished
    session = _Session(training, run, reward, guidance or make_guidance(training, reward), progress or Progress())
    try:
        return session.train()
    finally:
        session.close()


class _Session:
    """One process's part in a training."""

    def __init__(
        self, training: TeacherTraining, run: Path, reward: Reward, guidance: Guidance | None, progress: Progress
    ) -> None:
        self.training, self.run, self.reward, self.guidance, self.progress = training, run, reward, guidance, progress
        self.started_s = time.monotonic()
        self.earlier: dict[str, Any] = {"seconds": 0.0, "evaluation_seconds": 0.0, "guidance": [], "steps": 0}
        self.start = starting_policy(training, run, progress)
        self.worlds: Worlds = open_worlds(training.drives, reward, training.world_count, training.seed)
        self.judging: TeacherEnv | None = None

    def close(self) -> None:
        self.worlds.close()
        if self.judging is not None and self.judging not in self.worlds.envs:
            self.judging.close()

    def train(self) -> dict[str, Any]:
        model = self._take_up() or self._begin()
        history = [e for e in read_evaluations(self.run) if e.steps <= model.num_timesteps]
        write_evaluations(self.run, history)
        self.monitor = Monitor(self.progress, self.training.steps, self.training.window, self.guidance)
        self.fill = GuidanceFill(self.reward, self.guidance, [self.monitor.hear])
        self.evaluations = EvaluateRegularly(
            self.run, self.training.evaluation, self._judge, history, from_the_start=self.start is not None
        )
        self.checkpoints = SaveCheckpoints(self.run, self.worlds, self.training.checkpoint_every_s, self._remember)
        model.set_logger(configure(str(self.run / "tensorboard"), ["tensorboard"]))
        self._learn(model)
        return self._conclude(model)

    def _begin(self) -> BaseAlgorithm:
        training = self.training
        model = make_model(training.algorithm, training.hyperparameters, self.worlds, training.seed)
        if self.start is not None:
            initialise_actor(model, network_of(self.start), training.closeness.log_std)
            if hasattr(model, "learning_starts"):
                model.learning_starts = 0  # The start explores better than random actions do.
        return model

    def _take_up(self) -> BaseAlgorithm | None:
        found = list_checkpoints(self.run)
        if not found:
            return None
        model, self.earlier = load_checkpoint(found[-1], self.training.algorithm, self.worlds)
        self.progress.say(f"{self.run} goes on at step {model.num_timesteps:,}")
        return model

    def _learn(self, model: BaseAlgorithm) -> None:
        callbacks = [self.fill, self.monitor, self.evaluations, self.checkpoints]
        if self.start is not None:
            keep_close = KeepClose(network_of(self.start), self.training.closeness, self.training.seed)
            callbacks.insert(1, keep_close)
        left = self.training.steps - model.num_timesteps
        try:
            if left > 0:
                model.learn(left, CallbackList(callbacks), log_interval=None, reset_num_timesteps=False)
        finally:
            # Whatever ends it, what was learned stays; of a rollout that was not filled nothing does.
            self.fill.rewind()
            self.checkpoints.save(model)

    def _judge(self, model: BaseAlgorithm) -> Evaluation:
        seeds = VALIDATION_SEEDS[: self.training.evaluation.episodes]
        evaluation = self._drive(policy_of(model), seeds, model.num_timesteps)
        if self.judging in self.worlds.envs:
            model._last_obs = self.worlds.reset()
            model._last_episode_starts = [True] * self.worlds.num_envs
            self.fill.forget_episodes()
            self.monitor.forget_episodes()
        best = "" if self.evaluations.best and not evaluation.beats(self.evaluations.best) else " (best so far)"
        self.progress.say(f"step {evaluation.steps:,}: {evaluation}{best}")
        return evaluation

    def _drive(self, policy: TeacherPolicy, seeds: range, steps: int) -> Evaluation:
        if self.judging is None:
            # A CARLA server holds one world: there the training's own is driven, and starts afresh afterwards.
            shared = self.training.drives.world == "carla"
            without = WithoutGuidance(self.reward)
            self.judging = self.worlds.envs[0] if shared else TeacherEnv(self.training.drives, without)
        return evaluate(self.judging, policy.act, seeds, steps, self._seconds(), self.progress)

    def _seconds(self) -> float:
        return float(self.earlier["seconds"]) + time.monotonic() - self.started_s

    def _remember(self) -> dict[str, Any]:
        guidance = [self.guidance.record() | {"unusable": self.fill.unusable}] if self.guidance else []
        return {
            "seconds": self._seconds(),
            "evaluation_seconds": self.earlier["evaluation_seconds"] + self.evaluations.spent_s,
            "guidance": [*self.earlier["guidance"], *guidance],
        }

    def _conclude(self, model: BaseAlgorithm) -> dict[str, Any]:
        if not self.evaluations.history or self.evaluations.history[-1].steps != model.num_timesteps:
            self.evaluations.evaluate_now(model)
        remembered = self._remember()
        policy = TeacherPolicy.load(self.run / BEST_POLICY)
        best = read_best(self.run)
        assert best is not None
        final = self._drive(policy, FINAL_SEEDS[: self.training.evaluation.final_episodes], best.steps)
        training_s = max(remembered["seconds"] - remembered["evaluation_seconds"], 1e-9)
        result = {
            "algorithm": self.training.algorithm,
            "reward": self.training.reward,
            "world": self.training.drives.world,
            "start": self.training.start,
            "seed": self.training.seed,
            "steps": model.num_timesteps,
            **remembered,
            "steps_per_second": model.num_timesteps / training_s,
            "rms_lateral_jerk": final.rms_lateral_jerk,
            "success": final.success_rate,
            "final": final.model_dump(),
            "best": best.model_dump(),
            "last": self.evaluations.history[-1].model_dump(),
            "first": self.evaluations.history[0].model_dump(),
        }
        policy.save(self.run / TEACHER_POLICY)
        _write_json(self.run / TEACHER_FILE, _describe(self.training, policy, result))
        _write_json(self.run / RESULT_FILE, result)
        self.progress.say(f"{self.run / TEACHER_POLICY}: {final}, RMS lateral jerk {final.rms_lateral_jerk:.2f} m/s^3")
        return result


def _claim(run: Path, training: TeacherTraining, command: list[str] | None) -> None:
    """Write run.json, or check that the folder holds this training and no other."""
    path = run / RUN_FILE
    identity = training.identity()
    if path.is_file():
        held = json.loads(path.read_text(encoding="utf-8"))["identity"]
        differing = [key for key in sorted({*held, *identity}) if held.get(key) != identity.get(key)]
        if differing:
            told = "; ".join(f"{key}: {held.get(key)} there, {identity.get(key)} asked for" for key in differing)
            raise TrainingError(f"{run} holds another training ({told}); choose another folder, or the same settings")
        return
    run.mkdir(parents=True, exist_ok=True)
    record = {
        "identity": identity,
        "settings": training.model_dump(mode="json"),
        "versions": collect_versions(),
        "command": command if command is not None else sys.argv,
        "state_fingerprint": STATE_FINGERPRINT,
    }
    _write_json(path, record)


def _finished(run: Path, training: TeacherTraining) -> dict[str, Any] | None:
    path = run / RESULT_FILE
    if not path.is_file():
        return None
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result if result["steps"] >= training.steps else None


def _describe(training: TeacherTraining, policy: TeacherPolicy, result: dict[str, Any]) -> dict[str, Any]:
    return {
        "state_fingerprint": STATE_FINGERPRINT,
        "hidden": list(policy.hidden),
        "training": training.identity(),
        "versions": collect_versions(),
        "result": result,
    }


def _write_json(path: Path, data: Any) -> None:
    beside = path.with_suffix(".part")
    with beside.open("w", encoding="utf-8") as file:
        file.write(json.dumps(data, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
