"""Trains a teacher in one folder (see `folder`): begun, watched, judged, saved, and taken up again after a kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from sim2real_ad.reward.guidance import Guidance
from sim2real_ad.reward.rewards import load_reward
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.teacher.folder import TEACHER_POLICY, claim, finished_result
from sim2real_ad.training.teacher.guide import make_guidance, with_goals_view
from sim2real_ad.training.teacher.session import Session
from sim2real_ad.training.teacher.settings import TeacherTraining
from sim2real_ad.training.teacher.starts import STARTS, start_policy

__all__ = ["TEACHER_POLICY", "train_teacher"]


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
    progress = progress or Progress()
    # What is unknown or unusable must not claim a folder.
    _ = training.hyperparameters
    if training.start not in STARTS:
        start_policy(training.start, training.drives, run, progress)
    if guidance is None:
        guidance = make_guidance(training, reward)
    claim(run, training, command)
    finished = finished_result(run, training)
    if finished is not None:
        return finished
    session = Session(training, run, reward, guidance, progress)
    try:
        return session.train()
    finally:
        session.close()
