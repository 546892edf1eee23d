"""Training of the camera-to-BEV adapter on level views with true BEVs."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from sim2real_ad.errors import TrainingError
from sim2real_ad.files import replacing
from sim2real_ad.observation.segments import BLOCK, SEGMENTS
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.training.adapter_network import AdapterNetwork, AdapterOutput
from sim2real_ad.training.augmentation import augment_picture, reflect
from sim2real_ad.training.config import AdapterTraining
from sim2real_ad.training.cpu import half_where_fast
from sim2real_ad.training.frames import FrameSet, Indices
from sim2real_ad.training.networks import count_parameters
from sim2real_ad.training.prefetch import prefetched
from sim2real_ad.types import UInt8Array

SMALL = ("pedestrian", "obstacle")
"""Things of a few cells are learned with a cell's margin: the range of a foot point is uncertain by more than that."""

SEGMENT_WEIGHTS = torch.tensor([1.0, 1.0, 1.5, 1.0, 2.0, 2.0, 4.0, 5.0, 5.0])
"""In the order of `segments.SEGMENTS`."""

NEAR_M = 30.0
"""Reach of the published figures."""

REFLECTED = 0.2
"""Share of training pictures with a reflection in the windscreen."""

MIRROR = np.array([-1.0, 1.0], np.float32)
"""Of a grid's x and y, where left and right change places."""

SAVE_EVERY_S = 120.0
"""From one state on disk, from which a killed training goes on, to the next."""

Report = Callable[[str, float], None]
"""Called with a line of progress and the share done, 0..1."""


@dataclass(frozen=True)
class Batch:
    """picture (N, 3, h, w) float -1..1, ground (N, H, W, 2), above (N, H / 2, W / 2, 2), validity (N, 1, H, W) 0 or 1,
    label (N, C, H, W) 0 or 1, segments (N, h / 4, w / 4) ids, shown (N, h / 4, w / 4): whether the camera's picture
    shows the block, level (N, 3).
    """

    picture: torch.Tensor
    ground: torch.Tensor
    above: torch.Tensor
    validity: torch.Tensor
    label: torch.Tensor
    segments: torch.Tensor
    shown: torch.Tensor
    level: torch.Tensor


def make_batch(frames: FrameSet, indices: Indices, random: np.random.Generator | None) -> Batch:
    """Gather a batch; with a random generator it is augmented and half of it mirrored."""
    label, covered = frames.labels(indices), frames.covered(indices)
    grids = frames.geometry(indices)
    ground, above, validity = grids.ground, grids.above, grids.validity
    segments, level = frames.segments(indices), frames.level(indices)
    rgb, hidden = taken(frames, indices, random)
    bonnet = hidden[:, BLOCK // 2 :: BLOCK, BLOCK // 2 :: BLOCK]
    segments[bonnet] = SEGMENTS.index("other")
    if random is not None:
        for n in np.flatnonzero(random.random(len(indices)) < 0.5):
            rgb[n], covered[n] = rgb[n, :, ::-1].copy(), covered[n, :, ::-1].copy()
            label[n], validity[n] = label[n, :, :, ::-1].copy(), validity[n, :, ::-1].copy()
            ground[n], above[n] = (grid[n, :, ::-1] * MIRROR for grid in (ground, above))
            segments[n] = segments[n, :, ::-1].copy()
            level[n] *= np.array([-1.0, 1.0, -1.0], np.float32)
    for c in [frames.spec.channels.index(name) for name in SMALL if name in frames.spec.channels]:
        label[:, c] = [cv2.dilate(layer, np.ones((3, 3), np.uint8)) for layer in label[:, c]]
    return Batch(
        as_picture(rgb),
        torch.from_numpy(ground),
        torch.from_numpy(above),
        torch.from_numpy(validity[:, None] > 0).float(),
        torch.from_numpy(label).float(),
        torch.from_numpy(segments).long(),
        torch.from_numpy(np.ascontiguousarray(covered[:, BLOCK // 2 :: BLOCK, BLOCK // 2 :: BLOCK])).float(),
        torch.from_numpy(level),
    )


def pictures_of(frames: FrameSet, indices: Indices, random: np.random.Generator | None) -> UInt8Array:
    """Return pictures (N, h, w, 3) uint8, augmented with a random generator, black beyond the camera's picture."""
    return taken(frames, indices, random)[0]


def taken(
    frames: FrameSet, indices: Indices, random: np.random.Generator | None
) -> tuple[UInt8Array, NDArray[np.bool_]]:
    """Return the same pictures, and what of them the own car's bonnet hides (N, h, w)."""
    rgb = frames.rgb(indices)
    covered, hidden = frames.covered(indices), np.zeros(rgb.shape[:3], np.bool_)
    if random is not None:
        plain = rgb.copy()
        for n in range(len(rgb)):
            if random.random() < REFLECTED:
                rgb[n] = reflect(rgb[n], plain[n - 1], random)
            rgb[n], hidden[n] = augment_picture(rgb[n], random, _lowest(covered[n]))
    return rgb * covered[..., None], hidden


def _lowest(covered: UInt8Array) -> int:
    """Return how many rows the camera's picture fills of a level view (h, w), down to its lower edge in the middle."""
    filled = np.flatnonzero(covered[:, covered.shape[1] // 2])
    return int(filled[-1]) + 1 if len(filled) else len(covered)


def as_picture(rgb: Any) -> torch.Tensor:
    """Pictures (N, h, w, 3) uint8 to the network's (N, 3, h, w) float -1..1."""
    picture = torch.from_numpy(rgb).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
    return picture.contiguous(memory_format=torch.channels_last)


def adapter_loss(output: AdapterOutput, batch: Batch, weights: torch.Tensor) -> torch.Tensor:
    """What the network is trained for: the BEV, what the picture shows, and how it sits."""
    each = functional.cross_entropy(output.segments.float(), batch.segments, SEGMENT_WEIGHTS, reduction="none")
    counted = SEGMENT_WEIGHTS[batch.segments] * batch.shown
    shown = (each * batch.shown).sum() / counted.sum().clamp(min=1.0)
    level = functional.smooth_l1_loss(output.level * 20.0, batch.level * 20.0, beta=0.1)
    return bev_loss(output.logits.float(), batch, weights) + shown + 0.5 * level


def bev_loss(logits: torch.Tensor, batch: Batch, weights: torch.Tensor) -> torch.Tensor:
    """Weighted cross-entropy plus a soft overlap loss over the seen cells; rare classes count through the second."""
    entropy = functional.binary_cross_entropy_with_logits(
        logits, batch.label, pos_weight=weights[:, None, None], reduction="none"
    )
    seen = batch.validity
    entropy = (entropy * seen).sum() / (seen.sum() * logits.shape[1]).clamp(min=1.0)
    probability = torch.sigmoid(logits) * seen
    label = batch.label * seen
    shared = (probability * label).sum((0, 2, 3))
    union = probability.sum((0, 2, 3)) + label.sum((0, 2, 3))
    overlap = (2.0 * shared + 10.0) / (union + 10.0)
    return entropy + 0.5 * (1.0 - overlap).mean()


@dataclass
class _Run:
    """A training under way. made_by: what it is a training of; losses: of all steps; spent: s."""

    network: AdapterNetwork
    optimizer: torch.optim.Optimizer
    made_by: str
    losses: list[float] = field(default_factory=list)
    spent: float = 0.0

    def save(self, path: Path) -> None:
        held = {name: getattr(self, name).state_dict() for name in ("network", "optimizer")}
        with replacing(path) as file:
            torch.save(held | {"made_by": self.made_by, "losses": self.losses, "spent": self.spent}, file)

    def take_up(self, path: Path) -> None:
        """Go on from what was saved. Raises TrainingError where that is of another training."""
        held = torch.load(path, weights_only=True)
        if held["made_by"] != self.made_by:
            raise TrainingError(
                f"{path} is of a training with other settings or pictures: delete it to train anew, or name another "
                "folder"
            )
        self.network.load_state_dict(held["network"])
        self.optimizer.load_state_dict(held["optimizer"])
        self.losses, self.spent = held["losses"], held["spent"]


def train_adapter(
    frames: FrameSet,
    held_out: FrameSet,
    settings: AdapterTraining,
    spec: BevSpec,
    seed: int,
    report: Report,
    *,
    augmented: bool = True,
    state: Path | None = None,
) -> tuple[AdapterNetwork, dict[str, Any]]:
    """Train and measure on held-out seeds. Returns the network and its record. augmented: the pictures, see there;
    state: a file that the training is saved to now and then, and goes on from; TrainingError where it is of another.

    The backbone is frozen at first; its deeper blocks are tuned, more gently than the rest, in the last part of the
    run. The run ends after settings.epochs or settings.minutes, whichever comes first; the learning rate follows.
    """
    torch.manual_seed(seed)
    network = AdapterNetwork(spec, frames.image).to(memory_format=torch.channels_last)
    network.backbone.requires_grad_(False)
    made_by = json.dumps([settings.model_dump(mode="json"), spec.model_dump(mode="json"), seed, len(frames), augmented])
    run = _Run(network, _optimizer(network, settings), made_by)
    if state is not None and state.is_file():
        run.take_up(state)
    weights = torch.tensor(settings.positive_weights)
    steps, first = settings.epochs * (len(frames) // settings.batch_size), len(run.losses)
    saved = time.monotonic()
    started = saved - run.spent
    for step, batch in enumerate(prefetched(_makers(frames, settings, seed, first, augmented=augmented)), first):
        run.spent = time.monotonic() - started
        share = max(step / steps, run.spent / (60.0 * settings.minutes))
        if share >= 1.0:
            break
        _learn(run, batch, weights, settings, share)
        if step % 20 == 0:
            report(f"adapter step {step} of at most {steps}, loss {np.mean(run.losses[-50:]):.4f}", share)
        if state is not None and time.monotonic() - saved > SAVE_EVERY_S:
            run.save(state)
            saved = time.monotonic()
    record = {
        "frames": len(frames),
        "held_out_frames": len(held_out),
        "parameters": count_parameters(network),
        "steps": len(run.losses),
        "final_loss": float(np.mean(run.losses[-50:])),
        "minutes": run.spent / 60.0,
        **evaluate_adapter(network, held_out),
    }
    return network, record


def _learn(run: _Run, batch: Batch, weights: torch.Tensor, settings: AdapterTraining, share: float) -> None:
    """Take one gradient step. share: of the whole training that is done, 0..1."""
    if share >= settings.tune_from:
        run.network.backbone.tune()
    for group in run.optimizer.param_groups:
        group["lr"] = settings.learning_rate * group["share"] * warm_then_cool(share)
    with half_where_fast():
        output = run.network(batch.picture, batch.ground, batch.above, batch.validity)
    loss = adapter_loss(output, batch, weights)
    run.optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 1.0)
    run.optimizer.step()
    run.losses.append(loss.item())


@torch.no_grad()
def evaluate_adapter(network: AdapterNetwork, held_out: FrameSet) -> dict[str, Any]:
    """Return iou and iou_near (within NEAR_M), by channel that occurs, over all held-out pictures at threshold 0.5;
    and level_error, the mean distance of (right, down, turn) from the truth, in half pictures."""
    network.eval()
    spec = held_out.spec
    near = torch.from_numpy(spec.cell_centres()[..., 0] <= NEAR_M)
    counts = np.zeros((2, 2, len(spec.channels)))
    level_errors = []
    for indices in in_order(len(held_out)):
        batch = make_batch(held_out, indices, None)
        output = network(batch.picture, batch.ground, batch.above, batch.validity)
        for reach, cells in enumerate((torch.ones_like(near), near)):
            seen = (batch.validity > 0) & cells
            guess, label = (output.logits > 0) & seen, (batch.label > 0) & seen
            counts[reach, 0] += (guess & label).sum((0, 2, 3)).numpy()
            counts[reach, 1] += (guess | label).sum((0, 2, 3)).numpy()
        level_errors.append((output.level - batch.level).abs().numpy())
    iou, iou_near = (
        {name: float(shared[c] / union[c]) for c, name in enumerate(spec.channels) if union[c] > 0}
        for shared, union in counts
    )
    return {"iou": iou, "iou_near": iou_near, "level_error": np.concatenate(level_errors).mean(0).tolist()}


def warm_then_cool(share: float) -> float:
    """Learning rate factor over the run, 0..1: up over the first tenth, then down by a cosine."""
    return max(share / 0.1, 0.02) if share < 0.1 else 0.5 + 0.5 * math.cos(math.pi * (share - 0.1) / 0.9)


def in_order(count: int, batch: int = 32) -> Iterator[Any]:
    """Yield all indices in batches."""
    for first in range(0, count, batch):
        yield np.arange(first, min(first + batch, count))


def _optimizer(network: AdapterNetwork, settings: AdapterTraining) -> torch.optim.Optimizer:
    tuned = list(network.backbone.parameters())
    rest = [p for name, p in network.named_parameters() if not name.startswith("backbone.")]
    groups = [{"params": rest, "share": 1.0}, {"params": tuned, "share": settings.tune_rate}]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, weight_decay=1e-4, fused=True)


def _makers(
    frames: FrameSet, settings: AdapterTraining, seed: int, first: int, *, augmented: bool
) -> Iterator[Callable[[], Batch]]:
    """Yield what makes the batches of all epochs, from a step on."""
    order = np.random.default_rng([seed, 0])
    for step, indices in islice(enumerate(_batches(len(frames), settings, order)), first, None):
        effects = np.random.default_rng([seed, 1, step]) if augmented else None
        yield partial(make_batch, frames, indices, effects)


def _batches(count: int, settings: AdapterTraining, random: np.random.Generator) -> Iterator[Any]:
    for _ in range(settings.epochs):
        order = random.permutation(count)
        for first in range(0, count - settings.batch_size + 1, settings.batch_size):
            yield order[first : first + settings.batch_size]
