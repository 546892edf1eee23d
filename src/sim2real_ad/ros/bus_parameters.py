"""The bus of a node's parameters: the profile's own, or another one in its place."""

from __future__ import annotations

from sim2real_ad.dbw.settings import DbwSettings, bus_from_text
from sim2real_ad.errors import ConfigError
from sim2real_ad.vehicle.profile import VehicleProfile

OF_PROFILE = "profile"
"""Instead of a bus: the one that the vehicle profile names."""


def drive_by_wire_of(profile: VehicleProfile, bus: str) -> DbwSettings:
    """Return bus and protocol of a car. bus: OF_PROFILE, or one line as in `bus_from_text`.

    Raises ConfigError where the profile has none, or the line is none.
    """
    settings = profile.drive_by_wire
    if settings is None:
        raise ConfigError(
            f"vehicle {profile.name}: the profile has no drive_by_wire section, so there is no bus to drive it by"
        )
    return settings if bus == OF_PROFILE else settings.model_copy(update={"bus": bus_from_text(bus)})
