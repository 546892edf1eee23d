"""Watches a training: every reward term, success and infractions of each scenario, what guidance did."""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from sim2real_ad.reward.alarm import HackingAlarm
from sim2real_ad.reward.guidance import Guidance
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.teacher.fill import Transition

LOG_EVERY_S = 2.0


@dataclass(frozen=True)
class EpisodeEnd:
    """One drive of the training. total: its rewards, guidance's say included."""

    scenario: str
    total: float
    ticks: int
    success: bool
    infractions: tuple[str, ...]


class Monitor(BaseCallback):
    """Logs to TensorBoard between rollouts and moves the progress line. Listens to the fill."""

    def __init__(self, progress: Progress, steps: int, window: int, guidance: Guidance | None) -> None:
        """window: episodes of a scenario in its rolling rates; steps: of the whole training."""
        super().__init__()
        self.episodes: dict[str, deque[EpisodeEnd]] = defaultdict(lambda: deque(maxlen=window))
        self.alarm = HackingAlarm()
        self._progress, self._steps, self._guidance = progress, steps, guidance
        self._terms: dict[str, list[float]] = defaultdict(list)
        self._running: dict[int, tuple[float, int]] = {}
        self._logged_s = 0.0

    @property
    def mean_return(self) -> float:
        """Of the episodes in the window, scenarios counting alike; 0 before the first has ended."""
        means = [float(np.mean([e.total for e in ended])) for ended in self.episodes.values() if ended]
        return float(np.mean(means)) if means else 0.0

    @property
    def success_rate(self) -> float:
        """Strict successes in the window, scenarios counting alike; 0 before the first episode has ended."""
        rates = [float(np.mean([e.success for e in ended])) for ended in self.episodes.values() if ended]
        return float(np.mean(rates)) if rates else 0.0

    def hear(self, rollout: Sequence[Transition]) -> None:
        """Take in a filled rollout."""
        for transition in rollout:
            for name, value in transition.terms.items():
                self._terms[name].append(value)
            self._terms["total"].append(transition.reward)
            if transition.scene is not None:
                score = transition.held.value
                self._terms["guidance_abstained"].append(float(score is None))
                if score is not None:
                    self._terms["guidance_score"].append(score)
            self._follow(transition)

    def forget_episodes(self) -> None:
        """Leave out the episodes that are under way: every world has been reset."""
        self._running = {}

    def _follow(self, transition: Transition) -> None:
        total, ticks = self._running.pop(transition.world, (0.0, 0))
        total, ticks = total + transition.reward, ticks + 1
        if transition.done:
            ended = EpisodeEnd(transition.scenario, total, ticks, transition.success, transition.infractions)
            self.episodes[transition.scenario].append(ended)
            self._watch(ended)
        else:
            self._running[transition.world] = total, ticks

    def _watch(self, ended: EpisodeEnd) -> None:
        before = self.alarm.now.state
        now = self.alarm.add(ended.total, ended.success)
        if now.state not in (before, "quiet"):
            self._progress.say(f"{now.state} at step {self.num_timesteps:,}: {now.reason}")

    def state(self) -> dict[str, Any]:
        """Return what to remember, for JSON."""
        ended = {scenario: [asdict(e) for e in window] for scenario, window in self.episodes.items()}
        return {"episodes": ended, "alarm": self.alarm.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Take up what an earlier process remembered."""
        for scenario, window in state["episodes"].items():
            self.episodes[scenario].extend(EpisodeEnd(**{**e, "infractions": tuple(e["infractions"])}) for e in window)
        self.alarm.load(state["alarm"])

    def _on_training_start(self) -> None:
        self._started_s, self._first_step = time.monotonic(), self.num_timesteps
        self._logged_s = self._started_s

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if time.monotonic() - self._logged_s >= LOG_EVERY_S:
            self.log()

    def _on_training_end(self) -> None:
        self.log()

    @property
    def rate(self) -> float:
        """Steps a second since this process began to train, all in."""
        return (self.num_timesteps - self._first_step) / max(time.monotonic() - self._started_s, 1e-9)

    def log(self) -> None:
        """Write everything gathered since the last time, and show the progress."""
        for name, values in self._terms.items():
            self.logger.record(f"reward/{name}", float(np.mean(values)))
        self._terms.clear()
        for scenario, ended in self.episodes.items():
            self._log_scenario(scenario, list(ended))
        self.logger.record("rollout/mean_return", self.mean_return)
        self.logger.record("rollout/success_rate", self.success_rate)
        self.logger.record("rollout/alarm", ("quiet", "watch", "alarm").index(self.alarm.now.state))
        self.logger.record("time/steps_per_second", self.rate)
        for name, value in (self._guidance.record() if self._guidance else {}).items():
            if isinstance(value, int | float):
                self.logger.record(f"guidance/{name}", float(value))
        self.logger.dump(self.num_timesteps)
        self._logged_s = time.monotonic()
        self._progress(self._line(), min(self.num_timesteps / self._steps, 1.0))

    def _log_scenario(self, scenario: str, ended: list[EpisodeEnd]) -> None:
        self.logger.record(f"success/{scenario}", float(np.mean([e.success for e in ended])))
        self.logger.record(f"return/{scenario}", float(np.mean([e.total for e in ended])))
        self.logger.record(f"length/{scenario}", float(np.mean([e.ticks for e in ended])))
        kinds = Counter(kind for e in ended for kind in e.infractions)
        for kind, count in kinds.items():
            self.logger.record(f"infractions/{scenario}/{kind}", count / len(ended))

    def _line(self) -> str:
        rate = self.rate
        left = max(self._steps - self.num_timesteps, 0) / rate if rate > 0 else 0.0
        rates = " ".join(f"{n} {np.mean([e.success for e in d]):.0%}" for n, d in sorted(self.episodes.items()))
        return f"{self.num_timesteps:,} steps, {rate:.0f}/s, {left / 60.0:.1f} min left, success {rates or '-'}"
