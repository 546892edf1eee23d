"""Domain randomization: everything that may differ between two worlds of the same scenario.

How far things vary is in config/randomization/driving.yaml.

A `Domain` is plain numbers, so that it travels as JSON (in the OpenDRIVE header to the wire server) and a world is
made again from it exactly. Looks that have no field of their own (textures, palette, buildings, vegetation) are drawn
from `appearance_seed` by whoever draws them.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, ValidationError

from sim2real_ad.config import StrictModel
from sim2real_ad.errors import ConfigError
from sim2real_ad.geometry.camera import CameraModel, CameraMount
from sim2real_ad.world.randomization_ranges import (
    CameraRanges,
    DynamicsRanges,
    MountErrorSpread,
    RandomizationRanges,
    WeatherOdds,
    load_ranges,
)

DOMAIN_STREAM = 0x5EED_D011
CAMERA_STREAM = 0xCA3E4A
"""Keep the domain's and the camera's random numbers apart from the scenario's: all come from the episode seed."""


class CameraJitter(StrictModel):
    """How far the camera's mount is from where its calibration says. Metres and degrees, added to `CameraMount`."""

    x: float = Field(default=0.0, ge=-0.5, le=0.5)
    y: float = Field(default=0.0, ge=-0.5, le=0.5)
    z: float = Field(default=0.0, ge=-0.5, le=0.5)
    roll_deg: float = Field(default=0.0, ge=-10.0, le=10.0)
    pitch_deg: float = Field(default=0.0, ge=-10.0, le=10.0)
    yaw_deg: float = Field(default=0.0, ge=-10.0, le=10.0)


class DynamicsScale(StrictModel):
    """How the car differs from its profile: factors, 1 = as calibrated; friction: of the tyres on the road."""

    mass: float = Field(default=1.0, ge=0.5, le=2.0)
    lag: float = Field(default=1.0, ge=0.0, le=3.0)
    delay: float = Field(default=1.0, ge=0.0, le=3.0)
    friction: float = Field(default=0.9, ge=0.2, le=1.2)
    understeer: float = Field(default=1.0, ge=0.2, le=3.0)


class Domain(StrictModel):
    """One world's looks and physics.

    sun_azimuth_deg: counter-clockwise from map +x, where the light comes from; sun_elevation_deg: above the horizon;
    cloudiness, fog, wetness: 0 none .. 1 full; exposure: factor on the camera's brightness; palette: 0 muted .. 1
    saturated colours of what stands beside the road.
    """

    appearance_seed: int = Field(default=0, ge=0, lt=2**63)
    sun_elevation_deg: float = Field(default=45.0, ge=-10.0, le=90.0)
    sun_azimuth_deg: float = Field(default=120.0, ge=-180.0, le=360.0)
    cloudiness: float = Field(default=0.2, ge=0.0, le=1.0)
    fog: float = Field(default=0.0, ge=0.0, le=1.0)
    wetness: float = Field(default=0.0, ge=0.0, le=1.0)
    exposure: float = Field(default=1.0, ge=0.3, le=2.5)
    palette: float = Field(default=0.5, ge=0.0, le=1.0)
    camera: CameraJitter = CameraJitter()
    dynamics: DynamicsScale = DynamicsScale()

    def jittered(self, camera: CameraModel) -> CameraModel:
        """Return the camera as it is really mounted: the calibrated one moved by the jitter."""
        jitter = self.camera.model_dump()
        moved = {name: getattr(camera.mount, name) + value for name, value in jitter.items()}
        return camera.model_copy(update={"mount": camera.mount.model_copy(update=moved)})

    def to_json(self) -> str:
        """Return one line of JSON from which `from_json` makes the same domain again, bit for bit."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str, source: str = "domain") -> Domain:
        """Read a domain. Raises ConfigError naming the source and the field at fault."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"])) or "(whole)"
            raise ConfigError(f"{source}: {key}: {first['msg']}, got {first['input']!r}") from error


def sample_domain(seed: int, strength: float = 1.0, ranges: RandomizationRanges | None = None) -> Domain:
    """Draw a domain. strength 0 gives the nominal physics, camera and a clear day; 1 the full variety of the ranges.

    ranges None means the shipped ones. Only the appearance seed varies at strength 0, so textures and vehicles still
    differ between seeds. Raises ConfigError for a seed below 0 or another strength.
    """
    _check(seed, strength)
    within = ranges or load_ranges()
    rng = np.random.default_rng(np.random.SeedSequence([DOMAIN_STREAM, seed]))
    nominal = Domain(appearance_seed=int(rng.integers(2**62)))
    light = within.light
    sun = _blend(nominal.sun_elevation_deg, _number(rng, light.sun_elevation_deg), strength)
    azimuth = _blend(nominal.sun_azimuth_deg, _number(rng, light.sun_azimuth_deg), strength)
    cloudiness, fog, wetness = _weather(rng, within.weather)
    exposure = float(np.exp(rng.normal(0.0, light.exposure_spread)))
    return nominal.model_copy(
        update={
            "sun_elevation_deg": sun,
            "sun_azimuth_deg": azimuth,
            "cloudiness": _blend(nominal.cloudiness, cloudiness, strength),
            "fog": _blend(0.0, fog, strength),
            "wetness": _blend(0.0, wetness, strength),
            "exposure": _blend(1.0, min(max(exposure, light.exposure[0]), light.exposure[1]), strength),
            "palette": _blend(0.5, _number(rng, light.palette), strength),
            "camera": _sample_mount_error(rng, within.mount_error, strength),
            "dynamics": _sample_dynamics(rng, within.dynamics, strength),
        }
    )


def sample_camera(
    nominal: CameraModel, seed: int, strength: float = 1.0, ranges: CameraRanges | None = None
) -> CameraModel:
    """Draw the calibrated camera of an episode, of the nominal one's size: the nominal one itself, or another.

    At a strength below 1 another camera lies between the nominal and a drawn one. Raises ConfigError as
    `sample_domain`.
    """
    _check(seed, strength)
    within = ranges or load_ranges().camera
    rng = np.random.default_rng([CAMERA_STREAM, seed])
    if rng.random() >= within.share:
        return nominal
    fov = _blend(nominal.fov_deg, _number(rng, within.fov_deg), strength)
    drawn = {
        name: _blend(getattr(nominal.mount, name), _number(rng, getattr(within, name)), strength)
        for name in ("x", "y", "z", "roll_deg", "pitch_deg", "yaw_deg")
    }
    return CameraModel.from_fov(nominal.width, nominal.height, fov, CameraMount(**drawn))


def _check(seed: int, strength: float) -> None:
    if not 0.0 <= strength <= 1.0:
        raise ConfigError(f"randomization strength {strength} is outside 0..1")
    if seed < 0:
        raise ConfigError(f"a domain's seed must be 0 or more, got {seed}")


def _weather(rng: np.random.Generator, odds: WeatherOdds) -> tuple[float, float, float]:
    """Draw (cloudiness, fog, wetness): rain comes with cloud, fog with both."""
    kind = rng.choice(("fair", "overcast", "rain", "fog"), p=(odds.fair, odds.overcast, odds.rain, odds.fog))
    clouds, fog, wet = rng.uniform(size=3)
    table = {
        "fair": (0.4 * clouds, 0.0, 0.0),
        "overcast": (0.6 + 0.4 * clouds, 0.15 * fog, 0.3 * wet),
        "rain": (0.7 + 0.3 * clouds, 0.3 * fog, 0.4 + 0.6 * wet),
        "fog": (0.5 + 0.5 * clouds, 0.3 + 0.5 * fog, 0.4 * wet),
    }
    cloudiness, thickness, wetness = table[str(kind)]
    return float(cloudiness), float(thickness), float(wetness)


def _sample_mount_error(rng: np.random.Generator, spread: MountErrorSpread, strength: float) -> CameraJitter:
    """Draw a mount error as a careless calibration leaves it: centimetres and tenths of a degree."""
    offset = np.clip(rng.normal(0.0, 1.0, 3), -2.0, 2.0) * spread.position * strength
    angle = np.clip(rng.normal(0.0, 1.0, 3), -2.0, 2.0) * spread.angle_deg * strength
    x, y, z = map(float, offset)
    roll, pitch, yaw = map(float, angle)
    return CameraJitter(x=x, y=y, z=z, roll_deg=roll, pitch_deg=pitch, yaw_deg=yaw)


def _sample_dynamics(rng: np.random.Generator, ranges: DynamicsRanges, strength: float) -> DynamicsScale:
    nominal = DynamicsScale()
    return DynamicsScale(
        mass=_blend(1.0, _number(rng, ranges.mass), strength),
        lag=_blend(1.0, _number(rng, ranges.lag), strength),
        delay=_blend(1.0, _number(rng, ranges.delay), strength),
        friction=_blend(nominal.friction, _number(rng, ranges.friction), strength),
        understeer=_blend(1.0, _number(rng, ranges.understeer), strength),
    )


def _number(rng: np.random.Generator, ends: tuple[float, float]) -> float:
    return float(rng.uniform(*ends))


def _blend(nominal: float, drawn: float, strength: float) -> float:
    return nominal + (drawn - nominal) * strength
