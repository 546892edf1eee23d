"""What a drive-by-wire tells the graph and the usual tools of its car."""

import pytest

from sim2real_ad.dbw.interface import DbwState
from sim2real_ad.ros.node import topic_type
from sim2real_ad.ros.topics import CONTROL_MODE
from sim2real_ad.ros.vehicle_reports import BRAKED, report_messages, status_of

MODES = topic_type(CONTROL_MODE)
ENGAGED = DbwState(phase="engaged", speed=5.0, enabled=True)
GAP = DbwState(phase="engaged", speed=5.0, enabled=True, braked=True, faults=("command_missing",))
STOPPING = DbwState(phase="stopping", speed=5.0, enabled=True, braked=True, reasons=("command_lost",))


@pytest.mark.parametrize(
    ("state", "mode"),
    [
        (ENGAGED, MODES.AUTONOMOUS),
        (GAP, MODES.AUTONOMOUS),
        (STOPPING, MODES.NOT_READY),
        (DbwState(), MODES.DISENGAGED),
        (DbwState(overridden=True, faults=("override_brake",)), MODES.MANUAL),
        (DbwState(faults=("steer_fault",)), MODES.NOT_READY),
    ],
)
def test_the_control_mode_says_who_drives(state, mode):
    assert report_messages(state, 1)["control_mode"].mode == mode


@pytest.mark.parametrize(
    ("state", "level", "braked"),
    [(ENGAGED, "OK", "false"), (GAP, "ERROR", "true"), (STOPPING, "ERROR", "true"), (DbwState(), "WARN", "false")],
)
def test_a_stop_without_the_gate_is_an_error_that_says_so(state, level, braked):
    status = status_of(state, {})
    assert (status.level, status.values[BRAKED]) == (level, braked)
    assert all(reason in status.message for reason in (*state.faults, *state.reasons))


def test_what_is_not_known_is_not_reported():
    assert set(report_messages(DbwState(), 1)) == {"gear", "control_mode"}


@pytest.mark.parametrize(
    ("state", "moves"),
    [
        (ENGAGED, True),
        (STOPPING, True),
        (DbwState(phase="engaged"), True),
        (DbwState(phase="stopping", speed=0.05), False),
        (DbwState(speed=5.0), False),
        (DbwState(phase="engaging", speed=5.0), False),
    ],
)
def test_a_car_moves_for_us_where_it_follows_and_is_not_known_to_stand(state, moves):
    assert state.moves_for_us is moves
