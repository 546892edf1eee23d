"""Teaches a trained adapter to doubt pictures: spoilt ones, and ones that its calibration does not fit."""

from __future__ import annotations

import time
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from sim2real_ad.evaluation.rank_statistics import auroc
from sim2real_ad.training.adapter import MIRROR, Report, as_picture, in_order, pictures_of, warm_then_cool
from sim2real_ad.training.adapter_network import AdapterNetwork
from sim2real_ad.training.cpu import half_where_fast
from sim2real_ad.training.frames import FrameSet, Indices
from sim2real_ad.training.prefetch import prefetched
from sim2real_ad.training.spoiling import spoil
from sim2real_ad.types import UInt8Array

EACH = 10
"""Pictures of each kind in a batch: as they should be, spoilt, misfit."""
LIMIT_QUANTILE = 0.99
"""Share of the held-out pictures, half of them augmented, that score below 0.5."""
HELD_OUT_MISFITS = 0.15
"""Share of the misfit pictures that only the figures are taken from."""
LEARNING_RATE = 2e-3
LOOKING = 0.8
"""Share of the time in which pictures are looked at; learning from what they left behind takes little."""
DRAWN = 4
"""Batches looked at that a step learns from together."""
CLUE_NOISE = 0.05
"""Of every clue as often as it is learned from, in half pictures: a calibration that can be told from all others by
heart need not be understood."""


def teach_familiarity(
    network: AdapterNetwork, frames: FrameSet, misfits: FrameSet, held_out: FrameSet, minutes: float, seed: int,
    report: Report,
) -> dict[str, Any]:  # fmt: skip
    """Fit the two doubts, all else being frozen, and the score's limits. Returns the record with AUROCs.

    What the frozen network makes of a picture is kept: each is looked at once, and learned from many times.
    """
    random = np.random.default_rng(seed)
    network.eval().requires_grad_(False)
    taught = round(len(misfits) * (1.0 - HELD_OUT_MISFITS))
    started = time.monotonic()

    def share() -> float:
        return (time.monotonic() - started) / (60.0 * minutes)

    album = _Album()
    for picture, grid in prefetched(repeat(partial(_batch, frames, misfits, taught, random))):
        with torch.no_grad(), half_where_fast():
            album.add(network.impression(picture, grid))
        if len(album) % 20 == 1:
            report(f"doubts: {3 * EACH * len(album)} pictures looked at", share())
        if share() >= LOOKING:
            break
    losses: list[float] = []
    head = network.familiarity.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(head.parameters(), lr=LEARNING_RATE, weight_decay=1e-3)
    while share() < 1.0 or not losses:
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * warm_then_cool((share() - LOOKING) / (1.0 - LOOKING))
        loss = doubt_loss(head(*album.draw(random)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if len(losses) % 100 == 1:
            report(f"doubts: step {len(losses)}, loss {np.mean(losses[-100:]):.4f}", share())
    head.eval()
    aurocs = _fit_limits(network, held_out, misfits, taught, np.random.default_rng([seed, 1]))
    return {
        "doubt_pictures": 3 * EACH * len(album),
        "doubt_steps": len(losses),
        "doubt_minutes": (time.monotonic() - started) / 60.0,
        "doubt_auroc": aurocs,
    }


class _Album:
    """What the network made of the batches looked at: deep features in half precision, level and clues."""

    def __init__(self) -> None:
        self._kept: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, impression: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
        deep, level, clues = impression
        self._kept.append((deep.to(torch.bfloat16), level.float(), clues.float()))

    def draw(self, random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return DRAWN batches' impressions, fine ones first, then spoilt, then misfit; the clues are blurred."""
        drawn = [self._kept[n] for n in random.integers(len(self._kept), size=DRAWN)]
        kinds = (torch.stack(parts).unflatten(1, (3, EACH)).transpose(0, 1) for parts in zip(*drawn, strict=True))
        deep, level, clues = (kind.flatten(0, 2).float() for kind in kinds)
        noise = random.normal(0.0, CLUE_NOISE, clues.shape).astype(np.float32)
        return deep, level, clues + torch.from_numpy(noise)


def doubt_loss(doubts: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of logits (3 N, 2), N fine pictures, N spoilt and N misfit; a spoilt one may fit or not."""
    each = len(doubts) // 3
    fine, spoilt, misfit = doubts.split(each)
    one, zero = torch.ones(each), torch.zeros(each)
    entropy = functional.binary_cross_entropy_with_logits
    of_spoilt = entropy(fine[:, 0], zero) + entropy(misfit[:, 0], zero) + 2.0 * entropy(spoilt[:, 0], one)
    return of_spoilt + 2.0 * entropy(fine[:, 1], zero) + 2.0 * entropy(misfit[:, 1], one)


def _batch(
    frames: FrameSet, misfits: FrameSet, taught: int, random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pictures and grids of EACH fine, spoilt and misfit pictures, in this order."""
    fine, spoilt = random.integers(len(frames), size=(2, EACH))
    misfit = random.integers(taught, size=EACH)
    rgb = (pictures_of(frames, fine, random), _spoilt(frames, spoilt, random), pictures_of(misfits, misfit, random))
    grids = (frames.geometry(fine).ground, frames.geometry(spoilt).ground, misfits.geometry(misfit).ground)
    picture, grid = as_picture(np.concatenate(rgb)), torch.from_numpy(np.concatenate(grids))
    if random.random() < 0.5:
        picture, grid = picture.flip(3), grid.flip(2) * torch.from_numpy(MIRROR)
    return picture, grid


def _spoilt(frames: FrameSet, indices: Indices, random: np.random.Generator) -> UInt8Array:
    plain = pictures_of(frames, indices, random if random.random() < 0.5 else None)
    spoilt = np.stack([spoil(rgb, random) for rgb in plain])
    return np.asarray(spoilt * frames.covered(indices)[..., None], np.uint8)


@torch.no_grad()
def _fit_limits(
    network: AdapterNetwork, held_out: FrameSet, misfits: FrameSet, taught: int, random: np.random.Generator
) -> dict[str, float]:
    """Set the limits from held-out pictures, plain and augmented; return how well the score tells each kind apart."""

    def doubts(rgb: UInt8Array, grid: Any) -> torch.Tensor:
        return network.doubt(as_picture(rgb), torch.from_numpy(grid))

    plain, strong, spoilt = [], [], []
    for indices in in_order(len(held_out)):
        grid = held_out.geometry(indices).ground
        plain.append(doubts(pictures_of(held_out, indices, None), grid))
        strong.append(doubts(pictures_of(held_out, indices, random), grid))
        spoilt.append(doubts(_spoilt(held_out, indices, random), grid))
    unknown = np.arange(taught, len(misfits))
    misfit = [
        doubts(pictures_of(misfits, unknown[part], None), misfits.geometry(unknown[part]).ground)
        for part in in_order(len(unknown))
    ]
    familiar = torch.cat(plain + strong)
    network.familiarity.limits.copy_(torch.quantile(familiar, LIMIT_QUANTILE, dim=0))
    score = network.familiarity.score
    usual = score(torch.cat(plain)).numpy()
    kinds = {"augmented": strong, "spoilt": spoilt, "misfit": misfit}
    return {kind: auroc(score(torch.cat(found)).numpy(), usual) or 0.0 for kind, found in kinds.items()}
