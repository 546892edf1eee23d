"""Fills guidance's say into the rewards that a rollout has stored, in one batch, before any update sees them.

While a rollout is gathered the buffers hold the reward without guidance. At its end all scenes are scored at once, each
score holds until the next scored tick of the same episode, and what it changes is added where the transition lies: to
what is there, so that the bootstrap which the library puts into PPO's rewards at a time limit stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from stable_baselines3.common.buffers import ReplayBuffer, RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback

from sim2real_ad.errors import ScorerError
from sim2real_ad.reward.guidance import Guidance, Scene
from sim2real_ad.reward.moment import Moment
from sim2real_ad.training.teacher.environment import RewardFunction, summed_terms


@dataclass(eq=False)
class HeldScore:
    """A score, shared by the ticks it holds for. value: None until scored, and where guidance had no say.

    said: what guidance answered, whatever it was; abstained: that it was asked and had nothing to say.
    """

    value: float | None = None
    said: float | None = None
    abstained: bool = False


@dataclass(eq=False)
class Transition:
    """One step of one world, on its way into the buffer. moments: one a tick of the step.

    position: in the buffer; reward and terms: with guidance's say once the rollout is filled; scene: where this tick
    is scored.
    """

    world: int
    position: int
    moments: tuple[Moment, ...]
    held: HeldScore
    scene: Scene | None
    terms: dict[str, float]
    reward: float
    done: bool
    scenario: str
    episode_seed: int
    success: bool
    infractions: tuple[str, ...]

    @property
    def moment(self) -> Moment:
        """The last tick's: the one that the scene belongs to."""
        return self.moments[-1]


Listener = Callable[[Sequence[Transition]], None]
"""Is given the transitions of every filled rollout, in the order in which they happened."""


@dataclass(eq=False)
class _BufferMark:
    """Where a rollout began."""

    position: int = 0
    full: bool = False
    steps: int = 0


class GuidanceFill(BaseCallback):
    """Collects transitions while a rollout is gathered and fills their rewards at its end.

    With guidance None the buffers stay as they are, and the listeners are told all the same.
    """

    def __init__(self, reward: RewardFunction, guidance: Guidance | None, listeners: Sequence[Listener] = ()) -> None:
        super().__init__()
        self.unusable = 0
        """Scores that were not finite and counted as abstentions."""
        self._reward = reward
        self._guidance = guidance
        self._listeners = list(listeners)
        self._held: list[HeldScore] = []
        self._rollout: list[Transition] = []
        self._mark: _BufferMark | None = None

    def forget_episodes(self) -> None:
        """Let no score reach into the episodes to come: every world has been reset."""
        self._held = [HeldScore() for _ in range(self.training_env.num_envs)]

    def rewind(self) -> None:
        """Take an unfinished rollout out of the training: whatever ended it, nothing provisional may stay."""
        if self._mark is not None:
            self.model.num_timesteps = self._mark.steps
            if isinstance(buffer := _buffer(self.model), ReplayBuffer):
                buffer.pos, buffer.full = self._mark.position, self._mark.full
        self._mark, self._rollout = None, []

    def _on_training_start(self) -> None:
        self.forget_episodes()

    def _on_rollout_start(self) -> None:
        buffer = _buffer(self.model)
        self._mark = _BufferMark(buffer.pos, buffer.full, self.num_timesteps)
        self._rollout = []

    def _on_step(self) -> bool:
        position = _buffer(self.model).pos
        rewards, dones = self.locals["rewards"], self.locals["dones"]
        for world, info in enumerate(self.locals["infos"]):
            if info["scene"] is not None:
                self._held[world] = HeldScore()
            done = bool(dones[world])
            self._rollout.append(_transition(world, position, info, self._held[world], float(rewards[world]), done))
            if done:
                self._held[world] = HeldScore()
        return True

    def _on_rollout_end(self) -> None:
        if self._guidance is not None:
            self._score(self._guidance)
            self._fill()
        for listener in self._listeners:
            listener(self._rollout)
        self._mark, self._rollout = None, []

    def _score(self, guidance: Guidance) -> None:
        asked = [t for t in self._rollout if t.scene is not None]
        if not asked:
            return
        scores = guidance.score([t.scene for t in asked if t.scene is not None])
        values, abstained = np.asarray(scores.values), np.asarray(scores.abstained)
        if values.shape != (len(asked),) or abstained.shape != (len(asked),):
            raise ScorerError(
                f"guidance '{guidance.name}' answered {len(asked)} scenes with values {values.shape} "
                f"and abstentions {abstained.shape}"
            )
        for transition, value, silent in zip(asked, values.tolist(), abstained.tolist(), strict=True):
            usable = bool(np.isfinite(value))
            self.unusable += not usable and not silent
            held = transition.held
            held.said, held.abstained = value, bool(silent)
            held.value = value if usable and not silent else None

    def _fill(self) -> None:
        buffer = _buffer(self.model)
        for transition in self._rollout:
            score = transition.held.value
            if score is None:
                continue
            terms = summed_terms(self._reward, transition.moments, score)
            change = self._reward.total(terms) - self._reward.total(transition.terms)
            buffer.rewards[transition.position, transition.world] += change
            transition.terms, transition.reward = terms, transition.reward + change
        if isinstance(buffer, RolloutBuffer):
            buffer.compute_returns_and_advantage(last_values=self.locals["values"], dones=self.locals["dones"])


def _transition(
    world: int, position: int, info: dict[str, Any], held: HeldScore, reward: float, done: bool
) -> Transition:
    return Transition(
        world=world,
        position=position,
        moments=info["moments"],
        held=held,
        scene=info["scene"],
        terms=info["terms"],
        reward=reward,
        done=done,
        scenario=info["scenario"],
        episode_seed=info["episode_seed"],
        success=info["success"],
        infractions=info["infractions"],
    )


def _buffer(model: Any) -> Any:
    """Return the model's rollout or replay buffer."""
    buffer = getattr(model, "replay_buffer", None)
    return model.rollout_buffer if buffer is None else buffer
