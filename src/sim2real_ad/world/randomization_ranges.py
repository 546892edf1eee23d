"""What training varies and how far: config/randomization as objects. `world.randomization` draws from them."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from sim2real_ad.config import StrictModel, find_config, load_config

DEFAULT = "driving"


def _ordered(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"range {ends[0]}..{ends[1]} is empty")
    return ends


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
"""Both ends, the lower one first."""
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Deviations = tuple[Annotated[float, Field(ge=0.0)], Annotated[float, Field(ge=0.0)], Annotated[float, Field(ge=0.0)]]


class LightRanges(StrictModel):
    """Degrees and factors; exposure_spread: standard deviation of the logarithm of the exposure."""

    sun_elevation_deg: Range
    sun_azimuth_deg: Range
    exposure_spread: float = Field(ge=0.0, le=1.0)
    exposure: Range
    palette: Range


class WeatherOdds(StrictModel):
    """Odds of a day's weather; they add up to 1."""

    fair: Share
    overcast: Share
    rain: Share
    fog: Share

    @model_validator(mode="after")
    def _add_up(self) -> WeatherOdds:
        total = self.fair + self.overcast + self.rain + self.fog
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"the odds of the weather add up to {total:g}, not to 1")
        return self


class MountErrorSpread(StrictModel):
    """Standard deviations of how far a mount is from its calibration: (x, y, z) m; (roll, pitch, yaw) deg."""

    position: Deviations
    angle_deg: Deviations


class DynamicsRanges(StrictModel):
    """Factors, see `randomization.DynamicsScale`."""

    mass: Range
    lag: Range
    delay: Range
    friction: Range
    understeer: Range


class CameraRanges(StrictModel):
    """Cameras as they may be calibrated, in a share of the episodes; the others have the nominal one."""

    share: Share
    fov_deg: Range
    x: Range
    y: Range
    z: Range
    roll_deg: Range
    pitch_deg: Range
    yaw_deg: Range


class BonnetRanges(StrictModel):
    """Ground ahead of the bumper that the camera does not see, m, in a share of the episodes: under a long bonnet, or
    for a camera that is mounted high or looks far ahead."""

    share: Share
    hidden: Range


class SensorRanges(StrictModel):
    """See `target_domain.SensorEffects`; in a share of the episodes."""

    share: Share
    blur_px: Range
    noise: Range
    vignetting: Range
    jpeg_quality: Range


class TimingRanges(StrictModel):
    """Rates, 0..1, of frames that are lost and of frames that come a tick late."""

    dropped: Range
    late: Range


class Curriculum(StrictModel):
    """Strength of the randomization: from start, evenly up to 1 at a share full_from of the training."""

    start: Share
    full_from: Share

    def strength(self, share: float) -> float:
        """Return the strength 0..1 at a share 0..1 of the training."""
        if share >= self.full_from:
            return 1.0
        return self.start + (1.0 - self.start) * share / self.full_from


class RandomizationRanges(StrictModel):
    """All of it."""

    light: LightRanges
    weather: WeatherOdds
    mount_error: MountErrorSpread
    dynamics: DynamicsRanges
    camera: CameraRanges
    bonnet: BonnetRanges
    sensor: SensorRanges
    timing: TimingRanges
    curriculum: Curriculum


@lru_cache(maxsize=8)
def load_ranges(name_or_path: str = DEFAULT) -> RandomizationRanges:
    """Load by name (config/randomization) or path. Raises ConfigError naming the key at fault."""
    return load_config(find_config(name_or_path, "randomization"), RandomizationRanges)
