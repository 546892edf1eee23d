"""Training of the camera-to-BEV adapter on pictures with true BEVs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch.nn import functional

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.training.augmentation import augment_picture
from sim2real_ad.training.config import AdapterTraining
from sim2real_ad.training.frames import FrameSet
from sim2real_ad.training.networks import AdapterNetwork, AdapterOutput, count_parameters

SMALL = ("pedestrian", "obstacle")
"""Things of a few cells are learned with a cell's margin: the range of a foot point is uncertain by more than that."""

SEGMENT_WEIGHTS = torch.tensor([1.0, 1.0, 2.0, 2.0, 5.0, 8.0, 8.0])
"""In the order of `picture_labels.SEGMENTS`."""

Report = Callable[[str, float], None]
"""Called with a line of progress and the share done, 0..1."""


@dataclass(frozen=True)
class Batch:
    """picture (N, 3, h, w) float 0..1, grid (N, H, W, 2), validity (N, 1, H, W) and label (N, C, H, W) 0 or 1,
    segments (N, h / 4, w / 4) ids, level (N, 3)."""

    picture: torch.Tensor
    grid: torch.Tensor
    validity: torch.Tensor
    label: torch.Tensor
    segments: torch.Tensor
    level: torch.Tensor


def make_batch(frames: FrameSet, indices: Sequence[int], random: np.random.Generator | None) -> Batch:
    """Gather a batch; with a random generator it is augmented and half of it mirrored."""
    rgb, label = frames.rgb(indices), frames.labels(indices)
    grid, validity = frames.geometry(indices)
    segments, level = frames.segments(indices), frames.level(indices)
    if random is not None:
        rgb = np.stack([augment_picture(picture, random) for picture in rgb])
        for n in np.flatnonzero(random.random(len(indices)) < 0.5):
            rgb[n] = rgb[n, :, ::-1]
            label[n], validity[n] = label[n, :, :, ::-1].copy(), validity[n, :, ::-1].copy()
            grid[n] = grid[n, :, ::-1] * np.array([-1.0, 1.0], np.float32)
            segments[n] = segments[n, :, ::-1].copy()
            level[n] *= np.array([-1.0, 1.0, -1.0], np.float32)
    for c in [frames.spec.channels.index(name) for name in SMALL if name in frames.spec.channels]:
        label[:, c] = [cv2.dilate(layer, np.ones((3, 3), np.uint8)) for layer in label[:, c]]
    picture = torch.from_numpy(rgb).permute(0, 3, 1, 2).float().div_(255.0)
    return Batch(
        picture.contiguous(memory_format=torch.channels_last),
        torch.from_numpy(grid),
        torch.from_numpy(validity[:, None] > 0).float(),
        torch.from_numpy(label).float(),
        torch.from_numpy(segments).long(),
        torch.from_numpy(level),
    )


def adapter_loss(output: AdapterOutput, batch: Batch, weights: torch.Tensor) -> torch.Tensor:
    """What the network is trained for: the BEV; and on the way there, what the picture shows and how it sits."""
    shown = functional.cross_entropy(output.segments.float(), batch.segments, SEGMENT_WEIGHTS)
    level = functional.smooth_l1_loss(output.level * 20.0, batch.level * 20.0, beta=0.1)
    return bev_loss(output.logits.float(), batch, weights) + 0.5 * shown + level


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


def train_adapter(
    frames: FrameSet, held_out: FrameSet, settings: AdapterTraining, spec: BevSpec, seed: int, report: Report
) -> tuple[AdapterNetwork, dict[str, Any]]:
    """Train, measure on held-out seeds, fit the familiarity statistics. Returns the network and its record.

    The run ends after settings.epochs or settings.minutes, whichever comes first; the learning rate follows.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network = AdapterNetwork(spec, frames.picture_height).to(memory_format=torch.channels_last)
    steps = settings.epochs * (len(frames) // settings.batch_size)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=1e-4)
    weights = torch.tensor(settings.positive_weights)
    started, losses = time.monotonic(), []
    for step, indices in enumerate(_batches(len(frames), settings, random)):
        share = max(step / steps, (time.monotonic() - started) / (60.0 * settings.minutes))
        if share >= 1.0:
            break
        optimizer.param_groups[0]["lr"] = settings.learning_rate * warm_then_cool(share)
        batch = make_batch(frames, indices, random)
        with torch.autocast("cpu", torch.bfloat16):
            output = network(batch.picture, batch.grid, batch.validity)
        loss = adapter_loss(output, batch, weights)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % 20 == 0:
            report(f"adapter step {step} of at most {steps}, loss {np.mean(losses[-50:]):.4f}", share)
    iou, scale = evaluate_adapter(network, frames, held_out)
    record = {
        "frames": len(frames),
        "held_out_frames": len(held_out),
        "parameters": count_parameters(network),
        "steps": len(losses),
        "final_loss": float(np.mean(losses[-50:])),
        "minutes": (time.monotonic() - started) / 60.0,
        "iou": iou,
        "familiar_distance": scale,
    }
    return network, record


@torch.no_grad()
def evaluate_adapter(network: AdapterNetwork, frames: FrameSet, held_out: FrameSet) -> tuple[dict[str, float], float]:
    """Return the IoU of each channel that occurs, over all held-out pictures at threshold 0.5, and the scale of
    familiarity, whose statistics are fitted on the way."""
    network.eval()
    shared = np.zeros(len(frames.spec.channels))
    union = np.zeros(len(frames.spec.channels))
    pooled_held_out = []
    for indices in _in_order(len(held_out)):
        batch = make_batch(held_out, indices, None)
        output = network(batch.picture, batch.grid, batch.validity)
        seen = batch.validity > 0
        guess, label = (output.logits > 0) & seen, (batch.label > 0) & seen
        shared += (guess & label).sum((0, 2, 3)).numpy()
        union += (guess | label).sum((0, 2, 3)).numpy()
        pooled_held_out.append(output.pooled)
    stride = max(1, len(frames) // 1000)
    pooled_train = [
        network.pooled(network.encoder(make_batch(frames, [int(i) * stride for i in indices], None).picture)[2])
        for indices in _in_order(len(frames) // stride)
    ]
    scale = network.fit_familiarity(torch.cat(pooled_train), torch.cat(pooled_held_out))
    met = {name: float(shared[c] / union[c]) for c, name in enumerate(frames.spec.channels) if union[c] > 0}
    return met, scale


def warm_then_cool(share: float) -> float:
    """Learning rate factor over the run, 0..1: up over the first tenth, then down by a cosine."""
    return max(share / 0.1, 0.02) if share < 0.1 else 0.5 + 0.5 * math.cos(math.pi * (share - 0.1) / 0.9)


def _batches(count: int, settings: AdapterTraining, random: np.random.Generator) -> Any:
    for _ in range(settings.epochs):
        order = random.permutation(count)
        for first in range(0, count - settings.batch_size + 1, settings.batch_size):
            yield order[first : first + settings.batch_size]


def _in_order(count: int, batch: int = 32) -> Any:
    for first in range(0, count, batch):
        yield np.arange(first, min(first + batch, count))
