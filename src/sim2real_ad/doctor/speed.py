"""How long do the networks take with a frame here, against what the gate allows?"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from sim2real_ad.doctor.finding import Finding, graded
from sim2real_ad.doctor.providers import WHERE, asked_providers
from sim2real_ad.doctor.survey import Listen, Survey
from sim2real_ad.evaluation.benchmark import time_each
from sim2real_ad.evaluation.statistics import median
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.policy.checkpoint import Checkpoint, load_checkpoint
from sim2real_ad.policy.runtime import choose_providers
from sim2real_ad.policy.warm_up import AT_REST, STRAIGHT, nothing_seen, warm_up_observation, warm_up_policy
from sim2real_ad.safety.limits import load_safety_limits
from sim2real_ad.types import CameraFrame
from sim2real_ad.vehicle.profile import load_vehicle

RUNS = 10


def check_speed(survey: Survey, listen: Listen) -> Finding:
    """Warm both networks up, then time them on darkness, on the providers of the nodes. Raises Sim2RealError."""
    started_s = time.perf_counter()
    observe, decide = _adapter(survey), _policy(survey)
    warm_s = time.perf_counter() - started_s
    took = {"adapter": median_ms(observe), "policy": median_ms(decide)}
    budgets = load_safety_limits().budgets.by_stage()
    return judge_speed(took, budgets, warm_s)


def judge_speed(took_ms: dict[str, float], budgets_ms: dict[str, float], warm_s: float) -> Finding:
    """Judge what stages take with a frame against their budgets, both in ms by stage. warm_s: to open and warm them."""
    parts = [f"{name} {ms:.1f} ms a frame, budget {budgets_ms[name]:g}" for name, ms in took_ms.items()]
    slow = any(ms > budgets_ms[name] for name, ms in took_ms.items())
    found = f"{'; '.join(parts)}; warm after {warm_s:.1f} s"
    return graded("speed", found, f"close other programs, or a faster provider: {WHERE}", fails=False, warns=slow)


def median_ms(run: Callable[[], object]) -> float:
    """Return the median of what some runs take, ms."""
    return 1e3 * median([watch.wall_s for watch in time_each(run, 1, RUNS, warm_up=0)])


def _open(survey: Survey, node: str) -> Checkpoint:
    return load_checkpoint(survey.checkpoint, choose_providers(asked_providers(node)))


def _adapter(survey: Survey) -> Callable[[], object]:
    camera = load_camera(survey.camera)
    stage = _open(survey, "adapter").observation_stage(camera)
    warm_up_observation(stage, camera)
    dark = CameraFrame(0, np.zeros((camera.height, camera.width, 3), np.uint8))
    return lambda: stage.step(dark, AT_REST, STRAIGHT)


def _policy(survey: Survey) -> Callable[[], object]:
    checkpoint = _open(survey, "policy")
    stage = checkpoint.policy_stage(load_vehicle(survey.vehicle))
    warm_up_policy(stage, checkpoint.spec)
    nothing = nothing_seen(checkpoint.spec)
    return lambda: stage.step(nothing)
