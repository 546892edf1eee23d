"""Scenes on disk, for scoring them later and elsewhere; and drives to take them from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim2real_ad.errors import TrainingError
from sim2real_ad.files import write_arrays
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.guidance import Scene
from sim2real_ad.training.experiment.engine import Engine
from sim2real_ad.training.seeds import SURROGATE_SEEDS

DRIVES_A_FILE = 10


@dataclass(frozen=True)
class CollectionTask:
    """Drives whose scenes go into one file."""

    path: Path
    seeds: range

    def __str__(self) -> str:
        return str(self.path)


def collect_scenes(
    folder: Path, drives: int, engine: Engine, idle: Callable[[], None] | None = None
) -> tuple[list[Path], list[str]]:
    """Drive well and badly in the embedded world and store what guidance would look at, some drives a file.

    The same drives give the same files; what is there is kept. Returns the files in order, and why some could not be
    made.
    """
    chosen = SURROGATE_SEEDS[:drives]
    shares = [chosen[at : at + DRIVES_A_FILE] for at in range(0, len(chosen), DRIVES_A_FILE)]
    tasks = [CollectionTask(folder / f"scenes_{seeds[0]}_{seeds[-1]}.npz", seeds) for seeds in shares]
    missing = [task for task in tasks if not task.path.is_file()]
    with closing(engine.map(collect_file, missing, idle)) as outcomes:
        failed = [f"{outcome.item}: {outcome.error}" for outcome in outcomes if outcome.error]
    return [task.path for task in tasks if task.path.is_file()], failed


def scenes_in(folder: Path) -> list[Path]:
    """Return the files of scenes in a folder, in order. Raises TrainingError where it has none."""
    found = sorted(path for path in folder.glob("scenes_*.npz") if path.suffixes == [".npz"])
    if not found:
        raise TrainingError(f"{folder} holds no scenes (scenes_*.npz); store some with --drives N")
    return found


def collect_file(task: CollectionTask) -> int:
    """Drive one file's share; returns the number of scenes."""
    from sim2real_ad.reward.lit.drives import collect_moments, own_map_jobs

    spec = BevSpec()
    moments = collect_moments(own_map_jobs(task.seeds), spec)
    save_scenes(task.path, (moments.scene(index, spec) for index in range(len(moments))))
    return len(moments)


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
    write_arrays(path, arrays, compressed=True)


def load_scenes(path: Path) -> list[Scene]:
    """Read scenes, in order. Raises TrainingError where the file is missing, damaged or holds something else."""
    try:
        with np.load(path, allow_pickle=False) as held:
            bev, speed, curvature = held["bev"], held["speed"].tolist(), held["curvature"].tolist()
            pictures = held["rgb"] if "rgb" in held.files else [None] * len(bev)
        return [Scene(*parts) for parts in zip(bev, speed, curvature, pictures, strict=True)]
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise TrainingError(f"{path} holds no scenes: {error}") from error
