"""The drive-by-wire that the settings name, from either side of the bus."""

from __future__ import annotations

from sim2real_ad.dbw.dataspeed.ecu import DataspeedEcu
from sim2real_ad.dbw.dataspeed.interface import DataspeedInterface
from sim2real_ad.dbw.ecu import Ecu
from sim2real_ad.dbw.interface import DriveByWire
from sim2real_ad.dbw.pacmod.ecu import PacmodEcu
from sim2real_ad.dbw.pacmod.interface import PacmodInterface
from sim2real_ad.dbw.settings import DataspeedSettings, EcuSettings, ProtocolSettings
from sim2real_ad.vehicle.profile import VehicleProfile


def interface_for(profile: VehicleProfile, settings: ProtocolSettings) -> DriveByWire:
    """Return the host's side. Raises DbwError or ConfigError where profile, maps and settings do not fit."""
    if isinstance(settings, DataspeedSettings):
        return DataspeedInterface(profile, settings)
    return PacmodInterface(profile, settings)


def ecu_for(profile: VehicleProfile, settings: ProtocolSettings, ecu: EcuSettings) -> Ecu:
    """Return the car's side, simulated. Raises DbwError or ConfigError where something is missing."""
    if isinstance(settings, DataspeedSettings):
        return DataspeedEcu(profile, settings, ecu)
    return PacmodEcu(profile, settings, ecu)
