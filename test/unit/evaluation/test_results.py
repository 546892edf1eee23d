import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sim2real_ad.errors import ConfigError, SourceError
from sim2real_ad.evaluation.provenance import collect_versions
from sim2real_ad.evaluation.results import (
    RESULT_FILE,
    RUN_FILE,
    SUMMARY_FILE,
    EpisodeResult,
    Infraction,
    ResultWriter,
    RunInfo,
    read_results,
    read_run,
    read_summary,
    summarize,
)

RUN = RunInfo(command=("s2r", "drive"), mode="lockstep", seed=7, versions={"sim2real_ad": "0.1.0"})


def episode(index: int = 0, **changes: object) -> EpisodeResult:
    values = {"index": index, "scenario": "stop_sign", "seed": 7 + index, "success": True, "duration_s": 20.0}
    return EpisodeResult.model_validate({**values, **changes})


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    collision = Infraction(kind="collision", time_s=3.25, detail="vehicle 12")
    results = (
        episode(0, latencies_ms=(12.5, 14.0), gate_interventions={"steering_rate": 3}, comfort={"max_jerk": 2.0}),
        episode(1, success=False, infractions=(collision,)),
        episode(2, success=False, error="the world died"),
    )
    with ResultWriter(tmp_path, RUN) as writer:
        for result in results:
            writer.write(result)
    assert read_run(tmp_path) == RUN
    assert read_results(tmp_path) == results
    assert read_summary(tmp_path) == summarize(RUN, results)


def test_summary_counts_successes_and_infractions_by_scenario() -> None:
    hit = Infraction(kind="collision", time_s=1.0)
    results = [episode(i) for i in range(18)]
    results += [episode(18, success=False, infractions=(hit, hit)), episode(19, success=False)]
    results += [episode(20, scenario="car_following")]
    stop_sign = summarize(RUN, results).scenarios["stop_sign"]
    assert (stop_sign.n, stop_sign.successes, stop_sign.success_rate) == (20, 18, 0.9)
    assert stop_sign.wilson95 == (0.699, 0.9721)
    assert stop_sign.infractions == {"collision": 2}
    assert list(summarize(RUN, results).scenarios) == ["stop_sign", "car_following"]


def test_an_episode_that_could_not_be_judged_is_an_error_and_no_trial() -> None:
    summary = summarize(RUN, [episode(0, success=False, error="node 'policy' died")])
    assert summary.errors == 1
    scenario = summary.scenarios["stop_sign"]
    assert (scenario.n, scenario.success_rate, scenario.wilson95, scenario.errors) == (0, None, (0.0, 1.0), 1)


def test_real_time_factor_weighs_episodes_by_their_wall_time() -> None:
    results = [episode(0, duration_s=10.0, real_time_factor=2.0), episode(1, duration_s=10.0, real_time_factor=0.5)]
    assert summarize(RUN, results).real_time_factor == 0.8


def test_latency_quantiles_pool_every_episode() -> None:
    results = [episode(0, latencies_ms=tuple(range(50))), episode(1, latencies_ms=tuple(range(50, 101)))]
    latency = summarize(RUN, results).latency_ms
    assert latency is not None
    assert (latency.p50, latency.p99, latency.max) == (50.0, 99.0, 100.0)


def test_nothing_measured_is_null_and_not_zero() -> None:
    summary = summarize(RUN, [])
    assert summary.latency_ms is None
    assert summary.real_time_factor is None


def test_summary_json_keeps_the_command_contract(tmp_path: Path) -> None:
    with ResultWriter(tmp_path, RUN) as writer:
        writer.write(episode(latencies_ms=(1.0,), real_time_factor=1.5, frames_sent=400, frames_lost=1))
    data = json.loads((tmp_path / SUMMARY_FILE).read_text())
    assert {"n", "successes", "success_rate", "wilson95", "infractions"} <= set(data["scenarios"]["stop_sign"])
    assert {"p50", "p99", "max"} == set(data["latency_ms"])
    assert (data["real_time_factor"], data["frames_sent"], data["frames_lost"]) == (1.5, 400, 1)
    assert (data["seeds"], data["mode"], data["command"]) == ([7], "lockstep", ["s2r", "drive"])


KILLED = """
import os, signal, sys
from pathlib import Path
from sim2real_ad.evaluation.results import EpisodeResult, ResultWriter, RunInfo
writer = ResultWriter(Path(sys.argv[1]), RunInfo(command=("s2r",), mode="lockstep"))
for index in range(3):
    writer.write(EpisodeResult(index=index, scenario="stop_sign", seed=index, success=True))
if sys.argv[2] == "in the middle of a line":
    with (Path(sys.argv[1]) / "result.jsonl").open("a") as file:
        file.write('{"index": 3, "scen')
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", ["between episodes", "in the middle of a line"])
def test_a_kill_loses_no_judged_episode(tmp_path: Path, moment: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), moment], env={**os.environ}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [r.index for r in read_results(tmp_path)] == [0, 1, 2]
    assert read_run(tmp_path).command == ("s2r",)


def test_results_of_another_run_are_never_overwritten(tmp_path: Path) -> None:
    with ResultWriter(tmp_path, RUN) as writer:
        writer.write(episode())
    before = (tmp_path / RESULT_FILE).read_text()
    with pytest.raises(ConfigError, match="holds the results of another run"):
        ResultWriter(tmp_path, RUN)
    assert (tmp_path / RESULT_FILE).read_text() == before


def test_an_out_folder_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="--out"):
        ResultWriter(tmp_path / "file", RUN)


@pytest.mark.parametrize(
    ("name", "content", "reader", "message"),
    [
        (RESULT_FILE, b'{"index": 0}\n', read_results, r"result\.jsonl:1: scenario"),
        (RESULT_FILE, b"\nnot json\n", read_results, r"result\.jsonl:1"),
        (RUN_FILE, b'{"command": [], "mode": "x", "speed": 1}', read_run, "speed"),
        (SUMMARY_FILE, b"\xff\xfe", read_summary, "not text"),
    ],
)
def test_a_damaged_file_is_named_with_its_fault(tmp_path: Path, name: str, content: bytes, reader, message) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        reader(tmp_path)


def test_a_folder_that_is_no_run_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="the folder of a run"):
        read_results(tmp_path)


def test_nan_never_enters_a_result() -> None:
    with pytest.raises(ValueError, match="finite"):
        episode(comfort={"max_jerk": float("nan")})


def test_versions_name_the_program_and_what_it_runs_on() -> None:
    versions = collect_versions()
    assert {"sim2real_ad", "python", "numpy", "platform"} <= set(versions)
    assert all(versions.values())
