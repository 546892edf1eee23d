"""The sentences that a training uses: single statements, captions of two or three, and unrelated ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.reward.goals import load_goals
from sim2real_ad.reward.lit.evaluation import VLM_RL
from sim2real_ad.reward.lit.held_out import CHOOSING, HELD_OUT
from sim2real_ad.reward.lit.patterns import some_sentences
from sim2real_ad.reward.lit.phrases import TRAINING
from sim2real_ad.reward.lit.statements import KEYS
from sim2real_ad.reward.lit.unrelated import BANK

MOST_PARTS = 3
CONNECTORS = (" and ", ", ", ", and ", "; ", " while ")


@dataclass(frozen=True, eq=False)
class Sentences:
    """texts: captions, then the unrelated ones; parts: (M, MOST_PARTS) indices into KEYS of what a caption states, -1
    for none; the captions come first, the single statements before the others; unrelated: sentences without parts."""

    texts: tuple[str, ...]
    parts: NDArray[np.int64]
    unrelated: tuple[str, ...]

    def holds(self, table: NDArray[np.int8], chosen: NDArray[np.int64]) -> NDArray[np.int8]:
        """Return (N, len(chosen)) for moments by their truth table: 1 true, 0 false, -1 cannot be told.

        A caption is false where one of its parts is, true where all are.
        """
        padded = np.concatenate((table, np.ones((len(table), 1), np.int8)), axis=1)  # index -1: always true
        found = padded[:, self.parts[chosen]]
        false, unknown = (found == 0).any(axis=2), (found == -1).any(axis=2)
        return np.where(false, 0, np.where(unknown, -1, 1)).astype(np.int8)

    def of(self, key: str) -> NDArray[np.int64]:
        """Return the indices of the single statements of a key."""
        single = (self.parts[:, 0] == KEYS.index(key)) & (self.parts[:, 1] < 0)
        return np.flatnonzero(single)


def training_sentences(
    random: np.random.Generator,
    table: NDArray[np.int8],
    per_pattern: int,
    captions: int,
    unrelated: int,
) -> Sentences:
    """Make the sentences of a training. Captions of several parts describe moments drawn from a truth table (N, K).

    What the driving goals, VLM-RL and the evaluations say is left out, also where a pattern would give it.
    """
    reserved = reserved_sentences()
    texts: list[str] = []
    parts: list[tuple[int, ...]] = []
    by_key: list[list[str]] = []
    for index, key in enumerate(KEYS):
        found = [text for pattern in TRAINING[key] for text in some_sentences(pattern, per_pattern, random)]
        found = [text for text in found if plain(text) not in reserved]
        by_key.append(found)
        texts += found
        parts += [(index,)] * len(found)
    for row in random.integers(len(table), size=captions):
        stated = _drawn_parts(table[row], random)
        texts.append(_joined([str(random.choice(by_key[index])) for index in stated], random))
        parts.append(stated)
    padded = np.array([(*stated, *(-1,) * (MOST_PARTS - len(stated))) for stated in parts], np.int64)
    others = [text for pattern in BANK for text in some_sentences(pattern, unrelated, random)]
    return Sentences(tuple(texts), padded, tuple(others))


def reserved_sentences() -> frozenset[str]:
    """Return, plainly written, every sentence that is for measuring only."""
    contrasts = (*load_goals("driving").contrasts, VLM_RL)
    pairs = ((contrast.positive, contrast.negative) for contrast in contrasts)
    return frozenset(plain(text) for found in (*HELD_OUT.values(), *CHOOSING.values(), *pairs) for text in found)


def plain(sentence: str) -> str:
    """Return a sentence without what does not change what it says."""
    return " ".join(sentence.casefold().split()).rstrip(".")


def _drawn_parts(row: NDArray[np.int8], random: np.random.Generator) -> tuple[int, ...]:
    true = np.flatnonzero(row == 1)
    count = min(int(random.integers(2, MOST_PARTS + 1)), len(true))
    return tuple(int(index) for index in random.permutation(true)[:count])


def _joined(texts: list[str], random: np.random.Generator) -> str:
    sentence = texts[0]
    for text in texts[1:]:
        sentence += str(random.choice(CONNECTORS)) + text
    return sentence
