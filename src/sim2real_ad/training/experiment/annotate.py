"""Stored scenes, scored by a vision-language model on an engine: a large model is spread over whatever there is.

Scores are kept beside the scenes, as NAME.scores.npz, with what they were made from: a file that has been scored by the
same scorer against the same goals is not scored again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from sim2real_ad.config import find_config
from sim2real_ad.errors import TrainingError
from sim2real_ad.files import write_arrays
from sim2real_ad.reward.bounds import bound_goals, combine
from sim2real_ad.reward.goal_guidance import GoalGuidance, load_guidance
from sim2real_ad.reward.guidance import Scores
from sim2real_ad.training.experiment.engine import Engine
from sim2real_ad.training.experiment.stored_scenes import load_scenes
from sim2real_ad.types import FloatArray

SCORES_SUFFIX = ".scores.npz"


@dataclass(frozen=True)
class ScoringTask:
    """One file of scenes. scorer, goals: names as on the command line."""

    scenes: Path
    scorer: str
    goals: str

    def __str__(self) -> str:
        return str(self.scenes)


def annotate(
    scenes_files: Sequence[Path],
    scorer: str,
    goals: str,
    engine: Engine,
    idle: Callable[[], None] | None = None,
) -> list[Scores]:
    """Score files of scenes; returns their scores in the order of the files.

    Raises TrainingError, after the other files have been scored and kept, naming those that could not be.
    """
    tasks = [ScoringTask(path, scorer, goals) for path in scenes_files]
    failed: dict[Path, str] = {}
    with closing(engine.map(score_file, tasks, idle)) as outcomes:
        for outcome in outcomes:
            if outcome.error:
                failed[outcome.item.scenes] = outcome.error
    if failed:
        told = "; ".join(f"{path}: {reason.strip().splitlines()[-1]}" for path, reason in failed.items())
        raise TrainingError(f"{len(failed)} of {len(tasks)} files of scenes could not be scored: {told}")
    return [read_scores(path) for path in scenes_files]


def score_file(task: ScoringTask) -> int:
    """Score a file of scenes beside itself, unless it has been; returns the number of scenes."""
    made_from = _fingerprint(task)
    kept = scores_path(task.scenes)
    if not kept.is_file() or _made_from(kept) != made_from:
        guidance = _guidance(task.scorer, task.goals)
        margins = guidance.margins(load_scenes(task.scenes))
        scores = combine(bound_goals(margins, guidance.goals, guidance.calibration), guidance.goals)
        _keep(kept, scores, margins, made_from)
    return len(read_scores(task.scenes).values)


def scores_path(scenes: Path) -> Path:
    """Return where the scores of a file of scenes are kept."""
    return scenes.with_suffix(SCORES_SUFFIX)


def read_scores(scenes: Path) -> Scores:
    """Read the scores of a file of scenes. Raises TrainingError where there are none."""
    held = _read(scores_path(scenes))
    return Scores(held["values"], held["abstained"])


def read_margins(scenes: Path) -> FloatArray:
    """Read what the scorer said before any bound, (N, K) of the goals' contrasts: what a surrogate is distilled from.

    Raises TrainingError where there are none.
    """
    margins: FloatArray = _read(scores_path(scenes))["margins"]
    return margins


def _keep(path: Path, scores: Scores, margins: FloatArray, made_from: str) -> None:
    held = {"values": scores.values, "abstained": scores.abstained, "margins": margins}
    write_arrays(path, {**held, "made_from": np.array(made_from)})


def _read(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as held:
            return {name: held[name] for name in ("values", "abstained", "margins", "made_from")}
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise TrainingError(f"{path} holds no scores: {error}") from error


def _made_from(scores: Path) -> str:
    """Return what scores were made from, "" where they are damaged: then they are made again."""
    try:
        return str(_read(scores)["made_from"])
    except TrainingError:
        return ""


def _fingerprint(task: ScoringTask) -> str:
    """Return who scored what against which goals."""
    goals = find_config(task.goals, "goals").read_bytes()
    try:
        scenes = task.scenes.read_bytes()
    except OSError as error:
        raise TrainingError(f"cannot read scenes from {task.scenes}: {error.strerror}") from error
    return f"{task.scorer} {hashlib.sha256(goals).hexdigest()} {hashlib.sha256(scenes).hexdigest()}"


@lru_cache(maxsize=2)
def _guidance(scorer: str, goals: str) -> GoalGuidance:
    """Open a scorer once a process: a model takes seconds to load."""
    return load_guidance(scorer, goals)
