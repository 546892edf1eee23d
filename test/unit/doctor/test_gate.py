import pytest

from sim2real_ad.doctor.finding import Status
from sim2real_ad.doctor.gate import judge_gate
from sim2real_ad.doctor.survey import GateWord, Heard
from sim2real_ad.safety.states import STATES


def said(state: str, *reasons: str, age_s: float = 0.03) -> Heard:
    return Heard(0, 3.0, gate=(GateWord("disengaged", (), -1.0), *[GateWord(state, reasons, age_s)] * 299))


def test_a_silent_gate_means_that_no_graph_runs() -> None:
    finding = judge_gate(Heard(0, 4.0), {"ROS_DOMAIN_ID": "7"})
    assert finding.status is Status.not_here
    assert "in domain 7 for 4 s" in finding.found


@pytest.mark.parametrize("state", STATES)
def test_the_last_word_counts(state: str) -> None:
    stopping = {"minimal_risk_manoeuvre": Status.warning, "emergency_stop": Status.warning, "fault": Status.failed}
    finding = judge_gate(said(state, "request_late"), {})
    assert finding.status is stopping.get(state, Status.ok)
    assert f"{state}, 100 decisions a second, frame 30 ms old: request_late" in finding.found


def test_before_the_first_frame_there_is_no_age() -> None:
    assert "no frame yet" in judge_gate(said("disengaged", age_s=-1.0), {}).found
