"""Weather and domain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.world.carla.weather import WEATHER_FIELDS, domain_from_weather, weather_from_domain
from sim2real_ad.world.randomization import Domain, sample_domain


@given(seed=st.integers(0, 10_000))
def test_a_domains_light_and_fog_survive_the_round_trip(seed):
    domain = sample_domain(seed)
    back = domain_from_weather(
        Domain(appearance_seed=domain.appearance_seed), list(weather_from_domain(domain).values())
    )
    for name in ("cloudiness", "fog", "wetness", "sun_elevation_deg", "sun_azimuth_deg"):
        assert getattr(back, name) == pytest.approx(getattr(domain, name), abs=1e-9)


def test_rain_wets_the_road_and_values_beyond_the_scale_are_clipped():
    weather = dict.fromkeys(WEATHER_FIELDS, 0.0) | {"precipitation": 80.0, "cloudiness": 250.0}
    domain = domain_from_weather(Domain(), list(weather.values()))
    assert (domain.wetness, domain.cloudiness) == (0.8, 1.0)


def test_what_weather_does_not_know_stays_as_it_was():
    domain = sample_domain(3)
    after = domain_from_weather(domain, [0.0] * len(WEATHER_FIELDS))
    assert (after.dynamics, after.camera, after.appearance_seed) == (
        domain.dynamics,
        domain.camera,
        domain.appearance_seed,
    )
