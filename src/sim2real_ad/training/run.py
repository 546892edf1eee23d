"""A whole training: adapter, teacher, student, sealed checkpoint. Finished parts are kept."""

from __future__ import annotations

import json
import multiprocessing
import platform
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import onnxruntime
import torch

import sim2real_ad
from sim2real_ad.errors import CheckpointError
from sim2real_ad.files import write_json
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.policy.checkpoint import ADAPTER_FILE
from sim2real_ad.training.adapter import train_adapter
from sim2real_ad.training.collect import Collection, collect_episodes
from sim2real_ad.training.config import TrainingConfig, load_training
from sim2real_ad.training.cpu import keep_freed_memory
from sim2real_ad.training.dagger import Dagger
from sim2real_ad.training.export import export_adapter, write_checkpoint
from sim2real_ad.training.familiarity import teach_familiarity
from sim2real_ad.training.frames import FrameSet, load_episode
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.rollout import start_worker
from sim2real_ad.training.seeds import ADAPTER_SEEDS, EVALUATION_SEEDS, STUDENT_SEEDS, VALIDATION_SEEDS
from sim2real_ad.training.teacher.run import TEACHER_POLICY, train_teacher
from sim2real_ad.training.teacher.settings import load_teacher_training
from sim2real_ad.vehicle.profile import load_vehicle

ADAPTER_RECORD = "adapter_record.json"
MISFIT_FROM = 3_000
"""Episodes of the adapter's seeds from which those with a wrong calibration count; the others come before."""
SHARES = 40
"""Parts that a collection is rendered in."""
NETWORK_FILE = "adapter.pt"
"""The adapter's weights for torch, from which it is trained on or exported again."""
STATE_FILE = "adapter_state.pt"
"""A training of the adapter that is under way."""
TEACHER_FOLDER = "teacher"
TRAINED = "trained"
"""The teacher that this training makes itself."""
STAGE = "Trained in the embedded world alone, under randomization; distilled from a teacher that language goals guided."


def train_parts(part: str, out: Path, config_path: Path | None, workers: int) -> None:
    """Train `adapter`, `student` or `all` into a folder; the student's part trains its teacher first.

    Raises CheckpointError where the student is asked for and the folder holds no adapter.
    """
    config = load_training(config_path)
    out.mkdir(parents=True, exist_ok=True)
    progress = Progress()
    cv2.setNumThreads(1)
    keep_freed_memory()
    if part in ("adapter", "all") and not (part == "all" and (out / ADAPTER_RECORD).is_file()):
        torch.set_num_threads(workers)
        adapter_part(config, out, progress, workers)
    if part in ("student", "all"):
        student_part(config, out, progress, workers)


def adapter_part(config: TrainingConfig, out: Path, progress: Progress, workers: int) -> None:
    """Collect pictures, train, export, and keep the record beside."""
    settings, spec = config.adapter, config.observation.bev
    started = time.monotonic()
    seeds = ADAPTER_SEEDS[: settings.episodes + settings.held_out_episodes]
    misfit_seeds = ADAPTER_SEEDS[MISFIT_FROM : MISFIT_FROM + settings.misfit_episodes]
    camera = load_camera(config.camera)
    fitting = Collection(
        config.maps, camera, config.image, spec, settings.frames_per_episode, strength=config.randomization
    )
    misfitting = replace(fitting, frames=settings.misfit_frames, misfit=True)
    with worker_pool(workers) as pool:
        paths = _collect(pool, fitting, seeds, out / "frames", progress, workers)
        misfit_paths = _collect(pool, misfitting, misfit_seeds, out / "misfit", progress, workers)
    collected = time.monotonic() - started
    frames, held_out, misfits = (
        FrameSet(map(load_episode, some), spec, config.image)
        for some in (paths[: settings.episodes], paths[settings.episodes :], misfit_paths)
    )
    network, record = train_adapter(
        frames, held_out, settings, spec, config.seed, progress,
        augmented=config.randomization > 0.0, state=out / STATE_FILE,
    )  # fmt: skip
    record |= teach_familiarity(network, frames, misfits, held_out, settings.doubt_minutes, config.seed, progress)
    torch.save(network.state_dict(), out / NETWORK_FILE)
    export_adapter(network, config.image, config.observation, out / ADAPTER_FILE)
    record |= {
        "collection_minutes": collected / 60.0,
        "seeds": [seeds[0], seeds[-1]],
        "misfit_seeds": [misfit_seeds[0], misfit_seeds[-1]],
        "settings": settings.model_dump(),
    }
    write_json(out / ADAPTER_RECORD, record)
    (out / STATE_FILE).unlink(missing_ok=True)
    progress("adapter IoU " + ", ".join(f"{k} {v:.3f}" for k, v in record["iou"].items()), 1.0)


def _collect(
    pool: ProcessPoolExecutor, collection: Collection, seeds: range, folder: Path, progress: Progress, workers: int
) -> list[Path]:
    """Render episodes in shares small enough to show progress. Returns the files of all."""
    shares = [seeds[n::SHARES] for n in range(min(SHARES, len(seeds)))]
    tasks = [pool.submit(collect_share, collection, share, folder) for share in shares]
    for done, task in enumerate(tasks, start=1):
        task.result()
        progress(f"pictures for {folder.name}: {done} of {len(shares)} shares by {workers} workers", done / len(shares))
    return [folder / f"frames_{seed}.npz" for seed in seeds]


def collect_share(collection: Collection, seeds: range, folder: Path) -> None:
    """Render some of the episodes."""
    from sim2real_ad.world.embedded.renderer import PandaRenderer

    renderer = PandaRenderer(collection.image.width, collection.image.height)
    try:
        collect_episodes(renderer, collection, seeds, folder, lambda _line, _share: None)
    finally:
        renderer.close()


def with_teacher(config: TrainingConfig, out: Path, progress: Progress) -> TrainingConfig:
    """Return the configuration with a teacher that exists, trained in OUT/teacher first where that is asked for."""
    if config.teacher != TRAINED:
        return config
    folder = out / TEACHER_FOLDER
    train_teacher(load_teacher_training(config.teacher_training), folder, progress)
    return config.model_copy(update={"teacher": str(folder / TEACHER_POLICY)})


def student_part(config: TrainingConfig, out: Path, progress: Progress, workers: int) -> None:
    """Run DAgger over the folder's adapter and seal the checkpoint."""
    if not (out / ADAPTER_RECORD).is_file():
        raise CheckpointError(f"{out} holds no trained adapter ({ADAPTER_RECORD}); run `s2r train adapter --out {out}`")
    taught = with_teacher(config, out, progress)
    # Nobody drives while the student learns.
    torch.set_num_threads(workers)
    with worker_pool(workers) as pool:
        student = Dagger(taught, out, pool, progress).run()
    record = training_record(config, json.loads((out / ADAPTER_RECORD).read_text(encoding="utf-8")), student)
    profile = load_vehicle(config.vehicle)
    write_checkpoint(out, config.observation, config.image, config.corridor, profile.action, record)
    progress(f"checkpoint written to {out}", 1.0)


@contextmanager
def worker_pool(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes of one thread each; spawned, since a graphics context does not survive a fork.

    Where the block ends with an error or is interrupted, they are ended at once: what they write is whole or not there.
    """
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=start_worker)
    try:
        yield pool
    except BaseException:
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def training_record(config: TrainingConfig, adapter: dict[str, Any], student: dict[str, Any]) -> dict[str, Any]:
    """Put everything that made a checkpoint into one mapping."""
    return {
        "stage": STAGE,
        "adapter": adapter,
        "student": student,
        "configuration": config.model_dump(mode="json"),
        "seeds": {
            "evaluation_only": [EVALUATION_SEEDS.start, EVALUATION_SEEDS.stop - 1],
            "validation": [VALIDATION_SEEDS.start, VALIDATION_SEEDS.stop - 1],
            "adapter": [ADAPTER_SEEDS.start, ADAPTER_SEEDS.stop - 1],
            "student": [STUDENT_SEEDS.start, STUDENT_SEEDS.stop - 1],
        },
        "versions": {
            "sim2real_ad": sim2real_ad.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
    }
