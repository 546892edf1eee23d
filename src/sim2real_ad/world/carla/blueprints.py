"""The wire server's blueprint library: what can be spawned, its size, and its attributes as CARLA lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sim2real_ad.config import share_path
from sim2real_ad.errors import WorldError
from sim2real_ad.vehicle.profile import VehicleProfile, load_vehicle
from sim2real_ad.world.catalogue import CATALOGUE, Size

Family = Literal["vehicle", "walker", "prop", "sensor", "spectator"]

BOOL, INT, FLOAT, STRING, COLOUR = 1, 2, 3, 4, 5
"""Attribute types on the wire."""

DEFAULT_PROFILE = "saloon"
"""Vehicles of the library's own sizes drive like this one."""
PROFILE_ATTRIBUTE = "sim2real_ad_profile"
"""A vehicle's attribute, here only: the JSON of the profile that it has in size and drive, whatever its looks."""

CITYSCAPES_TAGS: Mapping[str, int] = {"vehicle": 14, "walker": 12, "prop": 20}
"""CARLA's semantic tags of what can be spawned: Car, Pedestrians, Static."""

_MORE_VEHICLES: Mapping[str, Size] = {
    "vehicle.audi.etron": (4.86, 2.03, 1.65),
    "vehicle.bmw.grandtourer": (4.61, 2.24, 1.67),
    "vehicle.dodge.charger_2020": (5.01, 1.88, 1.53),
    "vehicle.lincoln.mkz_2017": (4.90, 2.13, 1.51),
    "vehicle.mercedes.coupe_2020": (4.67, 1.81, 1.44),
    "vehicle.mini.cooper_s_2021": (4.55, 2.10, 1.77),
    "vehicle.tesla.model3": (4.79, 2.16, 1.49),
    "vehicle.tesla.cybertruck": (6.27, 2.39, 2.10),
    "vehicle.ford.ambulance": (6.36, 2.35, 2.43),
    "vehicle.carlamotors.carlacola": (5.20, 2.61, 2.47),
    "vehicle.mitsubishi.fusorosa": (10.27, 3.94, 4.25),
    "vehicle.bh.crossbike": (1.49, 0.86, 1.08),
    "vehicle.kawasaki.ninja": (2.03, 0.80, 1.15),
    "vehicle.vespa.zx125": (1.82, 0.88, 1.23),
}
_MORE_PROPS: Mapping[str, Size] = {
    "static.prop.barrel": (0.60, 0.60, 0.90),
    "static.prop.trafficwarning": (2.87, 2.37, 3.57),
    "static.prop.container": (1.93, 1.05, 1.74),
    "static.prop.plantpot01": (1.07, 0.61, 1.02),
}


@dataclass(frozen=True)
class Attribute:
    """A blueprint's attribute. choices: recommended values; fixed: the client may not change it."""

    name: str
    kind: int
    value: str
    choices: tuple[str, ...] = ()
    fixed: bool = False

    def to_wire(self) -> list[Any]:
        """Return the attribute as an actor definition holds it."""
        return [self.name, self.kind, self.value, list(self.choices), not self.fixed, False]


@dataclass(frozen=True)
class LibraryEntry:
    """One blueprint. size: (length, width, height) m, zero for a sensor; profile: how a vehicle drives."""

    uid: int
    name: str
    family: Family
    attributes: tuple[Attribute, ...]
    size: Size = (0.0, 0.0, 0.0)
    profile: VehicleProfile | None = None

    @property
    def tags(self) -> str:
        """The last two parts of the name, as CARLA tags its blueprints."""
        return ",".join(self.name.split("."))

    def definition(self) -> list[Any]:
        """Return the blueprint as `get_actor_definitions` lists it."""
        return [self.uid, self.name, self.tags, [attribute.to_wire() for attribute in self.attributes]]

    def fill(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return every attribute's value, the given ones over the defaults. Raises WorldError for an unknown one."""
        known = {attribute.name: attribute.value for attribute in self.attributes}
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise WorldError(f"{self.name} has no attribute '{unknown[0]}'; it has {', '.join(known)}")
        return {**known, **given}


@cache
def blueprint_library() -> Mapping[str, LibraryEntry]:
    """Return every blueprint by name."""
    entries = [*_vehicles(), *_others(), *_sensors(), ("spectator", "spectator", (), (0.0, 0.0, 0.0), None)]
    return {entry[0]: LibraryEntry(uid, *entry) for uid, entry in enumerate(entries, start=1)}


_Row = tuple[str, Family, tuple[Attribute, ...], Size, VehicleProfile | None]


def _vehicles() -> list[_Row]:
    profiles = [load_vehicle(path.stem) for path in sorted((share_path() / "config" / "vehicles").glob("*.yaml"))]
    sizes = {b.name: b.size for group in ("car", "van") for b in CATALOGUE[group]}
    sizes = {**_MORE_VEHICLES, **sizes}
    base = load_vehicle(DEFAULT_PROFILE)
    resized = {name: _resized(base, name, size) for name, size in sizes.items()}
    profiles_by_name = {**{profile.blueprint: profile for profile in profiles}, **resized}
    return [(n, "vehicle", _vehicle_attributes(n), _size(p), p) for n, p in sorted(profiles_by_name.items())]


def _size(profile: VehicleProfile) -> Size:
    return profile.length, profile.width, profile.height


def _resized(base: VehicleProfile, name: str, size: Size) -> VehicleProfile:
    """Return a profile of the same proportions at another size, mass by volume."""
    scale = size[0] / base.length
    volume = size[0] * size[1] * size[2] / (base.length * base.width * base.height)
    lengths = {key: getattr(base, key) * scale for key in ("wheelbase", "front_overhang", "rear_overhang")}
    shape = {"width": size[1], "height": size[2], "mass": base.mass * volume}
    return base.model_copy(update={"name": name, "blueprint": name, **lengths, **shape})


def _vehicle_attributes(name: str) -> tuple[Attribute, ...]:
    two_wheeled = name in {"vehicle.bh.crossbike", "vehicle.kawasaki.ninja", "vehicle.vespa.zx125"}
    return (
        Attribute("role_name", STRING, "autopilot", ("autopilot", "scenario", "ego_vehicle")),
        Attribute("color", COLOUR, "128,128,128", ("235,235,235", "110,112,116", "20,20,22", "150,24,24", "24,58,140")),
        Attribute("number_of_wheels", INT, "2" if two_wheeled else "4", fixed=True),
        Attribute("base_type", STRING, "bicycle" if two_wheeled else "car", fixed=True),
        Attribute("generation", INT, "2", fixed=True),
        Attribute("sticky_control", BOOL, "true"),
        Attribute("object_type", STRING, "", fixed=True),
        Attribute(PROFILE_ATTRIBUTE, STRING, ""),
    )


def _others() -> list[_Row]:
    role = Attribute("role_name", STRING, "", ())
    colour = Attribute("color", COLOUR, "128,128,128")
    walker = (role, colour, Attribute("is_invincible", BOOL, "true"), Attribute("speed", FLOAT, "1.4", ("1.4", "2.8")))
    walkers: list[_Row] = [(b.name, "walker", walker, b.size, None) for b in CATALOGUE["pedestrian"]]
    groups: tuple[Literal["barrier", "box", "cone"], ...] = ("barrier", "box", "cone")
    sizes = {**_MORE_PROPS, **{b.name: b.size for group in groups for b in CATALOGUE[group]}}
    return [*walkers, *((name, "prop", (role, colour), size, None) for name, size in sorted(sizes.items()))]


def _sensors() -> list[_Row]:
    common = (Attribute("role_name", STRING, "front"), Attribute("sensor_tick", FLOAT, "0.0"))
    camera = (
        *common,
        Attribute("image_size_x", INT, "800"),
        Attribute("image_size_y", INT, "600"),
        Attribute("fov", FLOAT, "90.0"),
    )
    names: dict[str, tuple[Attribute, ...]] = {
        "sensor.camera.rgb": camera,
        "sensor.camera.semantic_segmentation": camera,
    }
    plain = ("sensor.other.collision", "sensor.other.gnss", "sensor.other.imu")
    names.update(dict.fromkeys(plain, common))
    return [(name, "sensor", attributes, (0.0, 0.0, 0.0), None) for name, attributes in names.items()]
