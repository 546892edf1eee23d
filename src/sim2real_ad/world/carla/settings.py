"""The episode settings of a CARLA world, as the wire carries them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FREE_RUNNING_STEP_S = 0.05
"""Step of the asynchronous mode where the client fixes none, s."""
MAX_STEP_S = 1.0


@dataclass(frozen=True)
class Settings:
    """How time passes and what is drawn. fixed_delta: s, None for the clock's. The rest is kept and given back."""

    synchronous: bool = False
    no_rendering: bool = False
    fixed_delta: float | None = None
    rest: tuple[Any, ...] = (True, 0.01, 10, 0.0, False, 3000.0, 2000.0, True)

    @property
    def step_s(self) -> float:
        """How far a tick advances the world, s."""
        return self.fixed_delta or FREE_RUNNING_STEP_S

    @classmethod
    def from_wire(cls, values: list[Any]) -> Settings:
        """Read settings. Raises ValueError, naming it, where the step is no positive time."""
        synchronous, no_rendering, fixed, *rest = values
        delta = float(fixed[1]) if fixed[0] else None
        if delta is not None and not 0.0 <= delta <= MAX_STEP_S:
            raise ValueError(f"fixed_delta_seconds {delta} is outside 0..{MAX_STEP_S}")
        return cls(bool(synchronous), bool(no_rendering), delta or None, tuple(rest))

    def to_wire(self) -> list[Any]:
        """Return the settings as the wire holds them."""
        fixed = [False] if self.fixed_delta is None else [True, self.fixed_delta]
        return [self.synchronous, self.no_rendering, fixed, *self.rest]
