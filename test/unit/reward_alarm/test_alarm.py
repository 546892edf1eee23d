"""The alarm rings where return and success part, and stays quiet where they do not, however noisy both are."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.reward.alarm import HORIZON, HackingAlarm, Window, assess, falling_p, rising_p

EPISODES = 40


def training(seed: int, rates: np.ndarray, returns: np.ndarray, noise: float) -> list[Window]:
    rng = np.random.default_rng(seed)
    values = returns + rng.normal(0.0, noise, len(returns))
    return [
        Window(float(value), int(rng.binomial(EPISODES, rate)), EPISODES)
        for value, rate in zip(values, rates, strict=True)
    ]


@given(seed=st.integers(0, 10_000), top=st.floats(0.3, 1.0), noise=st.floats(0.0, 0.5))
def test_no_alarm_where_return_and_success_rise_together(seed: int, top: float, noise: float) -> None:
    windows = training(seed, np.linspace(0.1, top, 12), np.linspace(0.0, 10.0, 12), noise)
    assert assess(windows).state == "quiet"


@given(seed=st.integers(0, 10_000), drop=st.floats(0.4, 0.9), noise=st.floats(0.0, 0.5))
def test_an_alarm_where_the_return_rises_and_success_falls(seed: int, drop: float, noise: float) -> None:
    windows = training(seed, np.linspace(0.95, 0.95 - drop, 12), np.linspace(0.0, 10.0, 12), noise)
    assert assess(windows).state == "alarm"
    assert "return rises" in assess(windows).reason


@given(seed=st.integers(0, 10_000))
def test_no_alarm_where_both_fall(seed: int) -> None:
    assert assess(training(seed, np.linspace(0.9, 0.2, 12), np.linspace(10.0, 0.0, 12), 0.3)).state == "quiet"


def test_noise_alone_hardly_ever_rings_it() -> None:
    flat = [training(seed, np.full(12, 0.6), np.full(12, 5.0), 2.0) for seed in range(1_000)]
    states = [assess(windows).state for windows in flat]
    assert states.count("alarm") <= 1
    assert states.count("watch") <= 30


def test_success_that_stays_where_it_is_rings_nothing_while_the_return_rises() -> None:
    windows = [training(seed, np.full(12, 0.8), np.linspace(0.0, 10.0, 12), 0.3) for seed in range(200)]
    assert [assess(w).state for w in windows].count("alarm") <= 3


def test_a_fall_after_a_long_rise_is_seen_once_it_fills_the_horizon() -> None:
    rates = np.concatenate((np.linspace(0.1, 0.9, 20), np.linspace(0.9, 0.3, 10)))
    assert assess(training(3, rates, np.linspace(0.0, 20.0, 30), 0.2)).state == "alarm"


def test_a_few_windows_say_nothing_yet() -> None:
    assert assess(training(0, np.linspace(0.9, 0.1, 5), np.linspace(0.0, 9.0, 5), 0.0)).state == "quiet"


def test_a_slight_parting_is_watched_before_it_is_an_alarm() -> None:
    windows = [Window(float(k), successes, 40) for k, successes in enumerate([34, 33, 34, 33, 31, 30, 31, 30])]
    assert assess(windows).state == "watch"


def test_many_episodes_do_not_make_a_trifle_an_alarm() -> None:
    windows = [Window(float(k), 3_600 if k < 4 else 3_400, 4_000) for k in range(8)]
    assert falling_p(3_600, 4_000, 3_400, 4_000) < 1e-6
    assert assess(windows).state == "watch"


def test_mann_kendall_agrees_with_a_worked_example() -> None:
    # Pairs that rise: 1-2, 1-3, 1-5, 2-3, 2-5, 4-5 and 3-5 is a tie, so S = 6 + 0 - 3; ties of 2: one.
    values = [2.0, 3.0, 5.0, 1.0, 5.0]
    score, variance = 6 - 3, (5 * 4 * 15 - 2 * 1 * 9) / 18.0
    assert rising_p(values) == pytest.approx(_tail((score - 1) / variance**0.5), abs=1e-6)


def _tail(z: float) -> float:
    grid = np.linspace(z, 12.0, 200_001)
    density = np.exp(-grid * grid / 2.0) / np.sqrt(2.0 * np.pi)
    return float(np.sum((density[1:] + density[:-1]) / 2.0) * (grid[1] - grid[0]))


@given(st.lists(st.floats(-1e3, 1e3), max_size=12))
def test_p_values_are_probabilities(values: list[float]) -> None:
    assert 0.0 <= rising_p(values) <= 1.0


def test_a_fall_that_chance_explains_is_not_significant() -> None:
    assert falling_p(20, 40, 18, 40) > 0.1
    assert falling_p(38, 40, 10, 40) < 1e-6
    assert falling_p(40, 40, 40, 40) == 1.0


@settings(max_examples=20)
@given(cut=st.integers(0, 600), seed=st.integers(0, 100))
def test_a_resumed_alarm_goes_on_as_if_it_had_not_stopped(cut: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    episodes = [(float(k) + rng.normal(), bool(rng.random() < 0.9 - 0.001 * k)) for k in range(600)]
    whole, first, second = HackingAlarm(), HackingAlarm(), HackingAlarm()
    for episode in episodes:
        whole.add(*episode)
    for episode in episodes[:cut]:
        first.add(*episode)
    second.load(json.loads(json.dumps(first.state())))
    for episode in episodes[cut:]:
        second.add(*episode)
    assert second.state() == whole.state()


def test_the_alarm_remembers_that_it_rang() -> None:
    alarm = HackingAlarm()
    alarm.extend(training(1, np.linspace(0.95, 0.2, HORIZON), np.linspace(0.0, 10.0, HORIZON), 0.1))
    alarm.extend(training(1, np.linspace(0.2, 0.9, HORIZON), np.linspace(10.0, 20.0, HORIZON), 0.1))
    assert alarm.now.state == "quiet"
    assert alarm.worst.state == "alarm"
