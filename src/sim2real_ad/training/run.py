"""A whole training: collect, train the adapter, train the student, seal the checkpoint. Finished parts are kept."""

from __future__ import annotations

import json
import multiprocessing
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import onnxruntime
import torch

import sim2real_ad
from sim2real_ad.errors import CheckpointError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.policy.checkpoint import ADAPTER_FILE, load_checkpoint
from sim2real_ad.training.adapter import train_adapter
from sim2real_ad.training.collect import Collection, collect_episodes
from sim2real_ad.training.config import TrainingConfig, load_training
from sim2real_ad.training.dagger import Dagger
from sim2real_ad.training.evaluate import Trial, judge_all, scores
from sim2real_ad.training.export import export_adapter, write_checkpoint
from sim2real_ad.training.frames import FrameSet, load_episode
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.rollout import start_worker
from sim2real_ad.training.seeds import ADAPTER_SEEDS, EVALUATION_SEEDS, STUDENT_SEEDS, VALIDATION_SEEDS
from sim2real_ad.vehicle.profile import load_vehicle

ADAPTER_RECORD = "adapter_record.json"
STAGE = "First learned parts: imitation of a rule-based expert in the embedded world."


def train_parts(part: str, out: Path, config_path: Path | None, workers: int) -> None:
    """Train `adapter`, `student` or `all` into a folder.

    Raises CheckpointError where the student is asked for and the folder holds no adapter.
    """
    config = load_training(config_path)
    out.mkdir(parents=True, exist_ok=True)
    progress = Progress()
    # One thread: on few cores these small networks train slower with more, and equal runs give equal weights.
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if part in ("adapter", "all") and not (part == "all" and (out / ADAPTER_RECORD).is_file()):
        adapter_part(config, out, progress, workers)
    if part in ("student", "all"):
        student_part(config, out, progress, workers)


def evaluate_checkpoint(folder: Path, config_path: Path | None, episodes: int, workers: int) -> None:
    """Print the strict successes of a checkpoint on the first evaluation seeds. Raises CheckpointError."""
    config, progress = load_training(config_path), Progress()
    load_checkpoint(folder)
    seeds = EVALUATION_SEEDS[:episodes]
    trials = [Trial(name, seed, folder, config.vehicle, config.camera) for name in config.scenarios for seed in seeds]
    with _workers(workers) as pool:
        judged = []
        for judgement in judge_all(trials, pool):
            judged.append(judgement)
            progress(f"{len(judged)} of {len(trials)} drives", len(judged) / len(trials))
    for score in scores(judged):
        progress.say(str(score))


def adapter_part(config: TrainingConfig, out: Path, progress: Progress, workers: int) -> None:
    """Collect pictures, train, export, and keep the record beside."""
    settings, spec = config.adapter, config.observation.bev
    started = time.monotonic()
    count = settings.episodes + settings.held_out_episodes
    seeds = ADAPTER_SEEDS[:count]
    camera = load_camera(config.camera)
    collection = Collection(config.maps, camera, spec, settings.frames_per_episode, settings.camera_jitter)
    shares = [seeds[n::workers] for n in range(workers)]
    folder = out / "frames"
    with _workers(workers) as pool:
        tasks = [pool.submit(collect_share, collection, share, folder) for share in shares]
        for done, task in enumerate(tasks, start=1):
            task.result()
            progress(f"pictures of {done} of {workers} shares", done / workers)
    collected = time.monotonic() - started
    paths = [folder / f"frames_{seed}.npz" for seed in seeds]
    held_out = FrameSet(map(load_episode, paths[settings.episodes :]), spec)
    frames = FrameSet(map(load_episode, paths[: settings.episodes]), spec)
    network, record = train_adapter(frames, held_out, settings, spec, config.seed, progress)
    export_adapter(network, config.image, config.observation, out / ADAPTER_FILE)
    record |= {
        "collection_minutes": collected / 60.0,
        "seeds": [seeds[0], seeds[-1]],
        "settings": settings.model_dump(),
    }
    (out / ADAPTER_RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
    progress("adapter IoU " + ", ".join(f"{k} {v:.3f}" for k, v in record["iou"].items()), 1.0)


def collect_share(collection: Collection, seeds: range, folder: Path) -> None:
    """Render one worker's share of the episodes."""
    from sim2real_ad.world.embedded.renderer import PandaRenderer

    renderer = PandaRenderer(collection.camera.width, collection.camera.height)
    try:
        collect_episodes(renderer, collection, seeds, folder, lambda _line, _share: None)
    finally:
        renderer.close()


def student_part(config: TrainingConfig, out: Path, progress: Progress, workers: int) -> None:
    """Run DAgger over the folder's adapter and seal the checkpoint."""
    if not (out / ADAPTER_RECORD).is_file():
        raise CheckpointError(f"{out} holds no trained adapter ({ADAPTER_RECORD}); run `s2r train adapter --out {out}`")
    with _workers(workers) as pool:
        student = Dagger(config, out, pool, progress).run()
    record = training_record(config, json.loads((out / ADAPTER_RECORD).read_text(encoding="utf-8")), student)
    profile = load_vehicle(config.vehicle)
    write_checkpoint(out, config.observation, config.image, config.corridor, profile.action, record)
    progress(f"checkpoint written to {out}", 1.0)


def _workers(count: int) -> ProcessPoolExecutor:
    """Processes of one thread each; spawned, since a graphics context does not survive a fork."""
    return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=start_worker)


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
