"""A fault as it is written in config/faults, and what came of it."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, model_validator

from sim2real_ad.config import StrictModel, find_config, load_config
from sim2real_ad.faults.stream import StreamKind

ProcessKind = Literal["killed", "hung", "busy", "full", "upset"]
"""killed, hung: SIGKILL or SIGSTOP to a node; busy: so many processes that compute; full: the recorder's disk; upset:
the car's simulated modules misbehave."""
Expected = Literal["stop", "limited", "tolerated"]
"""stop: an explicit stop; limited: commands that the gate changes; tolerated: neither is needed."""
LONGEST_REACTION_MS = 100.0
"""From a fault to the first explicit stop: the timeout of drive-by-wire hardware."""
Edge = Literal["image", "observation", "action", "request", "odometry", "velocity", "acceleration", "steering"]
EDGES: tuple[Edge, ...] = get_args(Edge)


class Fault(StrictModel):
    """One fault. target: a node, `machine`, or the edge of the graph whose messages are changed; for `upset` what goes
    wrong, as `dbw.upset.upset` reads it; amount: by its kind, see `stream.StreamKind`."""

    name: str
    kind: ProcessKind | StreamKind
    target: str
    amount: float = 0.0
    expected: Expected

    @property
    def is_of_a_stream(self) -> bool:
        """Whether messages are changed, rather than a process."""
        return self.kind in get_args(StreamKind)

    @model_validator(mode="after")
    def _target_fits(self) -> Fault:
        if self.is_of_a_stream and self.target not in EDGES:
            raise ValueError(f"fault '{self.name}': '{self.target}' is no edge; known: {', '.join(EDGES)}")
        return self


class Campaign(StrictModel):
    """at: s of the episode at which each fault begins; vehicle: name or path of the profile; vehicle_bus: whether the
    car is reached over its bus, with its modules simulated."""

    at: float = Field(gt=0.0, le=60.0)
    vehicle: str = "saloon"
    vehicle_bus: bool = False
    faults: tuple[Fault, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _modules_are_there_to_be_upset(self) -> Campaign:
        upset = [fault.name for fault in self.faults if fault.kind == "upset"]
        if upset and not self.vehicle_bus:
            raise ValueError(f"fault '{upset[0]}' is one of the car's modules: it needs vehicle_bus: true")
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> Campaign:
        names = [fault.name for fault in self.faults]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"faults of one name: {', '.join(twice)}")
        return self

    def named(self, names: tuple[str, ...]) -> Campaign:
        """Return the campaign with some of its faults. Raises ValueError naming what there is."""
        known = {fault.name: fault for fault in self.faults}
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(f"no fault '{unknown[0]}'; known: {', '.join(known)}")
        return self.model_copy(update={"faults": tuple(known[name] for name in names)})


def load_campaign(name_or_path: str = "campaign") -> Campaign:
    """Load a campaign by name (config/faults) or path. Raises ConfigError."""
    return load_config(find_config(name_or_path, "faults"), Campaign)


class FaultResult(StrictModel):
    """What one fault led to.

    reaction_ms: from the fault to the first explicit stop, by the gate or, where it is the gate that failed, by the
    vehicle; None where nobody stopped. speed: m/s at the fault; stopped_after: m driven from the fault to
    standstill, None where the car did not stand; allowed: m, the computed stopping distance; limited: commands that the
    gate changed; collided: with the fault; collided_without: in the same drive without; drove_on: whether it moved
    again; state, reasons: of the gate after the fault.
    """

    scenario: str
    seed: int
    fault: str
    expected: Expected
    reaction_ms: float | None = None
    stopped_by: Literal["gate", "vehicle", ""] = ""
    speed: float = 0.0
    stopped_after: float | None = None
    allowed: float = 0.0
    limited: int = 0
    collided: bool = False
    collided_without: bool = False
    drove_on: bool = False
    state: str = ""
    reasons: tuple[str, ...] = ()
    error: str = ""

    @property
    def as_expected(self) -> bool:
        """Whether the fault was met as it should be, and did no harm that was not there without it."""
        if self.error or (self.collided and not self.collided_without):
            return False
        if self.expected == "stop":
            within = self.stopped_after is None or self.stopped_after <= self.allowed
            return self.reaction_ms is not None and self.reaction_ms <= LONGEST_REACTION_MS and within
        return True
