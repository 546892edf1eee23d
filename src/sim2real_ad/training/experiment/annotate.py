"""Stored scenes, scored by a vision-language model on an engine: a large model is spread over whatever there is.

Scores are kept beside the scenes, as NAME.scores.npz, with what they were made from: a file that has been scored by the
same scorer against the same goals is not scored again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from sim2real_ad.config import find_config
from sim2real_ad.errors import TrainingError
from sim2real_ad.reward.guidance import Guidance, Scene, Scores
from sim2real_ad.training.experiment.engine import Engine

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
        scores = _guidance(task.scorer, task.goals).score(load_scenes(task.scenes))
        save_scores(task.scenes, scores, made_from)
    return len(read_scores(task.scenes).values)


def save_scenes(path: Path, scenes: Iterable[Scene]) -> None:
    """Write scenes into one .npz file. All or none of them have a camera picture."""
    held = list(scenes)
    arrays = {
        "bev": np.stack([scene.bev for scene in held]),
        "speed": np.array([scene.speed for scene in held], np.float64),
        "curvature": np.array([scene.curvature for scene in held], np.float64),
    }
    pictures = [scene.rgb for scene in held if scene.rgb is not None]
    if pictures:
        arrays["rgb"] = np.stack(pictures)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part.npz")
    np.savez_compressed(beside, **arrays)  # type: ignore[arg-type]
    beside.replace(path)


def load_scenes(path: Path) -> list[Scene]:
    """Read scenes, in order. Raises TrainingError where the file is missing, damaged or holds something else."""
    try:
        with np.load(path, allow_pickle=False) as held:
            bev, speed, curvature = held["bev"], held["speed"].tolist(), held["curvature"].tolist()
            pictures = held["rgb"] if "rgb" in held.files else [None] * len(bev)
        return [Scene(*parts) for parts in zip(bev, speed, curvature, pictures, strict=True)]
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise TrainingError(f"{path} holds no scenes: {error}") from error


def scores_path(scenes: Path) -> Path:
    """Return where the scores of a file of scenes are kept."""
    return scenes.with_suffix(SCORES_SUFFIX)


def save_scores(scenes: Path, scores: Scores, made_from: str) -> None:
    """Keep scores beside their scenes, with what they were made from."""
    path = scores_path(scenes)
    beside = path.with_suffix(".part.npz")
    np.savez(beside, values=scores.values, abstained=scores.abstained, made_from=np.array(made_from))
    beside.replace(path)


def read_scores(scenes: Path) -> Scores:
    """Read the scores of a file of scenes. Raises TrainingError where there are none."""
    path = scores_path(scenes)
    try:
        with np.load(path, allow_pickle=False) as held:
            return Scores(held["values"], held["abstained"])
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise TrainingError(f"{path} holds no scores: {error}") from error


def _made_from(scores: Path) -> str:
    try:
        with np.load(scores, allow_pickle=False) as held:
            return str(held["made_from"])
    except (OSError, ValueError, KeyError, EOFError):
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
def _guidance(scorer: str, goals: str) -> Guidance:
    """Open a scorer once a process: a model takes seconds to load."""
    from sim2real_ad.reward.goal_guidance import load_guidance

    return load_guidance(scorer, goals)
