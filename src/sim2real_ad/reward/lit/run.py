"""What stands behind `s2r scorer train` and `s2r scorer evaluate`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.calibration import fit_calibration, save_calibration
from sim2real_ad.reward.goals import Goals, load_goals
from sim2real_ad.reward.lit.card import scorer_card
from sim2real_ad.reward.lit.drives import SCENARIOS, TRAINING_MAPS, UNSEEN_MAP, Moments, collect_moments, jobs
from sim2real_ad.reward.lit.evaluation import embed_in_batches, labels, margins_of
from sim2real_ad.reward.lit.figures import ScorerFigures, measure
from sim2real_ad.reward.lit.training import LitSettings, Report, extract_features, train_head
from sim2real_ad.reward.scorers.lit import HEAD_FILE, LitScorer
from sim2real_ad.reward.view import paint_scene
from sim2real_ad.training.seeds import EVALUATION_SEEDS, SCORER_SEEDS, VALIDATION_SEEDS

RECORD_FILE, CARD_FILE, CALIBRATION_FILE = "record.json", "MODEL_CARD.md", "calibration.yaml"
DRIVES, CALIBRATION_DRIVES, EVALUATION_DRIVES = 640, 120, 160
UNSEEN_MAPS = dict.fromkeys(SCENARIOS, UNSEEN_MAP)
GOALS = "driving"
SPEED_PICTURES = 256


def train_scorer(out: Path, report: Report, drives: int = DRIVES, settings: LitSettings | None = None) -> ScorerFigures:
    """Drive, train, calibrate and evaluate; write head, calibration, record and model card into a folder."""
    settings, spec, started = settings or LitSettings(), BevSpec(), time.monotonic()
    one_thread()
    moments = collect_moments(jobs(SCORER_SEEDS[:drives], TRAINING_MAPS), spec, report=report)
    head = train_head(extract_features(moments, spec, report), moments, settings, report)
    out.mkdir(parents=True, exist_ok=True)
    head.save(out / HEAD_FILE)
    trained_s = time.monotonic() - started
    scorer, goals = LitScorer(out), load_goals(GOALS)
    calibrate(scorer, goals, out, report)
    unseen, seen = evaluate_scorer(out, report)
    record: dict[str, Any] = {
        "command": "s2r scorer train",
        "drives": drives,
        "moments": len(moments),
        "unsafe_share": float(np.mean([fact.unsafe is True for fact in moments.facts])),
        "seeds": [SCORER_SEEDS[0], SCORER_SEEDS[drives - 1]],
        "maps": sorted(set(TRAINING_MAPS.values())),
        "unseen_map": UNSEEN_MAP,
        "settings": settings.__dict__,
        "head_bytes": (out / HEAD_FILE).stat().st_size,
        "training_seconds": round(trained_s),
        "torch": torch.__version__,
        "unseen": unseen.model_dump(),
        "training_maps": seen.model_dump(),
    }
    (out / RECORD_FILE).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    (out / CARD_FILE).write_text(scorer_card(record, unseen, seen), encoding="utf-8")
    return unseen


def evaluate_scorer(
    folder: Path, report: Report, drives: int = EVALUATION_DRIVES
) -> tuple[ScorerFigures, ScorerFigures]:
    """Return the figures on (the map that no training saw, the training's maps), seeds that nothing was tuned on."""
    one_thread()
    scorer, goals = LitScorer(folder), load_goals(GOALS)
    found = []
    for maps in (UNSEEN_MAPS, TRAINING_MAPS):
        moments = collect_moments(jobs(EVALUATION_SEEDS[:drives], maps), BevSpec(), report=report)
        found.append(measure(scorer, embedded(scorer, moments), moments.facts, goals))
    return found[0], found[1]


def calibrate(scorer: LitScorer, goals: Goals, out: Path, report: Report, drives: int = CALIBRATION_DRIVES) -> None:
    """Fit what a margin is worth on validation seeds of the training's maps, and write it beside the head."""
    moments = collect_moments(jobs(VALIDATION_SEEDS[:drives], TRAINING_MAPS), BevSpec(), report=report)
    margins = margins_of(scorer, embedded(scorer, moments), goals.contrasts)
    violated = np.stack([labels(moments.facts, name)[0] for name in goals.names], axis=1)
    save_calibration(fit_calibration(scorer, goals, margins, violated), out / CALIBRATION_FILE)


def embedded(scorer: LitScorer, moments: Moments) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Paint moments and embed the pictures (N, D)."""
    spec = BevSpec()
    return embed_in_batches(scorer, [paint_scene(moments.scene(index, spec), spec) for index in range(len(moments))])


def scorer_speed(folder: Path) -> float:
    """Return pictures a second, painted and scored against the driving goals, on one thread in batches of 32."""
    one_thread()
    scorer, spec, contrasts = LitScorer(folder), BevSpec(), load_goals(GOALS).contrasts
    moments = collect_moments(jobs(VALIDATION_SEEDS[:3], TRAINING_MAPS), spec)
    scenes = [moments.scene(index % len(moments), spec) for index in range(SPEED_PICTURES)]
    scorer.score([paint_scene(scenes[0], spec)], contrasts)
    started = time.monotonic()
    for start in range(0, SPEED_PICTURES, 32):
        scorer.score([paint_scene(scene, spec) for scene in scenes[start : start + 32]], contrasts)
    return SPEED_PICTURES / (time.monotonic() - started)


def one_thread() -> None:
    """Keep to one thread, so that figures are comparable and trainings repeat to the bit."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
