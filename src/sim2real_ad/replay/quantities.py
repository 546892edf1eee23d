"""What a condition can look at in a frame, by name, and how it chooses frames."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, Field, NonNegativeFloat, field_validator, model_validator

from sim2real_ad.config import StrictModel
from sim2real_ad.replay.results import ReplayFrame
from sim2real_ad.replay.summary import PARTS, SIDES
from sim2real_ad.safety.states import STATES
from sim2real_ad.types import ns_from_seconds

SCALARS = ("speed", "ood", "seen")
DISTANCES = ("gap", "time_to_collision")
"""Infinite where nothing is ahead: a free road meets every least distance."""

NAMED = ("state", "reasons")
"""Words: `is` says which of them count. They are yes or no, as `intervened` is."""

YES_NO = ("intervened", *NAMED)

Read = Callable[[ReplayFrame], float | None]


def frame_quantities() -> dict[str, Read]:
    """Return the quantities of a frame that are numbers, by name: SI, angles in rad, actions without a unit. None
    where the frame lacks the side they belong to. Differences are absolute."""
    found: dict[str, Read] = {name: _scalar(name) for name in SCALARS}
    found |= {name: _distance(name) for name in DISTANCES}
    for side, part in PARTS.items():
        found |= {f"{side}.{field}": _part(side, field) for field in part.model_fields}
    for name, (ours, theirs) in SIDES.items():
        for field in PARTS[ours].model_fields:
            found[f"difference.{name}.{field}"] = _apart(_part(ours, field), _part(theirs, field))
    return found


def _scalar(name: str) -> Read:
    return lambda frame: float(getattr(frame, name))


def _distance(name: str) -> Read:
    return lambda frame: math.inf if getattr(frame, name) is None else float(getattr(frame, name))


def _part(side: str, field: str) -> Read:
    return lambda frame: None if (part := getattr(frame, side)) is None else float(getattr(part, field))


def _apart(ours: Read, theirs: Read) -> Read:
    def read(frame: ReplayFrame) -> float | None:
        a, b = ours(frame), theirs(frame)
        return None if a is None or b is None else abs(a - b)

    return read


FRAME_QUANTITIES = frame_quantities()

Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]


class Quantity(StrictModel):
    """Something of a frame. of: its name; names (`is` in YAML): which states or reasons count."""

    of: str
    names: Names = Field(default=(), alias="is")

    @field_validator("of")
    @classmethod
    def _exists(cls, of: str) -> str:
        if not cls._known(of):
            raise ValueError(f"no such quantity; known: {', '.join(cls._listed())}")
        return of

    @classmethod
    def _known(cls, of: str) -> bool:
        return of in FRAME_QUANTITIES or of in YES_NO

    @classmethod
    def _listed(cls) -> tuple[str, ...]:
        return (*FRAME_QUANTITIES, *YES_NO)

    @model_validator(mode="after")
    def _named(self) -> Quantity:
        if bool(self.names) != (self.of in NAMED):
            raise ValueError(f"`is` goes with {' and '.join(NAMED)}, and only with them")
        unknown = set(self.names) - set(STATES) if self.of == "state" else None
        if unknown:
            raise ValueError(f"no state of the gate: {', '.join(sorted(unknown))}; known: {', '.join(STATES)}")
        return self

    def read(self, frame: ReplayFrame) -> float | None:
        """Return the value, 1 for yes and 0 for no; None where the frame has none."""
        if self.of == "intervened":
            return float(bool(frame.reasons))
        if self.of in NAMED:
            words = (frame.state,) if self.of == "state" else frame.reasons
            return float(not set(self.names).isdisjoint(words))
        return FRAME_QUANTITIES[self.of](frame)


class Guard(Quantity):
    """Chooses frames by a quantity: above `over`, below `under`, or, of a yes or no, yes."""

    over: float | None = None
    under: float | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Guard:
        if (self.over is None and self.under is None) != (self.of in YES_NO):
            raise ValueError(f"a number needs `over` or `under`; {', '.join(YES_NO)} take neither")
        return self

    def holds(self, frame: ReplayFrame) -> bool:
        """Tell whether the frame is chosen; one without the quantity is not."""
        value = self.read(frame)
        if value is None or self.of in YES_NO:
            return bool(value)
        return (self.over is None or value > self.over) and (self.under is None or value < self.under)


class When(StrictModel):
    """Which frames count. after, before: s since the first frame, both within; where: all of them must hold."""

    after: NonNegativeFloat = 0.0
    before: NonNegativeFloat | None = None
    where: tuple[Guard, ...] = ()

    @model_validator(mode="after")
    def _lasting(self) -> When:
        if self.before is not None and self.before <= self.after:
            raise ValueError(f"before must be later than after, {self.after}")
        return self

    def holds(self, frame: ReplayFrame, since_ns: int) -> bool:
        """Tell whether a frame counts that comes since_ns after the first."""
        within = ns_from_seconds(self.after) <= since_ns
        within = within and (self.before is None or since_ns <= ns_from_seconds(self.before))
        return within and all(guard.holds(frame) for guard in self.where)
