from pathlib import Path

import pytest

from sim2real_ad.cli import main
from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.comparison import compare_runs, first_difference
from sim2real_ad.evaluation.episode_log import EpisodeLog, Signal
from sim2real_ad.evaluation.results import RESULT_FILE, EpisodeResult, ResultWriter, RunInfo

TICK_NS = 50_000_000


def run_of(folder: Path, *hashes: str) -> Path:
    with ResultWriter(folder, RunInfo(command=("s2r",), mode="lockstep")) as writer:
        for seed, value in enumerate(hashes):
            fields = {"index": seed, "scenario": "stop_sign", "seed": seed, "success": True, "trajectory_hash": value}
            writer.write(EpisodeResult.model_validate(fields))
    return folder


def log_of(start_ns: int, **signals: list[float]) -> EpisodeLog:
    log = EpisodeLog(start_ns=start_ns)
    for name, values in signals.items():
        stamps = [start_ns + tick * TICK_NS for tick in range(len(values))]
        log.signals[name] = Signal(("value",), stamps, [(value,) for value in values])
    return log


def test_equal_hashes_are_identical_episodes(tmp_path: Path) -> None:
    compared = compare_runs(run_of(tmp_path / "a", "x", "y"), run_of(tmp_path / "b", "x", "y"))
    assert [episode.same for episode in compared] == [True, True]


def test_the_command_tells_by_its_status_whether_runs_are_identical(tmp_path: Path, capsys) -> None:
    first = run_of(tmp_path / "a", "x", "y")
    assert main.run(["compare", str(first), str(run_of(tmp_path / "b", "x", "y"))]) == 0
    assert main.run(["compare", str(first), str(run_of(tmp_path / "c", "x", "z"))]) == 1
    assert "stop_sign seed 1: differs" in capsys.readouterr().out


def test_only_episodes_of_both_runs_are_compared(tmp_path: Path) -> None:
    compared = compare_runs(run_of(tmp_path / "a", "x", "y", "z"), run_of(tmp_path / "b", "x"))
    assert [episode.seed for episode in compared] == [0]


def test_runs_with_nothing_in_common_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="in common"):
        compare_runs(run_of(tmp_path / "a", "x"), run_of(tmp_path / "b"))


def test_the_signal_nearest_to_the_cause_is_named_with_its_time() -> None:
    ours = log_of(0, ego=[1.0, 2.0, 3.0, 4.0], action=[0.0, 0.0, 0.0, 0.0], command=[0.0, 0.5, 0.0, 0.0])
    theirs = log_of(10**9, ego=[1.0, 2.0, 3.5, 4.0], action=[0.0, 0.1, 0.0, 0.0], command=[0.0, 0.6, 0.0, 0.0])
    assert first_difference(ours, theirs) == "action at 0.050 s"


def test_a_recording_that_is_longer_parts_at_the_end_of_the_other() -> None:
    assert first_difference(log_of(0, ego=[1.0, 2.0]), log_of(0, ego=[1.0, 2.0, 3.0])) == "ego at 0.050 s"


def test_the_same_signals_have_no_difference() -> None:
    assert first_difference(log_of(0, ego=[1.0]), log_of(5, ego=[1.0])) == "every recorded signal is the same"


def test_differing_episodes_are_traced_in_the_recordings(run_maker, drive, tmp_path: Path) -> None:
    first = run_maker.write([drive(seconds=1.0)])
    other = type(run_maker)(tmp_path / "other").write([drive(seconds=2.0)])
    line = (other / RESULT_FILE).read_text().replace('"trajectory_hash":"0', '"trajectory_hash":"f')
    (other / RESULT_FILE).write_text(line)
    (episode,) = compare_runs(first, other)
    assert not episode.same
    assert episode.parting.startswith("ego at 0.6")
