import pytest
from gate_drive import LIMITS, driver, limits_with

from sim2real_ad.safety.driver import DriverOverride
from sim2real_ad.safety.findings import Finding, Severity


def override():
    """Return an override that has seen a driver who does nothing."""
    watched = DriverOverride(LIMITS.driver)
    assert watched.step(driver()) is None
    return watched


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        (driver(brake=0.0500001), "driver_brakes"),
        (driver(brake=1.0), "driver_brakes"),
        (driver(torque=3.0000001), "driver_steers"),
        (driver(torque=-3.0000001), "driver_steers"),
    ],
)
def test_a_foot_on_the_brake_or_a_hand_that_turns_the_wheel_takes_over(inputs, reason):
    found = override().step(inputs)
    assert (found.check, found.reason, found.severity) == ("driver", reason, Severity.REVOKE)


@pytest.mark.parametrize(
    "inputs", [driver(brake=0.05), driver(torque=3.0), driver(torque=-3.0), driver(accelerator=1.0), driver(brake=-1.0)]
)
def test_what_stays_at_the_limit_does_not_take_over_and_neither_does_the_accelerator(inputs):
    assert override().step(inputs) is None


def test_the_finding_tells_the_value_and_its_limit():
    assert override().step(driver(brake=0.5)) == Finding("driver", "driver_brakes", Severity.REVOKE, "0.50, limit 0.05")
    assert override().step(driver(torque=-4.0)).detail == "4.00, limit 3.0"


def test_the_brake_is_named_first():
    assert override().step(driver(brake=1.0, torque=9.0)).reason == "driver_brakes"


@pytest.mark.parametrize("inputs", [driver(brake=0.5), driver(torque=5.0)])
def test_only_the_rising_edge_takes_over(inputs):
    watched = override()
    assert watched.step(inputs) is not None
    assert watched.step(inputs) is None
    assert watched.step(driver()) is None
    assert watched.step(inputs) is not None


def test_an_edge_rises_from_the_limit_itself():
    watched = override()
    watched.step(driver(brake=0.05, torque=3.0))
    assert watched.step(driver(brake=0.06, torque=3.0)).reason == "driver_brakes"
    watched.step(driver(brake=0.05, torque=3.0))
    assert watched.step(driver(brake=0.05, torque=3.1)).reason == "driver_steers"


@pytest.mark.parametrize("torque", [5.0, -5.0])
def test_turning_the_wheel_the_other_way_as_hard_is_no_new_edge(torque):
    watched = override()
    watched.step(driver(torque=torque))
    assert watched.step(driver(torque=-torque)) is None


@pytest.mark.parametrize("inputs", [driver(brake=0.5), driver(torque=-5.0)])
def test_a_driver_who_acts_in_the_first_report_takes_over(inputs):
    assert DriverOverride(LIMITS.driver).step(inputs) is not None


@pytest.mark.parametrize("inputs", [driver(brake=0.02), driver(torque=0.02)])
def test_before_the_first_report_nobody_acts_however_low_the_limits(inputs):
    limits = limits_with(driver={"brake_pedal": 0.01, "steering_torque": 0.01}).driver
    assert DriverOverride(limits).step(inputs) is not None


def test_pedals_are_pressed_above_their_limits_and_for_as_long_as_they_are():
    watched = override()
    for brake, accelerator, pressed in (
        (0.05, 0.1, (False, False)),
        (0.0500001, 0.1, (True, False)),
        (0.05, 0.1000001, (False, True)),
        (1.0, 1.0, (True, True)),
        (0.0, 0.0, (False, False)),
    ):
        watched.step(driver(brake=brake, accelerator=accelerator))
        assert (watched.brakes, watched.accelerates) == pressed


def test_a_new_override_knows_of_no_pedal():
    watched = DriverOverride(LIMITS.driver)
    assert (watched.brakes, watched.accelerates) == (False, False)


def test_after_forgetting_no_pedal_is_pressed_and_the_next_press_is_an_edge():
    watched = override()
    watched.step(driver(brake=1.0, accelerator=1.0))
    watched.forget()
    assert (watched.brakes, watched.accelerates) == (False, False)
    assert watched.step(driver(brake=1.0)).reason == "driver_brakes"
