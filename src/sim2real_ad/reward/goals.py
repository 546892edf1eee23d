"""Driving goals in plain language, as `config/goals/*.yaml` holds them: what shall be against what shall not."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from sim2real_ad.config import StrictModel, find_config, load_config
from sim2real_ad.reward.scorer import Contrast

FOLDER = "goals"

Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Sentences = Annotated[tuple[Sentence, ...], Field(min_length=1)]


class Goal(StrictModel):
    """One goal. The lines of `positive` are paraphrases of one another, and so are those of `negative`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    weight: float = Field(default=1.0, gt=0.0)
    positive: Sentences
    negative: Sentences

    @model_validator(mode="after")
    def _every_sentence_is_said_once(self) -> Goal:
        for side in (self.positive, self.negative):
            twice = _repeated([_plain(sentence) for sentence in side])
            if twice:
                raise ValueError(f"goal '{self.name}' says '{twice[0]}' twice")
        both = {_plain(sentence) for sentence in self.positive} & {_plain(sentence) for sentence in self.negative}
        if both:
            raise ValueError(f"goal '{self.name}' has '{min(both)}' as positive and as negative")
        return self

    @property
    def contrasts(self) -> tuple[Contrast, ...]:
        """The lists zipped; the shorter one starts again.

        Not every positive against every negative: those margins share sentences, so they would agree with one another
        by construction and hide a disagreement; their mean is that of the zipped ones; and a chat model would be
        asked three times as often.
        """
        count = max(len(self.positive), len(self.negative))
        return tuple(
            Contrast(self.positive[k % len(self.positive)], self.negative[k % len(self.negative)]) for k in range(count)
        )


class Goals(StrictModel):
    """A set of goals. view: what the scorer is shown, a drawn bird's-eye picture or the front camera's."""

    view: Literal["bev", "camera"] = "bev"
    goals: tuple[Goal, ...] = Field(min_length=1)

    @field_validator("goals")
    @classmethod
    def _names_differ(cls, goals: tuple[Goal, ...]) -> tuple[Goal, ...]:
        twice = _repeated([goal.name for goal in goals])
        if twice:
            raise ValueError(f"goal names must differ, '{twice[0]}' is there twice")
        return goals

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the G goals."""
        return tuple(goal.name for goal in self.goals)

    @property
    def contrasts(self) -> tuple[Contrast, ...]:
        """The K contrasts of all goals, goal by goal."""
        return tuple(contrast for goal in self.goals for contrast in goal.contrasts)

    @property
    def columns(self) -> tuple[slice, ...]:
        """Where each goal's contrasts stand among the K."""
        ends = [0]
        for goal in self.goals:
            ends.append(ends[-1] + len(goal.contrasts))
        return tuple(slice(start, end) for start, end in pairwise(ends))


def load_goals(name_or_path: str | Path) -> Goals:
    """Read goals by path, or by name in `config/goals/`. Raises ConfigError naming the file, the key and the value."""
    return load_config(find_config(name_or_path, FOLDER), Goals)


def _plain(sentence: str) -> str:
    return " ".join(sentence.casefold().split()).rstrip(".")


def _repeated(words: list[str]) -> list[str]:
    return [word for word, count in Counter(words).items() if count > 1]
