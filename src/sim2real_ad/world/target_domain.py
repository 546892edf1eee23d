"""Target domains: worlds that no training sees, each a stand-in for the real car, as YAML in config/domains.

A file names a vehicle profile, a camera, what the sensor does to the picture, and the fields of
`world.randomization.Domain` that are fixed or drawn from a range of their own. Every other field is drawn as in
training, from the same seed, so that a target domain differs in what it is about and in nothing else.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from sim2real_ad.config import StrictModel, check_config, find_config, load_config, share_path
from sim2real_ad.errors import ConfigError
from sim2real_ad.geometry.camera import CameraModel, load_camera
from sim2real_ad.vehicle.profile import VehicleProfile, load_vehicle
from sim2real_ad.world.randomization import Domain, sample_domain

TARGET_STREAM = 0x7A_26E7
"""Keeps a target domain's random numbers apart from the training domain's and the scenario's."""
FOLDER = "domains"

Number = int | float
Setting = Number | tuple[Number, Number]
"""One value, or the ends of a range to draw from, both included."""


class SensorEffects(StrictModel):
    """What the sensor does to the picture after the lens, the same through an episode.

    blur_px: standard deviation of a Gaussian blur; noise: of the grey levels 0..255; vignetting: share of the light
    lost in the corners; jpeg_quality: 100 leaves the picture alone.
    """

    blur_px: float = Field(default=0.0, ge=0.0, le=5.0)
    noise: float = Field(default=0.0, ge=0.0, le=50.0)
    vignetting: float = Field(default=0.0, ge=0.0, le=0.9)
    jpeg_quality: Annotated[int, Field(ge=5, le=100)] = 100


_PART_FIELDS = {
    "vehicle": frozenset(VehicleProfile.model_fields),
    "camera_model": frozenset(CameraModel.model_fields),
    "sensor": frozenset(SensorEffects.model_fields),
}


class TargetDomain(StrictModel):
    """One target domain. vehicle, camera: name or path; a path is taken from beside the domain's own file.

    world: settings by the name of a `Domain` field, `camera.pitch_deg` and `dynamics.lag` for nested ones;
    held_out: what the domain is about: fields that training never has in this range (`world`'s by their names,
    `vehicle.<field>`, `camera_model.<field>` and `sensor.<field>`).
    """

    name: str
    description: str
    vehicle: str
    camera: str
    sensor: SensorEffects = SensorEffects()
    world: dict[str, Setting] = Field(default_factory=dict)
    held_out: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _settings_are_possible(self) -> TargetDomain:
        """Every setting names a field, both its ends are values of it, and what is held out is there."""
        for name, (low, high) in self.ranges().items():
            if low > high:
                raise ValueError(f"world.{name}: range {low}..{high} is empty")
            _require_possible(name, low)
            _require_possible(name, high)
        for name in self.held_out:
            part, _, field = name.partition(".")
            fields = _PART_FIELDS.get(part)
            if name not in self.world if fields is None else field.partition(".")[0] not in fields:
                raise ValueError(f"held_out: '{name}' is no setting of this domain")
        return self

    def ranges(self) -> dict[str, tuple[Number, Number]]:
        """Return the range of every setting of the world; a fixed value is a range of one."""
        return {name: (s if isinstance(s, tuple) else (s, s)) for name, s in self.world.items()}

    def draw(self, seed: int) -> Domain:
        """Return the domain of one episode: as `sample_domain(seed)` but for this domain's settings.

        Deterministic in name, settings and seed. Raises ConfigError for a seed below 0.
        """
        drawn = sample_domain(seed)
        rng = np.random.default_rng(np.random.SeedSequence([TARGET_STREAM, zlib.crc32(self.name.encode()), seed]))
        return _domain_with(drawn, {name: _drawn(rng, *ends) for name, ends in sorted(self.ranges().items())})

    def load_vehicle(self) -> VehicleProfile:
        """Load the vehicle's profile. Raises ConfigError."""
        return load_vehicle(self.vehicle)

    def load_camera(self) -> CameraModel:
        """Load the camera. Raises CalibrationError."""
        return load_camera(self.camera)


def load_target_domain(name_or_path: str | Path) -> TargetDomain:
    """Load a target domain by name (config/domains) or path; vehicle and camera beside it become absolute paths.

    Raises ConfigError or CalibrationError naming the file, the key and the value at fault.
    """
    path = find_config(name_or_path, FOLDER)
    domain = load_config(path, TargetDomain)
    if domain.name != path.stem:
        raise ConfigError(f"{path}: name: must be that of the file, '{path.stem}', got '{domain.name}'")
    beside = {key: path.resolve().parent / getattr(domain, key) for key in ("vehicle", "camera")}
    domain = domain.model_copy(update={key: str(file) for key, file in beside.items() if file.is_file()})
    domain.load_vehicle()
    domain.load_camera()
    return domain


def target_domain_names() -> tuple[str, ...]:
    """Return the names of the shipped target domains, in alphabetical order."""
    return tuple(sorted(path.stem for path in (share_path() / "config" / FOLDER).glob("*.yaml")))


def _domain_with(domain: Domain, values: Mapping[str, Number]) -> Domain:
    """Return a domain with other values, by dotted name. Raises ConfigError for a field that it does not have."""
    data: dict[str, Any] = domain.model_dump()
    for name, value in values.items():
        *parts, last = name.split(".")
        part = data
        for key in parts:
            nested = part.get(key)
            if not isinstance(nested, dict):
                raise ConfigError(f"world.{name}: a domain has no such field")
            part = nested
        part[last] = value
    return check_config(data, Domain, "world")


def _require_possible(name: str, value: Number) -> None:
    try:
        _domain_with(Domain(), {name: value})
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _drawn(rng: np.random.Generator, low: Number, high: Number) -> Number:
    """Draw from a range: whole numbers where both ends are, as the appearance seed must be; else a real number."""
    if isinstance(low, int) and isinstance(high, int):
        return int(rng.integers(low, high, endpoint=True))
    return float(rng.uniform(low, high))
