"""The default scorer and every kind of liar, audited on the same good and bad drives. `pytest -s` prints the table."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.audit import Audit, audit_of
from sim2real_ad.reward.audit_log import AuditLog
from sim2real_ad.reward.faulty import FAULTS, make_faulty, open_guidance
from sim2real_ad.reward.guidance import Guidance, Scene, Scores
from sim2real_ad.reward.moment import Moment
from sim2real_ad.reward.rewards import load_reward
from sim2real_ad.training.teacher.environment import TeacherEnv, TeacherEnvSettings
from sim2real_ad.types import FloatArray

pytestmark = pytest.mark.torch
SEEDS = range(700_000, 700_004)
SCENARIOS = ("car_following", "obstacle_avoidance", "stop_sign")
Driver = Callable[[FloatArray, float, float], tuple[float, float]]


def expert(told: FloatArray, time_s: float, speed: float) -> tuple[float, float]:
    return float(told[0]), float(told[1])


def speeds(told: FloatArray, time_s: float, speed: float) -> tuple[float, float]:
    return float(told[0]), 0.3 * (11.0 - speed)


def drifts(told: FloatArray, time_s: float, speed: float) -> tuple[float, float]:
    return float(told[0]) + (0.4 if time_s > 4.0 else 0.0), float(told[1])


@dataclass(frozen=True)
class Tick:
    moment: Moment
    scene: Scene | None
    scenario: str
    seed: int


class Remembered:
    """A guidance's answers, so that liars lie about the same ones and no scene is scored twice."""

    name = "remembered"

    def __init__(self, scenes: list[Scene], said: Scores) -> None:
        self._at = {id(scene): index for index, scene in enumerate(scenes)}
        self._said = said

    def score(self, scenes: Any) -> Scores:
        index = np.array([self._at[id(scene)] for scene in scenes], np.int64)
        return Scores(self._said.values[index], self._said.abstained[index])

    def record(self) -> dict[str, int | float | str]:
        return {}


def drive(env: TeacherEnv, driver: Driver, scenario: str, seed: int) -> Iterator[Tick]:
    env.reset(options={"scenario": scenario, "episode_seed": seed})
    time_s = speed = 0.0
    done = False
    while not done:
        action = np.clip(driver(env.expert_action(), time_s, speed), -1.0, 1.0).astype(np.float32)
        _, _, terminated, truncated, info = env.step(action)
        moment: Moment = info["moment"]
        time_s, speed, done = moment.time_s, moment.speed, terminated or truncated
        yield Tick(moment, info["scene"], scenario, seed)


@pytest.fixture(scope="module")
def ticks() -> list[Tick]:
    env = TeacherEnv(TeacherEnvSettings(guidance_stride=10), load_reward("vlm"))
    drives = [(d, s, seed) for d in (expert, speeds, drifts) for s in SCENARIOS for seed in SEEDS]
    driven = [tick for one in drives for tick in drive(env, *one)]
    env.close()
    return driven


@pytest.fixture(scope="module")
def scorer(ticks: list[Tick]) -> Guidance:
    scenes = [tick.scene for tick in ticks if tick.scene is not None]
    return Remembered(scenes, open_guidance("lit-minilm", "driving", BevSpec()).score(scenes))


def audited(guidance: Guidance, ticks: list[Tick], name: str) -> Audit:
    said = guidance.score([tick.scene for tick in ticks if tick.scene is not None])
    answers = iter(zip(said.values.tolist(), said.abstained.tolist(), strict=True))
    log = AuditLog()
    for tick in ticks:
        score, abstained = (None, False) if tick.scene is None else next(answers)
        log.add(0, tick.moment, score, abstained=abstained, scene=tick.scene, scenario=tick.scenario)
    audit = audit_of(log)
    figures = audit.figures
    auroc = "-" if figures.auroc is None else f"{figures.auroc.value:.3f}"
    praise = "-" if figures.false_praise is None else f"{figures.false_praise:.0%}"
    sys.stdout.write(f"\n| {name} | {audit.verdict} | {auroc} | {praise} |")
    return audit


def test_the_default_scorer_is_not_found_untrusted(scorer: Guidance, ticks: list[Tick]) -> None:
    audit = audited(scorer, ticks, "lit-minilm")
    assert audit.verdict != "untrusted", audit.reasons
    assert audit.figures.auroc is not None
    assert audit.figures.auroc.value > 0.8
    assert set(audit.figures.by_danger) == {"collision", "off_road", "stop_line_run"}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_scorer_that_always_lies_is_caught(scorer: Guidance, ticks: list[Tick], fault: str) -> None:
    assert audited(make_faulty(fault, scorer), ticks, f"faulty:{fault}").verdict == "untrusted"
