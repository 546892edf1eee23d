"""What the gap between two domains is made of: three error terms, and the bound that they give on it.

The form. Let a* be the teacher's action, o the true BEV, o^ the adapter's, pi the student; actions are measured in
action units with |.| = |curvature| + |acceleration|. What the car does differs from a* by at most

    |pi(o) - a*|  +  |pi(o^) - pi(o)|  +  |done - commanded|   <=   policy + L_pi * observation + actuation,

where L_pi bounds how much the student's action changes with the mean absolute error of the BEV. By the performance
difference lemma (S. Kakade, J. Langford, ICML 2002) a policy's return falls short of the teacher's by the sum of what
its actions cost under the teacher's value; where that cost is at most L_S for a lasting deviation of 1,

    success(teacher) - success(domain)   <=   L_S * (policy + L_pi * observation + actuation).

That the gap is bounded by three terms that can be worked on one by one is a result of Sim2Real-AD (arXiv 2604.03497);
this form of it is this project's. Both constants are estimated from drives, not proven: so is the bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sim2real_ad.config import StrictModel
from sim2real_ad.control.vehicle_model import DelayedLag, curvature_from_tire_angle
from sim2real_ad.types import UInt8Array
from sim2real_ad.vehicle.profile import VehicleProfile

MOVING = 1.0
"""m/s; below it the yaw rate tells no curvature, and every braking is the same standstill."""
PRESENT = 128
"""A class is taken to be in a cell from this probability times 255 on."""

Numbers = NDArray[np.float64]


class Overlap(StrictModel):
    """How two sets of cells, or of pixels, overlap: how many are in both, and in either."""

    both: int = 0
    either: int = 0

    def __add__(self, other: Overlap) -> Overlap:
        return Overlap(both=self.both + other.both, either=self.either + other.either)

    @property
    def iou(self) -> float | None:
        """Intersection over union, or None where neither has a cell."""
        return self.both / self.either if self.either else None


class BevTally(StrictModel):
    """An adapter's BEVs against the true ones, over cells that the camera sees. overlaps: by class; cells: counted,
    of all classes together; error: sum of |adapter - truth| over them, probabilities 0..1."""

    overlaps: dict[str, Overlap] = Field(default_factory=dict)
    cells: int = 0
    error: float = 0.0

    def __add__(self, other: BevTally) -> BevTally:
        names = dict.fromkeys((*self.overlaps, *other.overlaps))
        overlaps = {n: self.overlaps.get(n, Overlap()) + other.overlaps.get(n, Overlap()) for n in names}
        return BevTally(overlaps=overlaps, cells=self.cells + other.cells, error=self.error + other.error)

    @property
    def mean_error(self) -> float:
        """The observation's error: mean |adapter - truth| over seen cells and classes, 0..1; 0 where none is seen."""
        return self.error / self.cells if self.cells else 0.0


def compare_bevs(
    adapter: UInt8Array, truth: UInt8Array, seen: NDArray[np.bool_], channels: tuple[str, ...]
) -> BevTally:
    """Count one frame. adapter, truth: (C, H, W) probability times 255; seen: (H, W); channels: the C names.

    Raises ValueError where the shapes differ.
    """
    if adapter.shape != truth.shape or adapter.shape != (len(channels), *seen.shape):
        raise ValueError(f"BEVs {adapter.shape} and {truth.shape}, seen {seen.shape}, {len(channels)} channels")
    found, real = adapter[:, seen], truth[:, seen]
    there, wanted = found >= PRESENT, real >= PRESENT
    both, either = (there & wanted).sum(axis=1), (there | wanted).sum(axis=1)
    overlaps = {name: Overlap(both=int(b), either=int(e)) for name, b, e in zip(channels, both, either, strict=True)}
    error = float(np.abs(found.astype(np.int16) - real).sum()) / 255.0
    return BevTally(overlaps=overlaps, cells=found.size, error=error)


@dataclass(frozen=True)
class Actuation:
    """A drive's commands and what came of them, one row a tick (N,), all at the same stamps.

    seconds: rising; command_angle rad and command_acceleration m/s^2, as sent to the car at that stamp and held until
    the next; speed m/s, yaw_rate rad/s, acceleration m/s^2: of the car at that stamp.
    """

    seconds: Numbers
    command_angle: Numbers
    command_acceleration: Numbers
    speed: Numbers
    yaw_rate: Numbers
    acceleration: Numbers


class ActuationError(StrictModel):
    """Means over the ticks in which the car moves. curvature 1/m; acceleration m/s^2; action: both in action units."""

    ticks: int = 0
    curvature: float = 0.0
    acceleration: float = 0.0
    action: float = 0.0


def actuation_error(drive: Actuation, profile: VehicleProfile) -> ActuationError:
    """Compare what the car did with what its profile makes of the commands, delay and lag included.

    An actuator that is exactly as late as its profile says has no error: that much the policy was trained with.
    """
    if len(drive.seconds) < 2:
        return ActuationError()
    tick_s = float(np.median(np.diff(drive.seconds)))
    angle = _answered(drive.command_angle, DelayedLag(profile.steering, tick_s))
    wanted = _answered(drive.command_acceleration, DelayedLag(profile.acceleration, tick_s))
    moving = drive.speed[1:] > MOVING
    if not moving.any():
        return ActuationError()
    speed = drive.speed[1:][moving]
    gradient = profile.understeer_gradient
    bends = zip(angle[moving], speed, strict=True)
    expected = np.array([curvature_from_tire_angle(a, v, profile.wheelbase, gradient) for a, v in bends])
    curvature = np.abs(drive.yaw_rate[1:][moving] / speed - expected)
    acceleration = np.abs(drive.acceleration[1:] - wanted)[moving]
    scale = profile.action
    full = np.where(wanted[moving] > 0.0, scale.max_acceleration, scale.max_deceleration)
    action = curvature / scale.max_curvature + acceleration / full
    means = {"curvature": curvature, "acceleration": acceleration, "action": action}
    return ActuationError(ticks=int(moving.sum()), **{name: float(values.mean()) for name, values in means.items()})


def _answered(commands: Numbers, actuator: DelayedLag) -> Numbers:
    """Return an actuator's output (N - 1,) at the end of every tick but the last."""
    actuator.reset(0.0)
    return np.array([actuator.step(float(command)) for command in commands[:-1]])


def action_distance(one: tuple[float, float], other: tuple[float, float], speed: float) -> float:
    """Return |curvature| + |acceleration| between two actions; of a standing car, every braking is the same."""
    bend = abs(one[0] - other[0])
    if speed > MOVING:
        return bend + abs(one[1] - other[1])
    return bend + abs(max(one[1], 0.0) - max(other[1], 0.0))


class ErrorTerms(StrictModel):
    """A domain's three terms. observation: mean BEV error, 0..1; actuation, policy: in action units.

    shift: how much the observation's error really moves the student's action, which L_pi * observation is to bound.
    """

    observation: float
    shift: float
    actuation: float
    policy: float


class Constants(StrictModel):
    """What the bound takes as given, estimated in the training domain alone.

    policy_lipschitz: L_pi, action units for an observation error of 1; success_sensitivity: L_S, success rate lost
    for a lasting deviation of one action unit.
    """

    policy_lipschitz: float
    success_sensitivity: float


class Bound(StrictModel):
    """The bound on the success that a domain costs against the teacher: each term's share, and their sum up to 1.

    gap_by_shift: the same with the shift as measured instead of its bound. A gap of 1 says nothing: the terms are too
    large for the bound to tell.
    """

    observation: float
    actuation: float
    policy: float
    gap: float
    gap_by_shift: float


def transfer_bound(terms: ErrorTerms, constants: Constants) -> Bound:
    """Return the bound. Raises ValueError where a term or a constant is negative or not finite."""
    for source in (terms, constants):
        for name, value in source:
            if not (np.isfinite(value) and value >= 0.0):
                raise ValueError(f"{name} must be finite and not negative, got {value}")
    cost = constants.success_sensitivity
    observation, actuation, policy = (
        cost * constants.policy_lipschitz * terms.observation,
        cost * terms.actuation,
        cost * terms.policy,
    )
    return Bound(
        observation=observation,
        actuation=actuation,
        policy=policy,
        gap=min(1.0, observation + actuation + policy),
        gap_by_shift=min(1.0, cost * terms.shift + actuation + policy),
    )


def success_sensitivity(undisturbed: float, disturbed: Mapping[float, float] | Iterable[tuple[float, float]]) -> float:
    """Return L_S: the most success lost for a deviation of 1, over drives with deviations of known mean size.

    undisturbed: success rate without any; disturbed: (mean deviation, success rate). Raises ValueError where there is
    none, or a deviation is not positive.
    """
    pairs = list(disturbed.items() if isinstance(disturbed, Mapping) else disturbed)
    if not pairs or any(size <= 0.0 for size, _ in pairs):
        raise ValueError(f"deviations must be positive, got {[size for size, _ in pairs]}")
    return max(0.0, *((undisturbed - rate) / size for size, rate in pairs))
