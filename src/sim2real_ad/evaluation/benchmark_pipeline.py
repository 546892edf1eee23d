"""How long one camera frame takes through the shipped networks and all stages, in process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.evaluation.benchmark import Measurement, time_each
from sim2real_ad.geometry.camera import CameraModel, load_camera
from sim2real_ad.pipeline import DrivingPipeline
from sim2real_ad.policy.checkpoint import load_checkpoint
from sim2real_ad.safety.gate import Gate, GateConfig
from sim2real_ad.types import CameraFrame, EgoState, Pose2, Route, ns_from_seconds
from sim2real_ad.vehicle.profile import load_vehicle

STEPS = 60
VEHICLE = "saloon"
TICK_S = 0.05
FRAME_BUDGET_MS = 1000.0 * TICK_S


def measure_pipeline(checkpoint: Path | None = None, camera_name: str = "default") -> list[Measurement]:
    """Measure the observation and the policy stage on pictures of the camera's size, and last the whole pipeline.

    Raises CheckpointError or CalibrationError.
    """
    loaded, camera = load_checkpoint(checkpoint), load_camera(camera_name)
    profile = load_vehicle(VEHICLE)
    observe, decide = loaded.observation_stage(camera), loaded.policy_stage(profile)
    gate = Gate(profile, GateConfig(auto_engage=True), loaded.spec.bev)
    pipeline = DrivingPipeline(observe, decide, ActionMapping(profile), gate)
    pictures = np.random.default_rng(0).integers(0, 256, (8, camera.height, camera.width, 3), np.uint8)
    route = Route(0, np.stack((np.arange(200.0), np.zeros(200)), axis=-1), 8.33)
    tick = 0

    def frame_and_ego() -> tuple[CameraFrame, EgoState]:
        nonlocal tick
        tick += 1
        stamp_ns = ns_from_seconds(tick * TICK_S)
        return CameraFrame(stamp_ns, pictures[tick % 8], tick), EgoState(
            stamp_ns, Pose2(0.2 * tick % 100, 0.0, 0.0), 4.0
        )

    def step_all() -> object:
        frame, ego = frame_and_ego()
        return pipeline.step(frame, ego, route, frame.stamp_ns)

    observation = observe.step(*frame_and_ego(), route)
    return [
        _milliseconds(
            "adapter and observation stage", lambda: observe.step(*frame_and_ego(), route), None, _size_of(camera)
        ),
        _milliseconds("policy stage", lambda: decide.step(observation), None, "corridor and student"),
        _milliseconds(
            "camera frame to action, in process",
            lambda: decide.step(observe.step(*frame_and_ego(), route)),
            FRAME_BUDGET_MS,
            "one tick at 20 Hz",
        ),
        _milliseconds("camera frame to gated command, in process", step_all, None, "the bare pipeline"),
    ]


def _milliseconds(name: str, step: Callable[[], object], target: float | None, note: str) -> Measurement:
    watches = time_each(step, STEPS)
    wall, cpu = (
        tuple(1e3 * seconds / STEPS for seconds in s) for s in zip(*((w.wall_s, w.cpu_s) for w in watches), strict=True)
    )
    return Measurement(name=name, unit="ms", better="lower", target=target, samples=wall, cpu_samples=cpu, note=note)


def _size_of(camera: CameraModel) -> str:
    return f"{camera.width}x{camera.height}"
