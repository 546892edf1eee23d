"""Judges a policy on the unseen drives of its run, one line of drives.jsonl a drive; what is judged stays judged."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from sim2real_ad.config import StrictModel
from sim2real_ad.errors import TrainingError
from sim2real_ad.training.experiment.spec import RunSpec
from sim2real_ad.training.teacher.environment import TeacherEnv
from sim2real_ad.training.teacher.policy import Actor

DRIVES_FILE = "drives.jsonl"


class Drive(StrictModel):
    """One judged drive. success: the goal reached and no infraction; the figures are SI, over `ticks` ticks.

    rms_lateral_jerk: m/s^3; mean_speed: m/s.
    """

    scenario: str
    seed: int
    success: bool
    infractions: tuple[str, ...]
    ticks: int
    mean_speed: float
    rms_lateral_jerk: float

    @property
    def key(self) -> tuple[str, int]:
        """Which drive it is: the same for every policy."""
        return self.scenario, self.seed


def judge_run(
    run: RunSpec, folder: Path, actor: Actor, env: TeacherEnv, judged: Callable[[Drive], None] | None = None
) -> None:
    """Drive what drives.jsonl of the folder lacks. env: its scenarios must hold the run's; it is not closed."""
    done = {drive.key for drive in read_drives(folder)}
    path = folder / DRIVES_FILE
    path.touch()
    os.truncate(path, len(_whole_lines(path).encode()))
    with path.open("a", encoding="utf-8") as lines:
        for scenario, seed in run.trials:
            if (scenario, seed) not in done:
                drive = judge_drive(actor, env, scenario, seed)
                lines.write(drive.model_dump_json() + "\n")
                lines.flush()
                if judged is not None:
                    judged(drive)


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


def root_mean_square(values: Iterable[float], weights: Iterable[float] | None = None) -> float:
    """Return the root of the (weighted) mean of the squares; NaN without values."""
    squares = [value * value for value in values]
    counts = [1.0] * len(squares) if weights is None else list(weights)
    total = sum(counts)
    return math.sqrt(sum(n * s for n, s in zip(counts, squares, strict=True)) / total) if total else math.nan


def read_drives(folder: Path) -> list[Drive]:
    """Read what has been judged; a last line that is not whole yet, or was cut off by a kill, is left out.

    Raises TrainingError where another line is unreadable.
    """
    path = folder / DRIVES_FILE
    whole = _whole_lines(path)
    try:
        return [Drive.model_validate_json(line) for line in whole.splitlines()]
    except ValidationError as error:
        raise TrainingError(
            f"{path} holds a line that is no judged drive: {error}; remove it to judge again"
        ) from error


def _whole_lines(path: Path) -> str:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return text[: text.rfind("\n") + 1]
