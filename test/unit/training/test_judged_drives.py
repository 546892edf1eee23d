"""`s2r train evaluate`: a line a drive, taken up again, and the table of them."""

import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="judging needs the train extra")
pytest.importorskip("carla", reason="driving needs the sim extra")

from sim2real_ad.cli import main
from sim2real_ad.evaluation.documents import markers
from sim2real_ad.policy.checkpoint import SHIPPED, STUDENT_FILE
from sim2real_ad.safety.limits import load_safety_limits
from sim2real_ad.training import judged_drives
from sim2real_ad.training.evaluate import Judgement, Trial

FAILING = "van"
"""Domain in which the second drive of everything fails."""


@pytest.fixture
def driven(monkeypatch):
    """The trials that were driven, in place of driving them."""
    trials: list[Trial] = []

    def judge(missing, _pool):
        for trial in missing:
            trials.append(trial)
            failed = trial.domain == FAILING and trial.seed % 2 == 1
            reasons = {"rss_distance": 3} if failed else {}
            yield Judgement(
                domain=trial.domain, scenario=trial.scenario, seed=trial.seed, infraction="off_road" if failed else "",
                seconds=1.0, trajectory_hash="", ood=0.0, interventions=reasons, intervened=len(reasons), frames=40,
            )  # fmt: skip

    monkeypatch.setattr(judged_drives, "judge_all", judge)
    return trials


def evaluate(out: Path, *words: str) -> int:
    return main.run(["train", "evaluate", "--out", str(out), "--scenarios", "stop_sign", *words])


def test_every_seed_is_driven_in_every_domain_that_is_named(driven, tmp_path):
    assert evaluate(tmp_path, "--episodes", "2", "--first-seed", "20", "--domains", "training,another_look") == 0
    assert [(t.domain, t.scenario, t.seed, t.checkpoint) for t in driven] == [
        ("", "stop_sign", 20, None),
        ("", "stop_sign", 21, None),
        ("another_look", "stop_sign", 20, None),
        ("another_look", "stop_sign", 21, None),
    ]


def test_what_was_driven_is_not_driven_again(driven, tmp_path):
    assert evaluate(tmp_path, "--episodes", "2") == 0
    assert evaluate(tmp_path, "--episodes", "3") == 0
    assert [t.seed for t in driven] == [0, 1, 2]


def test_what_was_judged_stays_judged_where_the_weights_are_gone(driven, tmp_path, capsys):
    folder = tmp_path / "checkpoint"
    shutil.copytree(SHIPPED, folder)
    assert evaluate(tmp_path, "--episodes", "1", "--checkpoint", str(folder)) == 0
    (folder / STUDENT_FILE).unlink()
    assert evaluate(tmp_path, "--episodes", "1", "--checkpoint", str(folder)) == 0
    assert len(driven) == 1
    assert evaluate(tmp_path, "--episodes", "2", "--checkpoint", str(folder)) == 2
    assert STUDENT_FILE in capsys.readouterr().err
    assert len(driven) == 1


def test_other_limits_of_the_gate_are_another_drive(driven, tmp_path, monkeypatch):
    assert evaluate(tmp_path, "--episodes", "1") == 0
    limits = load_safety_limits()
    stricter = limits.model_copy(update={"domain": limits.domain.model_copy(update={"unfamiliar": 0.5})})
    monkeypatch.setattr(judged_drives, "load_safety_limits", lambda: stricter)
    assert evaluate(tmp_path, "--episodes", "1") == 0
    assert [t.seed for t in driven] == [0, 0]


def test_variants_in_one_file_are_told_apart(driven, tmp_path):
    trials, path = [Trial("stop_sign", 0)], tmp_path / "drives.jsonl"
    for variant in ("full", "short", "full"):
        (drive,) = judged_drives.judge_missing(path, trials, 1, lambda _line, _share: None, variant)
        assert drive.variant == variant
    assert len(driven) == 2
    assert judged_drives.judge_missing(path, [], 1, lambda _line, _share: None) == []


def test_the_table_counts_names_what_failed_and_why_the_gate_stepped_in(driven, tmp_path, capsys):
    document = tmp_path / "page.md"
    document.write_text("\n".join(("before", *markers("evaluation"), "after")))
    assert evaluate(tmp_path, "--episodes", "4", "--domains", f"training,{FAILING}", "--docs", str(document)) == 0
    printed = capsys.readouterr().out
    assert "Seeds 0 to 3 of each scenario, in process." in printed
    assert "| domain | stop sign | gate, stop sign |" in printed
    assert "| training | 4 of 4 (51 to 100 %) | 0.0 % |" in printed
    assert f"| {FAILING} | 2 of 4 (15 to 85 %) | 1.2 % |" in printed
    assert f"- {FAILING}, stop_sign, seed 1: off_road" in printed
    assert "The gate stepped in, by reason, in frames of 320: `rss_distance` 6." in printed
    table = (tmp_path / "table.md").read_text().strip()
    assert table in printed
    assert table in document.read_text()


def test_a_gate_that_never_stepped_in_is_said_so(driven, tmp_path, capsys):
    assert evaluate(tmp_path, "--episodes", "1") == 0
    assert "in frames of 40: never." in capsys.readouterr().out


def test_seeds_that_are_not_for_evaluation_are_refused(tmp_path, capsys):
    assert evaluate(tmp_path, "--episodes", "20", "--first-seed", "990") == 2
    assert "seeds 990 to 1009: only 0 to 999 are for judging" in capsys.readouterr().err
