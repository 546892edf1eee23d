"""Which inputs may be used, and what is found of them together."""

import math
from dataclasses import FrozenInstanceError, replace

import pytest
from gate_drive import LIMITS, MS, SALOON, driver, ego, localization, request, vehicle, view

from sim2real_ad.safety.findings import Finding, Severity
from sim2real_ad.safety.inputs import SOURCES, GateInputs
from sim2real_ad.safety.watch import InputWatch

HEALTHY = {
    "request": request(),
    "ego": ego(),
    "localization": localization(),
    "view": view(),
    "vehicle": vehicle(),
    "driver": driver(),
}
T0 = 10_000 * MS
SILENCE_MS = {"request": 100, "ego": 100, "localization": 100, "view": 150, "vehicle": 250, "driver": 250}
AGE_MS = {"request": 300, "ego": 200, "localization": 200, "view": 300, "vehicle": 250, "driver": 250}


def watch(*required):
    return InputWatch(LIMITS, SALOON, required)


def at(stamp_ns, *sources, **values):
    """Return inputs of that stamp: healthy ones of the sources named, and values."""
    given = {source: HEALTHY[source] for source in sources} | values
    return GateInputs(**{source: replace(value, stamp_ns=stamp_ns) for source, value in given.items()})


def reasons(watched):
    return [finding.reason for finding in watched.findings]


def judged(watched):
    return [(finding.reason, finding.severity) for finding in watched.findings]


def worst_of(source):
    return Severity.EMERGENCY if source == "ego" else Severity.STOP


# Inputs


def test_the_stamps_of_inputs_are_theirs():
    inputs = GateInputs(request=request(5), driver=driver(7))
    assert [inputs.stamp_ns(source) for source in SOURCES] == [5, None, None, None, None, 7]


def test_the_sources_are_the_inputs_in_their_order():
    assert SOURCES == ("request", "ego", "localization", "view", "vehicle", "driver")
    assert GateInputs() == GateInputs(**dict.fromkeys(SOURCES))


# Each by itself


def test_healthy_inputs_may_be_used_and_nothing_is_found():
    inputs = at(T0, *SOURCES)
    watched = watch(*SOURCES).step(inputs, T0)
    assert watched.findings == ()
    assert all(getattr(watched.healthy, source) is getattr(inputs, source) for source in SOURCES)


@pytest.mark.parametrize("source", SOURCES)
def test_only_the_absence_of_what_is_required_is_found(source):
    assert reasons(watch().step(GateInputs(), T0)) == []
    expected = Finding(source, f"{source}_missing", worst_of(source))
    assert watch(source).step(GateInputs(), T0).findings == (expected,)


def test_everything_that_is_missing_is_found_in_the_order_of_the_sources():
    assert reasons(watch(*SOURCES).step(GateInputs(), T0)) == [f"{source}_missing" for source in SOURCES]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("required", [True, False])
def test_silence_is_found_whether_the_input_is_required_or_not(source, required):
    watched = watch(*[source] if required else [])
    inputs = at(T0, source)
    silence = SILENCE_MS[source] * MS
    assert reasons(watched.step(inputs, T0)) == []
    last = watched.step(inputs, T0 + silence)
    assert (reasons(last), getattr(last.healthy, source)) == ([], getattr(inputs, source))
    gone = watched.step(inputs, T0 + silence + 1)
    assert (reasons(gone), getattr(gone.healthy, source)) == ([f"{source}_stale"], None)


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_late_is_a_lapse_until_it_has_been_for_long_enough(source):
    watched, inputs, silence = watch(), at(T0, source), SILENCE_MS[source] * MS
    watched.step(inputs, T0)
    for late, severity in (
        (1, Severity.LAPSE),
        (100 * MS, Severity.LAPSE),
        (200 * MS, Severity.LAPSE),
        (200 * MS + 1, worst_of(source)),
        (999 * MS, worst_of(source)),
    ):
        gone = watched.step(inputs, T0 + silence + late)
        assert gone.findings == (Finding(source, f"{source}_stale", severity),)
        assert gone.healthy == GateInputs()


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_wrong_otherwise_is_no_lapse(source):
    assert judged(watch(source).step(GateInputs(), T0)) == [(f"{source}_missing", worst_of(source))]
    future = watch().step(at(T0 + 51 * MS, source), T0)
    assert judged(future) == [(f"{source}_from_future", worst_of(source))]


def test_one_input_in_time_ends_a_lapse():
    watched = watch()
    watched.step(at(T0 - 301 * MS, "request"), T0)
    assert reasons(watched.step(at(T0 + 150 * MS, "request"), T0 + 150 * MS)) == []
    late = watched.step(at(T0 + 150 * MS, "request"), T0 + 300 * MS)
    assert judged(late) == [("request_stale", Severity.LAPSE)]
    assert judged(watched.step(at(T0, "request"), T0 + 500 * MS - 1)) == [("request_stale", Severity.LAPSE)]
    assert judged(watched.step(at(T0, "request"), T0 + 500 * MS)) == [("request_stale", Severity.STOP)]


def test_another_fault_ends_a_lapse_too():
    watched = watch("request")
    watched.step(at(T0 - 301 * MS, "request"), T0)
    watched.step(GateInputs(), T0 + 100 * MS)
    late = watched.step(at(T0 - 301 * MS, "request"), T0 + 200 * MS)
    assert judged(late) == [("request_stale", Severity.LAPSE)]


def test_every_source_lapses_by_itself():
    watched = watch()
    watched.step(at(T0 - 301 * MS, "request"), T0)
    late = watched.step(at(T0 - 301 * MS, "request", "ego"), T0 + 200 * MS)
    assert judged(late) == [("request_stale", Severity.STOP), ("ego_stale", Severity.LAPSE)]


def test_a_lapse_is_forgotten():
    watched = watch()
    watched.step(at(T0 - 301 * MS, "request"), T0)
    watched.forget()
    late = watched.step(at(T0 - 301 * MS, "request"), T0 + 200 * MS)
    assert judged(late) == [("request_stale", Severity.LAPSE)]


@pytest.mark.parametrize("source", SOURCES)
def test_age_is_found_however_often_the_input_comes(source):
    age = AGE_MS[source] * MS
    assert reasons(watch().step(at(T0, source), T0 + age)) == []
    assert reasons(watch().step(at(T0, source), T0 + age + 1)) == [f"{source}_stale"]


@pytest.mark.parametrize("source", SOURCES)
def test_a_stamp_may_lie_a_little_in_the_future(source):
    assert reasons(watch().step(at(T0 + 50 * MS, source), T0)) == []
    watched = watch().step(at(T0 + 50 * MS + 1, source), T0)
    assert (reasons(watched), getattr(watched.healthy, source)) == ([f"{source}_from_future"], None)


@pytest.mark.parametrize(
    ("source", "broken", "reason"),
    [
        ("request", request(angle=math.nan), "request_not_finite"),
        ("ego", ego(speed=math.inf), "ego_not_finite"),
        ("ego", ego(speed=101.0), "ego_implausible"),
        ("localization", localization(speed=math.nan), "localization_not_finite"),
        ("localization", localization(speed=101.0), "localization_implausible"),
        ("view", view(ood=math.nan), "view_not_finite"),
        ("driver", driver(torque=math.nan), "driver_not_finite"),
    ],
)
def test_what_is_implausible_is_found_and_not_used(source, broken, reason):
    watched = watch().step(at(T0, **{source: broken}), T0)
    assert watched.findings == (Finding(source, reason, worst_of(source)),)
    assert watched.healthy == GateInputs()


def test_what_is_stale_and_implausible_is_called_stale():
    assert reasons(watch().step(at(T0 - 1000 * MS, ego=ego(speed=math.nan)), T0)) == ["ego_stale"]


def test_what_was_judged_is_immutable():
    watched = watch().step(GateInputs(), T0)
    for thing, field in ((watched, "findings"), (watched.healthy, "ego"), *((HEALTHY[s], "stamp_ns") for s in SOURCES)):
        with pytest.raises(FrozenInstanceError):
            setattr(thing, field, None)


def test_one_broken_input_does_not_spoil_the_others():
    inputs = replace(at(T0, *SOURCES), request=request(T0, angle=math.nan))
    watched = watch(*SOURCES).step(inputs, T0)
    assert reasons(watched) == ["request_not_finite"]
    assert watched.healthy == replace(inputs, request=None)


# Order


@pytest.mark.parametrize("source", SOURCES)
def test_an_input_out_of_order_tells_nothing_new(source):
    watched = watch()
    newest = at(T0, source)
    watched.step(newest, T0)
    late = watched.step(at(T0 - 1, source), T0 + MS)
    assert (reasons(late), getattr(late.healthy, source)) == ([], getattr(newest, source))


def test_an_input_of_the_same_stamp_replaces_the_one_before():
    watched = watch()
    watched.step(at(T0, "request"), T0)
    again = at(T0, request=request(acceleration=1.0))
    assert watched.step(again, T0).healthy == again


def test_inputs_out_of_order_do_not_end_the_silence():
    watched = watch()
    watched.step(at(T0, "request"), T0)
    for ms in range(10, 101, 10):
        assert reasons(watched.step(at(T0 - ms * MS, "request"), T0 + ms * MS)) == []
    assert reasons(watched.step(at(T0 - MS, "request"), T0 + 101 * MS)) == ["request_stale"]


def test_a_broken_input_is_not_healed_by_an_older_one():
    watched = watch()
    watched.step(at(T0, request=request(angle=math.nan)), T0)
    assert reasons(watched.step(at(T0 - MS, "request"), T0)) == ["request_not_finite"]
    assert reasons(watched.step(at(T0 + MS, "request"), T0 + MS)) == []


def test_after_a_gap_an_older_input_tells_nothing_new():
    watched = watch("request")
    watched.step(at(T0, "request"), T0)
    assert reasons(watched.step(GateInputs(), T0)) == ["request_missing"]
    assert watched.step(at(T0 - 1, "request"), T0).healthy == at(T0, "request")


def test_an_input_from_the_future_does_not_stand_for_those_that_follow():
    watched = watch()
    watched.step(at(T0 + 1000 * MS, "request"), T0)
    present = at(T0, "request")
    assert watched.step(present, T0).healthy == present


# Together


def test_speeds_that_disagree_are_found_once_they_have_for_long_enough():
    watched = watch()
    for ms in range(0, 300, 50):
        apart = watched.step(at(T0 + ms * MS, "ego", localization=localization(speed=3.0)), T0 + ms * MS)
        assert judged(apart) == [("speeds_disagree", Severity.LAPSE)]
    last = watched.step(at(T0 + 300 * MS, "ego", localization=localization(speed=3.0)), T0 + 300 * MS)
    detail = "wheels 8.00 m/s, localization 3.00 m/s, allowed apart 1.20"
    assert last.findings == (Finding("speed_agreement", "speeds_disagree", Severity.STOP, detail),)


@pytest.mark.parametrize("lost", ["ego", "localization"])
def test_a_speed_that_cannot_be_used_disagrees_with_none(lost):
    watched = watch()
    values = {"ego": ego(), "localization": localization(speed=3.0)}
    values[lost] = replace(values[lost], speed=math.nan)
    for ms in range(0, 600, 50):
        found = reasons(watched.step(at(T0 + ms * MS, **values), T0 + ms * MS))
    assert found == [f"{lost}_not_finite"]


def test_an_ego_that_is_too_fast_is_found():
    assert reasons(watch().step(at(T0, ego=ego(speed=18.8)), T0)) == ["overspeed"]


def test_a_view_outside_the_domain_is_found():
    assert reasons(watch().step(at(T0, view=view(validity=0)), T0)) == ["camera_sees_too_little"]


def test_a_view_that_cannot_be_used_is_not_judged():
    stale = at(T0 - 301 * MS, view=view(validity=0))
    assert reasons(watch().step(stale, T0)) == ["view_stale"]


def test_a_driver_who_takes_over_is_found_and_known():
    watched = watch()
    found = watched.step(at(T0, driver=driver(brake=1.0, accelerator=1.0)), T0)
    assert [(f.check, f.reason, f.severity) for f in found.findings] == [("driver", "driver_brakes", Severity.REVOKE)]
    assert (watched.driver.brakes, watched.driver.accelerates) == (True, True)


def test_a_driver_whose_report_cannot_be_used_does_not_take_over():
    stale = at(T0 - 251 * MS, driver=driver(brake=1.0))
    assert reasons(watch().step(stale, T0)) == ["driver_stale"]


def test_what_is_found_together_comes_after_what_is_found_of_each():
    inputs = at(T0, "request", ego=ego(speed=18.8), view=view(validity=0), driver=driver(torque=9.0))
    watched = watch("vehicle").step(replace(inputs, request=request(T0, angle=math.nan)), T0)
    assert reasons(watched) == [
        "request_not_finite",
        "vehicle_missing",
        "overspeed",
        "camera_sees_too_little",
        "driver_steers",
    ]


def test_what_the_budgets_found_comes_last():
    late = Finding("budgets", "camera_over_budget", Severity.STOP)
    inputs = replace(at(T0, ego=ego(speed=18.8)), over_budget=(late,))
    watched = watch("request").step(inputs, T0)
    assert reasons(watched) == ["request_missing", "overspeed", "camera_over_budget"]
    assert watched.findings[-1] is late


# Forgetting


@pytest.mark.parametrize("source", SOURCES)
def test_after_forgetting_older_inputs_are_welcome(source):
    watched = watch()
    watched.step(at(T0, source), T0)
    watched.forget()
    old = at(0, source)
    new = watched.step(old, 0)
    assert (reasons(new), getattr(new.healthy, source)) == ([], getattr(old, source))


def test_what_had_lasted_is_forgotten():
    watched = watch()
    strange = {"ego": ego(), "localization": localization(speed=3.0), "view": view(ood=0.9, route=())}
    watched.step(at(T0, **strange), T0)
    watched.forget()
    for ms, severity in ((500, Severity.LAPSE), (1000, Severity.STOP)):
        lasted = judged(watched.step(at(T0 + ms * MS, **strange), T0 + ms * MS))
        assert lasted == [(reason, severity) for reason in ("speeds_disagree", "unfamiliar_view", "off_route")]


def test_what_the_driver_did_is_forgotten():
    watched = watch()
    watched.step(at(T0, driver=driver(brake=1.0)), T0)
    watched.forget()
    assert not watched.driver.brakes
    assert reasons(watched.step(at(T0 + MS, driver=driver(brake=1.0)), T0 + MS)) == ["driver_brakes"]


@pytest.mark.parametrize("source", SOURCES)
def test_a_stale_source_whose_clock_was_set_back_is_welcome_once_it_was_given_up(source):
    watched = watch()
    watched.step(at(T0 + 49 * MS, source), T0)
    silent = watched.step(at(0, source), T0 + 500 * MS)
    assert reasons(silent) == [f"{source}_stale"]
    watched.forget_stale(silent.findings)
    back = at(T0, source)
    assert watched.step(back, T0).healthy == back


def test_every_source_that_is_stale_is_given_up_whatever_else_was_found():
    watched = watch("vehicle")
    watched.step(at(T0 + 49 * MS, "request", "ego"), T0)
    silent = watched.step(at(0, "request", "ego"), T0 + 500 * MS)
    assert reasons(silent) == ["request_stale", "ego_stale", "vehicle_missing"]
    watched.forget_stale(silent.findings)
    back = at(T0, "request", "ego")
    assert watched.step(back, T0).healthy == back


def test_a_source_that_was_not_given_up_stays_refused():
    watched = watch()
    watched.step(at(T0, "request", "ego"), T0)
    silent = watched.step(at(T0, "ego"), T0 + 101 * MS)
    assert reasons(silent) == ["ego_stale"]
    watched.forget_stale(silent.findings)
    found = watched.step(at(T0 - MS, "request", "ego"), T0)
    assert found.healthy.ego == at(T0 - MS, "ego").ego
    assert found.healthy.request == at(T0, "request").request, "what it said last, and nothing older"


def test_only_what_is_stale_is_given_up():
    watched = watch("request")
    watched.step(at(T0, "request"), T0)
    missing = watched.step(GateInputs(), T0)
    watched.forget_stale((*missing.findings, Finding("gate", "stale", Severity.STOP)))
    assert watched.step(at(T0 - MS, "request"), T0).healthy == at(T0, "request")


def test_a_source_that_is_silent_stays_stale_however_long_the_car_is_not_driven():
    watched = watch("request")
    watched.step(at(T0, "request"), T0)
    for after in (101, 102, 500, 900):
        silent = watched.step(at(T0, "request"), T0 + after * MS)
        assert reasons(silent) == ["request_stale"]
        watched.forget_stale(silent.findings)


def test_a_driver_whose_inputs_are_lost_accelerates_no_more():
    watched = watch()
    watched.step(at(T0, driver=driver(accelerator=0.5)), T0)
    assert watched.driver.accelerates
    watched.step(at(T0, driver=driver(accelerator=0.5)), T0 + 900 * MS)
    assert not watched.driver.accelerates
