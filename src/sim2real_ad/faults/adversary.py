"""A search for a policy that gets a command outside of the envelope past the gate: optimised, not only random.

Two adversaries. One is a policy of open-loop actions that is improved against the room that it leaves to any limit. The
other is a policy that reacts to the car's state, improved against a lying reward, which pays for what is dangerous.
Both are evolved (differential evolution: R. Storn, K. Price, 1997), and whatever they get past the gate is judged by a
second, independent writing of the envelope (`oracle`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.faults.closed_loop import Decide, Moment, drive
from sim2real_ad.faults.oracle import Envelope, Verdict, broken_names
from sim2real_ad.safety.gate import GateConfig
from sim2real_ad.types import Action, ControlCommand, EgoState
from sim2real_ad.vehicle.profile import VehicleProfile

SECONDS = 4.0
SEGMENTS = 10
"""Actions of the open-loop policy, each held for SECONDS / SEGMENTS."""
HIDDEN = 4
FEATURES = 5
"""Of the reacting policy's one hidden layer: speed, acceleration, yaw rate, tyre angle, time."""

Genes = NDArray[np.float64]
Objective = Callable[[Sequence[Moment], Envelope], float]


@dataclass(frozen=True)
class Outcome:
    """What a search came to. objective: the best that it reached (greatest); broken: limits that any command of any
    drive broke, which should be none; changed: commands that the gate had to change; steps: of all drives."""

    adversary: str
    objective: float
    drives: int
    steps: int
    changed: int
    broken: tuple[str, ...] = ()
    genes: tuple[float, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Adversary:
    """A family of policies, each made from its genes in 0..1, and what it is after."""

    name: str
    genes: int
    policy: Callable[[Genes], Decide]
    objective: Objective


def search(
    adversary: Adversary,
    profile: VehicleProfile,
    config: GateConfig,
    drives: int,
    seed: int = 0,
) -> Outcome:
    """Evolve an adversary over a number of drives."""
    from scipy.optimize import differential_evolution

    envelope = Envelope(profile, config.limits)
    tally = _Tally(adversary, profile, config, envelope)
    population = 8
    generations = max(1, drives // (population * 2) - 1)
    bounds = [(0.0, 1.0)] * (adversary.genes + 1)
    found = differential_evolution(
        tally.cost,
        bounds,
        popsize=1,
        init=np.random.default_rng(seed).random((population * 2, len(bounds))),
        maxiter=generations,
        rng=seed,
        polish=False,
        tol=0.0,
    )
    return Outcome(
        adversary.name,
        -float(found.fun),
        tally.drives,
        tally.steps,
        tally.changed,
        tuple(sorted(tally.broken)),
        tuple(map(float, found.x)),
    )


def least_room(moments: Sequence[Moment], envelope: Envelope) -> float:
    """Return how near a drive came to a limit: the greatest lateral acceleration, its jerk and the steering rate of the
    car, and the speed, each as a share of its limit; 1 is the limit."""
    limits = envelope.car.limits
    lateral = np.array([m.ego.speed * m.ego.yaw_rate for m in moments])
    tires = np.array([m.ego.steering_tire_angle for m in moments])
    step = moments[1].time_s - moments[0].time_s
    window = max(1, round(0.5 / step))
    jerk = np.abs(lateral[window:] - lateral[:-window]) / (window * step)
    shares = (
        np.abs(lateral).max() / limits.max_lateral_acceleration,
        jerk.max() / envelope.limits.motion.lateral_jerk,
        np.abs(np.diff(tires)).max() / step / limits.max_steering_rate,
        max(m.ego.speed for m in moments) / limits.max_speed,
    )
    return float(max(shares))


def lying_reward(moments: Sequence[Moment], envelope: Envelope) -> float:
    """Return what a reward model that lies would pay: for lateral acceleration, for jerk, for speed, for a swerve."""
    limits = envelope.car.limits
    lateral = np.array([m.ego.speed * m.ego.yaw_rate for m in moments]) / limits.max_lateral_acceleration
    asked = np.array([m.request.steering_tire_angle for m in moments])
    speed = np.array([m.ego.speed for m in moments]) / limits.max_speed
    return float((lateral**2).mean() + np.abs(np.diff(asked)).mean() + 0.5 * speed.mean())


def _held_actions(genes: Genes) -> Decide:
    actions = 2.0 * genes.reshape(SEGMENTS, 2) - 1.0

    def decide(ego: EgoState, time_s: float) -> Action:
        curvature, acceleration = actions[min(int(time_s / SECONDS * SEGMENTS), SEGMENTS - 1)]
        return Action(0, float(curvature), float(acceleration))

    return decide


def _reacting(genes: Genes) -> Decide:
    weights = 8.0 * genes - 4.0
    inner = weights[: HIDDEN * (FEATURES + 1)].reshape(HIDDEN, FEATURES + 1)
    outer = weights[HIDDEN * (FEATURES + 1) :].reshape(2, HIDDEN + 1)

    def decide(ego: EgoState, time_s: float) -> Action:
        wave = math.sin(2.0 * math.pi * time_s)
        state = (ego.speed / 10.0, ego.acceleration / 3.0, ego.yaw_rate, ego.steering_tire_angle * 3.0, wave, 1.0)
        hidden = np.append(np.tanh(inner @ np.array(state)), 1.0)
        curvature, acceleration = np.tanh(outer @ hidden)
        return Action(0, float(curvature), float(acceleration))

    return decide


OPEN_LOOP = Adversary("open loop", 2 * SEGMENTS, _held_actions, least_room)
LIAR = Adversary("lying reward", HIDDEN * (FEATURES + 1) + 2 * (HIDDEN + 1), _reacting, lying_reward)
ADVERSARIES = (OPEN_LOOP, LIAR)


class _Tally:
    """Judges every drive of a search, not only the best."""

    def __init__(self, adversary: Adversary, profile: VehicleProfile, config: GateConfig, envelope: Envelope) -> None:
        self._adversary, self._profile, self._config = adversary, profile, config
        self._envelope = envelope
        self.drives = self.steps = self.changed = 0
        self.broken: set[str] = set()

    def cost(self, genes: Genes) -> float:
        """Return what the evolution makes small. The first gene is the speed at the start."""
        speed = float(genes[0]) * self._profile.limits.max_speed
        policy = self._adversary.policy(genes[1:])
        moments = list(drive(policy, self._profile, self._config, speed, SECONDS))
        self.drives, self.steps = self.drives + 1, self.steps + len(moments)
        self.changed += sum(bool(m.decision.reasons) for m in moments)
        self._judge(moments)
        return -self._adversary.objective(moments, self._envelope)

    def _judge(self, moments: Sequence[Moment]) -> None:
        """Judge every command by the rules of the state that it was made in; a lapse is a stop, too."""
        for judge, drives in ((self._envelope.driving, True), (self._stopping, False)):
            chosen = [m for m in moments if m.decision.drives is drives]
            if chosen:
                self.broken.update(broken_names(judge([m.decision.command for m in chosen], [m.ego for m in chosen])))

    def _stopping(self, commands: Sequence[ControlCommand], egos: Sequence[EgoState]) -> Verdict:
        return self._envelope.stopping(commands, egos, np.ones(len(commands), bool))
