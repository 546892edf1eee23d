"""What a training drive goes through besides its world: another camera, a worse sensor, ground that the bonnet hides,
frames lost or late."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import Observation
from sim2real_ad.world.randomization import sample_camera
from sim2real_ad.world.randomization_ranges import load_ranges
from sim2real_ad.world.target_domain import SensorEffects

SENSOR_STREAM, TIMING_STREAM = 0x5E_450, 0x71_3E5
"""Keep these random numbers apart from all others of an episode's seed."""
IDEAL_SENSOR = SensorEffects()


@dataclass(frozen=True)
class Circumstances:
    """camera: as calibrated; sensor: what it does to the picture; dropped, late: rates of frames, 0..1; hidden: m of
    ground ahead of the bumper that are not seen."""

    camera: CameraModel
    sensor: SensorEffects = IDEAL_SENSOR
    dropped: float = 0.0
    late: float = 0.0
    hidden: float = 0.0


def draw_circumstances(nominal: CameraModel, seed: int, strength: float) -> Circumstances:
    """Draw an episode's circumstances. strength: of the randomization, 0..1."""
    ranges = load_ranges()
    random = np.random.default_rng([SENSOR_STREAM, seed])
    sensor = SensorEffects()
    if random.random() < ranges.sensor.share * strength:
        drawn = {name: random.uniform(*getattr(ranges.sensor, name)) for name in SensorEffects.model_fields}
        sensor = SensorEffects(**{**drawn, "jpeg_quality": round(drawn["jpeg_quality"])})
    dropped, late = (strength * random.uniform(*ends) for ends in (ranges.timing.dropped, ranges.timing.late))
    hidden = random.uniform(*ranges.bonnet.hidden) if random.random() < ranges.bonnet.share * strength else 0.0
    return Circumstances(sample_camera(nominal, seed, strength), sensor, dropped, late, hidden)


def hide_ground(observation: Observation, spec: BevSpec, reach: float) -> Observation:
    """Return an observation without what is nearer to base_link than reach m ahead: neither seen now nor before."""
    first = max(0, math.floor((spec.x_max - reach) / spec.resolution + 0.5))  # the first row whose middle is nearer
    bev, validity, history = (part.copy() for part in (observation.bev, observation.validity, observation.history))
    for part in (bev, validity, history):
        part[..., first:, :] = 0
    return replace(observation, bev=bev, validity=validity, history=history)


class FrameFate:
    """Tells of every frame of a drive whether it comes, comes late or is lost."""

    def __init__(self, circumstances: Circumstances, seed: int) -> None:
        self._random = np.random.default_rng([TIMING_STREAM, seed])
        self._dropped = circumstances.dropped
        self._late = circumstances.dropped + circumstances.late

    def next(self) -> str:
        """Return `comes`, `late` or `lost`."""
        drawn = self._random.random()
        return "lost" if drawn < self._dropped else "late" if drawn < self._late else "comes"
