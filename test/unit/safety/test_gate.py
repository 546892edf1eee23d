"""What the gate does, and the field failures that it must not repeat (named `field failure` below)."""

import dataclasses
import math
import time
from dataclasses import replace

import numpy as np
import pytest
from gate_drive import (
    BEV,
    LIMITS,
    MS,
    PATIENT,
    SALOON,
    TICK,
    Drive,
    curvature,
    driver,
    ego,
    limits_with,
    localization,
    request,
    vehicle,
    view,
)

from sim2real_ad.config import check_config
from sim2real_ad.errors import ConfigError
from sim2real_ad.safety.clearance import FREE
from sim2real_ad.safety.findings import Finding, Severity
from sim2real_ad.safety.gate import Gate, GateConfig
from sim2real_ad.safety.inputs import SOURCES, GateInputs
from sim2real_ad.safety.limits import load_safety_limits
from sim2real_ad.types import Pose2

S = 1000 * MS
REACH = 0.8 * (0.08 + 0.10 + 0.2)
NOT_DRIVING = ("minimal_risk_manoeuvre", "emergency_stop", "fault")


def inputs(stamp=0, **values):
    """Return a healthy request and ego, and values, of one stamp."""
    given = {"request": request(), "ego": ego()} | values
    return GateInputs(**{source: value and replace(value, stamp_ns=stamp) for source, value in given.items()})


def drive_in(state, **options):
    """Return a drive whose gate is in a state."""
    drive = Drive(engage=False, limits=limits_with(tracking=PATIENT, manoeuvre={"stop": 1.0}), **options)
    drive.tick()
    if state == "disengaged":
        return drive
    drive.gate.engage(drive.now)
    if state == "engaging":
        drive.tick(vehicle=vehicle(autonomous=False))
    else:
        drive.tick()
    if state in ("minimal_risk_manoeuvre", "fault"):
        drive.tick(request=None)
    if state == "fault":
        drive.ticks(21)
    if state == "emergency_stop":
        drive.tick(ego=None)
    assert drive.gate.state == state
    return drive


def states(decisions):
    return [decision.state for decision in decisions]


def causes(decision, check):
    return [finding.reason for finding in decision.findings if finding.check == check]


# Engaging


def test_a_new_gate_commands_a_stop_and_says_why():
    decision = Gate(SALOON).step(GateInputs(), 5)
    assert decision.state == "disengaged"
    assert decision.reasons == ("disengaged", "request_missing", "ego_missing")
    assert [finding.reason for finding in decision.findings] == ["request_missing", "ego_missing"]
    assert (decision.command.stamp_ns, decision.command.acceleration, decision.command.velocity) == (5, -1.5, 0.0)
    assert (decision.command.steering_tire_angle, decision.clearance) == (0.0, FREE)


def test_the_shipped_limits_hold_where_none_are_given():
    assert Gate(SALOON).limits == GateConfig().limits == load_safety_limits()
    assert GateConfig().required == ("request", "ego")
    assert (GateConfig().auto_engage, GateConfig().actuated) == (False, True)


def test_healthy_inputs_allow_engaging_and_then_the_request_passes_bit_for_bit():
    asked = request(angle=0.05000000074505806, acceleration=0.5, velocity=8.5, rate=0.5)
    drive = Drive()
    decision = drive.tick(request=asked)
    assert decision.command == replace(asked, stamp_ns=TICK)
    assert (decision.state, decision.reasons, decision.findings) == ("engaged", (), ())


@pytest.mark.parametrize(
    ("given", "refusals"),
    [
        ({"request": None}, ("request_missing",)),
        ({"ego": None}, ("ego_missing",)),
        ({"request": None, "ego": None}, ("request_missing", "ego_missing")),
        ({"request": request(angle=math.nan)}, ("request_not_finite",)),
        ({"ego": ego(speed=math.inf)}, ("ego_not_finite",)),
        ({"ego": ego(speed=150.0)}, ("ego_implausible",)),
        ({"view": view(validity=0)}, ("camera_sees_too_little",)),
        ({"vehicle": vehicle(autonomous=False)}, ()),
        ({"ego": ego(speed=18.8)}, ("overspeed",)),
    ],
)
def test_engaging_is_refused_with_what_was_found_and_changes_nothing(given, refusals):
    gate = Gate(SALOON, GateConfig(limits=LIMITS))
    gate.step(inputs(**given), 0)
    assert gate.engage(0) == refusals
    assert gate.state == ("disengaged" if refusals else "engaging")


@pytest.mark.parametrize("source", ["localization", "view", "vehicle", "driver"])
def test_what_is_required_must_come_before_the_gate_engages(source):
    gate = Gate(SALOON, GateConfig(limits=LIMITS, required=("request", "ego", source)))
    gate.step(inputs(), 0)
    assert gate.engage(0) == (f"{source}_missing",)


def test_a_gate_that_has_decided_nothing_does_not_engage():
    gate = Gate(SALOON, GateConfig(limits=LIMITS))
    assert gate.engage(0) == ("gate_idle",)
    gate.step(inputs(), 0)
    gate.reset()
    assert gate.engage(0) == ("gate_idle",)


def test_a_gate_that_has_been_idle_does_not_engage():
    for idle, refusals in ((100 * MS + 1, ("gate_idle",)), (-1, ("gate_idle",)), (0, ()), (100 * MS, ())):
        gate = Gate(SALOON, GateConfig(limits=LIMITS))
        gate.step(inputs(), 0)
        assert gate.engage(idle) == refusals


@pytest.mark.parametrize("state", ["engaging", "engaged", *NOT_DRIVING])
def test_only_a_disengaged_gate_engages(state):
    drive = drive_in(state)
    drive.tick(vehicle=vehicle(autonomous=False)) if state == "engaging" else drive.tick()
    assert drive.gate.engage(drive.now) == ("not_disengaged",)
    assert drive.gate.state == state


def test_all_that_speaks_against_engaging_is_told():
    drive = drive_in("emergency_stop")
    drive.tick(request=None, driver=driver())
    assert drive.gate.engage(drive.now + S) == ("request_missing", "gate_idle", "not_disengaged")


def test_a_foot_on_the_brake_refuses_for_as_long_as_it_is_there():
    drive = Drive(engage=False)
    drive.ticks(2, driver=driver(brake=0.06))
    assert drive.gate.engage(drive.now) == ("driver_brakes",)
    drive.tick(driver=driver(brake=0.05))
    assert drive.gate.engage(drive.now) == ()


def test_a_hand_that_rests_on_the_wheel_refuses_nothing():
    drive = Drive(engage=False)
    drive.ticks(2, driver=driver(torque=9.0, accelerator=1.0))
    assert drive.gate.engage(drive.now) == ()
    assert drive.tick(driver=driver(torque=9.0)).state == "engaged"


def test_the_gate_is_engaging_until_it_decides():
    drive = Drive(engage=False)
    drive.tick()
    assert drive.gate.engage(drive.now) == ()
    assert drive.gate.state == "engaging"


def test_a_vehicle_that_is_about_to_take_over_hears_the_request_already():
    drive = Drive(engage=False)
    drive.tick()
    drive.gate.engage(drive.now)
    decision = drive.tick(request=request(acceleration=1.0), vehicle=vehicle(autonomous=False))
    assert (decision.state, decision.command.acceleration, decision.reasons) == ("engaging", 1.0, ())
    assert drive.tick(vehicle=vehicle(autonomous=True)).state == "engaged"


def test_a_vehicle_that_does_not_take_over_in_time_ends_engaging():
    drive = Drive(engage=False)
    drive.tick()
    drive.gate.engage(drive.now)
    assert set(states(drive.ticks(40, vehicle=vehicle(autonomous=False)))) == {"engaging"}
    decision = drive.tick(1, vehicle=vehicle(autonomous=False))
    assert (decision.state, decision.reasons) == ("disengaged", ("disengaged", "vehicle_did_not_take_over"))
    assert decision.command.acceleration == -1.5


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"request": None}, "request_missing"),
        ({"ego": None}, "ego_missing"),
        ({"driver": driver(brake=1.0)}, "driver_brakes"),
    ],
)
def test_whatever_goes_wrong_while_engaging_ends_it(given, reason):
    drive = drive_in("engaging")
    decision = drive.tick(**given)
    assert (decision.state, decision.reasons) == ("disengaged", ("disengaged", reason))


def test_auto_engage_drives_from_the_first_healthy_step():
    drive = Drive(engage=False, auto_engage=True)
    assert drive.tick(request=None).state == "disengaged"
    decision = drive.tick(request=request(acceleration=1.0))
    assert (decision.state, decision.command.acceleration, decision.reasons) == ("engaged", 1.0, ())


def test_without_auto_engage_health_alone_engages_nothing():
    assert set(states(Drive(engage=False).ticks(50))) == {"disengaged"}


# Disengaging


@pytest.mark.parametrize("state", ["engaging", "engaged", *NOT_DRIVING])
def test_disengaging_returns_authority_from_every_state(state):
    drive = drive_in(state)
    drive.gate.disengage()
    assert drive.gate.state == "disengaged"
    decision = drive.tick()
    assert (decision.state, decision.reasons, decision.command.acceleration) == ("disengaged", ("disengaged",), -1.5)


def test_disengaging_does_not_let_the_steering_jump():
    drive = Drive(speed=5.0, angle=0.2)
    drive.gate.disengage()
    decision = drive.tick(request=request(angle=-0.2), ego=ego(speed=5.0, angle=0.15))
    assert decision.command.steering_tire_angle == pytest.approx(0.15)


@pytest.mark.parametrize("state", NOT_DRIVING)
def test_a_driver_may_engage_again_at_once_after_any_stop(state):
    drive = drive_in(state)
    drive.tick()
    drive.gate.disengage()
    assert drive.gate.engage(drive.now) == ()
    decision = drive.tick(request=request(acceleration=1.0))
    assert (decision.state, decision.command.acceleration, decision.reasons) == ("engaged", 1.0, ())


def test_a_disengaged_gate_brakes_comfortably_whatever_is_asked_for_or_lost():
    drive = Drive(engage=False)
    for given in ({}, {"request": request(acceleration=-5.0)}, {"request": request(acceleration=2.0)}, {"ego": None}):
        assert drive.tick(**given).command.acceleration == -1.5


def test_a_disengaged_gate_keeps_the_curve_that_the_driver_last_drove():
    drive = Drive(engage=False)
    drive.tick(ego=ego(speed=5.0, angle=0.1))
    curve = curvature(request(angle=0.1), 5.0)
    assert curvature(drive.tick(ego=None).command, 5.0) == pytest.approx(curve, rel=1e-5)


def test_a_disengaged_gate_follows_no_route():
    drive = Drive(engage=False)
    drive.ticks(2, view=view(route=((0.0, 0.0), (7.0, 2.0), (20.0, 20.0))))
    assert drive.tick(request=None).command.steering_tire_angle == 0.0


def test_reset_forgets_the_drive():
    drive = Drive(angle=0.2, speed=3.0, bev=BEV)
    drive.tick(view=view(wall=12.0), driver=driver(brake=0.0, accelerator=1.0))
    drive.gate.reset()
    assert drive.gate.state == "disengaged"
    decision = drive.gate.step(inputs(-1000 * TICK, ego=None), -1000 * TICK)
    assert decision.reasons == ("disengaged", "ego_missing")
    assert decision.command.steering_tire_angle == 0.0


def test_a_reset_gate_has_seen_nothing_ahead():
    drive = Drive(bev=BEV)
    drive.tick(view=view(wall=12.0))
    drive.gate.reset()
    assert drive.tick(view=view(wall=12.0)).clearance == FREE


def test_a_reset_gate_knows_no_route():
    drive = Drive()
    drive.tick(view=left_of(0.0))
    drive.gate.reset()
    drive.tick()
    drive.gate.engage(drive.now)
    drive.tick(request=request(angle=0.02))
    decision = drive.tick(request=None, ego=ego(pose=Pose2(5.0, 0.5, 0.0)))
    assert decision.command.steering_tire_angle == pytest.approx(0.02)


def test_a_reset_gate_decides_as_a_new_one():
    used = Drive(angle=0.1, bev=BEV, limits=limits_with(tracking=PATIENT))
    used.tick(driver=driver(brake=1.0), view=view(wall=12.0))
    used.ticks(3, request=None)
    used.gate.reset()
    new = Drive(engage=False, bev=BEV, limits=limits_with(tracking=PATIENT))
    for tick in range(6):
        for gate in (used.gate, new.gate):
            if tick in (1, 4):
                assert gate.engage((tick - 1) * TICK) == (() if tick == 1 else ("request_missing", "not_disengaged"))
        fed = inputs(tick * TICK, request=None if tick == 3 else request(angle=0.02), view=view(wall=12.0, bev=BEV))
        assert used.gate.step(fed, tick * TICK) == new.gate.step(fed, tick * TICK)


# Stopping


@pytest.mark.parametrize(
    ("given", "reason", "state", "deceleration"),
    [
        ({"request": None}, "request_missing", "minimal_risk_manoeuvre", 1.5),
        ({"request": request(angle=math.nan)}, "request_not_finite", "minimal_risk_manoeuvre", 1.5),
        ({"request": request(acceleration=math.inf)}, "request_not_finite", "minimal_risk_manoeuvre", 1.5),
        ({"request": request(velocity=math.nan)}, "request_not_finite", "minimal_risk_manoeuvre", 1.5),
        ({"request": request(rate=-math.inf)}, "request_not_finite", "minimal_risk_manoeuvre", 1.5),
        ({"ego": None}, "ego_missing", "emergency_stop", 6.0),
        ({"ego": ego(speed=math.nan)}, "ego_not_finite", "emergency_stop", 6.0),
        ({"ego": ego(acceleration=math.nan)}, "ego_not_finite", "emergency_stop", 6.0),
        ({"ego": ego(yaw_rate=math.inf)}, "ego_not_finite", "emergency_stop", 6.0),
        ({"ego": ego(angle=math.nan)}, "ego_not_finite", "emergency_stop", 6.0),
        ({"ego": ego(pose=Pose2(math.nan, 0.0, 0.0))}, "ego_not_finite", "emergency_stop", 6.0),
        ({"ego": ego(speed=-101.0)}, "ego_implausible", "emergency_stop", 6.0),
        ({"ego": ego(angle=1.6)}, "ego_implausible", "emergency_stop", 6.0),
        ({"ego": ego(speed=18.8)}, "overspeed", "minimal_risk_manoeuvre", 1.5),
        ({"view": view(validity=0)}, "camera_sees_too_little", "minimal_risk_manoeuvre", 1.5),
        ({"view": view(ood=math.nan)}, "view_not_finite", "minimal_risk_manoeuvre", 1.5),
        ({"localization": localization(speed=math.nan)}, "localization_not_finite", "minimal_risk_manoeuvre", 1.5),
        ({"driver": driver(torque=math.nan)}, "driver_not_finite", "minimal_risk_manoeuvre", 1.5),
    ],
)
def test_every_fault_stops_the_car_at_once_and_is_named(given, reason, state, deceleration):
    decision = Drive().tick(**given)
    assert (decision.state, decision.reasons) == (state, (reason,))
    assert (decision.command.acceleration, decision.command.velocity) == (-deceleration, 0.0)


@pytest.mark.parametrize(
    ("source", "value", "severity"),
    [
        ("request", request(), "minimal_risk_manoeuvre"),
        ("ego", ego(), "emergency_stop"),
        ("localization", localization(), "minimal_risk_manoeuvre"),
        ("view", view(), "minimal_risk_manoeuvre"),
        ("vehicle", vehicle(), "minimal_risk_manoeuvre"),
        ("driver", driver(), "minimal_risk_manoeuvre"),
    ],
)
def test_every_source_that_falls_silent_or_lies_ahead_of_time_stops_the_car(source, value, severity):
    drive = Drive()
    drive.tick(**{source: value})
    fed = replace(inputs(drive.now + TICK), **{source: replace(value, stamp_ns=drive.now + TICK + 50 * MS + 1)})
    decision = drive.gate.step(fed, drive.now + TICK)
    assert (decision.state, decision.reasons) == (severity, (f"{source}_from_future",))
    drive = Drive()
    drive.tick(**{source: value})
    last = replace(value, stamp_ns=drive.now)
    for now in range(drive.now, drive.now + 500 * MS, 10 * MS):
        decision = drive.gate.step(replace(inputs(now), **{source: last}), now)
    assert decision.state == severity
    assert decision.reasons == (f"{source}_stale",)


def test_stages_that_keep_missing_their_budgets_stop_the_car():
    drive = Drive()
    late = Finding("budgets", "adapter_over_budget", Severity.STOP)
    decision = drive.gate.step(replace(inputs(TICK), over_budget=(late,)), TICK)
    assert (decision.state, decision.reasons) == ("minimal_risk_manoeuvre", ("adapter_over_budget",))
    assert decision.findings == (late,)


def test_both_inputs_failing_are_both_named_and_the_harder_stop_wins():
    decision = Drive().tick(request=None, ego=None)
    assert (decision.state, decision.reasons) == ("emergency_stop", ("ego_missing", "request_missing"))
    assert decision.command.acceleration == -6.0


def test_silence_of_more_than_100_ms_requests_a_stop_not_only_a_state():
    """Field failure: a timeout changed the fallback's state but requested no stop."""
    gate = Drive().gate
    last = request(0, acceleration=1.0)
    fed = inputs(100 * MS)
    assert gate.step(replace(fed, request=last), 100 * MS).state == "engaged"
    for after, state in ((1, "engaged"), (200 * MS, "engaged"), (200 * MS + 1, "minimal_risk_manoeuvre")):
        now = 100 * MS + after
        decision = gate.step(replace(inputs(now), request=last), now)
        assert (decision.state, decision.reasons) == (state, ("request_stale",))
        assert (decision.command.acceleration, decision.command.velocity) == (-1.5, 0.0)


def test_a_silent_ego_is_braked_for_at_once_and_an_emergency_where_it_lasts():
    gate = Drive().gate
    assert gate.step(replace(inputs(100 * MS), ego=ego(0)), 100 * MS).reasons == ()
    lapse, stop = ("engaged", -1.5), ("emergency_stop", -6.0)
    for after, (state, acceleration) in ((1, lapse), (200 * MS, lapse), (200 * MS + 1, stop)):
        now = 100 * MS + after
        decision = gate.step(replace(inputs(now), ego=ego(0)), now)
        assert (decision.state, decision.reasons) == (state, ("ego_stale",))
        assert decision.command.acceleration == acceleration


def test_a_stop_that_loses_the_ego_brakes_blindly_and_hard_at_once():
    drive = drive_in("minimal_risk_manoeuvre")
    last, now = drive.now, drive.now + 101 * MS
    decision = drive.gate.step(replace(inputs(now), ego=ego(last)), now)
    assert (decision.state, causes(decision, "ego")) == ("minimal_risk_manoeuvre", ["ego_stale"])
    assert decision.command.acceleration == -6.0


def test_a_stop_is_as_gentle_as_the_car_s_comfort_where_nothing_asks_for_more():
    gentle = SALOON.model_copy(update={"limits": SALOON.limits.model_copy(update={"comfortable_deceleration": 0.5})})
    gate = Gate(gentle, GateConfig(limits=LIMITS), BEV)
    gate.step(inputs(0, view=view()), 0)
    gate.engage(0)
    gate.step(inputs(TICK, view=view()), TICK)
    decision = gate.step(inputs(2 * TICK, view=view(), request=None), 2 * TICK)
    assert (decision.state, decision.command.acceleration) == ("minimal_risk_manoeuvre", -0.5)


def test_a_decision_drives_on_only_where_nothing_was_found_and_the_state_is_one_of_driving():
    gate = Drive().gate
    assert gate.step(inputs(50 * MS), 50 * MS).drives
    lapse = gate.step(replace(inputs(160 * MS), request=request(50 * MS)), 160 * MS)
    assert (lapse.state, lapse.drives) == ("engaged", False)
    assert gate.step(inputs(210 * MS), 210 * MS).drives
    gate.disengage()
    assert not gate.step(inputs(260 * MS), 260 * MS).drives


def test_after_a_lapse_the_car_drives_on_at_once():
    gate = Drive().gate
    late = gate.step(replace(inputs(110 * MS), request=request(0)), 110 * MS)
    assert (late.state, late.command.acceleration) == ("engaged", -1.5)
    decision = gate.step(inputs(160 * MS, request=request(acceleration=2.0)), 160 * MS)
    assert (decision.state, decision.reasons, decision.command.acceleration) == ("engaged", (), 2.0)


def test_during_a_lapse_the_car_keeps_to_its_path_whatever_comes():
    drive = Drive(limits=limits_with(tracking=PATIENT))
    drive.tick(view=left_of(0.0))
    moved = {"request": request(angle=0.05), "ego": ego(pose=Pose2(5.0, 0.5, 0.0))}
    for _ in range(3):
        decision = drive.tick(view=left_of(9.0), **moved)
        assert (decision.state, decision.reasons, decision.command.acceleration) == ("engaged", ("off_route",), -1.5)
        assert decision.command.steering_tire_angle == pytest.approx(pursuit(-0.5, 8.0), rel=1e-5)
    assert drive.tick(view=left_of(0.0), **moved).command.steering_tire_angle == pytest.approx(0.05)
    assert drive.tick(**(moved | {"request": None})).command.steering_tire_angle == 0.0


def test_a_stop_is_harder_than_comfortable_during_a_lapse_where_the_request_asks_for_it():
    drive = Drive()
    decision = drive.tick(view=view(route=()), request=request(acceleration=-4.0))
    assert (decision.state, decision.reasons, decision.command.acceleration) == ("engaged", ("off_route",), -4.0)


def test_nobody_takes_over_during_a_lapse():
    drive = Drive(engage=False)
    drive.tick()
    drive.gate.engage(drive.now)
    decision = drive.tick(view=view(route=()), request=request(acceleration=1.0))
    assert (decision.state, decision.reasons, decision.command.acceleration) == ("engaging", ("off_route",), -1.5)
    decision = drive.tick(view=view(), request=request(acceleration=1.0))
    assert (decision.state, decision.reasons, decision.command.acceleration) == ("engaged", (), 1.0)


def test_a_lapse_refuses_to_engage():
    drive = Drive(engage=False)
    drive.tick(view=view(route=()))
    assert drive.gate.engage(drive.now) == ("off_route",)


def test_a_lapse_ends_no_manoeuvre_and_is_told():
    drive = Drive()
    drive.tick(request=None)
    decision = drive.tick(view=view(route=()))
    assert (decision.state, decision.reasons) == ("minimal_risk_manoeuvre", ("request_missing", "off_route"))


def test_an_old_picture_stops_the_car_even_if_it_arrives_on_time():
    drive = Drive()
    for now in range(TICK, 7 * TICK, TICK):
        decision = drive.gate.step(replace(inputs(now), request=request(now // 10)), now)
        assert decision.state == "engaged"
    decision = drive.gate.step(replace(inputs(7 * TICK), request=request(7 * TICK // 10)), 7 * TICK)
    assert decision.reasons == ("request_stale",)


def test_a_request_out_of_order_tells_nothing_new():
    drive = Drive()
    newest = request(TICK, acceleration=1.0)
    drive.gate.step(replace(inputs(TICK), request=newest), TICK)
    decision = drive.gate.step(replace(inputs(2 * TICK), request=request(TICK - 1, acceleration=-1.0)), 2 * TICK)
    assert (decision.state, decision.command) == ("engaged", newest)


def test_a_stop_never_accelerates_even_where_the_request_does():
    """Field failure: acceleration went on after STOP."""
    drive = Drive()
    drive.tick(request=None)
    for decision in drive.ticks(10, request=request(acceleration=2.0)):
        assert (decision.state, decision.command.acceleration) == ("minimal_risk_manoeuvre", -1.5)


def test_a_stop_brakes_as_hard_as_a_healthy_request_asks_within_normal_driving():
    drive = Drive()
    drive.tick(request=None)
    assert drive.tick(request=request(acceleration=-4.0)).command.acceleration == -4.0
    assert drive.tick(request=request(acceleration=-9.0)).command.acceleration == -5.0
    assert drive.tick(request=request(acceleration=-1.0)).command.acceleration == -1.5


def test_emergency_braking_is_there_in_full_in_the_first_command():
    """Field failure: braking was rate-clamped in the emergency path."""
    drive = Drive()
    assert drive.tick(request=request(acceleration=2.0)).command.acceleration == 2.0
    assert drive.tick(request=request(acceleration=2.0), ego=None).command.acceleration == -6.0


def test_an_emergency_stop_brakes_in_full_even_after_the_emergency():
    drive = drive_in("emergency_stop")
    assert [decision.command.acceleration for decision in drive.ticks(10)] == [-6.0] * 10


def test_a_stop_in_a_bend_follows_the_curve_and_not_the_angle():
    """Field failure: a stop held the current steering angle and left the road in a bend."""
    drive = Drive(speed=12.0)
    bend = 0.015
    angle = math.atan(SALOON.wheelbase * bend) + SALOON.understeer_gradient * 144.0 * bend
    drive.tick(request=request(angle=angle), ego=ego(speed=12.0, angle=0.5 * angle))
    angles = []
    for speed in (12.0, 9.0, 6.0, 3.0, 0.0):
        decision = drive.tick(request=None, ego=ego(speed=speed, angle=0.5 * angle))
        assert curvature(decision.command, speed) == pytest.approx(bend, rel=1e-5)
        angles.append(decision.command.steering_tire_angle)
    assert angles == sorted(angles, reverse=True)
    assert angles[0] > angles[-1]


def test_the_curve_of_a_stop_is_that_of_the_last_command_and_not_of_what_was_asked_for():
    drive = Drive(speed=10.0)
    command = drive.tick(request=request(angle=0.5)).command
    assert drive.tick(request=None).command.steering_tire_angle == pytest.approx(command.steering_tire_angle)


def test_a_request_does_not_steer_a_stop():
    drive = Drive(speed=3.0, angle=0.1)
    drive.tick(request=None)
    for decision in drive.ticks(5, request=request(angle=-0.2)):
        assert decision.command.steering_tire_angle == pytest.approx(0.1)


def test_a_stop_asks_no_more_of_the_steering_than_it_can_follow():
    drive = Drive(speed=3.0, angle=0.3)
    decision = drive.tick(request=None, ego=ego(speed=3.0, angle=-0.3))
    assert decision.command.steering_tire_angle == pytest.approx(-0.3 + REACH)


def test_where_the_ego_is_lost_its_old_tyre_angle_no_longer_limits_the_plan():
    drive = Drive(speed=3.0, angle=0.3)
    drive.tick(request=None, ego=ego(speed=3.0, angle=-0.3))
    assert drive.tick(ego=None).command.steering_tire_angle == pytest.approx(0.3)


def test_a_plan_that_is_not_finite_does_not_replace_the_last_good_one():
    drive = Drive()
    drive.tick(request=request(angle=0.05))
    decision = drive.tick(request=request(angle=math.nan))
    assert decision.command.steering_tire_angle == pytest.approx(0.05)


def test_the_car_is_held_at_standstill_for_as_long_as_the_inputs_stay_away():
    drive = Drive(speed=5.0)
    for _ in range(1000):
        drive.now += TICK
        fed = replace(inputs(drive.now, ego=ego(speed=0.0)), request=request(0, acceleration=2.0))
        decision = drive.gate.step(fed, drive.now)
    assert (decision.state, decision.reasons) == ("minimal_risk_manoeuvre", ("request_stale",))
    assert (decision.command.acceleration, decision.command.velocity) == (-1.5, 0.0)


def test_a_manoeuvre_is_not_called_off_by_health():
    """Field failure of the other kind: a stop that is called off and called again lets the car roll on and on."""
    drive = Drive()
    drive.tick(request=None)
    assert set(states(drive.ticks(300))) == {"minimal_risk_manoeuvre"}
    for decision in drive.ticks(300, ego=ego(speed=0.0), request=request(acceleration=2.0)):
        assert (decision.state, decision.reasons) == ("minimal_risk_manoeuvre", ("request_missing",))
        assert decision.command.acceleration == -1.5


def test_a_gate_that_nobody_feeds_commands_on():
    """Field failure: a locked mux stopped publishing, so the actuator kept its last command."""
    gate = Drive().gate
    stamps = [gate.step(inputs(0), tick * TICK).command.stamp_ns for tick in range(4, 9)]
    assert stamps == [tick * TICK for tick in range(4, 9)]


def test_a_stop_over_a_fresh_request_keeps_its_stamp():
    drive = Drive()
    drive.tick(request=None)
    decision = drive.gate.step(inputs(2 * TICK), 2 * TICK + 3)
    assert decision.command.stamp_ns == 2 * TICK
    decision = drive.gate.step(replace(inputs(3 * TICK), request=request(3 * TICK, angle=math.nan)), 3 * TICK + 3)
    assert decision.command.stamp_ns == 3 * TICK + 3


def test_a_stop_names_what_it_began_with_and_what_is_wrong_now_once():
    drive = Drive()
    drive.tick(request=None)
    assert drive.tick(ego=ego(speed=18.8)).reasons == ("request_missing", "overspeed")
    assert drive.tick(request=None).reasons == ("request_missing",)
    assert drive.tick(ego=None).reasons == ("request_missing", "ego_missing")
    assert drive.tick().reasons == ("request_missing", "ego_missing")


def test_after_half_a_second_of_health_at_standstill_a_simulated_driver_drives_on_without_delay():
    """Field failure: a jerk filter delayed the restart."""
    drive = Drive(speed=0.0, auto_engage=True, engage=False)
    drive.tick()
    drive.tick(request=None)
    for decision in drive.ticks(10, request=request(acceleration=2.0)):
        assert (decision.state, decision.reasons) == ("minimal_risk_manoeuvre", ("request_missing",))
    decision = drive.tick(request=request(acceleration=2.0))
    assert (decision.state, decision.command.acceleration, decision.reasons) == ("engaged", 2.0, ())


def test_a_simulated_driver_waits_for_standstill():
    drive = Drive(auto_engage=True, engage=False, limits=limits_with(tracking=PATIENT))
    drive.tick()
    drive.tick(request=None)
    assert set(states(drive.ticks(30, ego=ego(speed=0.11)))) == {"minimal_risk_manoeuvre"}
    assert states(drive.ticks(11, ego=ego(speed=0.1)))[-2:] == ["minimal_risk_manoeuvre", "engaged"]


@pytest.mark.parametrize(
    "broken", [{"request": None}, {"ego": None}, {"ego": ego(speed=0.2)}, {"view": view(route=())}]
)
def test_whatever_happens_while_a_simulated_driver_waits_starts_the_wait_anew(broken):
    drive = Drive(speed=0.0, auto_engage=True, engage=False)
    drive.tick()
    drive.tick(request=None)
    drive.ticks(9)
    drive.tick(**broken)
    assert "engaged" not in states(drive.ticks(10))
    assert drive.tick().state == "engaged"


def test_a_simulated_driver_engages_again_after_an_emergency_too():
    drive = Drive(speed=0.0, auto_engage=True, engage=False)
    drive.tick()
    drive.tick(ego=None)
    assert states(drive.ticks(11))[-2:] == ["emergency_stop", "engaged"]


def test_a_simulated_driver_does_not_engage_again_after_a_fault():
    drive = Drive(auto_engage=True, engage=False, limits=limits_with(tracking=PATIENT, manoeuvre={"stop": 0.5}))
    drive.tick()
    drive.ticks(12, request=None)
    assert set(states(drive.ticks(100, ego=ego(speed=0.0)))) == {"fault"}


def test_a_simulated_driver_with_a_foot_on_the_brake_lets_go_of_the_manoeuvre_and_waits():
    drive = Drive(speed=0.0, auto_engage=True, engage=False)
    drive.ticks(2, driver=driver(brake=0.0))
    assert drive.tick(driver=driver(brake=1.0)).state == "disengaged"
    assert set(states(drive.ticks(30, driver=driver(brake=1.0)))) == {"disengaged"}
    assert drive.tick(driver=driver()).state == "engaged"


def test_a_car_that_does_not_stop_is_a_fault_that_brakes_hard_and_latches():
    drive = Drive(limits=limits_with(tracking=PATIENT, manoeuvre={"stop": 1.0}))
    assert states(drive.ticks(22, request=None)) == ["minimal_risk_manoeuvre"] * 21 + ["fault"]
    for decision in drive.ticks(40, ego=ego(speed=0.0)):
        assert (decision.state, decision.reasons) == ("fault", ("request_missing", "stop_failed"))
        assert decision.command.acceleration == -6.0
    assert drive.gate.engage(drive.now) == ("not_disengaged",)
    drive.gate.disengage()
    assert drive.gate.engage(drive.now) == ()


@pytest.mark.parametrize(
    ("speed", "state"),
    [(0.1, "minimal_risk_manoeuvre"), (-0.1, "minimal_risk_manoeuvre"), (0.1000001, "fault"), (-0.1000001, "fault")],
)
def test_a_stop_has_succeeded_at_a_tenth_of_a_metre_per_second(speed, state):
    drive = Drive(limits=limits_with(manoeuvre={"stop": 1.0}))
    assert drive.ticks(24, request=None, ego=ego(speed=speed))[-1].state == state


def test_losing_the_ego_for_good_is_a_fault_because_nobody_knows_that_the_car_stands():
    drive = Drive(speed=0.0, limits=limits_with(manoeuvre={"stop": 1.0}))
    assert states(drive.ticks(22, ego=None)) == ["emergency_stop"] * 21 + ["fault"]


def test_a_stop_that_turns_into_an_emergency_has_no_more_time_for_it():
    drive = Drive(limits=limits_with(tracking=PATIENT, manoeuvre={"stop": 1.0}))
    drive.ticks(15, request=None)
    assert states(drive.ticks(7, ego=None)) == ["emergency_stop"] * 6 + ["fault"]


# Taking over


@pytest.mark.parametrize("state", ["engaged", *NOT_DRIVING])
@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"driver": driver(brake=0.06)}, "driver_brakes"),
        ({"driver": driver(torque=-3.1)}, "driver_steers"),
        ({"vehicle": vehicle(autonomous=False)}, "vehicle_not_autonomous"),
    ],
)
def test_the_driver_and_the_vehicle_take_over_from_every_state(state, given, reason):
    drive = drive_in(state)
    decision = drive.tick(**given)
    assert (decision.state, decision.reasons) == ("disengaged", ("disengaged", reason))
    assert decision.command.acceleration == -1.5
    assert drive.tick().reasons == ("disengaged", reason)


def test_a_takeover_outweighs_an_emergency():
    decision = Drive().tick(ego=None, driver=driver(brake=1.0))
    assert decision.state == "disengaged"
    assert decision.reasons == ("disengaged", "driver_brakes", "ego_missing")


def test_a_vehicle_that_takes_no_commands_is_no_finding_before_it_was_asked_to():
    for state in ("disengaged", "engaging"):
        assert drive_in(state).tick(vehicle=vehicle(autonomous=False)).findings == ()


def test_the_accelerator_takes_over_nothing():
    assert Drive().tick(driver=driver(accelerator=1.0)).state == "engaged"


# Limiting


def test_every_limit_is_named_and_the_drive_goes_on():
    for asked, state, reason in (
        (request(angle=0.9), ego(speed=1.0, angle=0.55), "steering_range"),
        (request(angle=0.1), ego(), "lateral_jerk"),
        (request(angle=0.5), ego(speed=1.0), "steering_rate"),
        (request(acceleration=2.5), ego(), "acceleration_range"),
        (request(acceleration=2.0), ego(acceleration=-3.0), "acceleration_jerk"),
        (request(acceleration=1.0), ego(speed=16.0), "speed_limit"),
        (request(velocity=17.0), ego(), "velocity_range"),
    ):
        decision = Drive(limits=limits_with(tracking=PATIENT)).tick(request=asked, ego=state)
        assert (decision.state, decision.reasons, decision.findings) == ("engaged", (reason,), ())


def test_the_steering_is_limited_from_the_actual_angle_not_from_the_last_command():
    """Field failure: the filter tracked the previous command, so taking over jumped."""
    drive = Drive(speed=3.0)
    for _ in range(6):
        decision = drive.tick(request=request(angle=0.3), ego=ego(speed=3.0, angle=-0.3))
        assert decision.command.steering_tire_angle == pytest.approx(-0.3 + REACH)


def test_a_car_that_is_not_where_its_commands_led_it_stops():
    drive = Drive(speed=3.0)
    decisions = drive.ticks(40, request=request(angle=0.3), ego=ego(speed=3.0, angle=-0.3))
    assert decisions[-1].reasons == ("steering_not_followed",)
    assert decisions[-1].state == "minimal_risk_manoeuvre"
    assert causes(decisions[-1], "tracking") == ["steering_not_followed"]


def test_a_car_that_does_not_brake_during_a_stop_is_found():
    drive = Drive(limits=limits_with(tracking={"acceleration": 1.0}))
    decisions = drive.ticks(40, request=None)
    assert decisions[-1].reasons == ("request_missing", "acceleration_not_followed")


def test_nothing_is_expected_of_a_car_that_the_driver_drives():
    drive = Drive(engage=False, limits=limits_with(tracking={"hold": 0.0}))
    decisions = drive.ticks(5, ego=ego(angle=0.5, acceleration=5.0)) + drive.ticks(5, ego=ego(angle=-0.5))
    assert [decision.findings for decision in decisions] == [()] * 10


def test_nothing_is_expected_of_a_car_that_was_driven_by_somebody_else_just_now():
    """While engaging, the commands do not reach the actuators yet."""
    drive = Drive(engage=False, limits=limits_with(tracking={"hold": 0.0}))
    drive.tick()
    drive.gate.engage(drive.now)
    for angle in (0.2, -0.2, 0.2):
        decision = drive.tick(vehicle=vehicle(autonomous=False), ego=ego(speed=3.0, angle=angle))
        assert decision.state == "engaging"
    assert drive.tick(vehicle=vehicle(), ego=ego(speed=3.0, angle=-0.2)).findings == ()


def test_a_car_that_does_not_take_the_commands_is_not_judged_by_how_it_follows_them():
    wrong = {"request": request(angle=0.3), "ego": ego(speed=3.0, angle=-0.3, acceleration=9.0)}
    for actuated, found in ((False, set()), (True, {"steering_not_followed", "acceleration_not_followed"})):
        drive = Drive(speed=3.0, actuated=actuated, limits=limits_with(tracking={"hold": 0.0}))
        assert {f.reason for decision in drive.ticks(3, **wrong) for f in decision.findings} == found


def test_what_was_expected_before_the_ego_was_lost_is_not_expected_after():
    drive = Drive(speed=3.0, limits=limits_with(tracking={"hold": 0.0}))
    drive.tick(ego=None)
    assert causes(drive.tick(ego=ego(speed=3.0, angle=0.5)), "tracking") == []


# What is ahead


def ahead(wall, accelerator=0.0):
    return {"view": view(wall=wall), "driver": driver(accelerator=accelerator)}


def test_nothing_ahead_is_no_reason():
    decision = Drive(bev=BEV).ticks(3, view=view())[-1]
    assert (decision.state, decision.reasons, decision.clearance) == ("engaged", (), FREE)


def test_without_a_grid_nothing_is_known_of_what_is_ahead():
    decision = Drive().ticks(3, view=view(wall=5.0))[-1]
    assert (decision.state, decision.reasons, decision.clearance) == ("engaged", (), FREE)


def test_something_far_enough_ahead_is_no_reason():
    decision = Drive(bev=BEV).ticks(2, request=request(acceleration=1.0), **ahead(14.0))[-1]
    assert decision.clearance.gap == pytest.approx(10.2)
    assert decision.clearance.needed == pytest.approx(8.0 * 0.3 + 0.09 + 8.6**2 / 10.0)
    assert (decision.state, decision.reasons, decision.command.acceleration) == ("engaged", (), 1.0)


def test_within_the_safe_distance_the_car_brakes_for_what_is_ahead():
    decision = Drive(bev=BEV).ticks(2, request=request(acceleration=1.0), **ahead(12.0))[-1]
    assert (decision.state, decision.reasons) == ("engaged", ("rss_distance",))
    assert decision.command.acceleration == pytest.approx(-(8.0**2) / (2.0 * (8.2 - 0.5)))


def test_at_the_safe_distance_itself_the_request_passes():
    """Standing, the car needs 0.09 + 0.6^2 / 10 = 0.126 m."""
    for response, reasons in ((0.30, ()), (0.45, ("rss_distance",))):
        limits = limits_with(clearance={"response_time": response})
        drive = Drive(speed=0.0, bev=BEV, limits=limits)
        assert drive.ticks(2, request=request(acceleration=0.5), **ahead(4.0))[-1].reasons == reasons


def test_a_gap_that_is_the_safe_distance_to_the_bit_is_enough():
    drive = Drive(speed=0.0, bev=BEV)
    decision = drive.ticks(2, **ahead(9.0))[-1].clearance
    same = replace(decision, needed=decision.gap)
    drive.gate._clearance.step = lambda *_: same
    assert drive.tick(request=request(acceleration=0.5), **ahead(9.0)).reasons == ()
    drive.gate._clearance.step = lambda *_: replace(same, gap=math.nextafter(same.gap, 0.0))
    assert drive.tick(request=request(acceleration=0.5), **ahead(9.0)).reasons == ("rss_distance",)


@pytest.mark.parametrize(
    ("speed", "wall", "braking"),
    [(3.0, 5.5, 9.0 / (2.0 * 1.2)), (1.0, 4.5, 1.0 / (2.0 * 0.2)), (0.5, 4.5, 1.5), (0.5, 4.0, 1.5), (1.0, 4.0, 5.0)],
)
def test_the_braking_for_what_is_ahead_ends_half_a_metre_before_it_and_is_comfortable_at_least(speed, wall, braking):
    limits = limits_with(clearance={"time_to_collision": 0.0, "response_time": 1.0})
    drive = Drive(speed=speed, bev=BEV, limits=limits)
    decision = drive.ticks(2, request=request(acceleration=1.0), **ahead(wall))[-1]
    assert decision.reasons == ("rss_distance",)
    assert decision.command.acceleration == pytest.approx(-braking)


def test_a_thing_that_is_all_but_touched_asks_for_no_more_than_normal_braking():
    drive = Drive(speed=2.0, bev=BEV, limits=limits_with(clearance={"time_to_collision": 0.0}))
    decision = drive.ticks(2, **ahead(4.0))[-1]
    assert (decision.state, decision.command.acceleration) == ("engaged", -5.0)


def test_a_request_that_brakes_harder_passes():
    decision = Drive(bev=BEV).ticks(2, request=request(acceleration=-4.5), **ahead(12.0))[-1]
    assert (decision.reasons, decision.command.acceleration) == ((), -4.5)


def test_a_collision_that_is_near_is_an_emergency():
    drive = Drive(bev=BEV)
    assert drive.tick(**ahead(9.0)).state == "engaged"
    decision = drive.tick(**ahead(9.0))
    assert (decision.state, decision.reasons) == ("emergency_stop", ("collision_imminent",))
    assert decision.command.acceleration == -6.0
    assert decision.findings[0].detail == "5.2 m ahead, 0.65 s to collision, at least 0.7"


@pytest.mark.parametrize(("least", "state"), [(0.65, "engaged"), (0.6501, "emergency_stop")])
def test_the_edge_of_a_collision(least, state):
    drive = Drive(bev=BEV, limits=limits_with(clearance={"time_to_collision": least}))
    assert drive.ticks(2, **ahead(9.0))[-1].state == state


def test_a_collision_that_comes_near_during_a_stop_makes_it_an_emergency():
    drive = Drive(bev=BEV)
    drive.tick(request=None, **ahead(9.0))
    decision = drive.tick(request=None, **ahead(9.0))
    assert (decision.state, decision.reasons) == (
        "emergency_stop",
        ("request_missing", "collision_imminent"),
    )


def test_a_stop_brakes_as_hard_as_what_is_ahead_asks_for():
    drive = Drive(bev=BEV)
    decision = drive.ticks(2, request=None, **ahead(12.0))[-1]
    assert decision.state == "minimal_risk_manoeuvre"
    assert decision.command.acceleration == pytest.approx(-64.0 / (2.0 * 7.7))
    assert drive.tick(request=request(acceleration=-4.5), **ahead(12.0)).command.acceleration == -4.5


def test_the_accelerator_suspends_the_braking_for_what_is_ahead():
    for wall in (12.0, 9.0):
        decision = Drive(bev=BEV).ticks(2, request=request(acceleration=1.0), **ahead(wall, accelerator=0.2))[-1]
        assert (decision.state, decision.reasons, decision.command.acceleration) == ("engaged", (), 1.0)
        decision = Drive(bev=BEV).ticks(2, request=request(acceleration=1.0), **ahead(wall, accelerator=0.1))[-1]
        assert decision.command.acceleration < -4.0


def test_a_car_that_stands_collides_with_nothing():
    drive = Drive(speed=0.1, bev=BEV)
    decision = drive.ticks(2, **ahead(3.5))[-1]
    assert (decision.state, decision.clearance.time_to_collision) == ("engaged", 0.0)
    decision = Drive(speed=0.11, bev=BEV).ticks(2, **ahead(3.5))[-1]
    assert decision.state == "emergency_stop"


def test_what_is_ahead_is_looked_for_along_the_requested_curve():
    """The wall lies 5 m aside at x = 9 m, where a turn of 10 m radius leads."""
    shown = view(bev=BEV)
    shown.bev[BEV.index("obstacle")][np.hypot(*(BEV.cell_centres() - (8.5, 5.0)).transpose(2, 0, 1)) < 1.0] = 255
    turn = math.atan(2.85 * 0.1) + 0.0015 * 9.0 * 0.1
    for asked, found in ((request(angle=turn), True), (request(angle=-turn), False), (request(), False)):
        drive = Drive(speed=3.0, bev=BEV)
        assert math.isfinite(drive.ticks(2, request=asked, view=shown)[-1].clearance.gap) == found


def test_where_nothing_is_requested_the_tyres_tell_the_curve():
    shown = view(bev=BEV)
    shown.bev[BEV.index("obstacle")][np.hypot(*(BEV.cell_centres() - (8.5, 5.0)).transpose(2, 0, 1)) < 1.0] = 255
    turn = math.atan(2.85 * 0.1) + 0.0015 * 9.0 * 0.1
    for angle, found in ((turn, True), (0.0, False)):
        drive = Drive(engage=False, bev=BEV)
        decision = drive.ticks(2, request=None, ego=ego(speed=3.0, angle=angle), view=shown)[-1]
        assert math.isfinite(decision.clearance.gap) == found


def test_a_request_beyond_the_lock_is_looked_along_as_the_lock():
    for angle in (0.6, 5.0, -5.0):
        decision = Drive(speed=3.0, bev=BEV).ticks(2, request=request(angle=angle), view=view(wall=20.0))[-1]
        assert decision.clearance == FREE


@pytest.mark.parametrize("lost", [{"ego": None}, {"view": None}])
def test_without_a_view_or_a_speed_nothing_is_known_of_what_is_ahead(lost):
    drive = Drive(bev=BEV)
    drive.ticks(2, **ahead(12.0))
    assert drive.tick(**(ahead(12.0) | lost)).clearance == FREE


def test_a_view_of_another_grid_stops_the_car():
    decision = Drive(bev=BEV).tick(view=replace(view(), bev=np.zeros((6, 96, 63), np.uint8)))
    assert (decision.state, decision.reasons) == ("minimal_risk_manoeuvre", ("view_unreadable",))
    assert decision.findings[0].detail == "the view's BEV is (6, 96, 63), expected (6, 96, 64)"


def test_engaging_is_refused_right_before_a_collision():
    drive = Drive(engage=False, bev=BEV)
    drive.ticks(2, **ahead(9.0))
    assert drive.gate.engage(drive.now) == ("collision_imminent",)


# The path of a stop


def left_of(metres):
    """Return a view of a straight route that runs to the left of the car."""
    return view(route=tuple((2.0 * i, metres) for i in range(24)))


def pursuit(metres, speed):
    """Return the tyre angle in rad that leads to a point that lies aside, 3 m and half a second ahead."""
    x = 3.0 + 0.5 * speed
    curve = 2.0 * metres / (x * x + metres * metres)
    return math.atan(SALOON.wheelbase * curve) + SALOON.understeer_gradient * speed**2 * curve


def test_a_stop_keeps_to_the_route_at_the_offset_that_the_car_had():
    drive = Drive()
    drive.tick(view=left_of(1.0))
    moved = ego(pose=Pose2(5.0, 0.5, 0.0))
    decision = drive.tick(request=None, view=left_of(0.5), ego=moved)
    assert decision.state == "minimal_risk_manoeuvre"
    assert decision.command.steering_tire_angle == pytest.approx(pursuit(-0.5, 8.0), rel=1e-5)


def test_the_path_of_a_stop_is_the_last_before_it_began():
    drive = Drive()
    drive.tick(view=left_of(0.0))
    moved = ego(pose=Pose2(5.0, 0.5, 0.0))
    for _ in range(3):
        decision = drive.tick(request=None, view=left_of(3.0), ego=moved)
        assert decision.command.steering_tire_angle == pytest.approx(pursuit(-0.5, 8.0), rel=1e-5)


def test_the_next_stop_has_the_path_of_its_own_drive():
    drive = Drive()
    drive.tick(view=left_of(0.0))
    moved = ego(pose=Pose2(5.0, 0.5, 0.0))
    drive.tick(request=None, view=left_of(0.0), ego=moved)
    drive.gate.disengage()
    drive.tick(view=left_of(0.0), ego=moved)
    drive.gate.engage(drive.now)
    drive.tick(view=left_of(0.0), ego=moved)
    assert drive.tick(request=None, view=left_of(0.0), ego=moved).command.steering_tire_angle == 0.0


@pytest.mark.parametrize(
    "lost", [{"localization": localization(speed=math.nan)}, {"ego": None}, {"localization": localization(speed=101.0)}]
)
def test_where_the_place_on_the_route_is_not_known_the_last_curve_is_kept(lost):
    drive = Drive()
    drive.tick(request=request(angle=0.02), view=left_of(0.0))
    decision = drive.tick(**({"ego": ego(pose=Pose2(5.0, 0.5, 0.0)), "view": left_of(0.0)} | lost))
    assert decision.state != "engaged"
    assert decision.command.steering_tire_angle == pytest.approx(0.02)


def test_speeds_that_disagree_make_the_place_on_the_route_unknown():
    drive = Drive(limits=limits_with(agreement={"hold": 0.0}))
    drive.tick(request=request(angle=0.02), view=left_of(0.0))
    moved = {"ego": ego(pose=Pose2(5.0, 0.5, 0.0)), "view": left_of(0.0)}
    decision = drive.tick(localization=localization(speed=3.0), **moved)
    assert decision.reasons == ("speeds_disagree",)
    assert decision.command.steering_tire_angle == pytest.approx(0.02)
    found_again = drive.tick(localization=localization(speed=8.0), **moved)
    assert found_again.command.steering_tire_angle == pytest.approx(pursuit(-0.5, 8.0), rel=1e-5)


def test_a_route_that_was_seen_before_the_gate_drove_is_known():
    drive = Drive(engage=False)
    drive.tick(view=left_of(0.0))
    drive.gate.engage(drive.now)
    assert drive.tick(request=request(angle=0.02)).state == "engaged"
    decision = drive.tick(request=None, ego=ego(pose=Pose2(5.0, 0.5, 0.0)))
    assert decision.command.steering_tire_angle == pytest.approx(pursuit(-0.5, 8.0), rel=1e-5)


def test_the_route_is_taken_from_where_the_car_was_when_it_was_seen():
    drive = Drive()
    there = ego(pose=Pose2(100.0, -40.0, 2.0))
    drive.tick(view=left_of(0.0), ego=there)
    decision = drive.tick(request=None, ego=replace(there, speed=4.0), view=None)
    assert decision.command.steering_tire_angle == pytest.approx(0.0, abs=1e-6)


# Clock


def test_a_gate_that_stood_still_stops_the_car():
    decision = Drive().tick(500 * MS)
    assert (decision.state, decision.reasons) == ("engaged", ())
    decision = Drive().tick(500 * MS + 1)
    assert (decision.state, decision.reasons) == ("minimal_risk_manoeuvre", ("gate_was_late",))
    assert decision.findings[0].detail == "0.50 s since its last decision"


def test_a_gate_that_stood_still_while_it_stopped_the_car_says_so():
    drive = Drive()
    drive.tick(request=None)
    assert drive.tick(S).reasons == ("request_missing", "gate_was_late")


def test_a_gate_that_stood_still_while_it_did_not_drive_may_engage():
    drive = Drive(engage=False)
    drive.tick()
    assert drive.tick(10 * S).findings == ()
    assert drive.gate.engage(drive.now) == ()


def drive_at(now):
    """Return a drive that is engaged at a time."""
    drive = Drive(engage=False, limits=limits_with(tracking=PATIENT, manoeuvre={"stop": 1.0}))
    drive.tick(now)
    drive.gate.engage(drive.now)
    assert drive.tick().state == "engaged"
    return drive


def test_a_clock_set_back_refuses_old_inputs():
    drive = drive_at(100 * S)
    old = drive.gate.step(inputs(drive.now), 0)
    assert (old.state, old.reasons) == ("emergency_stop", ("ego_from_future", "request_from_future"))
    assert drive.gate.step(inputs(TICK), TICK).findings == ()


def test_a_clock_set_back_under_a_healthy_drive_is_a_new_drive():
    drive = drive_at(100 * S)
    decision = drive.gate.step(inputs(0), 0)
    assert (decision.state, decision.reasons) == ("engaged", ())


def test_a_clock_set_back_is_no_way_out_of_a_manoeuvre():
    drive = drive_at(100 * S)
    drive.tick(request=None)
    drive.now = 0
    assert set(states(drive.ticks(10))) == {"minimal_risk_manoeuvre"}


def test_a_clock_set_back_during_a_stop_still_lets_it_fail_in_time():
    drive = drive_at(100 * S)
    drive.tick(request=None)
    drive.now = -TICK
    assert states(drive.ticks(22, request=None)) == ["minimal_risk_manoeuvre"] * 21 + ["fault"]


def test_a_clock_set_back_forgets_what_the_car_was_expected_to_do():
    drive = Drive(engage=False, limits=limits_with(tracking={"hold": 0.0}))
    drive.tick(100 * S)
    drive.gate.engage(drive.now)
    drive.tick()
    decision = drive.gate.step(inputs(0, ego=ego(angle=0.5)), 0)
    assert decision.findings == ()


def test_a_clock_set_back_forgets_what_was_ahead():
    """The two views are in order, each at most 50 ms ahead of the clock of its time."""
    for second, gap in ((61 * MS, 8.2), (10 * MS, math.inf)):
        drive = Drive(bev=BEV)
        drive.gate.step(replace(inputs(60 * MS), view=view(20 * MS, wall=12.0)), 60 * MS)
        decision = drive.gate.step(replace(inputs(second), view=view(25 * MS, wall=12.0)), second)
        assert decision.clearance.gap == pytest.approx(gap)


def test_a_clock_that_stands_still_is_not_set_back():
    drive = Drive()
    drive.tick()
    drive.gate.step(inputs(drive.now, request=None), drive.now)
    decision = drive.gate.step(inputs(drive.now), drive.now)
    assert (decision.state, decision.reasons) == ("minimal_risk_manoeuvre", ("request_missing",))


def test_in_simulation_a_clock_set_back_starts_as_a_new_gate_does():
    used = Drive(auto_engage=True, engage=False, bev=BEV)
    used.tick(100 * S, request=request(angle=0.05), view=view(wall=12.0))
    used.tick(request=None, ego=None)
    new = Drive(auto_engage=True, engage=False, bev=BEV)
    for tick in range(4):
        fed = inputs(tick * TICK, request=request(angle=0.01), view=view(wall=12.0))
        assert used.gate.step(fed, tick * TICK) == new.gate.step(fed, tick * TICK)


def test_in_simulation_the_time_after_a_clock_set_back_is_watched_too():
    drive = Drive(auto_engage=True, engage=False)
    drive.tick(100 * S)
    drive.gate.step(inputs(0), 0)
    assert drive.gate.step(inputs(501 * MS), 501 * MS).reasons == ("gate_was_late",)


def test_in_simulation_a_clock_set_back_forgets_the_curve():
    drive = Drive(auto_engage=True, engage=False)
    drive.tick(100 * S, request=request(angle=0.05))
    assert drive.gate.step(GateInputs(), 0).command.steering_tire_angle == 0.0


def test_a_source_whose_clock_was_set_back_is_welcome_once_a_gate_that_does_not_drive_has_given_it_up():
    drive = Drive(engage=False, limits=limits_with(freshness={"request_age": 1.0}))
    drive.tick(100 * S)
    found = [
        causes(drive.gate.step(replace(inputs(now), request=request(now - 800 * MS)), now), "request")
        for now in range(drive.now + TICK, drive.now + 5 * TICK, TICK)
    ]
    assert found == [[], [], ["request_stale"], []]


def test_a_source_whose_clock_was_set_back_stays_refused_while_the_gate_drives():
    drive = Drive(limits=limits_with(freshness={"request_age": 1.0}, tracking=PATIENT))
    found = [
        causes(drive.gate.step(replace(inputs(now), request=request(now - 800 * MS)), now), "request")
        for now in range(TICK, 16 * TICK, TICK)
    ]
    assert found == [[], []] + [["request_stale"]] * 13


# Config and cost


def test_an_unknown_or_impossible_setting_is_refused_by_name():
    with pytest.raises(ConfigError, match="max_silence"):
        check_config({"max_silence": 1.0}, GateConfig, "gate.yaml")
    with pytest.raises(ConfigError, match="required"):
        check_config({"required": ["request", "passenger"]}, GateConfig, "gate.yaml")
    unsafe = LIMITS.model_dump() | {"freshness": LIMITS.freshness.model_dump() | {"request_silence": 5.0}}
    with pytest.raises(ConfigError, match="request_silence"):
        check_config({"limits": unsafe}, GateConfig, "gate.yaml")


def test_every_source_may_be_required():
    assert GateConfig(required=SOURCES).required == SOURCES


def test_a_decision_is_immutable():
    decision = Gate(SALOON).step(GateInputs(), 0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        decision.command.acceleration = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        decision.state = "engaged"


def test_judging_takes_far_less_than_a_tick():
    drive = Drive(bev=BEV)
    best = math.inf
    for _ in range(200):
        drive.now += TICK
        fed = inputs(drive.now, request=request(angle=0.05), view=view(wall=40.0), driver=driver())
        start = time.perf_counter()
        drive.gate.step(fed, drive.now)
        best = min(best, time.perf_counter() - start)
    assert best < 2e-3
