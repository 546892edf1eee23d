"""A world in process by the name of its domain: the training domain, or a target domain through its own lens."""

from __future__ import annotations

from functools import lru_cache

from sim2real_ad.evaluation.transfer_report import TRAINING
from sim2real_ad.geometry.camera import CameraModel, load_camera
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.protocol import World
from sim2real_ad.world.target_domain import load_target_domain, target_domain_names
from sim2real_ad.world.target_world import TargetWorld


def domains_named(text: str) -> tuple[str, ...]:
    """Return domains as `open_domain` takes them, of names and paths by commas; 'all' is each that there is."""
    names = (TRAINING, *target_domain_names()) if text == "all" else text.split(",")
    return tuple("" if name == TRAINING else name for name in names)


@lru_cache(maxsize=1)
def open_domain(name_or_path: str) -> World:
    """Open a domain's world, with its camera; "" is the training domain. The last one is kept open.

    Maps and textures take time, and graphics memory is for one. Raises ConfigError, CalibrationError or WorldError.
    """
    if not name_or_path:
        return EmbeddedWorld(load_vehicle("saloon"), load_camera("default"))
    target = load_target_domain(name_or_path)
    profile = target.load_vehicle()

    def open_world(camera: CameraModel) -> World:
        return EmbeddedWorld(profile, camera)

    return TargetWorld(target, target.load_camera(), open_world)
