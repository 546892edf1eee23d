"""When the gate steps in, in numbers: one YAML in config/safety, each number with its source beside it."""

from __future__ import annotations

from functools import cache

from pydantic import Field

from sim2real_ad.config import StrictModel, find_config, load_config


class FreshnessLimits(StrictModel):
    """Seconds. silence: since the last new one came; age: of its stamp; stamp_lead: how far ahead of the gate's clock a
    stamp may lie; clock_step: the longest time between two decisions."""

    request_silence: float = Field(gt=0.0, le=0.5)
    request_age: float = Field(gt=0.0, le=1.0)
    ego_silence: float = Field(gt=0.0, le=0.5)
    ego_age: float = Field(gt=0.0, le=1.0)
    view_silence: float = Field(gt=0.0, le=1.0)
    view_age: float = Field(gt=0.0, le=1.0)
    vehicle_silence: float = Field(gt=0.0, le=1.0)
    driver_silence: float = Field(gt=0.0, le=1.0)
    stamp_lead: float = Field(ge=0.0, le=0.5)
    clock_step: float = Field(gt=0.0, le=5.0)


class MotionLimits(StrictModel):
    """Jerks in m/s^3, reached from the car's actual state. lateral_jerk: of steering; rising_jerk: of acceleration that
    rises. Acceleration that falls, which is braking, is never limited in rate."""

    lateral_jerk: float = Field(gt=0.0, le=20.0)
    rising_jerk: float = Field(gt=0.0, le=50.0)


class AgreementLimits(StrictModel):
    """Two speeds agree within difference (m/s) or a share of the greater; they disagree after hold s of that."""

    difference: float = Field(gt=0.0, le=5.0)
    share: float = Field(ge=0.0, le=0.5)
    hold: float = Field(ge=0.0, le=5.0)


class TrackingLimits(StrictModel):
    """Greatest error of the tyre angle (rad) and the acceleration (m/s^2) against what was commanded; hold: s of it."""

    steering: float = Field(gt=0.0, le=1.0)
    acceleration: float = Field(gt=0.0, le=10.0)
    hold: float = Field(ge=0.0, le=5.0)


class DomainLimits(StrictModel):
    """The operational design domain. overspeed: m/s; seen: share; unfamiliar: score 0..1; route_deviation: m; *_hold:
    s."""

    overspeed: float = Field(ge=0.0, le=20.0)
    seen: float = Field(ge=0.0, le=1.0)
    unfamiliar: float = Field(gt=0.0, le=1.0)
    unfamiliar_hold: float = Field(ge=0.0, le=5.0)
    route_deviation: float = Field(gt=0.0, le=50.0)
    deviation_hold: float = Field(ge=0.0, le=5.0)


class HeadingLimits(StrictModel):
    """How far the seen road may lead elsewhere than the route, rad, in a share of so many views in a row. speed: m/s
    below which views do not count."""

    angle: float = Field(gt=0.0, le=0.5)
    share: float = Field(gt=0.5, le=1.0)
    views: int = Field(ge=1, le=200)
    speed: float = Field(ge=0.0, le=10.0)


class ClearanceLimits(StrictModel):
    """What counts as in the way, and how near it may be; see `clearance`. m, s, m/s^2. side_margin: beside the car;
    widened_by: by how much the adapter shows people and things wider than they are, on each side."""

    probability: float = Field(gt=0.0, lt=1.0)
    cells: int = Field(ge=1, le=100)
    views: int = Field(ge=1, le=20)
    side_margin: float = Field(ge=-0.5, le=2.0)
    widened_by: float = Field(ge=0.0, le=1.0)
    response_time: float = Field(gt=0.0, le=2.0)
    other_braking: float = Field(gt=0.0, le=12.0)
    time_to_collision: float = Field(ge=0.0, le=5.0)


class DriverLimits(StrictModel):
    """Where the driver's hands and feet count. Pedals 0..1, torque in N m."""

    brake_pedal: float = Field(gt=0.0, le=1.0)
    accelerator_pedal: float = Field(gt=0.0, le=1.0)
    steering_torque: float = Field(gt=0.0, le=50.0)


class ManoeuvreLimits(StrictModel):
    """Seconds. lapse: for which the car only brakes where something is late, before it is a manoeuvre; stop: before a
    stop that does not end is a fault; engaging: for the vehicle interface to take over; healthy: without a finding,
    before a simulated driver engages again."""

    lapse: float = Field(ge=0.0, le=1.0)
    stop: float = Field(gt=0.0, le=60.0)
    engaging: float = Field(gt=0.0, le=10.0)
    healthy: float = Field(ge=0.0, le=10.0)


class BudgetLimits(StrictModel):
    """Milliseconds that a stage may take with one frame, and that a frame may be old when its command leaves the gate;
    missed_in_a_row: frames over budget after which the car is stopped."""

    camera: float = Field(gt=0.0, le=1000.0)
    adapter: float = Field(gt=0.0, le=1000.0)
    policy: float = Field(gt=0.0, le=1000.0)
    actuation: float = Field(gt=0.0, le=1000.0)
    safety_gate: float = Field(gt=0.0, le=1000.0)
    age: float = Field(gt=0.0, le=1000.0)
    missed_in_a_row: int = Field(ge=1, le=100)

    def of(self, stage: str) -> float | None:
        """Return a stage's budget, ms; None where it has none."""
        return self.by_stage().get(stage)

    def by_stage(self) -> dict[str, float]:
        """Return the budgets, ms by stage."""
        return self.model_dump(exclude={"missed_in_a_row"})


class SafetyLimits(StrictModel):
    """All of them; no key has a default, so that a file that lacks one stops the start-up."""

    freshness: FreshnessLimits
    motion: MotionLimits
    agreement: AgreementLimits
    tracking: TrackingLimits
    domain: DomainLimits
    heading: HeadingLimits
    clearance: ClearanceLimits
    driver: DriverLimits
    manoeuvre: ManoeuvreLimits
    budgets: BudgetLimits


@cache
def load_safety_limits(name_or_path: str = "default") -> SafetyLimits:
    """Load limits by name (config/safety) or path. Raises ConfigError naming the file, the key and the value."""
    return load_config(find_config(name_or_path, "safety"), SafetyLimits)
