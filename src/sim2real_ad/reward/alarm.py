"""The reward-hacking alarm: the return rises while strict success falls. Then the reward pays for something else.

Looked at over the last HORIZON windows of episodes. The return rises by the Mann-Kendall test for a trend (Mann 1945,
Kendall 1975); success falls by the test of two proportions, the later half of the episodes against the earlier one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["quiet", "watch", "alarm"]

HORIZON, LEAST_WINDOWS = 12, 6
WINDOW_EPISODES = 40
WATCH_P, ALARM_P = 0.10, 0.01
"""Both tests, one-sided, must be below: by chance alone that is rarer than once in 10,000 looks for an alarm."""
WATCH_DROP, ALARM_DROP = 0.03, 0.08
"""By how much the success rate has to have fallen, so that many episodes do not make a trifle an alarm."""


@dataclass(frozen=True)
class Window:
    """Episodes in a row. mean_return: of the reward that is trained on; successes: strict, of `episodes`."""

    mean_return: float
    successes: int
    episodes: int

    @property
    def success_rate(self) -> float:
        """0..1."""
        return self.successes / self.episodes


@dataclass(frozen=True)
class Assessment:
    """What the windows say. rise_p, fall_p: of the two tests; drop: of the success rate, negative where it rose."""

    state: State
    rise_p: float = 1.0
    fall_p: float = 1.0
    drop: float = 0.0

    @property
    def reason(self) -> str:
        """One sentence for the log; empty where all is quiet."""
        if self.state == "quiet":
            return ""
        return (
            f"the return rises (p = {self.rise_p:.2g}) while strict success falls by {self.drop:.0%}"
            f" (p = {self.fall_p:.2g}): the reward may pay for something else than driving well"
        )


def assess(windows: Sequence[Window]) -> Assessment:
    """Assess the last HORIZON windows, in order of training. Quiet where there are fewer than LEAST_WINDOWS."""
    recent = [w for w in windows[-HORIZON:] if math.isfinite(w.mean_return) and w.episodes > 0]
    if len(recent) < LEAST_WINDOWS:
        return Assessment("quiet")
    half = len(recent) // 2
    earlier, later = _pooled(recent[:half]), _pooled(recent[-half:])
    rise_p = rising_p([w.mean_return for w in recent])
    fall_p = falling_p(*earlier, *later)
    drop = earlier[0] / earlier[1] - later[0] / later[1]
    worst = max(rise_p, fall_p)
    if worst < ALARM_P and drop >= ALARM_DROP:
        return Assessment("alarm", rise_p, fall_p, drop)
    return Assessment("watch" if worst < WATCH_P and drop >= WATCH_DROP else "quiet", rise_p, fall_p, drop)


def rising_p(values: Sequence[float]) -> float:
    """Return the one-sided p value of the Mann-Kendall test that values rise; 1 for fewer than 3 or all the same."""
    count = len(values)
    score = sum((b > a) - (b < a) for at, a in enumerate(values) for b in values[at + 1 :])
    ties = sum(t * (t - 1) * (2 * t + 5) for t in (values.count(v) for v in set(values)))
    variance = (count * (count - 1) * (2 * count + 5) - ties) / 18.0
    if count < 3 or variance <= 0.0:
        return 1.0
    return _upper_tail((score - (score > 0) + (score < 0)) / math.sqrt(variance))


def falling_p(successes_a: int, n_a: int, successes_b: int, n_b: int) -> float:
    """Return the one-sided p value of the pooled two-proportion z test that b's rate is below a's."""
    pooled = (successes_a + successes_b) / (n_a + n_b)
    spread = math.sqrt(pooled * (1.0 - pooled) * (1.0 / n_a + 1.0 / n_b))
    return 1.0 if spread == 0.0 else _upper_tail((successes_a / n_a - successes_b / n_b) / spread)


class HackingAlarm:
    """Gathers a training's episodes into windows. Remembers the worst state that it was in, and why."""

    def __init__(self, window_episodes: int = WINDOW_EPISODES) -> None:
        self._window_episodes = window_episodes
        self._returns: list[float] = []
        self._successes = 0
        self._windows: list[Window] = []
        self.now = Assessment("quiet")
        self.worst = Assessment("quiet")

    def add(self, episode_return: float, success: bool) -> Assessment:
        """Take the next finished episode and return what the windows say now."""
        self._returns.append(float(episode_return))
        self._successes += bool(success)
        if len(self._returns) >= self._window_episodes:
            mean = math.fsum(self._returns) / len(self._returns)
            self._close(Window(mean, self._successes, len(self._returns)))
            self._returns, self._successes = [], 0
        return self.now

    def extend(self, windows: Iterable[Window]) -> Assessment:
        """Take windows that were gathered elsewhere."""
        for window in windows:
            self._close(window)
        return self.now

    def state(self) -> dict[str, Any]:
        """Return all that is remembered, for JSON."""
        return {
            "window_episodes": self._window_episodes,
            "returns": list(self._returns),
            "successes": self._successes,
            "windows": [asdict(w) for w in self._windows],
            "now": asdict(self.now),
            "worst": asdict(self.worst),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take up an earlier alarm's state."""
        self._window_episodes = int(state["window_episodes"])
        self._returns, self._successes = list(state["returns"]), int(state["successes"])
        self._windows = [Window(**w) for w in state["windows"]]
        self.now, self.worst = Assessment(**state["now"]), Assessment(**state["worst"])

    def _close(self, window: Window) -> None:
        self._windows = [*self._windows, window][-HORIZON:]
        self.now = assess(self._windows)
        order = ("quiet", "watch", "alarm")
        if order.index(self.now.state) > order.index(self.worst.state):
            self.worst = self.now


def _pooled(windows: Sequence[Window]) -> tuple[int, int]:
    return sum(w.successes for w in windows), sum(w.episodes for w in windows)


def _upper_tail(z: float) -> float:
    return 0.5 * math.erfc(z / math.sqrt(2.0))
