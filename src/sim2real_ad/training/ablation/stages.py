"""Stages with a part left out on purpose, in the place of those that drive the car."""

from __future__ import annotations

import numpy as np

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.control.pedal_map import PedalMap, pedals_from_command
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.observation.adapter import Adapter
from sim2real_ad.observation.doubts import Doubts
from sim2real_ad.observation.segments import ROAD, SEGMENTS
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.observation.stage import LearnedObservationStage
from sim2real_ad.pipeline import MappingStage, ObservationStage
from sim2real_ad.policy.checkpoint import Checkpoint
from sim2real_ad.types import Action, CameraFrame, ControlCommand, EgoState, FloatArray, UInt8Array
from sim2real_ad.vehicle.profile import VehicleProfile, load_vehicle

PROJECTION_ONLY, NO_ACTION_MAPPING = "projection_only", "no_action_mapping"
TRAINED_CAR = "saloon"


class Projection:
    """No learned adapter: what the picture shows, laid on flat ground by the calibration alone.

    Things are smeared away from the camera behind their foot points, and nothing corrects a body that pitches.
    """

    def __init__(self, adapter: Adapter, spec: BevSpec) -> None:
        self.validity = adapter.validity
        self._adapter, self._spec = adapter, spec

    def infer(self, frame: CameraFrame) -> tuple[UInt8Array, Doubts]:
        """Return the projected BEV (C, H, W) uint8, probability times 255, and no doubt."""
        shown, (ground, _, seen) = self._adapter.look(frame).segments, self._adapter.geometry
        height, width = shown.shape[1:]
        # Grid coordinates run from -1 to 1 over the picture; what is not seen is blanked below.
        columns = np.clip((ground[0, ..., 0] + 1.0) * width / 2.0, 0, width - 1).astype(int)
        rows = np.clip((ground[0, ..., 1] + 1.0) * height / 2.0, 0, height - 1).astype(int)
        bev = np.stack([_shown_as(shown, channel)[rows, columns] for channel in self._spec.channels]) * seen[0]
        return np.rint(255.0 * bev).astype(np.uint8), Doubts()


class TrainedCarsPedals:
    """No action mapping: the policy's pedals and steering are those of the car it was trained in, whatever the car."""

    def __init__(self, trained: VehicleProfile, driven: VehicleProfile) -> None:
        self._mapping, self._trained, self._driven = ActionMapping(trained), trained, driven
        self._trained_map, self._driven_map = PedalMap.load(trained), PedalMap.load(driven)

    def step(self, action: Action, ego: EgoState) -> ControlCommand:
        """Return the command that makes the driven car's pedals and steering what the trained car's would be."""
        command = self._mapping.step(action, ego)
        pedals = pedals_from_command(command, ego.speed, self._trained, self._trained_map)
        return ControlCommand(
            stamp_ns=command.stamp_ns,
            steering_tire_angle=pedals.steer * self._driven.max_steering_tire_angle,
            acceleration=self._driven_map.acceleration(pedals.throttle, pedals.brake, max(ego.speed, 0.01)),
            velocity=command.velocity,
            steering_tire_rotation_rate=command.steering_tire_rotation_rate,
        )


def _shown_as(shown: FloatArray, channel: str) -> FloatArray:
    """Segment probabilities (S, h, w) to the probability (h, w) of a BEV channel."""
    names = ROAD if channel == "drivable" else (channel,)
    return np.asarray(shown[[SEGMENTS.index(name) for name in names]].sum(axis=0), np.float32)


def observation_without(what: str, checkpoint: Checkpoint, camera: CameraModel) -> ObservationStage:
    """Return the checkpoint's observation stage for a camera, or the projection in its place."""
    if what != PROJECTION_ONLY:
        return checkpoint.observation_stage(camera)
    return LearnedObservationStage(Projection(checkpoint.adapter(camera), checkpoint.spec.bev), checkpoint.spec, camera)


def mapping_without(what: str, profile: VehicleProfile) -> MappingStage:
    """Return the action mapping of a car, or the trained car's pedals in its place."""
    if what != NO_ACTION_MAPPING:
        return ActionMapping(profile)
    return TrainedCarsPedals(load_vehicle(TRAINED_CAR), profile)
