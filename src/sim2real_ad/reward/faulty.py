"""Guidance that lies, for tests and for the demonstration that the audit catches it: `--scorer faulty:inverted`."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from sim2real_ad.errors import ScorerError
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.goal_guidance import load_guidance
from sim2real_ad.reward.guidance import Guidance, Scene, Scores
from sim2real_ad.reward.scorers.registry import DEFAULT_SCORER
from sim2real_ad.types import FloatArray

PREFIX = "faulty:"
PRAISE = 0.9
"""What the constant liar always says."""

Answers = Callable[[Sequence[Scene]], Scores]


class FaultyGuidance:
    """Guidance with a fault. Keeps no order: a scene gets the same answer whenever it is asked about."""

    def __init__(self, fault: str, answers: Answers) -> None:
        self.name = f"{PREFIX}{fault}"
        self._answers = answers
        self._scored = 0

    def score(self, scenes: Sequence[Scene]) -> Scores:
        """Score scenes, in order, wrongly."""
        self._scored += len(scenes)
        return self._answers(scenes)

    def record(self) -> dict[str, int | float | str]:
        """Return how many scenes were scored, and that the answers are wrong on purpose."""
        return {"name": self.name, "scored": self._scored, "faulty": "on purpose"}


def open_guidance(scorer: str, goals: str | Path, spec: BevSpec) -> Guidance:
    """Open guidance by a scorer's name, or one that lies: faulty:FAULT, or faulty:FAULT:SCORER to lie about another.

    Raises ScorerError or ConfigError.
    """
    if not scorer.startswith(PREFIX):
        return load_guidance(scorer, goals, spec)
    fault, _, honest = scorer.removeprefix(PREFIX).partition(":")
    return make_faulty(fault, load_guidance(honest or DEFAULT_SCORER, goals, spec) if fault == "inverted" else None)


def make_faulty(fault: str, honest: Guidance | None = None) -> FaultyGuidance:
    """Make guidance with a fault: constant, random or nan; inverted lies about an honest guidance's answers.

    Raises ScorerError naming the known faults, or that the fault needs an honest guidance.
    """
    if fault not in FAULTS:
        raise ScorerError(f"no fault '{fault}'; known: {', '.join(sorted(FAULTS))}")
    return FaultyGuidance(fault, FAULTS[fault](honest))


def _inverted(honest: Guidance | None) -> Answers:
    if honest is None:
        raise ScorerError("faulty:inverted needs an honest guidance to invert")

    def answers(scenes: Sequence[Scene]) -> Scores:
        truth = honest.score(scenes)
        return Scores(np.asarray(1.0 - truth.values, np.float32), truth.abstained)

    return answers


def _constant(_: Guidance | None) -> Answers:
    return lambda scenes: _said(np.full(len(scenes), PRAISE, np.float32))


def _random(_: Guidance | None) -> Answers:
    def answers(scenes: Sequence[Scene]) -> Scores:
        return _said(np.array([_chance(scene) for scene in scenes], np.float32))

    return answers


def _nan(_: Guidance | None) -> Answers:
    return lambda scenes: _said(np.full(len(scenes), np.nan, np.float32))


def _chance(scene: Scene) -> float:
    """Return a number in [0, 1) that follows from the scene alone and says nothing about it."""
    seed = zlib.crc32(np.array((scene.speed, scene.curvature)).tobytes(), zlib.crc32(scene.bev.tobytes()))
    return float(np.random.default_rng(seed).random())


def _said(values: FloatArray) -> Scores:
    return Scores(values, np.zeros(len(values), np.bool_))


FAULTS: dict[str, Callable[[Guidance | None], Answers]] = {
    "inverted": _inverted,
    "constant": _constant,
    "random": _random,
    "nan": _nan,
}
"""By name, after `faulty:`."""
