"""The student's supervised half: gradient steps towards the teacher's actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from sim2real_ad.training.config import StudentTraining
from sim2real_ad.training.networks import StudentNetwork
from sim2real_ad.training.samples import Samples
from sim2real_ad.types import FloatArray


def imitation_loss(guess: torch.Tensor, target: torch.Tensor, settings: StudentTraining) -> torch.Tensor:
    """Huber loss a part (N, 2), weighted: curvature differences are small numbers that matter."""
    each = functional.smooth_l1_loss(guess, target, beta=0.1, reduction="none")
    return settings.curvature_weight * each[:, 0].mean() + settings.acceleration_weight * each[:, 1].mean()


def fit_student(
    network: StudentNetwork,
    samples: Samples,
    settings: StudentTraining,
    epochs: int,
    random: np.random.Generator,
    report: Callable[[str, float], None] = lambda _line, _share: None,
) -> dict[str, Any]:
    """Take the gradient steps of one round over all samples. Returns mean absolute errors of the last epoch.

    report: called after each epoch with a line of progress and the share done, 0..1.
    """
    batches = max(1, len(samples) // settings.batch_size)
    network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=1e-4, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=epochs * batches)
    network.train()
    errors: list[FloatArray] = []
    for epoch in range(epochs):
        order = random.permutation(len(samples))
        for indices in np.array_split(order, batches):
            part = samples.gather(indices)
            target = torch.from_numpy(part.actions)
            guess = network(_blank_some(torch.from_numpy(part.corridors)), torch.from_numpy(part.features))
            loss = imitation_loss(guess, target, settings)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            if epoch == epochs - 1:
                errors.append((guess - target).abs().detach().numpy())
        report(f"training on {len(samples)} samples, epoch {epoch + 1} of {epochs}", (epoch + 1) / epochs)
    network.eval()
    curvature, acceleration = np.concatenate(errors).mean(axis=0).tolist()
    return {"samples": len(samples), "curvature_error": curvature, "acceleration_error": acceleration}


def _blank_some(seen: torch.Tensor) -> torch.Tensor:
    """Blank one small patch in some samples, as a miss of the adapter would: (N, C, rows, columns) uint8, a copy."""
    seen = seen.clone(memory_format=torch.channels_last)
    rows, columns = seen.shape[2:]
    for sample in seen[:: max(1, len(seen) // 16)]:
        row, column = int(torch.randint(rows - 4, ())), int(torch.randint(columns - 4, ()))
        sample[:, row : row + 4, column : column + 4] = 0
    return seen
