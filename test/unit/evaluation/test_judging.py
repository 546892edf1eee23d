"""Recorded episodes judged by language goals: where goals and record part, however the recording ends."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from sim2real_ad.cli.main import build_app
from sim2real_ad.errors import ScorerError, SourceError
from sim2real_ad.evaluation.results import RECORDING_FILE, Infraction
from sim2real_ad.reward import judging
from sim2real_ad.reward.guidance import Scene, Scores
from sim2real_ad.reward.judging import Timeline, agreement, find_alerts, judge_infractions, means
from sim2real_ad.reward.judging_guidance import GoalJudge, open_judge
from sim2real_ad.reward.judging_recording import ScoredRun, score_run
from sim2real_ad.reward.judging_report import JUDGE_HTML, JUDGE_JSON, Judgement, write_judgement

RAN = Infraction(kind="stop_line_run", time_s=9.5, detail="made up")


def timeline(*scores: float, step: float = 0.5) -> Timeline:
    overall = np.array(scores, np.float64)
    return Timeline(
        np.arange(len(scores), dtype=np.float64) * step, ("a", "b"), np.stack((overall, overall * 0.9), axis=1), overall
    )


def test_an_infraction_is_foreseen_by_one_low_score_in_time() -> None:
    line = timeline(0.9, 0.9, 0.9, 0.9, 0.3, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9)
    near, far = judge_infractions(line, [("collision", 3.5), ("collision", 4.5)])
    assert (near.missed, near.lowest) == (False, 0.3)
    assert (far.missed, far.lowest) == (True, 0.9)


def test_a_low_score_after_the_infraction_does_not_foresee_it() -> None:
    assert judge_infractions(timeline(0.9, 0.9, 0.9, 0.1), [("collision", 1.0)])[0].missed


def test_abstaining_is_not_foreseeing_but_not_being_asked_is_no_fault() -> None:
    assert judge_infractions(timeline(0.9, math.nan, math.nan), [("collision", 1.2)])[0].lowest == pytest.approx(0.9)
    assert judge_infractions(timeline(*[math.nan] * 4), [("collision", 1.5)])[0].missed
    assert not judge_infractions(timeline(0.9, 0.9), [("collision", 9.0)])[0].missed


@pytest.mark.parametrize("kind", ["timeout", "standing_still"])
def test_what_no_picture_announces_is_never_missed(kind: str) -> None:
    assert not judge_infractions(timeline(0.9, 0.9, 0.9), [(kind, 1.0)])[0].missed


def test_low_scores_in_a_row_are_one_alert_that_names_its_worst_moment_and_goal() -> None:
    line = timeline(0.9, 0.4, 0.2, 0.4, 0.9, 0.9, 0.9, 0.3)
    first, second = find_alerts(line, [], [])
    assert (first.start_s, first.end_s, first.worst_s) == (0.5, 1.5, 1.0)
    assert (first.goal, first.score) == ("b", 0.2)
    assert (second.start_s, second.end_s) == (3.5, 3.5)
    assert not first.founded


def test_an_infraction_soon_after_bears_an_alert_out() -> None:
    line = timeline(0.9, 0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9)
    assert find_alerts(line, [("off_road", 2.4)], [])[0].founded
    assert not find_alerts(line, [("off_road", 3.0)], [])[0].founded
    assert not find_alerts(line, [("timeout", 1.0)], [])[0].founded


def test_an_alert_says_whether_the_gate_intervened_too() -> None:
    line = timeline(0.9, 0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9)
    assert find_alerts(line, [], [(1.0, 1.2)])[0].gate
    assert not find_alerts(line, [], [(3.5, 4.0)])[0].gate


def test_agreement_compares_moments_before_infractions_with_the_others() -> None:
    line = timeline(*[0.9] * 6, *[0.2] * 5)
    assert agreement([(line, [("collision", 5.0)])]) == pytest.approx(1.0)
    assert agreement([(line, [])]) is None


def test_means_leave_abstentions_out() -> None:
    assert means(timeline(0.4, math.nan, 0.8)) == {"a": 0.6, "b": 0.54, judging.OVERALL: 0.6}


class BySpeed:
    """Guidance that finds slow good: the made-up drives brake to a stop."""

    name = "by speed"

    def __init__(self, *, praise_slow: bool = True) -> None:
        self.scenes: list[Scene] = []
        self._praise_slow = praise_slow

    def score(self, scenes: Sequence[Scene]) -> Scores:
        self.scenes += scenes
        values = np.array([min(max(scene.speed - 5.0, 0.0), 1.0) for scene in scenes], np.float32)
        values = 1.0 - values if self._praise_slow else values
        return Scores(values, np.array([scene.speed < 0.5 for scene in scenes]))

    def record(self) -> dict[str, int | float | str]:
        return {"scored": len(self.scenes)}


def judged(run_dir: Path, guidance: Any, rate_hz: float = 4.0, view: str = "bev") -> ScoredRun:
    return score_run(run_dir, lambda spec: GoalJudge(guidance, view), rate_hz)


def written(run_dir: Path, run: ScoredRun) -> Judgement:
    return write_judgement(run_dir, run, scorer="by speed", goals="made up", rate_hz=4.0, title="a run")


def test_each_episode_is_scored_at_the_rate_with_what_was_recorded(run_maker: Any, drive: Callable[..., Any]) -> None:
    guidance = BySpeed()
    later = drive(seed=8, seconds=4.0, start_ns=20_000_000_000)
    run = judged(run_maker.write([drive(seconds=6.0), later]), guidance)
    assert [len(e.timeline.times) for e in run.episodes] == [24, 16]
    assert [e.timeline.times[0] for e in run.episodes] == [0.0, 0.0]
    assert np.allclose(np.diff(run.episodes[0].timeline.times), 0.25)
    assert guidance.scenes[0].speed == pytest.approx(8.0, abs=0.1)
    assert guidance.scenes[4].curvature == pytest.approx(1.0 / 60.0, abs=1e-3)
    assert guidance.scenes[0].bev.shape == run.spec.shape


def test_a_clock_that_starts_again_does_not_mix_episodes(run_maker: Any, drive: Callable[..., Any]) -> None:
    run = judged(run_maker.write([drive(seconds=3.0), drive(seed=8, seconds=5.0)]), BySpeed())
    assert [len(e.timeline.times) for e in run.episodes] == [12, 20]
    assert all(np.all(np.diff(e.timeline.times) > 0.2) for e in run.episodes)


def test_disagreements_are_written_with_pictures(run_maker: Any, drive: Callable[..., Any]) -> None:
    bad = drive(seconds=10.0, success=False, infractions=(RAN,), gate_at=(30, 31, 32))
    folder = run_maker.write([bad])
    judgement = written(folder, judged(folder, BySpeed()))
    page = (folder / JUDGE_HTML).read_text()
    assert Judgement.model_validate(json.loads((folder / JUDGE_JSON).read_text())) == judgement
    assert judgement.missed_infractions == 1
    assert judgement.unfounded_alerts == 1
    assert judgement.episodes[0].alerts[0].gate
    assert judgement.episodes[0].gate == ((1.5, 1.6),)
    assert judgement.agreement is not None
    assert page.count("data:image/png") == judgement.episodes[0].disagreements == 2
    assert "not foreseen" in page
    assert "http" not in page.replace("http-equiv", "")


def test_where_goals_and_record_agree_nothing_is_listed(run_maker: Any, drive: Callable[..., Any]) -> None:
    bad = drive(seconds=10.0, success=False, infractions=(RAN,))
    folder = run_maker.write([bad])
    judgement = written(folder, judged(folder, BySpeed(praise_slow=False)))
    assert judgement.missed_infractions == judgement.unfounded_alerts == 0
    assert judgement.agreement is not None
    assert judgement.agreement > 0.95


def test_a_camera_view_is_given_the_recorded_picture(run_maker: Any, drive: Callable[..., Any]) -> None:
    guidance = BySpeed()
    folder = run_maker.write([drive(seconds=2.0)])
    run = judged(folder, guidance, view="camera")
    assert {scene.rgb.shape for scene in guidance.scenes if scene.rgb is not None} == {(180, 320, 3)}
    assert len(guidance.scenes) == 8
    written(folder, run)
    assert "data:image/jpeg" in (folder / JUDGE_HTML).read_text()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_recording_cut_short_is_judged_as_far_as_it_goes(
    run_maker: Any, drive: Callable[..., Any], share: float
) -> None:
    folder = run_maker.write([drive(seconds=8.0)])
    path = folder / RECORDING_FILE
    whole = path.read_bytes()
    path.write_bytes(whole[: round(len(whole) * share)])
    run = judged(folder, BySpeed())
    assert 0 < len(run.episodes[0].timeline.times) < 32
    assert run.problems
    written(folder, run)


def test_a_run_without_a_recording_names_the_file_and_the_option(run_maker: Any, drive: Callable[..., Any]) -> None:
    folder = run_maker.write([drive()])
    (folder / RECORDING_FILE).unlink()
    with pytest.raises(SourceError, match=r"recording\.mcap.*s2r drive.*--no-record"):
        judged(folder, BySpeed())


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"run\.json"):
        judged(tmp_path, BySpeed())


def test_an_unknown_scorer_or_fault_is_named(run_maker: Any, drive: Callable[..., Any]) -> None:
    folder = run_maker.write([drive(seconds=1.0)])
    with pytest.raises(ScorerError, match="wizard"):
        score_run(folder, lambda spec: open_judge("wizard", "driving", spec), 4.0)
    with pytest.raises(ScorerError, match="sleepy"):
        score_run(folder, lambda spec: open_judge("faulty:sleepy", "driving", spec), 4.0)


def test_the_command_judges_and_says_where(run_maker: Any, drive: Callable[..., Any], tmp_path: Path) -> None:
    folder, out = run_maker.write([drive(seconds=2.0)]), tmp_path / "judged"
    arguments = ["judge", str(folder), "--scorer", "faulty:random", "--out", str(out)]
    result = CliRunner().invoke(build_app(arguments), arguments)
    assert result.exit_code == 0, result.output
    assert "stop_sign seed 7: success" in result.output
    assert (out / JUDGE_HTML).is_file()
    assert (out / JUDGE_JSON).is_file()
