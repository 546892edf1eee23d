"""The error terms that need the ground truth, and the bound's constants: drives in process, for judging alone.

The student drives on what the adapter sees. At every tick the true BEV is put beside the adapter's, the student is
asked what it would do with either, and the teacher what it would do in that state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.config import StrictModel
from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.evaluation.transfer import BevTally, action_distance, compare_bevs, success_sensitivity
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.observation.stage import ObservationAssembler
from sim2real_ad.policy.checkpoint import load_checkpoint
from sim2real_ad.safety.gate import Gate, GateConfig
from sim2real_ad.safety.inputs import GateInputs
from sim2real_ad.training.domain_world import open_domain
from sim2real_ad.training.seeds import VALIDATION_SEEDS
from sim2real_ad.training.teacher.driver import SHIPPED, make_driver
from sim2real_ad.types import Action
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.episode import Episode
from sim2real_ad.world.scenarios import load_scenario

NEAR_M = 30.0
"""Ahead, within which vehicles count: beyond, one is a few pixels high."""
LEVELS = (0.05, 0.1, 0.2, 0.4)
"""Sizes of the deviations that the teacher is disturbed with, in action units."""
HOLD_TICKS = 20
DISTURB_STREAM = 0xD157
RATIO_QUANTILE = 0.99
LEAST_ERROR = 1e-4
"""Observation errors below this are rounding and give no ratio."""


class Residual(StrictModel):
    """One drive. near, whole: the adapter's BEV within NEAR_M and everywhere; policy: mean distance of the student's
    action on the true BEV from the teacher's; shift: of its action on the adapter's BEV from that on the true one;
    lipschitz: RATIO_QUANTILE over the ticks of shift over observation error; distances in action units."""

    scenario: str
    seed: int
    success: bool
    ticks: int
    near: BevTally
    whole: BevTally
    policy: float
    shift: float
    lipschitz: float


@dataclass(frozen=True)
class ResidualJob:
    """One drive to be measured. domain: name or path, empty for the training domain; checkpoint None: the shipped."""

    domain: str
    scenario: str
    seed: int
    checkpoint: Path | None = None
    teacher: str = SHIPPED


def measure_residual(job: ResidualJob) -> Residual:
    """Drive one episode and measure. Raises what loading the domain, the checkpoint or the teacher raises."""
    world, checkpoint = open_domain(job.domain), load_checkpoint(job.checkpoint)
    profile, spec = world.profile, checkpoint.spec
    stage = checkpoint.observation_stage(world.camera)
    student, on_truth = checkpoint.policy_stage(profile), checkpoint.policy_stage(profile)
    episode, with_truth = Episode(world, load_scenario(job.scenario), job.seed), ObservationAssembler(spec)
    tick = episode.start()
    teacher = make_driver(job.teacher, world.plan, profile)
    mapping, gate = ActionMapping(profile), Gate(profile, GateConfig(auto_engage=True))
    close_by = spec.bev.cell_centres()[..., 0] <= NEAR_M
    near, whole = BevTally(), BevTally()
    policy: list[float] = []
    shift: list[float] = []
    error: list[float] = []
    while not episode.verdict.done:
        assert tick.frame is not None
        ego, route = tick.ego, world.plan.route
        wanted = teacher.act(world.truth())
        observed = stage.step(tick.frame, ego, route)
        seen = observed.validity > 0
        true_bev = (world.truth_bev(spec.bev) * seen).astype(np.uint8)
        true = with_truth.step(ego.stamp_ns, true_bev, observed.validity, ego, route)
        action, ideal = student.step(observed), on_truth.step(true)
        counted = compare_bevs(observed.bev, true_bev, seen, spec.bev.channels)
        near += compare_bevs(observed.bev, true_bev, seen & close_by, spec.bev.channels)
        whole += counted
        policy.append(_distance(ideal, wanted, ego.speed))
        shift.append(_distance(action, ideal, ego.speed))
        error.append(counted.mean_error)
        teacher.acted(action)
        tick = episode.step(gate.step(GateInputs(mapping.step(action, ego), ego), ego.stamp_ns).command)
    return Residual(
        scenario=job.scenario,
        seed=job.seed,
        success=episode.verdict.success,
        ticks=len(policy),
        near=near,
        whole=whole,
        policy=float(np.mean(policy)),
        shift=float(np.mean(shift)),
        lipschitz=_steepest(np.array(shift), np.array(error)),
    )


class Disturbed(StrictModel):
    """One drive of the teacher with its actions disturbed. deviation: mean, as applied, in action units."""

    scenario: str
    seed: int
    level: float
    deviation: float
    success: bool


def drive_disturbed(scenario: str, seed: int, level: float, teacher: str = SHIPPED) -> Disturbed:
    """Let the teacher drive in the training domain while every action is off by about a level, one second at a time."""
    world = _blind_world()
    episode = Episode(world, load_scenario(scenario), seed)
    tick = episode.start()
    driver, mapping = make_driver(teacher, world.plan, world.profile), ActionMapping(world.profile)
    gate = Gate(world.profile, GateConfig(auto_engage=True))
    random = np.random.default_rng([DISTURB_STREAM, seed, round(1e6 * level)])
    push = np.zeros(2)
    deviations: list[float] = []
    while not episode.verdict.done:
        ego = tick.ego
        wanted = driver.act(world.truth())
        if len(deviations) % HOLD_TICKS == 0:
            share = random.uniform()
            push = level * np.array([share, 1.0 - share]) * random.choice((-1.0, 1.0), 2)
        curvature, acceleration = np.clip((wanted.curvature + push[0], wanted.acceleration + push[1]), -1.0, 1.0)
        action = Action(ego.stamp_ns, float(curvature), float(acceleration))
        deviations.append(_distance(action, wanted, ego.speed))
        driver.acted(action)
        tick = episode.step(gate.step(GateInputs(mapping.step(action, ego), ego), ego.stamp_ns).command)
    deviation = float(np.mean(deviations))
    return Disturbed(scenario=scenario, seed=seed, level=level, deviation=deviation, success=episode.verdict.success)


def disturbed_jobs(scenarios: Sequence[str], episodes: int) -> Iterator[tuple[str, int, float]]:
    """Yield (scenario, seed, level) of the drives that L_S is estimated from, on validation seeds."""
    for level in (0.0, *LEVELS):
        for scenario in scenarios:
            for seed in VALIDATION_SEEDS[:episodes]:
                yield scenario, seed, level


def estimate_sensitivity(drives: Sequence[Disturbed]) -> float:
    """Return L_S over all scenarios. Raises ValueError without drives both disturbed and not."""
    by_level: dict[float, list[Disturbed]] = {}
    for drive in drives:
        by_level.setdefault(drive.level, []).append(drive)
    calm = by_level.pop(0.0, [])
    if not calm:
        raise ValueError("no undisturbed drive to compare with")
    rates = [(float(np.mean([d.deviation for d in group])), _rate(group)) for group in by_level.values()]
    return success_sensitivity(_rate(calm), rates)


def _rate(drives: Sequence[Disturbed]) -> float:
    return sum(d.success for d in drives) / len(drives)


def _distance(one: Action, other: Action, speed: float) -> float:
    return action_distance((one.curvature, one.acceleration), (other.curvature, other.acceleration), speed)


def _steepest(shift: NDArray[np.float64], error: NDArray[np.float64]) -> float:
    told = error > LEAST_ERROR
    return float(np.quantile(shift[told] / error[told], RATIO_QUANTILE)) if told.any() else 0.0


@lru_cache(maxsize=1)
def _blind_world() -> EmbeddedWorld:
    return EmbeddedWorld(load_vehicle("saloon"), load_camera("default"), cameras=False)
