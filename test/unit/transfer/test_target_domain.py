"""Target domains are held out: deterministic, strict, and outside whatever training can draw."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.config import find_config
from sim2real_ad.errors import ConfigError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.policy.checkpoint import load_checkpoint
from sim2real_ad.training.config import TrainingConfig
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world import randomization
from sim2real_ad.world.randomization import Domain, sample_domain
from sim2real_ad.world.randomization_ranges import load_ranges
from sim2real_ad.world.target_domain import TargetDomain, load_target_domain, target_domain_names

NAMES = target_domain_names()
every_domain = pytest.mark.parametrize("name", NAMES)
WEATHERS = ("fair", "overcast", "rain", "fog")


class Extreme:
    """Stands in for numpy's generator: every draw is an end of its range."""

    def __init__(self, high: bool, weather: str) -> None:
        self.share, self.weather = float(high), weather

    def uniform(self, low: float = 0.0, high: float = 1.0, size: int | None = None) -> Any:
        value = low + self.share * (high - low)
        return value if size is None else np.full(size, value)

    def normal(self, mean: float, deviation: float, size: int | None = None) -> Any:
        value = mean + (100.0 if self.share else -100.0) * deviation
        return value if size is None else np.full(size, value)

    def integers(self, high: int) -> int:
        return (high - 1) if self.share else 0

    def choice(self, names: tuple[str, ...], p: tuple[float, ...]) -> str:
        assert set(names) == set(WEATHERS)
        return self.weather


@pytest.fixture
def reach(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[tuple[float, float]]]:
    """What sample_domain can draw of every field: one range a weather."""
    found: dict[str, list[tuple[float, float]]] = {}
    with monkeypatch.context() as patched:
        for weather in WEATHERS:
            ends = []
            for high in (False, True):
                patched.setattr(np.random, "default_rng", lambda _, h=high, w=weather: Extreme(h, w))
                ends.append(flat(sample_domain(0).model_dump()))
            for name in ends[0]:
                found.setdefault(name, []).append((ends[0][name], ends[1][name]))
    return found


def flat(data: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """Return nested numbers by dotted name."""
    parts = (flat(v, f"{prefix}{k}.") if isinstance(v, dict) else {f"{prefix}{k}": v} for k, v in data.items())
    return {k: v for part in parts for k, v in part.items()}


def apart(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[1] < other[0] or other[1] < one[0]


def test_there_are_three_kinds_of_target_domain_and_all_of_them_at_once() -> None:
    assert NAMES == ("all_at_once", "another_body", "another_feel", "another_look")
    single = {f for n in NAMES if n != "all_at_once" for f in load_target_domain(n).world}
    assert set(load_target_domain("all_at_once").world) == single


def test_the_ranges_that_training_can_draw_hold_every_domain_that_it_draws(reach: Any) -> None:
    for seed in range(300):
        drawn = flat(sample_domain(seed).model_dump())
        assert all(any(low <= drawn[n] <= high for low, high in reach[n]) for n in drawn), seed


@every_domain
def test_every_drawn_setting_that_a_domain_is_about_lies_outside_what_training_can_draw(name: str, reach: Any) -> None:
    domain = load_target_domain(name)
    about = set(domain.held_out) & set(domain.world)
    assert about
    for field in about:
        assert all(apart(domain.ranges()[field], drawn) for drawn in reach[field]), (field, reach[field])


@every_domain
def test_a_domain_about_a_body_a_lens_or_a_sensor_has_another_than_training(name: str, reach: Any) -> None:
    domain, trained = load_target_domain(name), TrainingConfig()
    parts = {
        "vehicle": (domain.load_vehicle(), load_vehicle(trained.vehicle)),
        "camera_model": (domain.load_camera(), load_camera(trained.camera)),
    }
    for field in domain.held_out:
        part, _, rest = field.partition(".")
        if part == "sensor":
            low, high = getattr(load_ranges().sensor, rest)
            assert not low <= getattr(domain.sensor, rest) <= high, field
        if part not in parts:
            continue
        target, known = parts[part]
        for key in rest.split("."):
            target, known = getattr(target, key), getattr(known, key)
        if rest.startswith("mount."):
            name = rest.removeprefix("mount.")
            low, high = reach[f"camera.{name}"][0]
            lowest, highest = getattr(load_ranges().camera, name)
            assert not min(known, lowest) + low <= target <= max(known, highest) + high, field
        else:
            assert target != known, field


@every_domain
def test_the_settings_of_a_domain_are_held_to_on_every_seed_and_the_rest_is_as_in_training(name: str) -> None:
    domain = load_target_domain(name)
    for seed in range(30):
        drawn, trained = flat(domain.draw(seed).model_dump()), flat(sample_domain(seed).model_dump())
        for field, (low, high) in domain.ranges().items():
            assert low <= drawn[field] <= high
        same = set(drawn) - set(domain.world)
        assert {f: drawn[f] for f in same} == {f: trained[f] for f in same}


@settings(max_examples=25)
@given(seed=st.integers(0, 2**40))
def test_a_seed_draws_the_same_domain_every_time_and_it_survives_the_way_through_a_map(seed: int) -> None:
    domain = load_target_domain("all_at_once")
    drawn = domain.draw(seed)
    assert drawn == load_target_domain("all_at_once").draw(seed)
    assert Domain.from_json(drawn.to_json()) == drawn


def test_two_seeds_and_two_domains_draw_differently() -> None:
    feel, every = load_target_domain("another_feel"), load_target_domain("all_at_once")
    lags = [d.draw(s).dynamics.lag for d, s in itertools.product((feel, every), range(5))]
    assert len(set(lags)) == len(lags)


@every_domain
def test_the_shipped_policys_actions_mean_the_same_on_a_targets_car(name: str) -> None:
    assert load_target_domain(name).load_vehicle().action == load_checkpoint().config.action


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"colour": "red"}, "colour"),
        ({"world": {"friction": 0.5}}, "friction"),
        ({"world": {"dynamics.frction": [0.5, 0.6]}}, "frction"),
        ({"world": {"dynamics.friction": [0.6, 0.5]}}, "is empty"),
        ({"world": {"dynamics.friction": [0.1, 0.5]}}, "0.1"),
        ({"world": {"sun.elevation": 3.0}}, "no such field"),
        ({"held_out": ["dynamics.lag"]}, "dynamics.lag"),
        ({"held_out": ["vehicle.wheels"]}, "vehicle.wheels"),
        ({"held_out": []}, "held_out"),
        ({"sensor": {"noise": -1.0}}, "noise"),
        ({"vehicle": "no_such_car"}, "no_such_car"),
        ({"name": "another"}, "must be that of the file"),
    ],
)
def test_a_domain_that_cannot_be_is_refused_with_the_key_at_fault(
    tmp_path: Path, change: dict[str, Any], complaint: str
) -> None:
    data: dict[str, Any] = {
        "name": "mine",
        "description": "mine",
        "vehicle": "saloon",
        "camera": "default",
        "world": {"dynamics.friction": 0.5},
        "held_out": ["vehicle.mass"],
    }
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(data))
    assert load_target_domain(path).draw(3).dynamics.friction == 0.5
    path.write_text(yaml.safe_dump(data | change))
    with pytest.raises(ConfigError, match=complaint):
        load_target_domain(path)


def test_an_unknown_domain_is_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(ConfigError, match="another_look"):
        load_target_domain("another_luck")


def test_a_vehicle_that_lies_beside_the_domain_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_target_domain("another_body").load_vehicle().name == "loaded_van"


def test_the_shipped_domains_are_found_by_name() -> None:
    for name in NAMES:
        assert find_config(name, "domains").is_file()
        assert isinstance(load_target_domain(name), TargetDomain)


def test_asking_for_target_domains_leaves_the_training_domains_alone() -> None:
    before = [sample_domain(seed).to_json() for seed in range(20)]
    load_target_domain("all_at_once").draw(3)
    assert [randomization.sample_domain(seed).to_json() for seed in range(20)] == before
