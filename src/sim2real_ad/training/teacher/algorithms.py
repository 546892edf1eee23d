"""The algorithms by name, made alike, and the one network that all of them act by.

Whatever the algorithm, its deterministic action is tanh of a chain of linear layers with ReLU between them. That chain
is what an imitated policy is copied into, what is kept close to it, what is judged and what is exported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sb3_contrib import TQC
from stable_baselines3 import PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import NormalActionNoise, VectorizedActionNoise
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

from sim2real_ad.errors import TrainingError
from sim2real_ad.training.teacher.hyperparameters import (
    Hyperparameters,
    OffPolicyHyperparameters,
    PpoHyperparameters,
    SacHyperparameters,
    Td3Hyperparameters,
    TqcHyperparameters,
)
from sim2real_ad.training.teacher.imitation import policy_from_network
from sim2real_ad.training.teacher.policy import TeacherPolicy
from sim2real_ad.training.teacher.settings import ALGORITHMS

ACTION_SIZE = 2


class BoundedActorCriticPolicy(ActorCriticPolicy):
    """PPO's policy with tanh on the mean: the other algorithms bound it so, and so does an imitated policy."""

    def _build(self, lr_schedule: Any) -> None:
        super()._build(lr_schedule)
        self.action_net: nn.Module = nn.Sequential(self.action_net, nn.Tanh())


@dataclass(frozen=True)
class Algorithm:
    """kind: the class; options: its keyword arguments from its hyper-parameters and the number of worlds."""

    kind: type[Any]
    policy: str | type[ActorCriticPolicy]
    options: Callable[[Any, int], dict[str, Any]]
    actor_layers: Callable[[Any], list[nn.Linear]]


def make_model(name: str, settings: Hyperparameters, worlds: VecEnv, seed: int) -> BaseAlgorithm:
    """Make an untrained model. Raises TrainingError for an unknown algorithm, naming those there are."""
    algorithm = find_algorithm(name)
    options = algorithm.options(settings, worlds.num_envs)
    return algorithm.kind(algorithm.policy, worlds, seed=seed, device="cpu", verbose=0, **options)


def find_algorithm(name: str) -> Algorithm:
    """Return an algorithm. Raises TrainingError for an unknown one, naming those there are."""
    if name not in REGISTRY:
        raise TrainingError(f"algorithm: no '{name}'; known names: {', '.join(ALGORITHMS)}")
    return REGISTRY[name]


def actor_network(model: BaseAlgorithm) -> nn.Sequential:
    """Return the deterministic policy, states (N, STATE_SIZE) to actions (N, 2): the model's own layers, no copy."""
    algorithm = next(a for a in REGISTRY.values() if a.kind is type(model))
    *hidden, last = algorithm.actor_layers(model)
    chain: list[nn.Module] = []
    for layer in hidden:
        chain += [layer, nn.ReLU()]
    return nn.Sequential(*chain, last, nn.Tanh())


def network_of(policy: TeacherPolicy) -> nn.Sequential:
    """Return a policy's layers as a network of the same actions."""
    chain: list[nn.Module] = []
    for weight, bias in policy.layers:
        layer = nn.Linear(*weight.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight.T.copy()))
            layer.bias.copy_(torch.from_numpy(bias))
        chain += [layer, nn.ReLU()]
    return nn.Sequential(*chain[:-1], nn.Tanh())


def policy_of(model: BaseAlgorithm) -> TeacherPolicy:
    """Return a copy of the model's deterministic policy."""
    return policy_from_network(actor_network(model))


def actor_parameters(model: BaseAlgorithm) -> list[nn.Parameter]:
    """Return all that decides how the model acts, its exploration noise included."""
    if isinstance(model, PPO):
        return [*actor_network(model).parameters(), model.policy.log_std]
    return list(model.actor.parameters())


def actor_optimizer(model: BaseAlgorithm) -> torch.optim.Optimizer:
    """Return the optimiser that moves the actor; PPO's moves the critic too."""
    return model.policy.optimizer if isinstance(model, PPO) else model.actor.optimizer


def initialise_actor(model: BaseAlgorithm, network: nn.Module, log_std: float) -> None:
    """Copy a policy's linear layers into the model's actor, whose deterministic actions are then the same.

    log_std: logarithm of the exploration noise's standard deviation, before tanh where the algorithm squashes.
    Raises TrainingError where the layers differ in size.
    """
    given, own = _linear(network.modules()), _linear(actor_network(model))
    shapes = [tuple(layer.weight.shape) for layer in given], [tuple(layer.weight.shape) for layer in own]
    if shapes[0] != shapes[1]:
        raise TrainingError(f"the start's layers are {shapes[0]}, the algorithm's actor has {shapes[1]}: set hidden")
    with torch.no_grad():
        for source, target in zip(given, own, strict=True):
            target.weight.copy_(source.weight)
            target.bias.copy_(source.bias)
        _set_noise(model, log_std)
        if isinstance(model, TD3):
            model.actor_target.load_state_dict(model.actor.state_dict())


def _set_noise(model: BaseAlgorithm, log_std: float) -> None:
    if isinstance(model, PPO):
        model.policy.log_std.fill_(log_std)
    elif isinstance(model, TD3):
        model.action_noise = _noise(float(np.exp(log_std)), model.n_envs)
    else:
        model.actor.log_std.weight.zero_()
        model.actor.log_std.bias.fill_(log_std)


def _linear(modules: Iterable[nn.Module]) -> list[nn.Linear]:
    return [module for module in modules if isinstance(module, nn.Linear)]


def _noise(deviation: float, worlds: int) -> VectorizedActionNoise:
    return VectorizedActionNoise(NormalActionNoise(np.zeros(ACTION_SIZE), np.full(ACTION_SIZE, deviation)), worlds)


def _ppo_options(s: PpoHyperparameters, worlds: int) -> dict[str, Any]:
    network = {"pi": list(s.hidden), "vf": list(s.hidden)}
    copied = ("n_steps", "n_epochs", "gae_lambda", "clip_range", "ent_coef", "vf_coef", "max_grad_norm", "target_kl")
    return {
        **_shared_options(s),
        **{name: getattr(s, name) for name in copied},
        "batch_size": min(s.batch_size, s.n_steps * worlds),
        "policy_kwargs": {"net_arch": network, "activation_fn": nn.ReLU, "log_std_init": s.log_std},
    }


def _sac_options(s: SacHyperparameters, worlds: int) -> dict[str, Any]:
    return {**_off_policy_options(s, worlds), "ent_coef": s.ent_coef}


def _tqc_options(s: TqcHyperparameters, worlds: int) -> dict[str, Any]:
    options = _sac_options(s, worlds)
    policy = {**options["policy_kwargs"], "n_critics": s.n_critics, "n_quantiles": s.n_quantiles}
    return {**options, "policy_kwargs": policy, "top_quantiles_to_drop_per_net": s.top_quantiles_to_drop}


def _td3_options(s: Td3Hyperparameters, worlds: int) -> dict[str, Any]:
    copied = ("policy_delay", "target_policy_noise", "target_noise_clip")
    noise = _noise(s.action_noise, worlds)
    return {**_off_policy_options(s, worlds), **{n: getattr(s, n) for n in copied}, "action_noise": noise}


def _off_policy_options(s: OffPolicyHyperparameters, worlds: int) -> dict[str, Any]:
    copied = ("buffer_size", "learning_starts", "train_freq", "gradient_steps", "tau", "batch_size")
    return {
        **_shared_options(s),
        **{name: getattr(s, name) for name in copied},
        "policy_kwargs": {"net_arch": list(s.hidden), "activation_fn": nn.ReLU},
    }


def _shared_options(s: Hyperparameters) -> dict[str, Any]:
    return {"learning_rate": s.learning_rate, "gamma": s.gamma}


REGISTRY = {
    "sac": Algorithm(
        SAC, "MlpPolicy", _sac_options, lambda m: [*_linear(m.actor.latent_pi), *_linear(m.actor.mu.modules())]
    ),
    "ppo": Algorithm(
        PPO,
        BoundedActorCriticPolicy,
        _ppo_options,
        lambda m: [*_linear(m.policy.mlp_extractor.policy_net), *_linear(m.policy.action_net)],
    ),
    "td3": Algorithm(TD3, "MlpPolicy", _td3_options, lambda m: _linear(m.actor.mu)),
    "tqc": Algorithm(
        TQC, "MlpPolicy", _tqc_options, lambda m: [*_linear(m.actor.latent_pi), *_linear(m.actor.mu.modules())]
    ),
}
