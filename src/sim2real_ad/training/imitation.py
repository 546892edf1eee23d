"""The student's supervised half: samples in memory, and gradient steps towards the expert's actions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.policy.corridor import Corridor, CorridorSpec
from sim2real_ad.training.config import StudentTraining
from sim2real_ad.training.networks import StudentNetwork
from sim2real_ad.types import Action, FloatArray, Observation, UInt8Array


class Samples:
    """What the student saw and what the expert would have done, growing as rounds go by.

    Memory is taken as samples come, some 35 kB each.
    """

    def __init__(self, corridor: CorridorSpec, spec: ObservationSpec, capacity: int = 100_000) -> None:
        self._count = 0
        self._corridors: UInt8Array = np.empty((capacity, corridor.channels(spec), *corridor.size), np.uint8)
        self._features: FloatArray = np.empty((capacity, corridor.features(spec)), np.float32)
        self._actions: FloatArray = np.empty((capacity, 2), np.float32)

    def __len__(self) -> int:
        return self._count

    def add(self, corridor: UInt8Array, features: FloatArray, action: Action) -> None:
        """Keep one sample."""
        if self._count == len(self._features):
            raise ValueError(f"more than {self._count} samples; give Samples a greater capacity")
        self._corridors[self._count] = corridor
        self._features[self._count] = features
        self._actions[self._count] = action.curvature, action.acceleration
        self._count += 1

    def extend(self, corridors: UInt8Array, features: FloatArray, actions: FloatArray) -> None:
        """Keep many samples, first axis samples."""
        for corridor, feature, action in zip(corridors, features, actions, strict=True):
            self.add(corridor, feature, Action(0, float(action[0]), float(action[1])))

    def arrays(self) -> tuple[UInt8Array, FloatArray, FloatArray]:
        """Views of corridors (N, C, rows, columns), features (N, K) and actions (N, 2)."""
        return self._corridors[: self._count], self._features[: self._count], self._actions[: self._count]


class TorchStudent:
    """`pipeline.PolicyStage` over the network in training."""

    def __init__(self, network: StudentNetwork, corridor: Corridor) -> None:
        self.network = network
        self.corridor = corridor

    @torch.no_grad()
    def step(self, observation: Observation) -> Action:
        """Decide."""
        straight = torch.from_numpy(self.corridor.straighten(observation))[None]
        features = torch.from_numpy(self.corridor.features(observation))[None]
        curvature, acceleration = self.network(straight, features)[0].tolist()
        return Action(observation.stamp_ns, curvature, acceleration)


def imitation_loss(guess: torch.Tensor, target: torch.Tensor, settings: StudentTraining) -> torch.Tensor:
    """Huber loss a part (N, 2), weighted: curvature differences are small numbers that matter."""
    each = functional.smooth_l1_loss(guess, target, beta=0.1, reduction="none")
    return settings.curvature_weight * each[:, 0].mean() + settings.acceleration_weight * each[:, 1].mean()


def fit_student(
    network: StudentNetwork, samples: Samples, settings: StudentTraining, epochs: int, random: np.random.Generator
) -> dict[str, Any]:
    """Take the gradient steps of one round over all samples. Returns mean absolute errors of the last epoch."""
    corridors, features, actions = samples.arrays()
    batches = max(1, len(samples) // settings.batch_size)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=epochs * batches)
    network.train()
    errors: list[FloatArray] = []
    for epoch in range(epochs):
        order = random.permutation(len(samples))
        for indices in np.array_split(order, batches):
            seen, target = torch.from_numpy(corridors[indices]), torch.from_numpy(actions[indices])
            guess = network(_blank_some(seen), torch.from_numpy(features[indices]))
            loss = imitation_loss(guess, target, settings)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            if epoch == epochs - 1:
                errors.append((guess - target).abs().detach().numpy())
    network.eval()
    curvature, acceleration = np.concatenate(errors).mean(axis=0).tolist()
    return {"samples": len(samples), "curvature_error": curvature, "acceleration_error": acceleration}


def _blank_some(seen: torch.Tensor) -> torch.Tensor:
    """Blank one small patch a sample, as a miss of the adapter would: (N, C, rows, columns) uint8, a copy."""
    seen = seen.clone()
    rows, columns = seen.shape[2:]
    for sample in seen[:: max(1, len(seen) // 16)]:
        row, column = int(torch.randint(rows - 4, ())), int(torch.randint(columns - 4, ()))
        sample[:, row : row + 4, column : column + 4] = 0
    return seen
