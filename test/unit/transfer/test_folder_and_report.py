"""A transfer evaluation is taken up where it was, mixes nothing, and its tables tell what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim2real_ad.errors import ConfigError, SourceError
from sim2real_ad.evaluation.episode_log import EpisodeLog, Signal
from sim2real_ad.evaluation.results import CheckpointId, EpisodeResult, ResultWriter, RunInfo
from sim2real_ad.evaluation.transfer import ActuationError, Constants
from sim2real_ad.evaluation.transfer_folder import DomainFolder, Identity, append_line, read_lines
from sim2real_ad.evaluation.transfer_recording import OnlineTerms, actuation_of
from sim2real_ad.evaluation.transfer_report import (
    TRAINING,
    DomainReport,
    Observed,
    TransferReport,
    completed,
    judged,
    mean_online,
    transfer_tables,
)

IDENTITY = Identity(checkpoint="a" * 64, teacher="b" * 64, limits="d" * 64, domain="c" * 64)
RUN = RunInfo(command=("s2r", "transfer"), mode="lockstep")


def result(seed: int, success: bool = True, scenario: str = "stop_sign", error: str | None = None) -> EpisodeResult:
    return EpisodeResult(
        index=seed, scenario=scenario, seed=seed, success=success, error=error, frames_sent=400, frames_intervened=5
    )


def terms(seed: int, action: float, ticks: int = 100, ood: float | None = 0.2) -> OnlineTerms:
    error = ActuationError(ticks=ticks, curvature=action, acceleration=action, action=action)
    return OnlineTerms(scenario="stop_sign", seed=seed, actuation=error, ood_mean=ood)


def write_part(folder: DomainFolder, *results: EpisodeResult) -> None:
    with ResultWriter(folder.new_part(), RUN) as writer:
        for one in results:
            writer.write(one)


def test_results_of_every_part_count_and_what_could_not_be_judged_does_not(tmp_path: Path) -> None:
    folder = DomainFolder(tmp_path, "feel", IDENTITY)
    write_part(folder, result(0), result(1, success=False, error="the graph broke"))
    write_part(folder, result(2, success=False))
    reopened = DomainFolder(tmp_path, "feel", IDENTITY)
    assert sorted(reopened.results()) == [("stop_sign", 0), ("stop_sign", 2)]
    assert reopened.new_part().name == "part-002"


@pytest.mark.parametrize("part", ["checkpoint", "teacher", "limits", "domain"])
def test_drives_of_another_checkpoint_teacher_gate_or_domain_are_refused(tmp_path: Path, part: str) -> None:
    DomainFolder(tmp_path, "feel", IDENTITY)
    with pytest.raises(ConfigError, match=f"another {part}"):
        DomainFolder(tmp_path, "feel", IDENTITY.model_copy(update={part: "e" * 64}))


def test_a_line_that_a_kill_cut_short_is_left_out_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    append_line(path, terms(0, 0.1))
    with path.open("a") as file:
        file.write('{"scenario": "stop_')
    assert [t.seed for t in read_lines(path, OnlineTerms)] == [0]
    append_line(path, terms(1, 0.1))
    assert [t.seed for t in read_lines(path, OnlineTerms)] == [0, 1]


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text("nonsense\n")
    with pytest.raises(SourceError, match=r"lines\.jsonl"):
        read_lines(path, OnlineTerms)
    assert read_lines(tmp_path / "none.jsonl", OnlineTerms) == []


def test_means_weigh_drives_by_how_long_the_car_moved() -> None:
    online = mean_online([terms(0, 0.1, ticks=300), terms(1, 0.5, ticks=100), terms(2, 9.0, ticks=0)])
    assert online is not None
    assert (online.drives, online.action, online.ood) == (2, pytest.approx(0.2), pytest.approx(0.2))
    assert mean_online([]) is None


def report_of(successes: int, trials: int = 10, action: float = 0.05) -> DomainReport:
    return DomainReport(
        description="",
        vehicle="saloon",
        camera="default",
        scenarios=judged(result(seed, success=seed < successes) for seed in range(trials)),
        online=mean_online([terms(0, action)]),
        observed=Observed(drives=1, near_iou={"drivable": 0.9}, observation=0.01, shift=0.04, policy=0.05),
    )


def test_drop_and_gap_are_against_the_training_domain_and_the_teacher() -> None:
    constants = Constants(policy_lipschitz=5.0, success_sensitivity=2.0)
    done = completed(report_of(7), report_of(9), constants, 1.0)
    assert done.drop == pytest.approx(0.2)
    assert done.measured_gap == pytest.approx(0.3)
    assert done.bound is not None
    assert done.bound.gap == pytest.approx(2.0 * (0.05 + 5.0 * 0.01 + 0.05))


def test_without_measured_drives_there_is_no_bound_but_a_rate() -> None:
    done = completed(report_of(7).model_copy(update={"observed": None}), None, None, None)
    assert (done.bound, done.terms, done.drop, done.measured_gap) == (None, None, None, None)


def test_the_tables_hold_every_domain_with_its_interval_and_what_has_not_run() -> None:
    nothing = DomainReport(description="", vehicle="saloon", camera="default", scenarios={})
    domains = {TRAINING: report_of(10), "feel": report_of(6), "look": nothing}
    domains = {
        n: completed(d, domains[TRAINING], Constants(policy_lipschitz=5, success_sensitivity=2), 1.0)
        for n, d in domains.items()
    }
    text = transfer_tables(
        TransferReport(
            checkpoint=CheckpointId(name="shipped", sha256="0" * 64),
            versions={},
            seeds=(0, 9),
            constants=None,
            teacher=None,
            domains=domains,
        )
    )
    assert "seeds 0 to 9" in text
    assert "a first look" in text
    assert "10 of 10 (72 to 100 %)" in text
    assert "| feel | 6 of 10 (31 to 83 %) | 6 of 10 (31 to 83 %) | +40 | 1.2 % |" in text
    assert "| look | not run | not run |" in text


def test_commands_and_motion_are_joined_by_stamp() -> None:
    command = Signal(("steering_tire_angle", "acceleration", "velocity"), [10, 20, 30], [(0.1, 1.0, 0.0)] * 3)
    ego = Signal(
        ("x", "y", "yaw", "speed", "yaw_rate"), [0, 10, 20], [(0.0, 0.0, 0.0, float(k), 0.5) for k in range(3)]
    )
    acceleration = Signal(("acceleration",), [0, 10, 20], [(2.0,), (3.0,), (4.0,)])
    log = EpisodeLog(signals={"command": command, "ego": ego, "acceleration": acceleration})
    joined = actuation_of(log)
    assert joined.speed.tolist() == [1.0, 2.0]
    assert joined.acceleration.tolist() == [3.0, 4.0]
    assert joined.command_angle.tolist() == [0.1, 0.1]
    assert len(actuation_of(EpisodeLog()).seconds) == 0
