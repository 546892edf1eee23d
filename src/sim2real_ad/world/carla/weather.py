"""CARLA's weather and the domain's light and fog, both ways.

A CARLA weather holds percentages and a sun by azimuth (deg, clockwise from +x as its yaw) and altitude (deg).
"""

from __future__ import annotations

from collections.abc import Sequence

from sim2real_ad.world.randomization import Domain

WEATHER_FIELDS = (
    "cloudiness",
    "precipitation",
    "precipitation_deposits",
    "wind_intensity",
    "sun_azimuth_angle",
    "sun_altitude_angle",
    "fog_density",
    "fog_distance",
    "fog_falloff",
    "wetness",
    "scattering_intensity",
    "mie_scattering_scale",
    "rayleigh_scattering_scale",
    "dust_storm",
)
"""In the order of the wire."""


def weather_from_domain(domain: Domain) -> dict[str, float]:
    """Return the CARLA weather that looks like a domain, by field name."""
    return {
        **dict.fromkeys(WEATHER_FIELDS, 0.0),
        "cloudiness": 100.0 * domain.cloudiness,
        "precipitation_deposits": 60.0 * domain.wetness,
        "wetness": 100.0 * domain.wetness,
        "sun_azimuth_angle": -domain.sun_azimuth_deg % 360.0,
        "sun_altitude_angle": domain.sun_elevation_deg,
        "fog_density": 100.0 * domain.fog,
        "fog_distance": 10.0,
        "fog_falloff": 0.1,
        "scattering_intensity": 1.0,
        "mie_scattering_scale": 0.03,
        "rayleigh_scattering_scale": 0.0331,
    }


def domain_from_weather(domain: Domain, weather: Sequence[float]) -> Domain:
    """Return the domain with the light, fog and wetness of a CARLA weather in the order of WEATHER_FIELDS."""
    named = dict(zip(WEATHER_FIELDS, weather, strict=False))
    azimuth = -named["sun_azimuth_angle"] % 360.0
    wetness = max(named["wetness"], named["precipitation_deposits"], named["precipitation"])
    changes = {
        "cloudiness": _share(named["cloudiness"]),
        "fog": _share(named["fog_density"]),
        "wetness": _share(wetness),
        "sun_elevation_deg": min(max(named["sun_altitude_angle"], -10.0), 90.0),
        "sun_azimuth_deg": azimuth - 360.0 if azimuth > 180.0 else azimuth,
    }
    return domain.model_copy(update=changes)


def _share(percent: float) -> float:
    return min(max(percent / 100.0, 0.0), 1.0)
