"""What came of a drive with a fault, from what was seen of it. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from sim2real_ad.control.limits import STANDSTILL_SPEED
from sim2real_ad.evaluation.results import EpisodeResult
from sim2real_ad.faults.model import LONGEST_REACTION_MS, Fault, FaultResult
from sim2real_ad.safety.states import DRIVING
from sim2real_ad.vehicle.profile import VehicleProfile

COLLISION = "collision"
ROLLED_AGAIN = 1.0
"""m/s from which a car that stood has driven on."""
MARGIN_M = 0.5
"""Of the positions between two reports at 20 Hz."""

Position = tuple[int, float, float, float]
"""(time of CLOCK_MONOTONIC in ns, x m, y m, speed m/s)."""


@dataclass
class Seen:
    """What was seen of a drive, in order. Times of CLOCK_MONOTONIC in ns, at receipt.

    injected_ns: when the fault began; stops: of commands that are explicit stops; let_go: when the car said that it
    takes no commands any more, or its vehicle interface or its modules stopped it by themselves; statuses: (time,
    state, reasons) of the gate; result: of the episode, JSON; failure: why it was not driven to its end.
    """

    injected_ns: int | None = None
    stops: list[int] = field(default_factory=list)
    let_go: list[int] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    statuses: list[tuple[int, str, tuple[str, ...]]] = field(default_factory=list)
    result: str = ""
    failure: str = ""


def collided(seen: Seen) -> bool:
    """Whether the drive's judge saw a collision."""
    return bool(seen.result) and any(
        infraction.kind == COLLISION for infraction in EpisodeResult.model_validate_json(seen.result).infractions
    )


def judge_fault(
    fault: Fault, scenario: str, seed: int, seen: Seen, profile: VehicleProfile, collided_without: bool
) -> FaultResult:
    """Reduce what was seen to a result. collided_without: of the same drive without the fault."""
    base = FaultResult(scenario=scenario, seed=seed, fault=fault.name, expected=fault.expected)
    injected_ns = seen.injected_ns
    if injected_ns is None:
        return base.model_copy(update={"error": seen.failure or "the drive ended before the fault began"})
    if _was_stopping(seen, injected_ns):
        return base.model_copy(
            update={"error": "the car was being stopped before the fault began: nothing is measured"}
        )
    after = [position for position in seen.positions if position[0] >= injected_ns]
    speed = max(after[0][3], 0.0) if after else 0.0
    reaction_s, stopped_by = _reaction(seen, injected_ns)
    later = [status for status in seen.statuses if status[0] >= injected_ns]
    told = next((status for status in reversed(later) if status[1] not in DRIVING), later[-1] if later else None)
    return base.model_copy(
        update={
            "reaction_ms": None if reaction_s is None else round(reaction_s * 1e3, 1),
            "stopped_by": stopped_by,
            "speed": round(speed, 2),
            "stopped_after": _distance_to_standstill(after),
            "allowed": round(stopping_distance(speed, profile), 2),
            "limited": sum(bool(reasons) and state in DRIVING for _, state, reasons in later),
            "collided": collided(seen),
            "collided_without": collided_without,
            "drove_on": _drove_on(after),
            "state": told[1] if told else "",
            "reasons": told[2] if told else (),
        }
    )


def stopping_distance(speed: float, profile: VehicleProfile) -> float:
    """Return how far a car may get from a fault to its standstill, m: it accelerates until somebody reacts, the brakes
    answer after their delay and lag, and then it stops comfortably. speed: m/s."""
    limits = profile.limits
    blind_s = LONGEST_REACTION_MS / 1e3 + profile.acceleration.response_s
    fastest = speed + limits.max_acceleration * blind_s
    return fastest * blind_s + fastest**2 / (2.0 * limits.comfortable_deceleration) + MARGIN_M


def _was_stopping(seen: Seen, injected_ns: int) -> bool:
    """Whether somebody stopped the car already: what came then was no reaction."""
    since_ns = injected_ns - round(LONGEST_REACTION_MS * 1e6)
    return any(since_ns <= time_ns < injected_ns for time_ns in (*seen.stops, *seen.let_go))


def _reaction(seen: Seen, injected_ns: int) -> tuple[float | None, str]:
    """Return the s to the first stop, and who stopped: the gate by a command, or the vehicle by itself."""
    found = [
        (min(times), who)
        for who, every in (("gate", seen.stops), ("vehicle", seen.let_go))
        if (times := [time_ns for time_ns in every if time_ns >= injected_ns])
    ]
    if not found:
        return None, ""
    first_ns, who = min(found)
    return (first_ns - injected_ns) / 1e9, who


def _distance_to_standstill(positions: Sequence[Position]) -> float | None:
    distance = 0.0
    for before, now in itertools.pairwise(positions):
        distance += math.dist(before[1:3], now[1:3])
        if abs(now[3]) <= STANDSTILL_SPEED:
            return round(distance, 2)
    return None


def _drove_on(positions: Sequence[Position]) -> bool:
    stood = [time_ns for time_ns, _, _, speed in positions if abs(speed) <= STANDSTILL_SPEED]
    return bool(stood) and any(speed > ROLLED_AGAIN and time_ns > stood[0] for time_ns, _, _, speed in positions)
