"""Domains: drawn from a seed, bounded, and the same after a journey as JSON."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.errors import ConfigError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.world.randomization import CameraJitter, Domain, DynamicsScale, sample_domain

seeds = st.integers(0, 2**62)


@settings(max_examples=50)
@given(seed=seeds, strength=st.floats(0.0, 1.0))
def test_json_gives_back_the_same_domain_bit_for_bit(seed: int, strength: float) -> None:
    domain = sample_domain(seed, strength)
    assert Domain.from_json(domain.to_json()) == domain
    assert Domain.from_json(domain.to_json()).to_json() == domain.to_json()


@settings(max_examples=50)
@given(seed=seeds, strength=st.floats(0.0, 1.0))
def test_every_draw_is_within_the_bounds_of_its_fields(seed: int, strength: float) -> None:
    assert Domain.model_validate(sample_domain(seed, strength).model_dump()) == sample_domain(seed, strength)


@given(seed=seeds)
def test_without_strength_only_the_appearance_seed_differs(seed: int) -> None:
    domain = sample_domain(seed, 0.0)
    assert domain.model_copy(update={"appearance_seed": 0}) == Domain()


def test_seeds_differ_in_every_field() -> None:
    first, second = sample_domain(1), sample_domain(2)
    for name in (
        "appearance_seed",
        "sun_elevation_deg",
        "sun_azimuth_deg",
        "exposure",
        "palette",
        "camera",
        "dynamics",
    ):
        assert getattr(first, name) != getattr(second, name)


def test_weather_is_mostly_fair_sometimes_wet_rarely_foggy() -> None:
    domains = [sample_domain(seed) for seed in range(300)]
    foggy, wet = sum(d.fog > 0.29 for d in domains), sum(d.wetness > 0.4 for d in domains)
    assert 10 < foggy < 80
    assert 25 < wet < 100
    assert sum(d.cloudiness < 0.45 for d in domains) > 110


def test_jitter_moves_the_mount_and_nothing_else() -> None:
    camera = load_camera("default")
    moved = Domain(camera=CameraJitter(x=0.1, pitch_deg=-1.0)).jittered(camera)
    assert moved.mount.x == pytest.approx(camera.mount.x + 0.1)
    assert moved.mount.pitch_deg == pytest.approx(camera.mount.pitch_deg - 1.0)
    assert moved.model_copy(update={"mount": camera.mount}) == camera
    assert Domain().jittered(camera) == camera


@pytest.mark.parametrize(("field", "value"), [("fog", 1.5), ("dynamics", {"mass": 9.0}), ("colour", 1)])
def test_a_wrong_domain_is_refused_by_field_and_source(field: str, value: object) -> None:
    text = json.dumps({**json.loads(Domain().to_json()), field: value})
    with pytest.raises(ConfigError, match=rf"the map's header: {field}"):
        Domain.from_json(text, "the map's header")


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(ConfigError, match="domain"):
        Domain.from_json("{")


@pytest.mark.parametrize(("seed", "strength"), [(-1, 1.0), (0, -0.1), (0, 1.1)])
def test_impossible_draws_are_refused(seed: int, strength: float) -> None:
    with pytest.raises(ConfigError, match=r"-1|-0\.1|1\.1"):
        sample_domain(seed, strength)


def test_nominal_physics_are_the_profile_as_it_is() -> None:
    assert DynamicsScale() == DynamicsScale(mass=1.0, lag=1.0, delay=1.0, understeer=1.0)
