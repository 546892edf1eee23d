"""A small grammar for sentences: "[a|b]" stands for either, may be nested, and "{car}" for the car's names."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_CAR = "[the car|our car|the vehicle|the ego car|the white car|the ego vehicle|the automobile]"


def all_sentences(pattern: str) -> Iterator[str]:
    """Yield every sentence that a pattern stands for."""
    for sentence in _expanded(pattern.replace("{car}", _CAR)):
        yield " ".join(sentence.split())


def some_sentences(pattern: str, count: int, random: np.random.Generator) -> list[str]:
    """Return up to `count` different sentences of a pattern."""
    found = list(dict.fromkeys(all_sentences(pattern)))
    chosen = random.permutation(len(found))[:count]
    return [found[int(index)] for index in chosen]


def _expanded(pattern: str) -> Iterator[str]:
    opened = pattern.find("[")
    if opened < 0:
        yield pattern
        return
    depth, parts, start = 0, [], opened + 1
    for at in range(opened, len(pattern)):
        mark = pattern[at]
        depth += (mark == "[") - (mark == "]")
        if (mark == "|" and depth == 1) or depth == 0:
            parts.append(pattern[start:at])
            start = at + 1
        if depth == 0:
            break
    for part in parts:
        for rest in _expanded(part + pattern[start:]):
            yield pattern[:opened] + rest
