import math
import shutil

import pytest
import yaml

from sim2real_ad.config import check_config, share_path
from sim2real_ad.control.pedal_map import PedalMap
from sim2real_ad.errors import ConfigError
from sim2real_ad.vehicle.profile import VehicleProfile, load_vehicle

FOLDER = share_path() / "config" / "vehicles"
SHIPPED = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.fixture
def saloon():
    return yaml.safe_load((FOLDER / "saloon.yaml").read_text())


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_profile_loads_with_its_maps_and_names_itself(name):
    profile = load_vehicle(name)
    assert profile.name == name
    weakest = PedalMap.load(profile).acceleration(0.0, 1.0, 10.0)
    assert -weakest >= profile.limits.emergency_deceleration


def test_the_length_is_bumper_to_bumper():
    assert load_vehicle("saloon").length == pytest.approx(4.85)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"no 'hovercraft'; known names: .*saloon"):
        load_vehicle("hovercraft")


@pytest.mark.parametrize("key", ["wheelbase", "limits", "accel_map"])
def test_a_missing_key_stops_the_start(saloon, key):
    del saloon[key]
    with pytest.raises(ConfigError, match=f"car.yaml: {key}: Field required"):
        check_config(saloon, VehicleProfile, "car.yaml")


def test_an_unknown_key_stops_the_start(saloon):
    saloon["limits"]["max_sped"] = 3.0
    with pytest.raises(ConfigError, match=r"limits\.max_sped"):
        check_config(saloon, VehicleProfile, "car.yaml")


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        (None, "wheelbase", 0.5, "wheelbase: .*got 0.5"),
        (None, "mass", math.nan, "mass: .*finite"),
        (None, "front_overhang", 2.5, "front_overhang 2.5 must exceed wheelbase 2.85"),
        ("action", "max_curvature", 0.3, "max_curvature 0.3 exceeds 0.240 at full lock"),
        ("action", "max_acceleration", 2.5, r"action.max_acceleration 2.5 exceeds limits.max_acceleration 2.0"),
        ("action", "max_deceleration", 5.5, r"action.max_deceleration 5.5 exceeds limits.max_deceleration 5.0"),
        ("steering", "delay_s", -0.1, r"steering.delay_s: .*got -0.1"),
    ],
)
def test_an_impossible_number_is_named_with_its_limit(saloon, section, key, value, message):
    (saloon[section] if section else saloon)[key] = value
    with pytest.raises(ConfigError, match=message):
        check_config(saloon, VehicleProfile, "car.yaml")


def test_a_profile_given_by_path_takes_the_maps_beside_it(saloon, tmp_path):
    saloon["accel_map"] = "mine.csv"
    shutil.copy(FOLDER / "saloon_accel_map.csv", tmp_path / "mine.csv")
    (tmp_path / "car.yaml").write_text(yaml.safe_dump(saloon))
    profile = load_vehicle(str(tmp_path / "car.yaml"))
    assert profile.accel_map == str(tmp_path / "mine.csv")
    assert profile.brake_map == "saloon_brake_map.csv"
    assert PedalMap.load(profile).pedals(1.0, 8.0) == PedalMap.load(load_vehicle("saloon")).pedals(1.0, 8.0)


def test_a_shipped_profile_keeps_names_that_hold_on_every_machine():
    by_path = load_vehicle(str(FOLDER / "saloon.yaml"))
    assert by_path == load_vehicle("saloon")
    assert by_path.accel_map == "saloon_accel_map.csv"


def test_a_map_that_is_nowhere_is_named(saloon, tmp_path):
    saloon["brake_map"] = "lost.csv"
    (tmp_path / "car.yaml").write_text(yaml.safe_dump(saloon))
    with pytest.raises(ConfigError, match=r"lost\.csv"):
        PedalMap.load(load_vehicle(str(tmp_path / "car.yaml")))


@pytest.mark.parametrize(
    ("topics", "why"),
    [
        ({"velocity": "speed"}, "topics.velocity"),
        ({"tow_bar": "/tow_bar"}, "topics.tow_bar"),
        ({"velocity": "/can/a", "steering": "/can/a"}, "two are called /can/a"),
    ],
)
def test_a_topic_that_is_not_absolute_not_of_the_boundary_or_named_twice_is_refused(topics, why) -> None:
    with pytest.raises(ConfigError, match=why):
        check_config(
            {**yaml.safe_load((FOLDER / "saloon.yaml").read_text()), "topics": topics}, VehicleProfile, "car.yaml"
        )


def test_profiles_tell_cars_apart_so_they_can_be_kept_by(saloon):
    named = {**saloon, "topics": {"velocity": "/can/speed"}}
    kept = {load_vehicle("saloon"): "plain", check_config(named, VehicleProfile, "car.yaml"): "named"}
    assert kept[load_vehicle("saloon")] == "plain"
    assert len(kept) == 2


def test_a_bare_car_answers_as_its_actuators_do_and_one_without_a_tracker_is_bare_already(saloon):
    bare = {"steering": {"delay_s": 0.24, "lag_s": 0.27}, "acceleration": {"delay_s": 0.1, "lag_s": 0.35}}
    tracked = check_config({**saloon, "tracking": bare}, VehicleProfile, "tracked.yaml")
    assert tracked.bare == check_config({**saloon, **bare}, VehicleProfile, "bare.yaml")
    assert tracked.bare.bare == tracked.bare
