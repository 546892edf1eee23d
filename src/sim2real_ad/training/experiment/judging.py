"""Judges a policy on the unseen drives of its run; what is judged stays judged."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from sim2real_ad.training.experiment.drives import DRIVES_FILE, Drive, read_drives, root_mean_square, whole_lines
from sim2real_ad.training.experiment.spec import RunSpec
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
    state, info = env.reset(options={"scenario": scenario, "episode_seed": seed})
    speeds: list[float] = []
    jerks: list[float] = []
    over = False
    while not over:
        state, _, terminated, truncated, info = env.step(np.asarray(actor(state), np.float32))
        speeds.append(info["moment"].speed)
        jerks.append(info["moment"].lateral_jerk)
        over = terminated or truncated
    return Drive(
        scenario=scenario,
        seed=seed,
        success=bool(info["success"]),
        infractions=tuple(info["infractions"]),
        ticks=len(speeds),
        mean_speed=round(float(np.mean(speeds)), 6),
        rms_lateral_jerk=round(root_mean_square(jerks), 6),
    )
