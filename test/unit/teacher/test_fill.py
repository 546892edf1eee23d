"""Every stored reward is the one that the script asks for, at the moment when an update first sees it."""

import numpy as np
import pytest
from worlds_by_script import (
    GUIDED_WEIGHT,
    LENGTHS,
    ScriptedWorld,
    ScriptGuidance,
    expected_reward,
    is_truncated,
    moment_of,
    place,
    which_step,
)

from sim2real_ad.errors import ScorerError
from sim2real_ad.reward.guidance import Scores
from sim2real_ad.training.teacher.algorithms import make_model
from sim2real_ad.training.teacher.fill import GuidanceFill
from sim2real_ad.training.teacher.hyperparameters import PpoHyperparameters, SacHyperparameters, Td3Hyperparameters
from sim2real_ad.training.teacher.worlds import Worlds

WORLDS = 3
SMALL = {"hidden": (8,), "batch_size": 8}
OFF_POLICY = {**SMALL, "learning_starts": 0, "train_freq": 7, "gradient_steps": 1}
ROLLOUTS = 9


def off_policy(name="sac", positions=100):
    kind = {"sac": SacHyperparameters, "td3": Td3Hyperparameters}[name]
    settings = kind(**OFF_POLICY, buffer_size=max(positions * WORLDS, 64))
    return make_model(name, settings, Worlds([lambda w=w: ScriptedWorld(w) for w in range(WORLDS)]), 1)


def on_policy():
    settings = PpoHyperparameters(hidden=(8,), batch_size=11, n_steps=11, n_epochs=1)
    return make_model("ppo", settings, Worlds([lambda w=w: ScriptedWorld(w) for w in range(WORLDS)]), 1)


def learn(model, fill, steps):
    model.learn(steps, fill, log_interval=None)


def replay_rewards(buffer):
    """Yield (reward, what it has to be) of everything that an update could draw."""
    for position in range(buffer.buffer_size if buffer.full else buffer.pos):
        for world in range(WORLDS):
            stored = which_step(buffer.observations[position, world])
            assert stored[0] == world
            yield buffer.rewards[position, world], expected_reward(*stored)


def check_before_every_update(model, check):
    """Run a check whenever the algorithm is about to learn; returns how often that was."""
    calls, learn_for_real = [], model.train

    def train(*arguments, **named):
        check()
        calls.append(model.num_timesteps)
        learn_for_real(*arguments, **named)

    model.train = train
    return calls


@pytest.mark.parametrize("name", ["sac", "td3"])
@pytest.mark.parametrize(
    "positions", [100, 22, 21], ids=["never full", "wraps inside a rollout", "wraps between rollouts"]
)
def test_no_update_sees_a_provisional_reward_in_the_replay_buffer(name, positions):
    model, seen = off_policy(name, positions), []

    def check():
        pairs = list(replay_rewards(model.replay_buffer))
        seen.append(len(pairs))
        np.testing.assert_allclose(*zip(*pairs, strict=True), rtol=1e-5)

    updates = check_before_every_update(model, check)
    learn(model, GuidanceFill(ScriptedWorld(0).reward, ScriptGuidance()), ROLLOUTS * 7 * WORLDS)
    assert len(updates) == ROLLOUTS
    assert seen[-1] == min(positions, ROLLOUTS * 7) * WORLDS


def test_the_check_would_notice_that_nothing_was_filled():
    model = off_policy()
    learn(model, GuidanceFill(ScriptedWorld(0).reward, None), 4 * 7 * WORLDS)
    wrong = [abs(stored - expected) > 1.0 for stored, expected in replay_rewards(model.replay_buffer)]
    assert sum(wrong) > len(wrong) / 3


def test_ppo_learns_from_filled_rewards_and_keeps_the_bootstrap_at_time_limits():
    model, truncated = on_policy(), []

    def check():
        buffer = model.rollout_buffer
        for position in range(buffer.buffer_size):
            for world in range(WORLDS):
                state = buffer.observations[position, world]
                _, step = which_step(state)
                episode, tick = place(step)
                wanted = expected_reward(world, step)
                if is_truncated(episode) and tick == LENGTHS[episode % len(LENGTHS)] - 1:
                    after = state.copy()
                    after[1] += 1
                    value = model.policy.predict_values(model.policy.obs_to_tensor(after)[0])
                    wanted += model.gamma * float(value.detach())
                    truncated.append(step)
                assert buffer.rewards[position, world] == pytest.approx(wanted, rel=1e-4)
        assert_returns_belong_to_the_rewards(buffer, model)

    updates = check_before_every_update(model, check)
    learn(model, GuidanceFill(ScriptedWorld(0).reward, ScriptGuidance()), 4 * 11 * WORLDS)
    assert len(updates) == 4
    assert truncated


def assert_returns_belong_to_the_rewards(buffer, model):
    """Generalised advantages (Schulman et al. 2016) worked out from what the buffer holds, world by world."""
    last = model.policy.predict_values(model.policy.obs_to_tensor(model._last_obs)[0]).detach().numpy().ravel()
    for world in range(WORLDS):
        advantage, following, going_on = 0.0, last[world], 1.0 - model._last_episode_starts[world]
        for position in reversed(range(buffer.buffer_size)):
            delta = buffer.rewards[position, world] + model.gamma * following * going_on
            advantage = delta - buffer.values[position, world] + model.gamma * model.gae_lambda * going_on * advantage
            assert buffer.advantages[position, world] == pytest.approx(advantage, rel=1e-3, abs=1e-2)
            following, going_on = buffer.values[position, world], 1.0 - buffer.episode_starts[position, world]


def test_all_scenes_of_a_rollout_are_scored_in_one_call():
    model, guidance = off_policy(), ScriptGuidance()
    learn(model, GuidanceFill(ScriptedWorld(0).reward, guidance), 3 * 7 * WORLDS)
    scored_ticks = [sum(place(step)[1] % 4 == 0 for step in range(start, start + 7)) for start in (0, 7, 14)]
    assert guidance.batches == [WORLDS * count for count in scored_ticks]


def test_listeners_are_told_every_tick_once_with_guidance_s_say():
    model, heard = off_policy(), []
    learn(model, GuidanceFill(ScriptedWorld(0).reward, ScriptGuidance(), [heard.extend]), 4 * 7 * WORLDS)
    assert len(heard) == 4 * 7 * WORLDS
    for number, transition in enumerate(heard):
        step, world = divmod(number, WORLDS)
        assert transition.world == world
        assert transition.reward == pytest.approx(expected_reward(world, step), rel=1e-5)
        total = transition.terms["base"] + GUIDED_WEIGHT * transition.terms["guided"]
        assert total == pytest.approx(transition.reward, rel=1e-5)


class Faulty(ScriptGuidance):
    """Works for some rollouts, then does what it is told to."""

    def __init__(self, fault, good=2):
        super().__init__()
        self.fault, self.good = fault, good

    def score(self, scenes):
        scores = super().score(scenes)
        return scores if len(self.batches) <= self.good else self.fault(scenes, scores)


def test_a_score_that_is_no_number_counts_as_an_abstention():
    def nothing(scenes, scores):
        return Scores(np.full(len(scenes), np.nan, np.float32), np.zeros(len(scenes), bool))

    model = off_policy()
    fill = GuidanceFill(ScriptedWorld(0).reward, Faulty(nothing, good=0))
    learn(model, fill, 7 * WORLDS)
    buffer = model.replay_buffer
    base = [[moment_of(w, step).speed for w in range(WORLDS)] for step in range(7)]
    np.testing.assert_allclose(buffer.rewards[: buffer.pos], base, rtol=1e-6)
    assert fill.unusable == sum(place(step)[1] % 4 == 0 for step in range(7)) * WORLDS


def test_an_answer_of_the_wrong_length_names_both_lengths():
    def short(scenes, scores):
        return Scores(scores.values[:-1], scores.abstained[:-1])

    fill = GuidanceFill(ScriptedWorld(0).reward, Faulty(short))
    with pytest.raises(ScorerError, match=r"'script' answered \d+ scenes with values \(\d+,\)"):
        learn(off_policy(), fill, ROLLOUTS * 7 * WORLDS)


@pytest.mark.parametrize("positions", [100, 22])
def test_a_rollout_that_could_not_be_scored_is_taken_out_again(positions):
    def fail(scenes, scores):
        raise ScorerError("the endpoint is gone for good")

    good = 5
    model, fill = off_policy(positions=positions), GuidanceFill(ScriptedWorld(0).reward, Faulty(fail, good))
    with pytest.raises(ScorerError):
        learn(model, fill, ROLLOUTS * 7 * WORLDS)
    fill.rewind()
    assert model.num_timesteps == good * 7 * WORLDS
    assert model.replay_buffer.pos == good * 7 % model.replay_buffer.buffer_size
    assert model.replay_buffer.full == (good * 7 >= model.replay_buffer.buffer_size)


def test_a_score_does_not_reach_into_an_episode_that_began_elsewhere():
    model = off_policy()
    fill = GuidanceFill(ScriptedWorld(0).reward, ScriptGuidance())
    learn(model, fill, 7 * WORLDS)
    fill.forget_episodes()
    assert all(held.value is None for held in fill._held)
