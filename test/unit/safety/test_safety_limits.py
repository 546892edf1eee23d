"""The limits' file: what it says, and that no other is taken for one."""

import math

import pytest
import yaml
from gate_drive import LIMITS, NUMBERS

from sim2real_ad.config import share_path
from sim2real_ad.errors import ConfigError
from sim2real_ad.safety.limits import SafetyLimits, load_safety_limits

SHIPPED = share_path() / "config" / "safety" / "default.yaml"
KEYS = [(section, key) for section, keys in NUMBERS.items() for key in keys]
BOUNDS = {
    ("freshness", "request_silence"): ("above", 0.0, 0.5),
    ("freshness", "request_age"): ("above", 0.0, 1.0),
    ("freshness", "ego_silence"): ("above", 0.0, 0.5),
    ("freshness", "ego_age"): ("above", 0.0, 1.0),
    ("freshness", "view_silence"): ("above", 0.0, 1.0),
    ("freshness", "view_age"): ("above", 0.0, 1.0),
    ("freshness", "vehicle_silence"): ("above", 0.0, 1.0),
    ("freshness", "driver_silence"): ("above", 0.0, 1.0),
    ("freshness", "stamp_lead"): ("from", 0.0, 0.5),
    ("freshness", "clock_step"): ("above", 0.0, 5.0),
    ("motion", "lateral_jerk"): ("above", 0.0, 20.0),
    ("motion", "rising_jerk"): ("above", 0.0, 50.0),
    ("agreement", "difference"): ("above", 0.0, 5.0),
    ("agreement", "share"): ("from", 0.0, 0.5),
    ("agreement", "hold"): ("from", 0.0, 5.0),
    ("tracking", "steering"): ("above", 0.0, 1.0),
    ("tracking", "acceleration"): ("above", 0.0, 10.0),
    ("tracking", "hold"): ("from", 0.0, 5.0),
    ("domain", "overspeed"): ("from", 0.0, 20.0),
    ("domain", "seen"): ("from", 0.0, 1.0),
    ("domain", "unfamiliar"): ("above", 0.0, 1.0),
    ("domain", "unfamiliar_hold"): ("from", 0.0, 5.0),
    ("domain", "route_deviation"): ("above", 0.0, 50.0),
    ("domain", "deviation_hold"): ("from", 0.0, 5.0),
    ("heading", "angle"): ("above", 0.0, 0.5),
    ("heading", "share"): ("above", 0.5, 1.0),
    ("heading", "speed"): ("from", 0.0, 10.0),
    ("clearance", "side_margin"): ("from", -0.5, 2.0),
    ("clearance", "widened_by"): ("from", 0.0, 1.0),
    ("clearance", "response_time"): ("above", 0.0, 2.0),
    ("clearance", "other_braking"): ("above", 0.0, 12.0),
    ("clearance", "time_to_collision"): ("from", 0.0, 5.0),
    ("driver", "brake_pedal"): ("above", 0.0, 1.0),
    ("driver", "accelerator_pedal"): ("above", 0.0, 1.0),
    ("driver", "steering_torque"): ("above", 0.0, 50.0),
    ("manoeuvre", "lapse"): ("from", 0.0, 1.0),
    ("manoeuvre", "stop"): ("above", 0.0, 60.0),
    ("manoeuvre", "engaging"): ("above", 0.0, 10.0),
    ("manoeuvre", "healthy"): ("from", 0.0, 10.0),
    **{("budgets", stage): ("above", 0.0, 1000.0) for stage in NUMBERS["budgets"] if stage != "missed_in_a_row"},
}
COUNTS = {
    ("heading", "views"): 200,
    ("clearance", "cells"): 100,
    ("clearance", "views"): 20,
    ("budgets", "missed_in_a_row"): 100,
}


@pytest.fixture
def write(tmp_path):
    """Write the shipped file anew after a change to its contents, and return its path."""

    def write(change):
        contents = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
        change(contents)
        path = tmp_path / "limits.yaml"
        path.write_text(yaml.safe_dump(contents), encoding="utf-8")
        return str(path)

    return write


def with_value(section, key, value):
    contents = LIMITS.model_dump()
    contents[section][key] = value
    return SafetyLimits.model_validate(contents)


def test_the_shipped_limits_are_taken_by_name_and_by_default_and_read_once():
    assert load_safety_limits() == load_safety_limits("default")
    assert load_safety_limits() is load_safety_limits()
    assert load_safety_limits().model_dump() == yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))


def test_other_limits_are_taken_by_path(write):
    path = write(lambda contents: contents["motion"].update(lateral_jerk=3.5))
    assert load_safety_limits(path).motion.lateral_jerk == 3.5


def test_limits_that_do_not_exist_are_refused_by_name():
    with pytest.raises(ConfigError, match="safety: no 'careless'"):
        load_safety_limits("careless")


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_a_file_that_lacks_a_key_is_refused_by_its_name(write, section, key):
    path = write(lambda contents: contents[section].pop(key))
    with pytest.raises(ConfigError, match=rf"{section}\.{key}"):
        load_safety_limits(path)


@pytest.mark.parametrize("section", NUMBERS)
def test_a_file_that_lacks_a_section_is_refused_by_its_name(write, section):
    path = write(lambda contents: contents.pop(section))
    with pytest.raises(ConfigError, match=section):
        load_safety_limits(path)


def test_a_key_that_nobody_knows_is_refused_by_its_name(write):
    path = write(lambda contents: contents["motion"].update(forward_jerk=1.0))
    with pytest.raises(ConfigError, match="forward_jerk"):
        load_safety_limits(path)


@pytest.mark.parametrize(("section", "key"), KEYS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "fast"])
def test_what_is_no_finite_number_is_refused(section, key, value):
    with pytest.raises(ValueError, match=key):
        with_value(section, key, value)


@pytest.mark.parametrize(("section", "key"), BOUNDS)
def test_a_limit_lies_in_its_bounds(section, key):
    kind, low, high = BOUNDS[section, key]
    least = math.nextafter(low, math.inf) if kind == "above" else low
    for value in (least, high):
        assert getattr(getattr(with_value(section, key, value), section), key) == value
    for value in (math.nextafter(least, -math.inf), math.nextafter(high, math.inf)):
        with pytest.raises(ValueError, match=key):
            with_value(section, key, value)


@pytest.mark.parametrize(("value", "fits"), [(0.0, False), (1e-9, True), (1.0 - 1e-9, True), (1.0, False)])
def test_the_probability_of_a_taken_cell_lies_between_nothing_and_certainty(value, fits):
    if fits:
        assert with_value("clearance", "probability", value).clearance.probability == value
        return
    with pytest.raises(ValueError, match="probability"):
        with_value("clearance", "probability", value)


@pytest.mark.parametrize(("section", "key"), COUNTS)
def test_counts_are_whole_and_bounded(section, key):
    most = COUNTS[section, key]
    for value in (1, most):
        assert getattr(getattr(with_value(section, key, value), section), key) == value
    for value in (0, most + 1, 1.5):
        with pytest.raises(ValueError, match=key):
            with_value(section, key, value)


def test_a_stage_has_its_budget_and_others_have_none():
    of = LIMITS.budgets.of
    assert [of(stage) for stage in ("camera", "adapter", "policy", "actuation", "safety_gate", "age")] == [
        10.0,
        35.0,
        10.0,
        5.0,
        5.0,
        100.0,
    ]
    assert of("kettle") is None
    assert of("missed_in_a_row") is None


def test_every_limit_has_its_bounds_tested():
    assert {*BOUNDS, *COUNTS, ("clearance", "probability")} == set(KEYS)
    assert set(KEYS) == {(s, key) for s, keys in load_safety_limits().model_dump().items() for key in keys}
