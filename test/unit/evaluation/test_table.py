import io
from pathlib import Path

from rich.console import Console

from sim2real_ad.evaluation.results import EpisodeResult, Infraction, RunInfo, summarize
from sim2real_ad.evaluation.table import describe_episode, describe_run, print_summary

RUN = RunInfo(command=("s2r", "drive"), mode="lockstep")
GOOD = EpisodeResult(
    index=0,
    scenario="stop_sign",
    seed=7,
    success=True,
    duration_s=20.0,
    frames_sent=400,
    latencies_ms=(14.0, 16.0),
    real_time_factor=2.0,
)
HIT = Infraction(kind="collision", time_s=3.21, detail="vehicle 4")
BAD = EpisodeResult(index=1, scenario="stop_sign", seed=8, success=False, infractions=(HIT,), progress=0.4)
BROKEN = EpisodeResult(index=2, scenario="car_following", seed=7, success=False, error="world died")


def test_the_table_has_a_line_a_scenario_and_says_what_went_wrong() -> None:
    results = (GOOD, BAD, BROKEN)
    text = io.StringIO()
    console = Console(file=text, width=120, color_system=None)
    print_summary(console, summarize(RUN, results), results, Path("out/drive"))
    lines = text.getvalue().splitlines()
    stop_sign = next(line for line in lines if line.startswith("│ stop_sign"))
    assert [cell.strip() for cell in stop_sign.strip("│").split("│")] == [
        "stop_sign",
        "2",
        "1",
        "50%",
        "9% to 91%",
        "collision 1",
    ]
    assert any("car_following" in line and "not judged 1" in line for line in lines)
    assert any("collision at 3.2 s (vehicle 4); progress 40%" in line for line in lines)
    assert "results in out/drive" in lines


def test_an_episode_is_described_by_its_cause() -> None:
    assert describe_episode(GOOD) == "stop_sign seed 7: success in 20.0 s"
    assert describe_episode(BROKEN) == "car_following seed 7: not judged: world died"
    stuck = EpisodeResult(index=0, scenario="stop_sign", seed=9, success=False)
    assert describe_episode(stuck) == "stop_sign seed 9: goal not reached; progress 0%"


def test_figures_that_were_not_measured_are_not_shown() -> None:
    assert describe_run(summarize(RUN, [BAD])) == "frames sent 0, lost 0"
    assert "real-time factor 2.00" in describe_run(summarize(RUN, [GOOD]))
    assert "p50 15.0 ms" in describe_run(summarize(RUN, [GOOD]))
