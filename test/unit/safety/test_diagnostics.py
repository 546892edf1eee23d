"""What the gate tells tools about itself."""

from sim2real_ad.safety.clearance import Clearance
from sim2real_ad.safety.diagnostics import CHECKS, check_statuses
from sim2real_ad.safety.findings import Finding, Severity
from sim2real_ad.safety.gate import GateDecision
from sim2real_ad.types import ControlCommand

COMMAND = ControlCommand(0, 0.1, -1.5)


def statuses(state="engaged", **more):
    return {status.name: status for status in check_statuses(GateDecision(COMMAND, state, **more))}


def test_every_check_has_a_status_in_a_fixed_order_and_is_ok_where_nothing_was_found():
    found = check_statuses(GateDecision(COMMAND, "engaged"))
    assert [status.name for status in found] == ["state", *CHECKS]
    assert {status.level for status in found} == {"OK"}
    assert {status.message for status in found} == {"engaged", "ok"}


def test_a_finding_is_an_error_of_its_check_with_value_and_limit():
    late = Finding("view", "view_stale", Severity.STOP)
    odd = Finding("operational_domain", "off_route", Severity.STOP, "4.2 m, at most 4.0")
    found = statuses("minimal_risk_manoeuvre", findings=(late, odd), reasons=("view_stale", "off_route"))
    assert (found["view"].level, found["view"].message, found["view"].values) == ("ERROR", "view_stale", {})
    assert found["operational_domain"].values == {"off_route": "4.2 m, at most 4.0"}
    assert found["ego"].level == "OK"
    assert (found["state"].level, found["state"].message) == ("ERROR", "minimal_risk_manoeuvre")


def test_a_driver_who_takes_over_is_a_warning():
    taken = Finding("driver", "driver_brakes", Severity.REVOKE, "0.40, limit 0.05")
    assert statuses("disengaged", findings=(taken,))["driver"].level == "WARN"
    assert statuses("disengaged")["state"].level == "WARN"


def test_a_command_that_was_changed_is_a_warning_that_says_why():
    state = statuses("engaged", reasons=("steering_rate",))["state"]
    assert (state.level, state.values["reasons"]) == ("WARN", "steering_rate")
    both = statuses("engaged", reasons=("steering_rate", "lateral_jerk"))["state"]
    assert both.values["reasons"] == "steering_rate, lateral_jerk"
    assert (state.values["steering_tire_angle"], state.values["acceleration"]) == ("0.1000 rad", "-1.500 m/s^2")


def test_the_way_ahead_is_told_in_metres():
    assert statuses()["clearance"].values["gap"] == "free"
    near = statuses(clearance=Clearance(4.25, 5.0, 6.0, 0.85))["clearance"].values
    assert near == {"gap": "4.2 m", "rss_distance": "6.0 m"}


def test_two_findings_of_one_check_are_told_together_and_leave_what_is_ahead_in_place():
    near = Finding("clearance", "collision_imminent", Severity.EMERGENCY, "2.0 m ahead")
    odd = Finding("clearance", "view_unreadable", Severity.STOP)
    found = statuses("emergency_stop", findings=(near, odd), clearance=Clearance(2.0, 5.0, 6.0, 0.4))["clearance"]
    assert found.message == "collision_imminent, view_unreadable"
    assert found.values == {"gap": "2.0 m", "rss_distance": "6.0 m", "collision_imminent": "2.0 m ahead"}
