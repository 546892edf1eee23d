"""Episodes whose truth is known, and guidance that knows it: what a liar is made from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.audit_truth import SAFE, UNCLEAR, truths
from sim2real_ad.reward.guidance import Guidance, Scene, Scores
from sim2real_ad.reward.moment import Moment

STRIDE = 4
"""Every fourth tick is scored, as in training."""


@dataclass(frozen=True)
class Drive:
    """One episode. scenes: of the ticks that are scored."""

    moments: tuple[Moment, ...]
    scenes: dict[int, Scene]


def tick(time_s: float, **changes: Any) -> Moment:
    calm: dict[str, Any] = dict.fromkeys(("lateral_acceleration", "lateral_jerk", "jerk", "heading_error"), 0.0)
    calm |= {"speed": 8.0, "speed_limit": 10.0, "lateral_offset": 0.0, "distance": 0.4}
    return Moment(**{**calm, "time_s": time_s, "action": (0.0, 0.0), "last_action": (0.0, 0.0), **changes})


def make_drive(seed: int, ending: str, length_s: float = 9.0) -> Drive:
    rng, moments, scenes = np.random.default_rng(seed), [], {}
    spec = BevSpec()
    for index in range(1, round(length_s / 0.05) + 1):
        time_s = index * 0.05
        last = index == round(length_s / 0.05)
        end = {"infraction": ending if last else "", "success": last and not ending}
        if ending == "collision":
            end |= {"gap": max(5.0 * (length_s - time_s), 0.0), "closing_speed": 5.0}
        if ending == "off_road":
            end["lateral_offset"] = max(0.0, 2.0 - (length_s - time_s))
        if ending == "stop_line_run":
            end["stop_distance"] = 8.0 * (length_s - time_s)
        moments.append(tick(time_s, **end))
        if index % STRIDE == 1:
            bev = np.zeros(spec.shape, np.uint8)
            bev[0, :, 20:44] = 255
            bev[3, rng.integers(0, 90) :, 28:36] = 255
            scenes[index - 1] = Scene(bev, 8.0 + rng.random(), 0.0)
    return Drive(tuple(moments), scenes)


class Honest:
    """Guidance that knows the truth of the drives, with a little doubt."""

    name = "honest"

    def __init__(self, drives: Sequence[Drive]) -> None:
        rng = np.random.default_rng(1)
        self._known = {}
        for drive in drives:
            told = truths(drive.moments)
            for index, scene in drive.scenes.items():
                centre = {SAFE: 0.85, UNCLEAR: 0.5}.get(told[index], 0.15)
                self._known[id(scene)] = float(np.clip(rng.normal(centre, 0.1), 0.0, 1.0))

    def score(self, scenes: Sequence[Scene]) -> Scores:
        values = np.array([self._known[id(scene)] for scene in scenes], np.float32)
        return Scores(values, np.zeros(len(scenes), np.bool_))

    def record(self) -> dict[str, int | float | str]:
        return {"scored": len(self._known)}


@pytest.fixture(scope="session")
def drives() -> tuple[Drive, ...]:
    """Thirty episodes, a third of them good."""
    endings = ("", "collision", "off_road", "stop_line_run", "", "collision")
    return tuple(make_drive(seed, endings[seed % len(endings)]) for seed in range(30))


@pytest.fixture(scope="session")
def honest(drives: tuple[Drive, ...]) -> Guidance:
    return Honest(drives)


@pytest.fixture(scope="session")
def make_tick() -> Callable[..., Moment]:
    return tick
