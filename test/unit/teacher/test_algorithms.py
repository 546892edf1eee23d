"""The algorithms act by one kind of network, which can be put in, kept close to its start, and taken out again."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from worlds_by_script import GuidedReward, ScriptedWorld

from sim2real_ad.errors import ConfigError, TrainingError
from sim2real_ad.training.teacher.algorithms import (
    actor_network,
    actor_parameters,
    initialise_actor,
    make_model,
    network_of,
    policy_of,
)
from sim2real_ad.training.teacher.fill import GuidanceFill
from sim2real_ad.training.teacher.hyperparameters import OffPolicyHyperparameters, TqcHyperparameters
from sim2real_ad.training.teacher.imitation import make_network
from sim2real_ad.training.teacher.regularise import KeepClose
from sim2real_ad.training.teacher.settings import (
    ALGORITHMS,
    AlgorithmSettings,
    Closeness,
    TeacherTraining,
    load_teacher_training,
)
from sim2real_ad.training.teacher.state import STATE_SIZE
from sim2real_ad.training.teacher.worlds import Worlds

HIDDEN = (24, 16)
STATES = np.random.default_rng(3).normal(0.0, 1.5, (200, STATE_SIZE)).astype(np.float32)


class Plain(GuidedReward):
    uses_guidance = False


def model_of(name, **changes):
    small = {"hidden": HIDDEN, "batch_size": 16}
    off = {"learning_starts": 0, "train_freq": 4, "gradient_steps": 4, "buffer_size": 400}
    kind = type(getattr(AlgorithmSettings(), name))
    more = off if issubclass(kind, OffPolicyHyperparameters) else {"n_steps": 16, "n_epochs": 2, "target_kl": None}
    worlds = Worlds([lambda w=w: ScriptedWorld(w, Plain()) for w in range(2)])
    return make_model(name, kind(**{**small, **more, **changes}), worlds, 5)


def start_network():
    torch.manual_seed(11)
    return make_network(HIDDEN)


def actions(network, states=STATES):
    with torch.no_grad():
        return network(torch.from_numpy(states)).numpy()


every_algorithm = pytest.mark.parametrize("name", ALGORITHMS)


@every_algorithm
def test_a_policy_that_is_put_in_drives_the_same(name):
    model, start = model_of(name), start_network()
    before = model.predict(STATES, deterministic=True)[0]
    initialise_actor(model, start, log_std=-3.0)
    now = model.predict(STATES, deterministic=True)[0]
    assert np.abs(now - actions(start)).max() < 1e-5
    assert np.abs(before - now).max() > 0.1


@every_algorithm
def test_what_is_taken_out_is_what_the_algorithm_does(name):
    model = model_of(name)
    policy = policy_of(model)
    assert policy.hidden == HIDDEN
    assert np.abs(policy.act(STATES) - model.predict(STATES, deterministic=True)[0]).max() < 1e-5
    assert np.abs(actions(network_of(policy)) - policy.act(STATES)).max() < 1e-6


@every_algorithm
def test_the_first_exploration_is_as_wide_as_asked(name):
    model, start = model_of(name), make_network(HIDDEN)
    with torch.no_grad():
        for parameter in start.parameters():
            parameter.mul_(0.1)
    initialise_actor(model, start, log_std=-2.0)
    state = np.repeat(STATES[:2], 1, axis=0)
    mean = model.predict(state, deterministic=True)[0]
    model._last_obs = state
    drawn = []
    for _ in range(600):
        if name == "ppo":
            drawn.append(model.predict(state, deterministic=False)[0] - mean)
        else:
            drawn.append(model._sample_action(0, model.action_noise, 2)[0] - mean)
    assert np.std(drawn) == pytest.approx(np.exp(-2.0), rel=0.1)


@every_algorithm
def test_a_start_of_another_size_is_refused_with_both_sizes(name):
    with pytest.raises(TrainingError, match=r"\(32, .*\(24, "):
        initialise_actor(model_of(name), make_network((32, 16)), -2.0)


def test_an_unknown_algorithm_is_named_with_those_there_are():
    known = "known names: ppo, sac, td3, tqc"
    with pytest.raises(TrainingError, match=f"'a3c'; {known}"):
        make_model("a3c", AlgorithmSettings().sac, model_of("sac").env, 1)
    with pytest.raises(TrainingError, match=f"'a3c'; {known}"):
        _ = TeacherTraining(algorithm="a3c").hyperparameters


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(ValidationError, match="leaves none of 5"):
        TqcHyperparameters(n_quantiles=5, top_quantiles_to_drop=5)
    with pytest.raises(ValidationError, match="ent_coef must be"):
        TqcHyperparameters(ent_coef="automatic")
    with pytest.raises(ConfigError, match="holds less than one rollout"):
        load_teacher_training(None, {"algorithms": {"sac": {"buffer_size": 64, "train_freq": 9}}})
    with pytest.raises(ConfigError, match=r"algorithms\.sac\.learning_rat"):
        load_teacher_training(None, {"algorithms": {"sac": {"learning_rat": 0.1}}})
    with pytest.raises(ConfigError, match="worlds must be 1"):
        load_teacher_training(None, {"drives": {"world": "carla"}, "worlds": 2})


def test_the_shipped_settings_are_the_defaults_of_the_code():
    assert load_teacher_training() == TeacherTraining()


def trained(name, closeness, start, steps=160):
    model = model_of(name)
    initialise_actor(model, start, -2.4)
    before = [p.detach().clone() for p in actor_parameters(model)]
    critics = [p.detach().clone() for p in critic_parameters(model)]
    fill = GuidanceFill(Plain(), None)
    model.learn(steps, [fill, KeepClose(start, closeness, 1)], log_interval=None)
    return model, before, critics


def critic_parameters(model):
    return list((model.policy.value_net if hasattr(model.policy, "value_net") else model.critic).parameters())


def moved(model, start):
    return float(np.mean((actions(actor_network(model)) - actions(start)) ** 2))


@every_algorithm
def test_the_actor_is_held_to_the_bit_while_the_critic_warms_up(name):
    start = start_network()
    model, before, critics = trained(name, Closeness(warm_up=10_000, weight=5.0), start)
    assert all(torch.equal(a, b) for a, b in zip(before, actor_parameters(model), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(critics, critic_parameters(model), strict=True))
    if name in ("sac", "tqc"):
        assert model.log_ent_coef.exp().item() == pytest.approx(0.1)


@every_algorithm
def test_the_actor_moves_once_the_warm_up_is_over_and_less_where_it_is_kept_close(name):
    start = start_network()
    free = moved(trained(name, Closeness(warm_up=32, weight=0.0), start, 320)[0], start)
    close = moved(trained(name, Closeness(warm_up=32, weight=1e4), start, 320)[0], start)
    assert free > 1e-6
    assert close < 0.7 * free


def test_closeness_fades():
    keep = KeepClose(start_network(), Closeness(weight=2.0, fade_steps=100), 1)
    shown = []
    for steps in (0, 50, 100, 200):
        keep.num_timesteps = steps
        shown.append(keep.weight)
    assert shown == [2.0, 1.0, 0.0, 0.0]


def test_the_hooks_are_gone_after_the_training():
    start = start_network()
    model, *_ = trained("sac", Closeness(warm_up=10_000), start)
    before = moved(model, start)
    model.learn(160, GuidanceFill(Plain(), None), log_interval=None)
    assert moved(model, start) > before
