"""Distilling a scorer's guidance into the surrogate, and measuring how well and how much faster it agrees."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import nn
from torch.nn import functional

from sim2real_ad.evaluation import rank_statistics
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.goal_guidance import GoalGuidance, load_guidance
from sim2real_ad.reward.guidance import Scene, Scores
from sim2real_ad.reward.lit.drives import Moments, collect_moments, own_map_jobs
from sim2real_ad.reward.lit.run import CARD_FILE, RECORD_FILE, one_thread
from sim2real_ad.reward.lit.runtime import onnx_bytes
from sim2real_ad.reward.lit.training import Report
from sim2real_ad.reward.surrogate import (
    CONFIG_FILE,
    CURVATURE_SCALE,
    NETWORK_FILE,
    SPEED_SCALE,
    SurrogateConfig,
    SurrogateGuidance,
    network_inputs,
)
from sim2real_ad.reward.view import SALOON
from sim2real_ad.training.seeds import EVALUATION_SEEDS, SURROGATE_SEEDS
from sim2real_ad.types import FloatArray, UInt8Array

LEAST_CORRELATION, LEAST_SPEEDUP = 0.95, 20.0
CHUNK = 256
"""Scenes scored at a time."""
EPOCHS, BATCH, LEARNING_RATE = 14, 128, 2e-3
SPEED_SCENES = 512


class SurrogateNetwork(nn.Module):
    """Cells of the BEV and the car's motion to margins.

    Where the car goes decides which cells matter. So every place also carries how far aside of the driven arc it lies
    and when the car gets there, and the motion scales what the picture's features say.
    """

    def __init__(self, config: SurrogateConfig) -> None:
        super().__init__()
        rows, columns = config.window
        size = (rows.stop - rows.start, columns.stop - columns.start)
        self.near = nn.Conv2d(len(config.bev.channels), 12, 2, 2)
        self.middle = nn.Conv2d(14, 32, 3, 2, 1)
        self.far = nn.Conv2d(32, 48, 3, 2, 1)
        self.gains = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 160))
        self.seen = nn.Linear(48 * -(-size[0] // 8) * -(-size[1] // 8), 160)
        outputs = len(config.goals.contrasts)
        self.head = nn.Sequential(nn.Linear(162, 128), nn.ReLU(), nn.Linear(128, 96), nn.ReLU(), nn.Linear(96, outputs))
        centres = config.bev.cell_centres()[rows, columns].reshape(size[0] // 2, 2, size[1] // 2, 2, 2).mean((1, 3))
        self.register_buffer("ahead", torch.from_numpy(centres[..., 0]).float()[None])
        self.register_buffer("aside", torch.from_numpy(centres[..., 1]).float()[None])
        self.register_buffer("centre", torch.zeros(outputs))
        self.register_buffer("spread", torch.ones(outputs))

    def forward(self, cells: torch.Tensor, motion: torch.Tensor) -> torch.Tensor:
        """cells (N, C, rows, columns) uint8, motion (N, 2) scaled, to margins (N, K)."""
        speed, curvature = motion[:, :1, None] / SPEED_SCALE, motion[:, 1:, None] / CURVATURE_SCALE
        # The arc as a parabola: exact enough where the car gets within two seconds.
        aside = (self.aside - 0.5 * curvature * self.ahead * self.ahead).clamp(-6.0, 6.0) / 3.0
        when = ((self.ahead - SALOON.front) / speed.clamp(min=0.5)).clamp(-1.0, 4.0) / 2.0
        x = functional.relu(self.near(cells.float() / 255.0))
        x = functional.relu(self.middle(torch.cat((x, aside[:, None], when[:, None]), 1)))
        x = functional.relu(self.far(x)).flatten(1)
        x = functional.relu(self.seen(x) * (1.0 + self.gains(motion)))
        margins: torch.Tensor = self.head(torch.cat((x, motion), 1)) * self.spread + self.centre
        return margins


class Agreement(BaseModel):
    """Surrogate against scorer on unseen episodes.

    correlation: Spearman's, of the values where neither abstains; correlation_all: of all, abstentions as NEUTRAL;
    abstains_alike: share of scenes where both abstain or both do not; speedup: of scenes a second, same scenes, same
    process, one thread.
    """

    model_config = ConfigDict(frozen=True)
    scenes: int
    correlation: float
    correlation_all: float
    mean_error: float
    abstains_scorer: float
    abstains_surrogate: float
    abstains_alike: float
    scorer_scenes_per_second: float
    surrogate_scenes_per_second: float

    @property
    def speedup(self) -> float:
        """How many times as many scenes a second the surrogate scores."""
        return self.surrogate_scenes_per_second / self.scorer_scenes_per_second

    def __str__(self) -> str:
        """Say it in lines, with the targets."""
        reached = {True: "reached", False: "MISSED"}
        correlates, fast = self.correlation >= LEAST_CORRELATION, self.speedup >= LEAST_SPEEDUP
        return (
            f"{self.scenes} scenes of unseen episodes\n"
            f"rank correlation {self.correlation:.3f} (at least {LEAST_CORRELATION}: {reached[correlates]}), "
            f"abstentions as neutral {self.correlation_all:.3f}, mean error {self.mean_error:.3f}\n"
            f"abstains: scorer {self.abstains_scorer:.1%}, surrogate {self.abstains_surrogate:.1%}, "
            f"alike in {self.abstains_alike:.1%}\n"
            f"scenes a second, one thread: scorer {self.scorer_scenes_per_second:.0f}, surrogate "
            f"{self.surrogate_scenes_per_second:.0f}: {self.speedup:.1f} times "
            f"(at least {LEAST_SPEEDUP:.0f}: {reached[fast]})"
        )


def distill_surrogate(out: Path, report: Report, drives: int = 600, goals: str = "driving") -> Agreement:
    """Drive, let the scorer speak, train the network on it, measure; write network, config, record and card."""
    one_thread()
    started, guidance, spec = time.monotonic(), load_guidance("lit-minilm", goals), BevSpec()
    config = SurrogateConfig(scorer=guidance.name, goals=guidance.goals, calibration=guidance.calibration, bev=spec)
    moments = collect_moments(own_map_jobs(SURROGATE_SEEDS[:drives]), spec, report=report)
    cells, motion, margins = label(moments, guidance, config, report)
    network = train_network(config, cells, motion, margins, report)
    out.mkdir(parents=True, exist_ok=True)
    write_surrogate(network, config, out)
    seconds = time.monotonic() - started
    agreement = evaluate_surrogate(out, report)
    record = {
        "command": "s2r scorer distill",
        "drives": drives,
        "seeds": [SURROGATE_SEEDS[0], SURROGATE_SEEDS[drives - 1]],
        "scenes": len(moments),
        "training_seconds": round(seconds),
        "agreement": {**agreement.model_dump(), "speedup": agreement.speedup},
    }
    (out / RECORD_FILE).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    (out / CARD_FILE).write_text(_CARD.format(**record, said=agreement, scorer=guidance.name), encoding="utf-8")
    return agreement


def label(
    moments: Moments, guidance: GoalGuidance, config: SurrogateConfig, report: Report
) -> tuple[UInt8Array, FloatArray, FloatArray]:
    """Return the network's inputs and the scorer's margins of moments: cells, motion (N, 2), margins (N, K)."""
    cells, motion, margins = [], [], []
    for start in range(0, len(moments), CHUNK):
        scenes = _scenes(moments, start, config.bev)
        margins.append(guidance.margins(scenes))
        seen, moved = network_inputs(scenes, config)
        cells.append(seen)
        motion.append(moved)
        done = min(start + CHUNK, len(moments))
        report(f"{guidance.name} scored {done} of {len(moments)} scenes", done / len(moments))
    return np.concatenate(cells), np.concatenate(motion), np.concatenate(margins)


def train_network(
    config: SurrogateConfig,
    cells: UInt8Array,
    motion: FloatArray,
    margins: FloatArray,
    report: Report,
    epochs: int = EPOCHS,
) -> SurrogateNetwork:
    """Fit the network to margins, each scaled to the same spread; scenes without an answer are left out."""
    torch.manual_seed(SURROGATE_SEEDS[0])
    random = np.random.default_rng(SURROGATE_SEEDS[0])
    answered = np.flatnonzero(np.isfinite(margins).all(axis=1))
    network = SurrogateNetwork(config).train()
    network.centre.copy_(torch.from_numpy(margins[answered].mean(axis=0)))
    network.spread.copy_(torch.from_numpy(margins[answered].std(axis=0) + 1e-6))
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=1e-3)
    steps = max(epochs * (len(answered) // BATCH), 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.15)
    for step in range(steps):
        chosen = random.choice(answered, size=min(BATCH, len(answered)), replace=False)
        inputs = (torch.from_numpy(part[chosen]) for part in (cells, motion))
        error = (network(*inputs) - torch.from_numpy(margins[chosen])) / network.spread
        loss = functional.smooth_l1_loss(error, torch.zeros_like(error))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        report(f"distilling, step {step + 1} of {steps}, loss {loss.item():.4f}", (step + 1) / steps)
    return network.eval()


def write_surrogate(network: SurrogateNetwork, config: SurrogateConfig, out: Path) -> None:
    """Write the network as ONNX and what it was distilled for."""
    rows, columns = config.window
    shape = (2, len(config.bev.channels), rows.stop - rows.start, columns.stop - columns.start)
    example = (torch.zeros(shape, dtype=torch.uint8), torch.zeros(2, 2))
    (out / NETWORK_FILE).write_bytes(onnx_bytes(network, example, ["cells", "motion"], ["margins"]))
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, width=120)
    (out / CONFIG_FILE).write_text(text, encoding="utf-8")


def evaluate_surrogate(folder: Path, report: Report, drives: int = 120) -> Agreement:
    """Compare the surrogate with the scorer it came from on evaluation seeds, both on one thread in this process."""
    one_thread()
    surrogate = SurrogateGuidance(folder)
    config = surrogate.config
    guidance = GoalGuidance(
        load_guidance(config.scorer, "driving").scorer, config.goals, config.calibration, config.bev
    )
    moments = collect_moments(own_map_jobs(EVALUATION_SEEDS[:drives]), config.bev, report=report)
    ours, theirs = [], []
    for start in range(0, len(moments), CHUNK):
        scenes = _scenes(moments, start, config.bev)
        ours.append(surrogate.score(scenes))
        theirs.append(guidance.score(scenes))
        report("comparing", min(start + CHUNK, len(moments)) / len(moments))
    timed = _scenes(moments, 0, config.bev, SPEED_SCENES)
    return agreement(_joined(ours), _joined(theirs), _speed(guidance, timed), _speed(surrogate, timed))


def agreement(ours: Scores, theirs: Scores, scorer_speed: float, surrogate_speed: float) -> Agreement:
    """Compare scores of the same scenes; speeds in scenes a second."""
    both = ~(ours.abstained | theirs.abstained)
    return Agreement(
        scenes=len(ours.values),
        correlation=spearman(ours.values[both], theirs.values[both]),
        correlation_all=spearman(ours.values, theirs.values),
        mean_error=float(np.abs(ours.values[both] - theirs.values[both]).mean()),
        abstains_scorer=float(theirs.abstained.mean()),
        abstains_surrogate=float(ours.abstained.mean()),
        abstains_alike=float((ours.abstained == theirs.abstained).mean()),
        scorer_scenes_per_second=scorer_speed,
        surrogate_scenes_per_second=surrogate_speed,
    )


def spearman(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return Spearman's rank correlation, NaN where there is none."""
    value = rank_statistics.spearman(first, second)
    return math.nan if value is None else value


def _scenes(moments: Moments, start: int, spec: BevSpec, count: int = CHUNK) -> list[Scene]:
    return [moments.scene(index, spec) for index in range(start, min(start + count, len(moments)))]


def _joined(parts: Sequence[Scores]) -> Scores:
    return Scores(np.concatenate([p.values for p in parts]), np.concatenate([p.abstained for p in parts]))


def _speed(guidance: GoalGuidance | SurrogateGuidance, scenes: Sequence[Scene]) -> float:
    """Return scenes a second, the best of three rounds, so that what else runs on the machine counts less."""
    guidance.score(scenes[:64])
    best = 0.0
    for _ in range(3):
        started = time.monotonic()
        guidance.score(scenes)
        best = max(best, len(scenes) / (time.monotonic() - started))
    return best


_CARD = """# Model card: the surrogate

**What it is.** The guidance of {scorer} under the driving goals of `surrogate.yaml`, distilled into a small network on
the bird's-eye view, speed and curvature. It predicts the scorer's margins; the scorer's calibration and bounds make
values and abstentions of them. It runs in ONNX Runtime on one thread, without torch.

**What it is not.** It reads no sentence: other goals need another distillation. It is as wrong as the scorer is, and a
little more. Outside the embedded world's scenes nothing is known of it.

**Distilled on** {scenes} scenes of {drives} drives, good and bad (seeds {seeds[0]} to {seeds[1]}).

**Make it again:** `s2r scorer distill --out DIR`. **Measure it:** `s2r scorer evaluate --surrogate`.

## Agreement on evaluation seeds
```
{said}
```
"""
