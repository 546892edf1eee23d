"""Drives of the embedded world, good and bad, as moments: what the picture shows and what is true of it.

Bad driving comes from an expert that is deceived: about where the car is, about where the others are, or about what is
there at all. It is pushed on top of that. So every unsafe moment has safe ones of the same roads beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.guidance import Scene
from sim2real_ad.reward.lit.facts import FactFinder, Facts, steered_curvature
from sim2real_ad.training.disturbance import Disturbance
from sim2real_ad.training.expert import Expert
from sim2real_ad.types import Action, FloatArray, Pose2, UInt8Array
from sim2real_ad.vehicle.profile import VehicleProfile, load_vehicle
from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.judge import Judge
from sim2real_ad.world.plan import EpisodePlan
from sim2real_ad.world.protocol import ActorState, GroundTruth
from sim2real_ad.world.scenarios import load_scenario

DRIVE_STREAM = 0x117D
"""Keeps a drive's faults apart from its scenario's random numbers."""
KEEP_EVERY = 8
"""Ticks between two kept moments; UNSAFE_EVERY while the moment is unsafe, RUN_EVERY while a stop line is run, which
takes a second of a whole drive."""
UNSAFE_EVERY, RUN_EVERY = 4, 2
AFTERWARDS_S = 1.2
"""How long a drive goes on after its first infraction: what comes then has to be recognised too."""
LONGEST_S = 26.0
SCENARIOS = ("car_following", "stop_sign", "obstacle_avoidance", "stop_sign")
"""In turn; stop lines twice, since they are seen for the shortest time."""
TRAINING_MAPS = {"car_following": "curved_road", "obstacle_avoidance": "curved_road", "stop_sign": "urban_block"}
UNSEEN_MAP = "proving_ground"
"""No drive that anything is trained on or calibrated with takes place here."""


@dataclass(frozen=True)
class DriveJob:
    """One drive. map_name: where, in place of the scenario's own maps; faults False: the expert alone, undisturbed."""

    scenario: str
    seed: int
    map_name: str
    faults: bool = True


@dataclass(frozen=True, eq=False)
class Moments:
    """N moments. bevs: (N, bytes) uint8, the BEV's cells as bits; motion: (N, 2) float32 speed, curvature; drives: (N,)
    the number of the drive that each came from."""

    bevs: UInt8Array = field(repr=False)
    motion: FloatArray = field(repr=False)
    facts: tuple[Facts, ...] = field(repr=False)
    drives: FloatArray = field(repr=False)

    def __len__(self) -> int:
        return len(self.facts)

    def scene(self, index: int, spec: BevSpec) -> Scene:
        """Return one moment's scene."""
        cells = int(np.prod(spec.shape))
        bev = np.unpackbits(self.bevs[index], count=cells).reshape(spec.shape) * np.uint8(255)
        return Scene(bev, float(self.motion[index, 0]), float(self.motion[index, 1]))


def jobs(seeds: Iterable[int], maps: dict[str, str], faults: bool = True) -> list[DriveJob]:
    """Return one job a seed, the scenarios in turn."""
    chosen = ((SCENARIOS[n % len(SCENARIOS)], seed) for n, seed in enumerate(seeds))
    return [DriveJob(name, seed, maps[name], faults) for name, seed in chosen]


def own_map_jobs(seeds: Iterable[int]) -> list[DriveJob]:
    """Return one job a seed on the scenario's own maps, as a teacher drives them; every fifth without faults."""
    chosen = ((SCENARIOS[n % len(SCENARIOS)], seed, n % 5 > 0) for n, seed in enumerate(seeds))
    return [DriveJob(name, seed, load_scenario(name).map_for(seed), faults) for name, seed, faults in chosen]


def collect_moments(
    jobs: Sequence[DriveJob],
    spec: BevSpec,
    *,
    vehicle: str = "saloon",
    camera: str = "default",
    report: Callable[[str, float], None] = lambda line, share: None,
) -> Moments:
    """Drive all jobs in one world without cameras and keep moments. report: called with (line, share) after each."""
    profile = load_vehicle(vehicle)
    world = EmbeddedWorld(profile, load_camera(camera), cameras=False)
    bevs: list[UInt8Array] = []
    motion: list[tuple[float, float]] = []
    facts: list[Facts] = []
    drives: list[int] = []
    for number, job in enumerate(jobs):
        for scene, fact in _drive(world, profile, job, spec):
            bevs.append(np.packbits(scene.bev > 127))
            motion.append((scene.speed, scene.curvature))
            facts.append(fact)
            drives.append(number)
        report(f"driving {number + 1} of {len(jobs)}, {len(facts)} moments", (number + 1) / len(jobs))
    world.close()
    return Moments(np.stack(bevs), np.array(motion, np.float32), tuple(facts), np.array(drives, np.float32))


def _drive(world: EmbeddedWorld, profile: VehicleProfile, job: DriveJob, spec: BevSpec) -> list[tuple[Scene, Facts]]:
    tick = world.reset(load_scenario(job.scenario).model_copy(update={"maps": (job.map_name,)}), job.seed)
    random = np.random.default_rng([DRIVE_STREAM, job.seed])
    driver = DeceivedDriver(world.plan, profile, random) if job.faults else _Honest(world.plan, profile)
    push_rate = float(random.choice((0.0, 0.2, 0.6))) if job.faults else 0.0
    disturbance = Disturbance(1.0, push_rate, world.tick_s, random)
    finder, judge = FactFinder(world.plan, world.network, profile), Judge(world.plan, world.network, profile)
    mapping, kept, last, end_s = ActionMapping(profile), [], -KEEP_EVERY, LONGEST_S
    for number in range(round(LONGEST_S / world.tick_s)):
        truth = world.truth()
        finder.watch(truth)
        if judge.step(truth).done:
            end_s = min(end_s, truth.time_s + AFTERWARDS_S)
        if truth.time_s > end_s or judge.verdict.success:
            break
        if number - last >= RUN_EVERY:
            fact = finder.facts(truth)
            wanted = RUN_EVERY if fact.runs_line else UNSAFE_EVERY if fact.unsafe else KEEP_EVERY
            if number - last >= wanted:
                last = number
                curvature = steered_curvature(truth.ego, profile)
                kept.append((Scene(world.truth_bev(spec), truth.ego.speed, curvature), fact))
        action = disturbance.choose(driver.act(truth), None, truth.ego.speed)
        world.apply(mapping.step(action, tick.ego))
        tick = world.tick()
    return kept


class _Honest:
    def __init__(self, plan: EpisodePlan, profile: VehicleProfile) -> None:
        self._expert = Expert(plan, profile)

    def act(self, truth: GroundTruth) -> Action:
        return self._expert.act(truth)


class DeceivedDriver:
    """An expert that sees a false world: lines or road users missing, the others farther away, itself elsewhere."""

    def __init__(self, plan: EpisodePlan, profile: VehicleProfile, random: np.random.Generator) -> None:
        self._random = random
        self._blind = random.random() < 0.35
        self._farther = float(random.uniform(2.0, 9.0)) if random.random() < 0.5 else 0.0
        lines = () if random.random() < 0.6 else plan.stop_lines
        actors = () if self._blind else plan.actors
        self._expert = Expert(replace(plan, stop_lines=lines, actors=actors), profile)
        self._strays = float(random.choice((0.0, 0.4, 0.8, 1.6, 3.0)))
        self._until_s = float(random.uniform(1.0, 6.0))
        self._aside, self._turn = 0.0, 0.0

    def act(self, truth: GroundTruth) -> Action:
        """Decide as the expert would in the world that it takes for the true one."""
        self._wander(truth.time_s)
        pose = truth.ego.pose
        moved = Pose2(
            pose.x - self._aside * float(np.sin(pose.yaw)),
            pose.y + self._aside * float(np.cos(pose.yaw)),
            pose.yaw + self._turn,
        )
        actors = () if self._blind else tuple(self._moved_on(actor) for actor in truth.actors)
        return self._expert.act(replace(truth, ego=replace(truth.ego, pose=moved), actors=actors))

    def _wander(self, time_s: float) -> None:
        if time_s < self._until_s:
            return
        self._until_s = time_s + float(self._random.uniform(1.0, 4.0))
        astray = self._random.random() < 0.6
        self._aside = float(self._random.normal(0.0, self._strays)) if astray else 0.0
        self._turn = float(self._random.normal(0.0, 0.06 * self._strays)) if astray else 0.0

    def _moved_on(self, actor: ActorState) -> ActorState:
        pose = actor.pose
        x, y = pose.x + self._farther * float(np.cos(pose.yaw)), pose.y + self._farther * float(np.sin(pose.yaw))
        return replace(actor, pose=Pose2(x, y, pose.yaw))
