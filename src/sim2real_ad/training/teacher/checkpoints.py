"""What a training needs to go on after it was killed: written whole or not at all, the last two kept."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback

from sim2real_ad.errors import TrainingError
from sim2real_ad.files import write_json
from sim2real_ad.training.teacher.algorithms import find_algorithm
from sim2real_ad.training.teacher.folder import read_json
from sim2real_ad.training.teacher.worlds import Worlds

FOLDER = "checkpoints"
KEPT = 2
MODEL, BUFFER, RANDOM, PROGRESS = "model.zip", "replay_buffer.npz", "random_states.json", "progress.json"
BUFFER_ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def save_checkpoint(
    run: Path,
    model: BaseAlgorithm,
    worlds: Worlds,
    progress: dict[str, Any],
    more: Callable[[Path], None] = lambda _folder: None,
) -> Path:
    """Write a checkpoint and forget the ones before the last two. progress: what else to remember; JSON.

    more: writes further files into the folder. To be called between rollouts: no transition may wait for its reward.
    """
    folder = run / FOLDER / f"step_{model.num_timesteps:010d}"
    beside = folder.with_suffix(".part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    model.save(beside / MODEL, exclude=["_logger", "tensorboard_log"])
    buffer = getattr(model, "replay_buffer", None)
    if buffer is not None:
        _save_buffer(beside / BUFFER, buffer)
    more(beside)
    write_json(beside / RANDOM, _random_states(worlds))
    write_json(beside / PROGRESS, {**progress, "steps": model.num_timesteps})
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
    for old in list_checkpoints(run)[:-KEPT]:
        shutil.rmtree(old)
    return folder


def list_checkpoints(run: Path) -> list[Path]:
    """Return a run's whole checkpoints, oldest first."""
    return sorted(path for path in (run / FOLDER).glob("step_*") if path.is_dir() and not path.suffix)


def load_checkpoint(folder: Path, algorithm: str, worlds: Worlds) -> tuple[BaseAlgorithm, dict[str, Any]]:
    """Return the model, ready to go on in the worlds, and the progress. Raises TrainingError where it is damaged."""
    try:
        model = find_algorithm(algorithm).kind.load(folder / MODEL, env=worlds, device="cpu")
        if (folder / BUFFER).is_file():
            _load_buffer(folder / BUFFER, model.replay_buffer)
        progress, states = read_json(folder / PROGRESS), read_json(folder / RANDOM)
    except (OSError, ValueError, KeyError, EOFError, AssertionError) as error:
        raise TrainingError(
            f"{folder} cannot be taken up again: {error}; remove it to go on from an earlier one"
        ) from error
    _restore_random_states(states, worlds)
    return model, progress


class SaveCheckpoints(BaseCallback):
    """Saves between rollouts, after the update: then no reward is provisional and nothing is half learned."""

    def __init__(
        self,
        run: Path,
        worlds: Worlds,
        every_s: float,
        progress: Callable[[], dict[str, Any]],
        more: Callable[[Path], None] = lambda _folder: None,
    ) -> None:
        """progress: called for what else to remember; more: called to write further files."""
        super().__init__()
        self._run, self._worlds, self._every_s, self._progress, self._more = run, worlds, every_s, progress, more
        self._last_s = time.monotonic()
        self._last_steps = -1

    def save(self, model: BaseAlgorithm) -> None:
        """Save now, unless nothing has been learned since the last time."""
        if model.num_timesteps != self._last_steps:
            save_checkpoint(self._run, model, self._worlds, self._progress(), self._more)
        self._last_s, self._last_steps = time.monotonic(), model.num_timesteps

    def _on_training_start(self) -> None:
        self._last_s, self._last_steps = time.monotonic(), self.num_timesteps

    def _on_rollout_start(self) -> None:
        if time.monotonic() - self._last_s >= self._every_s:
            self.save(self.model)

    def _on_step(self) -> bool:
        return True


def _save_buffer(path: Path, buffer: ReplayBuffer) -> None:
    filled = buffer.buffer_size if buffer.full else buffer.pos
    arrays = {name: getattr(buffer, name)[:filled] for name in BUFFER_ARRAYS}
    np.savez(path, position=np.array(buffer.pos), full=np.array(buffer.full), **arrays)


def _load_buffer(path: Path, buffer: ReplayBuffer) -> None:
    with np.load(path, allow_pickle=False) as held:
        for name in BUFFER_ARRAYS:
            array = held[name]
            getattr(buffer, name)[: len(array)] = array
        buffer.pos, buffer.full = int(held["position"]), bool(held["full"])


def _random_states(worlds: Worlds) -> dict[str, Any]:
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002 - the library draws from the legacy generator
    version, inner, gauss = random.getstate()
    return {
        "torch": torch.get_rng_state().tolist(),
        "numpy": [kind, np.asarray(keys).tolist(), *rest],
        "python": [version, list(inner), gauss],
        "worlds": worlds.random_states(),
    }


def _restore_random_states(states: dict[str, Any], worlds: Worlds) -> None:
    torch.set_rng_state(torch.tensor(states["torch"], dtype=torch.uint8))
    kind, keys, *rest = states["numpy"]
    np.random.set_state((kind, np.array(keys, np.uint32), *rest))  # noqa: NPY002
    version, inner, gauss = states["python"]
    random.setstate((version, tuple(inner), gauss))
    worlds.restore_random_states(states["worlds"])
