"""One drive in the embedded world, for training or validation; runs in worker processes, one world each."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.observation.adapter import Adapter, level_grids
from sim2real_ad.observation.stage import LearnedObservationStage, ObservationAssembler
from sim2real_ad.policy.corridor import Corridor
from sim2real_ad.policy.inputs import StudentInputs
from sim2real_ad.policy.runtime import open_network
from sim2real_ad.policy.student import StudentPolicy
from sim2real_ad.safety.gate import Gate, GateConfig
from sim2real_ad.safety.inputs import GateInputs
from sim2real_ad.training.circumstances import Circumstances, FrameFate, draw_circumstances, hide_ground
from sim2real_ad.training.config import TrainingConfig
from sim2real_ad.training.degrade import DegradedTruth
from sim2real_ad.training.disturbance import Disturbance
from sim2real_ad.training.parent_watch import end_with_parent
from sim2real_ad.training.samples import Part
from sim2real_ad.training.teacher.driver import make_driver
from sim2real_ad.types import Action, FloatArray, Observation, UInt8Array
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.episode import Episode
from sim2real_ad.world.lens import Lens
from sim2real_ad.world.protocol import WorldTick
from sim2real_ad.world.randomization import sample_domain
from sim2real_ad.world.scenarios import load_practice

ROLL_STREAM = 0xD466E4
"""Keeps the random numbers of a drive's disturbances apart from its scenario's."""

GRACE_S = 2.0
"""For a worker to end in when the process it works for has ended."""

SLOW = 1.0
"""Below this, m/s, every tick is kept: stopping and setting off take few of them and go wrong most easily."""


@dataclass(frozen=True)
class Job:
    """One drive. adapter, student: ONNX files; without an adapter the degraded true BEV is seen, without a student the
    teacher drives. teacher_share, push_rate: see Disturbance. keep_every: ticks between samples, 0 = none. strength: of
    the randomization; None: the seed's domain in full, through the nominal camera and with every frame on time."""

    config: TrainingConfig
    scenario: str
    seed: int
    adapter: Path | None = None
    student: Path | None = None
    teacher_share: float = 0.0
    push_rate: float = 0.0
    keep_every: int = 0
    strength: float | None = None


@dataclass(frozen=True)
class Roll:
    """What came of a drive: strict success, infractions, and samples."""

    scenario: str
    seed: int
    success: bool
    infractions: tuple[str, ...]
    seconds: float
    samples: Part = field(repr=False)


def start_worker() -> None:
    """Keep a worker process to one thread, since they share the cores, and end it with the one it works for."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    cv2.setNumThreads(1)
    end_with_parent(GRACE_S)


def roll_out(job: Job) -> Roll:
    """Drive one job to its end, the teacher being asked at every tick whoever drives."""
    profile = load_vehicle(job.config.vehicle)
    world = _world(job.config.vehicle, job.config.camera, job.adapter is not None)
    met = _circumstances(job)
    world.camera = met.camera
    domain = None if job.strength is None else sample_domain(job.seed, job.strength)
    episode = Episode(world, load_practice(job.scenario), job.seed, domain)
    tick = episode.start()
    random = np.random.default_rng([ROLL_STREAM, job.seed])
    teacher, eyes = make_driver(job.config.teacher, world.plan, profile), _Eyes(job, met, world, random)
    corridor = Corridor(job.config.corridor, job.config.observation, profile.front_overhang)
    inputs, fate = StudentInputs(corridor), FrameFate(met, job.seed)
    student = StudentPolicy(_network(job.student), corridor) if job.student else None
    disturbance = Disturbance(job.teacher_share, job.push_rate, world.tick_s, random)
    mapping, gate = ActionMapping(profile), Gate(profile, GateConfig(auto_engage=True))
    kept: list[tuple[UInt8Array, FloatArray, Action]] = []
    ticks, fresh = 0, None
    while not episode.verdict.done:
        wanted, comes, before = teacher.act(world.truth()), fate.next(), fresh
        if comes != "lost" or before is None:
            observation = eyes.see(tick)
            straight, features = inputs.step(observation)
            fresh = student.decide(observation.stamp_ns, straight, features) if student else None
            slow = tick.ego.speed < SLOW
            if job.keep_every and (slow or ticks % job.keep_every == 0):
                kept.append((straight, features, wanted))
        decided = fresh if comes == "comes" or before is None else before
        action = disturbance.choose(wanted, decided, tick.ego.speed)
        teacher.acted(action)
        command = gate.step(GateInputs(mapping.step(action, tick.ego), tick.ego), tick.ego.stamp_ns).command
        tick = episode.step(command)
        ticks += 1
    verdict = episode.verdict
    broken = tuple(infraction.kind for infraction in verdict.infractions)
    return Roll(job.scenario, job.seed, verdict.success, broken, ticks * world.tick_s, _stacked(job, kept))


def _circumstances(job: Job) -> Circumstances:
    nominal = load_camera(job.config.camera)
    return Circumstances(nominal) if job.strength is None else draw_circumstances(nominal, job.seed, job.strength)


class _Eyes:
    """The observation stage of a drive: through the camera adapter, or over the degraded true BEV."""

    def __init__(self, job: Job, met: Circumstances, world: EmbeddedWorld, random: np.random.Generator) -> None:
        spec = job.config.observation
        self._world, self._spec, self._seed = world, spec, job.seed
        self._learned: LearnedObservationStage | None = None
        self._lens = Lens(met.camera, met.sensor)
        self._hidden = load_vehicle(job.config.vehicle).front_overhang + met.hidden if met.hidden else 0.0
        if job.adapter:
            adapter = Adapter(_network(job.adapter), job.config.image, spec.bev, met.camera)
            self._learned = LearnedObservationStage(adapter, spec, met.camera)
        self._validity = level_grids(met.camera, job.config.image, spec.bev).validity
        self._degraded = DegradedTruth(spec.bev, self._validity, random)
        self._assembler = ObservationAssembler(spec)

    def see(self, tick: WorldTick) -> Observation:
        """Observe a tick."""
        seen = self._look(tick)
        return hide_ground(seen, self._spec.bev, self._hidden) if self._hidden else seen

    def _look(self, tick: WorldTick) -> Observation:
        route = self._world.plan.route
        if self._learned is not None:
            assert tick.frame is not None
            taken = self._lens.take(tick.frame.rgb, self._seed, tick.frame.sequence)
            return self._learned.step(replace(tick.frame, rgb=taken), tick.ego, route)
        bev = self._degraded.step(self._world.truth_bev(self._spec.bev))
        return self._assembler.step(tick.ego.stamp_ns, bev, self._validity, tick.ego, route)


def _stacked(job: Job, kept: list[tuple[UInt8Array, FloatArray, Action]]) -> Part:
    corridor, spec = job.config.corridor, job.config.observation
    corridors = np.empty((len(kept), corridor.channels(spec), *corridor.size), np.uint8)
    features = np.empty((len(kept), corridor.features(spec)), np.float32)
    actions = np.empty((len(kept), 2), np.float32)
    for n, (straight, feature, action) in enumerate(kept):
        corridors[n], features[n], actions[n] = straight, feature, (action.curvature, action.acceleration)
    return Part(corridors, features, actions)


@lru_cache(maxsize=2)
def _world(vehicle: str, camera: str, cameras: bool) -> EmbeddedWorld:
    """One world a process, with and one without pictures; made once, since maps and textures take time."""
    return EmbeddedWorld(load_vehicle(vehicle), load_camera(camera), cameras=cameras)


_network = lru_cache(maxsize=4)(open_network)
