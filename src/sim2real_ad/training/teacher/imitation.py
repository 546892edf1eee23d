"""The imitated start: DAgger on the privileged state, a minute or two of the rule-based expert's company.

Reinforcement learning may start from it. What guidance adds is always told against this same start without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import nn

from sim2real_ad.config import StrictModel
from sim2real_ad.training.disturbance import Disturbance
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.teacher.environment import TeacherEnv, TeacherEnvSettings
from sim2real_ad.training.teacher.policy import TeacherPolicy
from sim2real_ad.training.teacher.state import STATE_SIZE
from sim2real_ad.types import Action, FloatArray

SLOW = 1.0
"""m/s below which every tick is kept: stopping and setting off take few of them and go wrong most easily."""


class ImitationSettings(StrictModel):
    """DAgger. samples grow round by round; every round trains on all of them."""

    rounds: int = Field(default=8, ge=1)
    episodes: int = Field(default=48, ge=1, description="a round, all scenarios together")
    keep_every: int = Field(default=2, ge=1, description="ticks from one sample to the next")
    push_rate: float = Field(default=0.15, ge=0.0, description="pushes on the action, 1/s")
    hidden: tuple[int, ...] = (256, 256)
    epochs: int = Field(default=8, ge=1)
    final_epochs: int = Field(default=40, ge=1)
    batch_size: int = Field(default=512, ge=2)
    learning_rate: float = Field(default=1e-3, gt=0.0)
    curvature_weight: float = Field(default=8.0, gt=0.0)
    seed: int = 1


class NoReward:
    """Imitation needs none."""

    uses_guidance = False

    def terms(self, moment: object, score: float | None) -> dict[str, float]:
        """Return nothing."""
        return {}

    def total(self, terms: dict[str, float]) -> float:
        """Return 0."""
        return 0.0


def imitate_expert(
    settings: ImitationSettings, drives: TeacherEnvSettings, progress: Progress
) -> tuple[TeacherPolicy, dict[str, Any]]:
    """Run DAgger. Returns the policy and a record of samples and errors by round. Raises WorldError."""
    torch.manual_seed(settings.seed)
    random = np.random.default_rng(settings.seed)
    env = TeacherEnv(drives, NoReward())
    network = make_network(settings.hidden)
    states: list[FloatArray] = []
    wanted: list[FloatArray] = []
    record: list[dict[str, float]] = []
    try:
        env.reset(seed=settings.seed)
        for number in range(settings.rounds):
            policy = policy_from_network(network) if number else None
            share, successes = 0.5**number, 0
            for episode in range(settings.episodes):
                success, kept = _drive(env, policy, share, settings, random, episode)
                successes += success
                for state, action in kept:
                    states.append(state)
                    wanted.append(action)
                progress(f"round {number}: {episode + 1} drives", episode / settings.episodes)
            epochs = settings.final_epochs if number == settings.rounds - 1 else settings.epochs
            loss = fit(network, np.array(states), np.array(wanted), settings, epochs)
            record.append({"round": number, "samples": len(states), "loss": loss, "successes": successes})
            progress(f"round {number}: {len(states)} samples, {successes} of {settings.episodes} drives", 1.0)
    finally:
        env.close()
    return policy_from_network(network), {"rounds": record, "settings": settings.model_dump()}


def make_network(hidden: tuple[int, ...]) -> nn.Sequential:
    """Return the network of a teacher: linear layers with ReLU, tanh at the end."""
    layers: list[nn.Module] = []
    width = STATE_SIZE
    for size in hidden:
        layers += [nn.Linear(width, size), nn.ReLU()]
        width = size
    return nn.Sequential(*layers, nn.Linear(width, 2), nn.Tanh())


def policy_from_network(network: nn.Sequential) -> TeacherPolicy:
    """Copy the weights out of a network of `make_network`."""
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    return TeacherPolicy([(p.weight.detach().numpy().T.copy(), p.bias.detach().numpy().copy()) for p in linear])


def fit(
    network: nn.Sequential, states: FloatArray, actions: FloatArray, settings: ImitationSettings, epochs: int
) -> float:
    """Train on states (N, STATE_SIZE) and actions (N, 2); returns the last epoch's mean loss."""
    optimiser = torch.optim.Adam(network.parameters(), settings.learning_rate)
    steps = epochs * max(len(states) // settings.batch_size, 1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, settings.learning_rate / 30.0)
    weight = torch.tensor([settings.curvature_weight, 1.0])
    given, wanted = torch.from_numpy(states), torch.from_numpy(actions)
    loss_sum, count = 0.0, 0
    for epoch in range(epochs):
        for batch in torch.randperm(len(given)).split(settings.batch_size):
            # Smooth L1: a handful of emergency brakings must not outweigh all of ordinary driving.
            error = nn.functional.smooth_l1_loss(network(given[batch]), wanted[batch], reduction="none", beta=0.1)
            loss = (error * weight).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if schedule.last_epoch < steps:
                schedule.step()
            if epoch == epochs - 1:
                loss_sum, count = loss_sum + float(loss.detach()), count + 1
    return loss_sum / max(count, 1)


def _drive(
    env: TeacherEnv,
    policy: TeacherPolicy | None,
    teacher_share: float,
    settings: ImitationSettings,
    random: np.random.Generator,
    number: int,
) -> tuple[bool, Iterator[tuple[FloatArray, FloatArray]]]:
    """Drive one episode; returns whether it succeeded, and the states with what the expert would have done."""
    scenarios = env.settings.scenarios
    state, _ = env.reset(options={"scenario": scenarios[number % len(scenarios)]})
    disturbance = Disturbance(teacher_share, settings.push_rate, env.world.tick_s, random)
    kept, done, ticks, info = [], False, 0, {"success": False}
    while not done:
        expert = env.expert_action()
        speed = float(state[0]) * 10.0
        if speed < SLOW or ticks % settings.keep_every == 0:
            kept.append((state, expert))
        own = None if policy is None else Action(0, *map(float, policy.act(state)))
        action = disturbance.choose(Action(0, *map(float, expert)), own, speed)
        state, _, terminated, truncated, info = env.step(np.array((action.curvature, action.acceleration)))
        done, ticks = terminated or truncated, ticks + 1
    return bool(info["success"]), iter(kept)
