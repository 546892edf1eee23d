"""What a chat model is asked, and what counts as an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field, ValidationError

from sim2real_ad.config import StrictModel
from sim2real_ad.reward.scorer import Contrast
from sim2real_ad.types import FloatArray, UInt8Array

SYSTEM = (
    "You judge pictures of driving. Each question gives two sentences, A and B, that contradict each other. Say how "
    "probable it is that A describes the picture rather than B: 1 for surely A, 0 for surely B, 0.5 where the picture "
    'does not tell. Answer with JSON alone, {"probabilities": [...]}, one number for each question, in their order.'
)
Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class Answer(StrictModel):
    """The whole of an answer; nothing may stand around it."""

    probabilities: tuple[Probability, ...]


@dataclass(frozen=True)
class Prompt:
    """Questions about one picture. text: the user's part; swapped: (K,), where A is the negative sentence."""

    text: str
    swapped: tuple[bool, ...]


class NonsenseError(ValueError):
    """An answer that is not of the form that was asked for."""


def make_prompt(contrasts: Sequence[Contrast], picture: str) -> Prompt:
    """Ask for all contrasts at once, every second one the other way round.

    A model that says the same to every question, or always A, then contradicts itself from one paraphrase to the next,
    and the guidance abstains.
    """
    swapped = tuple(k % 2 == 1 for k in range(len(contrasts)))
    lines = [f"The picture: {picture.strip()}"]
    for k, contrast in enumerate(contrasts):
        first, second = (contrast.negative, contrast.positive) if swapped[k] else (contrast.positive, contrast.negative)
        lines.append(f"Question {k + 1}. A: {first}. B: {second}.")
    return Prompt("\n".join(lines), swapped)


def parse_answer(text: str, prompt: Prompt) -> list[float]:
    """Return the probabilities (K,) that the positive sentences hold. Raises NonsenseError."""
    try:
        answer = Answer.model_validate_json(text, strict=True)
    except ValidationError as error:
        problem = error.errors()[0]["msg"]
        raise NonsenseError(f"{problem}: {text[:80]!r}") from error
    if len(answer.probabilities) != len(prompt.swapped):
        raise NonsenseError(f"{len(answer.probabilities)} probabilities for {len(prompt.swapped)} questions")
    return [1.0 - p if turned else p for p, turned in zip(answer.probabilities, prompt.swapped, strict=True)]


def margins_of(probabilities: Sequence[float]) -> FloatArray:
    """Turn probabilities (K,) of the positive sentence into margins 2 p - 1."""
    return np.asarray(2.0 * np.asarray(probabilities) - 1.0, dtype=np.float32)


def cache_key(image: UInt8Array, enlarge: int, prompt: Prompt, model: str) -> str:
    """Hash of all that an answer depends on: picture, prompt and model."""
    digest = hashlib.sha256()
    for part in (model, SYSTEM, prompt.text, f"{image.shape} x{enlarge}"):
        digest.update(part.encode() + b"\0")
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def response_format(kind: str) -> dict[str, Any]:
    """Return the request's response_format; the schema says what `Answer` checks."""
    if kind != "json_schema":
        return {"type": kind}
    numbers = {"type": "array", "items": {"type": "number"}}
    schema = {
        "type": "object",
        "properties": {"probabilities": numbers},
        "required": ["probabilities"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
