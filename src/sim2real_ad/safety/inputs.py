"""What the gate is told, and by whom. It trusts none of it: every input has a stamp, an age and a plausible range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from sim2real_ad.safety.findings import Finding
from sim2real_ad.types import ControlCommand, EgoState, Observation

Source = Literal["request", "ego", "localization", "view", "vehicle", "driver"]
SOURCES: tuple[Source, ...] = get_args(Source)


@dataclass(frozen=True)
class SpeedReport:
    """The car's speed from a second source, m/s along base_link x."""

    stamp_ns: int
    speed: float


@dataclass(frozen=True)
class VehicleStatus:
    """What the vehicle interface says of itself. autonomous: whether it takes commands."""

    stamp_ns: int
    autonomous: bool


@dataclass(frozen=True)
class DriverInput:
    """What the driver does. Pedals 0..1; steering_torque: N m on the wheel, left positive."""

    stamp_ns: int
    brake_pedal: float = 0.0
    accelerator_pedal: float = 0.0
    steering_torque: float = 0.0


@dataclass(frozen=True)
class GateInputs:
    """The latest of everything, None where nothing came.

    localization: the speed by localization, against the wheels' in ego; view: what the adapter saw; over_budget: what
    `budgets.FrameBudgets` found.
    """

    request: ControlCommand | None = None
    ego: EgoState | None = None
    localization: SpeedReport | None = None
    view: Observation | None = None
    vehicle: VehicleStatus | None = None
    driver: DriverInput | None = None
    over_budget: tuple[Finding, ...] = ()

    def stamp_ns(self, source: Source) -> int | None:
        """Return the stamp of one input, None where nothing came."""
        value = getattr(self, source)
        return None if value is None else int(value.stamp_ns)
