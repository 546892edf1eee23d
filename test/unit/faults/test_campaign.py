"""Faults as they are written down, and what is made of what was seen."""

import pytest

from sim2real_ad.cli.faults import _check_upsets, faults
from sim2real_ad.config import check_config
from sim2real_ad.errors import ConfigError
from sim2real_ad.evaluation.results import EpisodeResult, Infraction
from sim2real_ad.faults.judge import Seen, judge_fault, stopping_distance
from sim2real_ad.faults.model import Campaign, Fault, load_campaign
from sim2real_ad.faults.report import FaultWriter, markdown_report, render_report, summarize_campaign
from sim2real_ad.vehicle.profile import load_vehicle

SALOON = load_vehicle("saloon")
MS = 1_000_000
KILLED = Fault(name="policy killed", kind="killed", target="policy", expected="stop")
LATE = Fault(name="late", kind="delayed", target="image", amount=0.1, expected="tolerated")


def drive(speed=6.0, stops_after=90, braking=1.5, collides=False):
    """A drive at 20 Hz with a fault at 1 s, a stop command some ms after it, and brakes that answer at once."""
    injected = 1_000 * MS
    seen = Seen(injected_ns=injected, stops=[500 * MS, injected + stops_after * MS])
    x, v = 0.0, speed
    for tick in range(200):
        now = tick * 50 * MS
        seen.positions.append((now, x, 0.0, v))
        if now >= injected + stops_after * MS:
            v = max(0.0, v - braking * 0.05)
        x += v * 0.05
        state = "engaged" if now < injected + stops_after * MS else "minimal_risk_manoeuvre"
        seen.statuses.append((now, state, () if state == "engaged" else ("request_stale",)))
    hit = (Infraction(kind="collision", time_s=2.0),) if collides else ()
    seen.result = EpisodeResult(index=0, scenario="s", seed=0, success=False, infractions=hit).model_dump_json()
    return seen


def judged(seen, fault=KILLED, without=False):
    return judge_fault(fault, "stop_sign", 3, seen, SALOON, without)


def test_the_shipped_campaign_reaches_every_node_and_edge():
    targets = {fault.target for fault in load_campaign().faults}
    assert {"camera", "adapter", "policy", "actuation", "safety_gate", "carla_bridge"} <= targets
    assert {"image", "action", "request", "odometry", "velocity", "steering", "machine", "recorder"} <= targets


def test_faults_of_unknown_kinds_edges_or_twice_the_same_name_are_refused():
    with pytest.raises(ConfigError, match="kind"):
        check_config({"name": "x", "kind": "bored", "target": "policy", "expected": "stop"}, Fault, "test")
    with pytest.raises(ConfigError, match="'policy' is no edge"):
        check_config({"name": "x", "kind": "frozen", "target": "policy", "expected": "stop"}, Fault, "test")
    with pytest.raises(ConfigError, match="faults of one name: late"):
        check_config({"at": 1.0, "faults": [LATE.model_dump(), LATE.model_dump()]}, Campaign, "test")


def test_the_cars_modules_are_upset_over_a_bus_alone_and_only_in_ways_they_know():
    over_bus = load_campaign("drive_by_wire")
    assert over_bus.vehicle_bus
    assert {"vehicle_interface", "safety_gate"} <= {fault.target for fault in over_bus.faults if fault.kind == "killed"}
    _check_upsets(over_bus)
    bent = Fault(name="bent", kind="upset", target="fault tow_bar", expected="stop")
    with pytest.raises(ConfigError, match="'bent' is one of the car's modules: it needs vehicle_bus: true"):
        check_config({"at": 1.0, "faults": [bent.model_dump()]}, Campaign, "test")
    with pytest.raises(ConfigError, match="fault 'bent': fault: no module 'tow_bar'; known: steer"):
        _check_upsets(over_bus.model_copy(update={"faults": (bent,)}))


def test_some_faults_can_be_chosen_by_name_and_an_unknown_name_lists_what_there_is():
    campaign = Campaign(at=1.0, faults=(KILLED, LATE))
    assert campaign.named(("late",)).faults == (LATE,)
    with pytest.raises(ValueError, match="no fault 'early'; known: policy killed, late"):
        campaign.named(("early",))


def test_a_part_of_a_campaign_does_not_take_the_whole_tables_place_in_a_document(tmp_path):
    document = tmp_path / "safety.md"
    with pytest.raises(ConfigError, match="table of a whole campaign: leave out --fault, or --docs"):
        faults("all", "campaign", ["policy killed"], 0, None, None, document)
    assert not document.exists()


def test_reaction_speed_and_distance_are_counted_from_the_fault():
    result = judged(drive())
    assert (result.reaction_ms, result.stopped_by, result.speed) == (90.0, "gate", 6.0)
    assert result.stopped_after == pytest.approx(6.0 * 0.1 + 36.0 / 3.0, abs=0.4)
    assert result.stopped_after <= result.allowed
    assert (result.state, result.reasons) == ("minimal_risk_manoeuvre", ("request_stale",))
    assert result.as_expected
    assert not result.drove_on


def test_a_stop_that_takes_longer_than_computed_is_not_as_expected():
    result = judged(drive(braking=1.0))
    assert result.stopped_after > result.allowed == pytest.approx(stopping_distance(6.0, SALOON), abs=0.01)
    assert not result.as_expected


def test_nobody_stopping_is_not_as_expected_where_somebody_should_and_fine_where_nobody_need():
    seen = drive()
    seen.stops.clear()
    assert judged(seen).reaction_ms is None
    assert not judged(seen).as_expected
    assert judged(seen, LATE).as_expected


@pytest.mark.parametrize(("after", "fine"), [(100, True), (101, False)])
def test_a_stop_that_comes_later_than_hardware_waits_is_not_as_expected(after, fine):
    assert judged(drive(stops_after=after)).as_expected is fine


def test_the_cars_own_timeout_counts_where_it_comes_first():
    seen = drive()
    seen.let_go = [1_050 * MS]
    result = judged(seen)
    assert (result.reaction_ms, result.stopped_by) == (50.0, "vehicle")


def test_a_collision_counts_only_where_the_drive_without_the_fault_has_none():
    assert not judged(drive(collides=True)).as_expected
    assert judged(drive(collides=True), without=True).as_expected


def test_a_car_that_was_being_stopped_already_tells_nothing_of_the_fault():
    seen = drive()
    seen.stops.insert(0, 990 * MS)
    assert judged(seen).error == "the car was being stopped before the fault began: nothing is measured"
    assert not judged(seen).as_expected


def test_a_drive_that_ended_before_its_fault_says_so():
    result = judged(Seen(failure="the graph broke"))
    assert result.error == "the graph broke"
    assert not result.as_expected
    assert judged(Seen()).error == "the drive ended before the fault began"


def test_the_folder_holds_a_line_a_fault_a_summary_and_a_page(tmp_path):
    results = [judged(drive()), judged(drive(braking=1.0)), judged(drive(stops_after=400), LATE)]
    with FaultWriter(tmp_path / "run") as writer:
        for result in results:
            writer.write(result)
    assert len((tmp_path / "run" / "faults.jsonl").read_text().splitlines()) == 3
    summary = summarize_campaign(results)
    assert (summary.drives, summary.as_expected, summary.too_far) == (3, 2, 1)
    assert summary.reaction_ms.max == 90.0, "faults that need no stop have no reaction time"
    assert summary.unexpected == ("stop_sign: policy killed",)
    page = render_report(results)
    assert "2 of 3 faults" in page
    assert "<script" not in page
    with pytest.raises(ConfigError, match="another campaign"):
        FaultWriter(tmp_path / "run")


def test_the_table_for_documents_has_a_line_a_fault_and_a_column_a_scenario():
    met = judged(drive())
    missed = met.model_copy(update={"scenario": "car_following", "reaction_ms": 146.0, "stopped_by": "vehicle"})
    harmless = judged(drive(), LATE).model_copy(update={"reasons": ()})
    header, _, killed, late, _, figures = markdown_report([met, missed, harmless]).splitlines()
    assert header == "| fault | expected | stop sign | car following |"
    assert killed.startswith("| policy killed | stop | 90 ms by the gate, ")
    assert killed.endswith("**not as expected** |")
    assert late == "| late | tolerated | drove on |  |"
    assert figures == (
        "2 of 3 as expected; stops came after 118 ms at the median, 145 at the 99th percentile; 0 took more than the "
        "computed distance; collisions caused: 0."
    )
    assert "reaction" not in markdown_report([harmless])
