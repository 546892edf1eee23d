"""Judges a policy on the unseen drives of its run; what is judged stays judged."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from sim2real_ad.evaluation.statistics import root_mean_square
from sim2real_ad.training.experiment.drives import DRIVES_FILE, Drive, read_drives, whole_lines
from sim2real_ad.training.experiment.spec import RunSpec
from sim2real_ad.training.teacher.driving import drive_episode
from sim2real_ad.training.teacher.environment import TeacherEnv
from sim2real_ad.training.teacher.policy import Actor


def judge_run(run: RunSpec, folder: Path, actor: Actor, env: TeacherEnv) -> None:
    """Drive what drives.jsonl of the folder lacks. env: its scenarios must hold the run's; it is not closed."""
    done = {drive.key for drive in read_drives(folder)}
    path = folder / DRIVES_FILE
    path.touch()
    os.truncate(path, len(whole_lines(path).encode()))
    with path.open("a", encoding="utf-8") as lines:
        for scenario, seed in run.trials:
            if (scenario, seed) not in done:
                drive = judge_drive(actor, env, scenario, seed)
                lines.write(drive.model_dump_json() + "\n")
                lines.flush()


def judge_drive(actor: Actor, env: TeacherEnv, scenario: str, seed: int) -> Drive:
    """Drive one episode to its end with the policy's own action at every tick."""
    driven = drive_episode(env, actor, scenario, seed)
    return Drive(
        scenario=scenario,
        seed=seed,
        success=driven.success,
        infractions=driven.infractions,
        ticks=len(driven.moments),
        mean_speed=round(float(np.mean([moment.speed for moment in driven.moments])), 6),
        rms_lateral_jerk=round(root_mean_square(moment.lateral_jerk for moment in driven.moments), 6),
    )
