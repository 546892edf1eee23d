import pytest
from gate_drive import LIMITS, MS

from sim2real_ad.safety.findings import Finding, Severity
from sim2real_ad.safety.states import DRIVING, STATES, STOPPING, StateMachine

S = 1000 * MS
LAPSE = Finding("some", "late", Severity.LAPSE)
STOP = Finding("some", "weak", Severity.STOP)
OTHER_STOP = Finding("some", "weaker", Severity.STOP)
EMERGENCY = Finding("some", "strong", Severity.EMERGENCY)
REVOKE = Finding("driver", "hands", Severity.REVOKE)


def step(machine, *findings, now_ns=0, autonomous=True, stands=False):
    machine.step(findings, autonomous=autonomous, stands=stands, now_ns=now_ns)
    return machine.state, machine.cause


def machine_in(state, since_ns=0):
    """Return a machine that is in a state, a manoeuvre since a time."""
    machine = StateMachine(LIMITS.manoeuvre)
    if state == "disengaged":
        return machine
    machine.engage(since_ns)
    if state == "engaging":
        return machine
    step(machine, now_ns=since_ns)
    if state != "engaged":
        step(machine, EMERGENCY if state == "emergency_stop" else STOP, now_ns=since_ns)
    if state == "fault":
        step(machine, now_ns=since_ns + 20 * S + 1)
    assert machine.state == state
    return machine


def test_the_states_are_those_that_drive_those_that_stop_and_two_that_wait():
    assert ("disengaged", *DRIVING, *STOPPING, "fault") == STATES


def test_a_new_machine_is_disengaged_without_a_cause():
    machine = StateMachine(LIMITS.manoeuvre)
    assert (machine.state, machine.cause) == ("disengaged", ())


@pytest.mark.parametrize("state", STATES)
def test_a_reset_machine_is_as_a_new_one(state):
    machine = machine_in(state)
    machine.reset()
    assert (machine.state, machine.cause) == ("disengaged", ())


@pytest.mark.parametrize("state", STATES)
def test_disengaging_is_allowed_from_every_state_and_leaves_no_cause(state):
    machine = machine_in(state)
    machine.disengage()
    assert (machine.state, machine.cause) == ("disengaged", ())


@pytest.mark.parametrize("finding", [LAPSE, STOP, EMERGENCY, REVOKE])
def test_a_disengaged_machine_stays_so_whatever_is_found(finding):
    machine = machine_in("disengaged")
    assert step(machine, finding) == ("disengaged", ())


# Engaging


def test_engaging_is_over_when_the_vehicle_takes_over():
    machine = machine_in("engaging")
    assert machine.cause == ()
    assert step(machine, autonomous=False) == ("engaging", ())
    assert step(machine, autonomous=True) == ("engaged", ())


def test_a_vehicle_that_does_not_take_over_in_time_ends_it():
    machine = machine_in("engaging", 5 * S)
    assert step(machine, autonomous=False, now_ns=7 * S) == ("engaging", ())
    assert step(machine, autonomous=False, now_ns=7 * S + 1) == ("disengaged", ("vehicle_did_not_take_over",))


def test_a_vehicle_that_takes_over_late_but_before_anybody_looked_drives():
    assert step(machine_in("engaging"), autonomous=True, now_ns=9 * S) == ("engaged", ())


@pytest.mark.parametrize("finding", [STOP, EMERGENCY, REVOKE])
@pytest.mark.parametrize("autonomous", [True, False])
def test_any_finding_ends_engaging(finding, autonomous):
    machine = machine_in("engaging")
    assert step(machine, finding, autonomous=autonomous) == ("disengaged", (finding.reason,))


def test_a_lapse_does_not_end_engaging_but_nobody_takes_over_during_one():
    machine = machine_in("engaging")
    assert step(machine, LAPSE, autonomous=True, now_ns=2 * S) == ("engaging", ())
    assert step(machine, autonomous=True, now_ns=2 * S) == ("engaged", ())


@pytest.mark.parametrize("autonomous", [True, False])
def test_a_lapse_does_not_prolong_engaging(autonomous):
    machine = machine_in("engaging")
    step(machine, LAPSE, autonomous=autonomous, now_ns=2 * S)
    found = step(machine, LAPSE, autonomous=autonomous, now_ns=2 * S + 1)
    assert found == ("disengaged", ("vehicle_did_not_take_over",))


# Stopping


@pytest.mark.parametrize("state", ["engaged", "minimal_risk_manoeuvre", "emergency_stop", "fault"])
def test_a_lapse_changes_no_state_and_no_cause(state):
    machine = machine_in(state)
    cause = machine.cause
    assert step(machine, LAPSE) == (state, cause)


def test_a_lapse_is_no_cause_beside_what_is_worse():
    assert step(machine_in("engaged"), LAPSE, STOP) == ("minimal_risk_manoeuvre", ("weak",))
    assert step(machine_in("engaging"), LAPSE, STOP) == ("disengaged", ("weak",))


@pytest.mark.parametrize("state", STOPPING)
def test_a_lapse_does_not_prolong_a_stop(state):
    assert step(machine_in(state), LAPSE, now_ns=20 * S + 1)[0] == "fault"


@pytest.mark.parametrize(
    ("state", "finding", "after"),
    [
        ("engaged", STOP, "minimal_risk_manoeuvre"),
        ("engaged", EMERGENCY, "emergency_stop"),
        ("minimal_risk_manoeuvre", STOP, "minimal_risk_manoeuvre"),
        ("minimal_risk_manoeuvre", EMERGENCY, "emergency_stop"),
        ("emergency_stop", STOP, "emergency_stop"),
        ("emergency_stop", EMERGENCY, "emergency_stop"),
        ("fault", STOP, "fault"),
        ("fault", EMERGENCY, "fault"),
    ],
)
def test_a_finding_only_ever_makes_a_stop_harder(state, finding, after):
    assert step(machine_in(state), finding)[0] == after


@pytest.mark.parametrize("state", [state for state in STATES if state != "disengaged"])
def test_a_takeover_ends_every_state(state):
    assert step(machine_in(state), REVOKE) == ("disengaged", ("hands",))


@pytest.mark.parametrize("state", ["minimal_risk_manoeuvre", "emergency_stop", "fault"])
@pytest.mark.parametrize("stands", [True, False])
def test_a_manoeuvre_is_never_called_off(state, stands):
    machine = machine_in(state)
    assert step(machine, stands=stands, now_ns=19 * S)[0] == state


def test_an_engaged_machine_drives_on_for_as_long_as_nothing_is_found():
    assert step(machine_in("engaged"), now_ns=10**6 * S) == ("engaged", ())


def test_the_worst_findings_alone_are_the_cause():
    assert step(machine_in("engaged"), STOP, EMERGENCY, OTHER_STOP) == ("emergency_stop", ("strong",))
    assert step(machine_in("engaged"), STOP, OTHER_STOP) == ("minimal_risk_manoeuvre", ("weak", "weaker"))
    assert step(machine_in("engaged"), EMERGENCY, REVOKE, STOP) == ("disengaged", ("hands",))


def test_a_cause_is_named_once():
    assert step(machine_in("engaged"), STOP, STOP)[1] == ("weak",)


def test_a_stop_that_gets_harder_keeps_what_it_began_with():
    machine = machine_in("minimal_risk_manoeuvre")
    assert step(machine, EMERGENCY, OTHER_STOP)[1] == ("weak", "strong")


def test_what_is_found_during_a_stop_does_not_change_its_cause():
    assert step(machine_in("minimal_risk_manoeuvre"), OTHER_STOP)[1] == ("weak",)


@pytest.mark.parametrize("state", ["engaging", "engaged", "minimal_risk_manoeuvre", "emergency_stop", "fault"])
def test_a_new_drive_forgets_why_the_last_one_ended(state):
    machine = machine_in(state)
    assert step(machine, REVOKE)[1] == ("hands",)
    machine.engage(S)
    assert (machine.state, machine.cause) == ("engaging", ())
    assert step(machine, now_ns=S) == ("engaged", ())


# Fault


@pytest.mark.parametrize("state", STOPPING)
def test_a_stop_that_does_not_end_in_time_is_a_fault(state):
    machine = machine_in(state, 3 * S)
    cause = machine.cause
    assert step(machine, now_ns=23 * S) == (state, cause)
    assert step(machine, now_ns=23 * S + 1) == ("fault", (*cause, "stop_failed"))


@pytest.mark.parametrize("state", STOPPING)
def test_a_car_that_stands_has_not_failed_to_stop(state):
    assert step(machine_in(state), stands=True, now_ns=10**6 * S)[0] == state


def test_a_stop_that_gets_harder_keeps_the_time_since_it_began():
    machine = machine_in("minimal_risk_manoeuvre")
    step(machine, EMERGENCY, now_ns=15 * S)
    assert step(machine, EMERGENCY, now_ns=20 * S)[0] == "emergency_stop"
    assert step(machine, EMERGENCY, now_ns=20 * S + 1) == ("fault", ("weak", "strong", "stop_failed"))


def test_a_stop_gets_harder_before_it_fails():
    machine = machine_in("minimal_risk_manoeuvre")
    assert step(machine, EMERGENCY, now_ns=30 * S)[0] == "emergency_stop"
    assert step(machine, EMERGENCY, now_ns=30 * S)[0] == "fault"


def test_the_next_stop_has_its_own_time():
    machine = machine_in("minimal_risk_manoeuvre")
    machine.disengage()
    machine.engage(18 * S)
    step(machine, now_ns=19 * S)
    step(machine, STOP, now_ns=25 * S)
    assert step(machine, now_ns=45 * S)[0] == "minimal_risk_manoeuvre"
    assert step(machine, now_ns=45 * S + 1)[0] == "fault"


def test_a_clock_that_was_set_back_gives_a_stop_its_time_anew():
    machine = machine_in("minimal_risk_manoeuvre", 100 * S)
    machine.restart_clock(2 * S)
    assert step(machine, now_ns=22 * S)[0] == "minimal_risk_manoeuvre"
    assert step(machine, now_ns=22 * S + 1)[0] == "fault"


def test_a_clock_that_was_set_back_gives_engaging_its_time_anew():
    machine = machine_in("engaging", 100 * S)
    machine.restart_clock(S)
    assert step(machine, autonomous=False, now_ns=3 * S)[0] == "engaging"
    assert step(machine, autonomous=False, now_ns=3 * S + 1)[0] == "disengaged"
