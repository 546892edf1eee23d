"""A network's first runs take several times as long as its later ones: here, before a car waits for them."""

from __future__ import annotations

import numpy as np

from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.pipeline import ObservationStage, PolicyStage
from sim2real_ad.types import CameraFrame, EgoState, Observation, Pose2, Route

RUNS = 3
AT_REST = EgoState(0, Pose2(0.0, 0.0, 0.0), 0.0)
STRAIGHT = Route(0, np.stack((np.arange(100.0), np.zeros(100)), axis=-1), 5.0)


def warm_up_observation(stage: ObservationStage, camera: CameraModel) -> Observation:
    """Let a stage look at darkness a few times, and forget it. Returns what it saw."""
    dark = CameraFrame(0, np.zeros((camera.height, camera.width, 3), np.uint8))
    for _ in range(RUNS):
        seen = stage.step(dark, AT_REST, STRAIGHT)
    stage.reset()
    return seen


def warm_up_policy(stage: PolicyStage, spec: ObservationSpec) -> None:
    """Let a stage decide about nothing a few times, and forget it."""
    for _ in range(RUNS):
        stage.step(nothing_seen(spec))
    stage.reset()


def nothing_seen(spec: ObservationSpec) -> Observation:
    """Return what a standing car observes that sees nothing, a straight route before it."""
    unseen = np.zeros(spec.bev.shape, np.uint8)
    along = np.arange(spec.route_points, dtype=np.float32) * spec.route_spacing
    return Observation(
        stamp_ns=0,
        bev=unseen,
        validity=unseen[0],
        history=np.zeros((len(spec.history_s), *spec.bev.shape), np.uint8),
        ego=np.zeros(len(spec.ego_features), np.float32),
        route=np.stack((along, np.zeros_like(along)), axis=-1),
        speed_limit=5.0,
    )
