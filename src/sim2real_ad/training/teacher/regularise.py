"""Keeps a training close to the policy that it started from, whichever algorithm trains.

Both things happen in one place, before each step of the optimiser that moves the actor: while the critic warms up the
actor's gradients are dropped, so that a critic which knows nothing yet cannot destroy the start; afterwards the
gradient of the squared distance to the start's actions, on states from the buffer, is added to the algorithm's own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from torch import nn

from sim2real_ad.training.teacher.algorithms import actor_network, actor_optimizer, actor_parameters
from sim2real_ad.training.teacher.settings import Closeness


class KeepClose(BaseCallback):
    """Hooks into the model's optimisers for as long as it trains. reference: states to actions, as the actor."""

    def __init__(self, reference: nn.Module, settings: Closeness, seed: int) -> None:
        super().__init__()
        self._reference = reference.requires_grad_(False).eval()
        self._settings = settings
        self._random = np.random.default_rng(seed)
        self._hooks: list[Any] = []
        self._states: np.ndarray[Any, Any] | None = None
        self._distances: list[float] = []

    @property
    def weight(self) -> float:
        """The present weight of the distance in the actor's loss."""
        fade = self._settings.fade_steps
        left = max(1.0 - self.num_timesteps / fade, 0.0) if fade else 1.0
        return self._settings.weight * left

    @property
    def holding(self) -> bool:
        """Whether the actor is held."""
        return bool(self.model.num_timesteps <= self._settings.warm_up)

    def _on_training_start(self) -> None:
        self._network = actor_network(self.model)
        self._hooks = [actor_optimizer(self.model).register_step_pre_hook(self._before_actor_step)]
        # A held actor tells the entropy's weight nothing: it would grow without bound.
        entropy = getattr(self.model, "ent_coef_optimizer", None)
        if entropy is not None:
            self._hooks.append(entropy.register_step_pre_hook(self._before_entropy_step))

    def _on_training_end(self) -> None:
        for hook in self._hooks:
            hook.remove()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if self._distances:
            self.logger.record("closeness/distance", float(np.mean(self._distances)))
            self.logger.record("closeness/weight", self.weight)
            self._distances = []

    def _on_rollout_end(self) -> None:
        # PPO makes new arrays for the next rollout, so this one's states stay valid while it is learned from.
        buffer = getattr(self.model, "replay_buffer", None) or self.model.rollout_buffer
        filled = buffer.buffer_size if buffer.full or isinstance(buffer, RolloutBuffer) else buffer.pos
        self._states = buffer.observations[:filled]

    def _before_actor_step(self, *_: object) -> None:
        parameters = actor_parameters(self.model)
        if self.holding:
            for parameter in parameters:
                parameter.grad = None
        elif self.weight > 0.0 and self._states is not None:
            self._add_gradient(self._sample())

    def _before_entropy_step(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        if self.holding:
            optimizer.zero_grad()

    def _add_gradient(self, states: torch.Tensor) -> None:
        parameters = list(self._network.parameters())
        distance = nn.functional.mse_loss(self._network(states), self._reference(states))
        gradients = torch.autograd.grad(distance, parameters)
        self._distances.append(float(distance.detach()))
        for parameter, gradient in zip(parameters, gradients, strict=True):
            added = self.weight * gradient
            parameter.grad = added if parameter.grad is None else parameter.grad + added

    def _sample(self) -> torch.Tensor:
        assert self._states is not None
        positions = self._random.integers(self._states.shape[0], size=self._settings.batch_size)
        worlds = self._random.integers(self._states.shape[1], size=self._settings.batch_size)
        return torch.from_numpy(self._states[positions, worlds])
