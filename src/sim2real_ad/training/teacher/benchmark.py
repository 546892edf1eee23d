"""How many environment steps a second a training of the teacher makes, all in: worlds, guidance, learning, audit."""

from __future__ import annotations

import torch

from sim2real_ad.evaluation.benchmark import Measurement, Stopwatch
from sim2real_ad.reward.guidance import Guidance
from sim2real_ad.reward.rewards import load_reward
from sim2real_ad.training.teacher.algorithms import make_model
from sim2real_ad.training.teacher.fill import GuidanceFill
from sim2real_ad.training.teacher.guide import make_guidance
from sim2real_ad.training.teacher.settings import TeacherTraining, load_teacher_training
from sim2real_ad.training.teacher.watch import GuidanceAudit
from sim2real_ad.training.teacher.worlds import open_worlds

ALGORITHMS = ("sac", "ppo")
TARGETS = {"surrogate": 140.0, "vlm": 60.0}
"""By reward. VLM-RL (arXiv 2412.15544) makes 13.9 steps a second with its model in the loop, on a GPU."""
STEPS, REPEATS = 1024, 3
EVERY_TICK = {"action_repeat": 1, "guidance_stride": 4}
"""An action at every tick and a score at every fourth, so that a step is what others count as one."""


def measure_train() -> list[Measurement]:
    """Measure every algorithm under every guidance. Raises ScorerError where a guidance cannot be opened."""
    torch.set_num_threads(1)
    return [figure for reward in TARGETS for figure in _measure_reward(reward)]


def _measure_reward(reward: str) -> list[Measurement]:
    training = load_teacher_training(None, {"reward": reward})
    guidance = make_guidance(training, load_reward(reward))
    every_tick = load_teacher_training(None, {"reward": reward, "drives": EVERY_TICK})
    figures = [_measure(every_tick, algorithm, guidance, "an action a tick") for algorithm in ALGORITHMS]
    return [*figures, _measure(training, training.algorithm, guidance, "as the shipped settings")]


def _measure(training: TeacherTraining, algorithm: str, guidance: Guidance | None, how: str) -> Measurement:
    drives = training.drives
    shipped = drives.action_repeat > 1
    watches = _learn(training, algorithm, guidance)
    stride = f"a score every {drives.guidance_stride * drives.action_repeat} ticks"
    return Measurement(
        name=f"training, {algorithm.upper()}, {training.reward}, {how}",
        unit="steps/s",
        better="higher",
        target=None if shipped else TARGETS[training.reward],
        samples=tuple(STEPS / watch.wall_s for watch in watches),
        cpu_samples=tuple(STEPS / watch.cpu_s for watch in watches),
        note=f"{drives.action_repeat} ticks a step, {stride}, {training.world_count} worlds, one process",
    )


def _learn(training: TeacherTraining, algorithm: str, guidance: Guidance | None) -> list[Stopwatch]:
    """Time STEPS steps a repeat, updates included from the first one on; a repeat before them is not counted."""
    reward = load_reward(training.reward)
    worlds = open_worlds(training.drives, reward, training.world_count, training.seed)
    try:
        hyperparameters = getattr(training.algorithms, algorithm)
        short = {"n_steps": STEPS // training.world_count} if algorithm == "ppo" else {"learning_starts": 0}
        model = make_model(algorithm, hyperparameters.model_copy(update=short), worlds, training.seed)
        watches = []
        for _ in range(REPEATS + 1):
            with Stopwatch() as watch:
                audit = GuidanceAudit(training.seed)
                fill = GuidanceFill(reward, guidance, [audit.hear])
                model.learn(STEPS, fill, log_interval=None, reset_num_timesteps=False)
            watches.append(watch)
        return watches[1:]
    finally:
        worlds.close()
