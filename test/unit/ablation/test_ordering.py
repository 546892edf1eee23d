"""`s2r ablate --experiment`: a student of every policy, and whether the policies' order is theirs too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="ablations need the train extra")
sys.path.append(str(Path(__file__).parents[1] / "experiment"))

from experiments import small_spec

from sim2real_ad.cli import main
from sim2real_ad.errors import TrainingError
from sim2real_ad.evaluation.documents import markers
from sim2real_ad.policy.checkpoint import SHIPPED
from sim2real_ad.training.ablation import ordering, run
from sim2real_ad.training.ablation.ordering import policies_of, run_ordering
from sim2real_ad.training.ablation.run import Ablation, prepare
from sim2real_ad.training.config import TrainingConfig
from sim2real_ad.training.experiment.drives import DRIVES_FILE, Drive
from sim2real_ad.training.experiment.folder import RESULT_FILE, ExperimentFolder
from sim2real_ad.training.judged_drives import JudgedDrive
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.teacher.folder import TEACHER_POLICY

KEPT = {
    "start-imitated": ("start", 0),
    "sac-hand-crafted-imitated-s1": ("start", 0),
    "sac-vlm-imitated-s1": ("better", 9),
    "ppo-vlm-scratch-s1": ("best", 10),
}
"""What each run's policy is, and in how many of 10 drives it succeeds."""


@pytest.fixture
def experiment(tmp_path: Path) -> ExperimentFolder:
    """A folder with four finished runs of five; two of them kept the start itself."""
    folder = ExperimentFolder.create(tmp_path / "experiment", small_spec())
    for spec in folder.spec.runs():
        if spec.id not in KEPT:
            continue
        policy, successes = KEPT[spec.id]
        training = folder.training_folder(spec)
        training.mkdir(parents=True)
        (training / RESULT_FILE).write_text("{}")
        file = training / TEACHER_POLICY if spec.trains else folder.task(spec).start_file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(policy)
        lines = [
            Drive(
                scenario=scenario, seed=seed, success=number < successes, infractions=(), ticks=10, mean_speed=5.0,
                rms_lateral_jerk=0.5,
            ).model_dump_json()
            for number, (scenario, seed) in enumerate(spec.trials)
        ]  # fmt: skip
        (folder.run_folder(spec) / DRIVES_FILE).write_text("\n".join(lines) + "\n")
    return folder


def driven(monkeypatch, successes: dict[str, int]) -> list[str]:
    """Let students, named by their teachers' runs, succeed in so many of their drives. Returns who was driven."""
    asked: list[str] = []

    def drive_variants(variants, ablation, _base, _progress):
        for variant in variants:
            asked.append(variant.name)
            run_id = variant.name.removeprefix("teacher:").partition("@")[0]
            for domain in ablation.domains:
                for seed in ablation.seeds:
                    yield JudgedDrive(
                        variant=variant.name, checkpoint="x", limits="x", domain=domain, scenario="stop_sign",
                        seed=seed, infraction="" if seed < successes[run_id] else "collision", seconds=1.0,
                        trajectory_hash="", ood=0.0, interventions={}, intervened=0, frames=20,
                    )  # fmt: skip

    monkeypatch.setattr(ordering, "drive_variants", lambda *given: list(drive_variants(*given)))
    return asked


def asked_for(out: Path, *domains: str) -> Ablation:
    return Ablation(out, SHIPPED, domains, range(10), 1)


def test_runs_that_kept_the_same_policy_are_one_and_the_best_comes_first(experiment):
    found = [(policy.runs, str(policy.judged)) for policy in policies_of(experiment)]
    assert found == [
        (("ppo-vlm-scratch-s1",), "10 of 10 (72 to 100 %)"),
        (("sac-vlm-imitated-s1",), "9 of 10 (60 to 98 %)"),
        (("start-imitated", "sac-hand-crafted-imitated-s1"), "0 of 10 (0 to 28 %)"),
    ]


def test_a_policy_that_was_trained_anew_is_another_one(experiment):
    before = [policy.variant.name for policy in policies_of(experiment)]
    assert before == [policy.variant.name for policy in policies_of(experiment)]
    policies_of(experiment)[0].file.write_text("another")
    after = [policy.variant.name for policy in policies_of(experiment)]
    assert after[0] != before[0]
    assert after[1:] == before[1:]


def test_an_order_that_students_keep_and_one_that_they_reverse_are_told_by_domain(experiment, monkeypatch, tmp_path):
    successes = {"ppo-vlm-scratch-s1": 8, "sac-vlm-imitated-s1": 7, "start-imitated": 1}
    asked = driven(monkeypatch, successes)
    text = run_ordering(experiment, asked_for(tmp_path, "", "another_body"), TrainingConfig(), Progress())
    assert len(asked) == 3
    assert (
        "| `start-imitated` | `sac-hand-crafted-imitated-s1` | 0 of 10 (0 to 28 %) | 1 of 10 (2 to 40 %) | "
        "1 of 10 (2 to 40 %) |" in text
    )
    assert "| training | 1.00 | 2 | 2 | 0 | 0 |" in text
    assert "| another_body | 1.00 | 2 | 2 | 0 | 0 |" in text
    driven(monkeypatch, {"ppo-vlm-scratch-s1": 2, "sac-vlm-imitated-s1": 3, "start-imitated": 3})
    text = run_ordering(experiment, asked_for(tmp_path, ""), TrainingConfig(), Progress())
    assert "| training | -0.87 | 2 | 0 | 1 | 1 |" in text


def test_one_policy_has_no_order(experiment):
    for spec in experiment.spec.runs():
        if spec.reward == "vlm":
            (experiment.run_folder(spec) / DRIVES_FILE).unlink(missing_ok=True)
    with pytest.raises(TrainingError, match="holds 1 judged policy, an order needs at least 2"):
        policies_of(experiment)


def test_a_policy_that_is_gone_is_named_with_the_command_that_makes_it(experiment):
    policies_of(experiment)[1].file.unlink()
    with pytest.raises(TrainingError, match=r"s2r experiment --out .* --only sac-vlm-imitated-s1"):
        policies_of(experiment)


def test_a_student_is_taught_by_the_policy_over_the_checkpoints_adapter(experiment, monkeypatch, tmp_path):
    taught = []

    def learn(config, folder, _progress, _workers):
        taught.append(Path(config.teacher).read_text())
        assert (folder / "adapter.onnx").read_bytes() == (SHIPPED / "adapter.onnx").read_bytes()
        (folder / "checkpoint.yaml").touch()

    monkeypatch.setattr(run, "student_part", learn)
    monkeypatch.chdir(tmp_path)
    for policy in policies_of(experiment):
        prepare(policy.variant, asked_for(tmp_path / "out", ""), TrainingConfig(), Progress())
    assert taught == ["best", "better", "start"]


def test_the_command_puts_the_order_into_a_section_of_its_own(experiment, monkeypatch, tmp_path):
    driven(monkeypatch, {"ppo-vlm-scratch-s1": 2, "sac-vlm-imitated-s1": 1, "start-imitated": 0})
    document = tmp_path / "page.md"
    document.write_text("\n".join(("before", *markers("ablations"), *markers("ordering"), "after")))
    words = ["--experiment", str(experiment.path), "--domains", "training", "--episodes", "2", "--docs", str(document)]
    assert main.run(["ablate", "--out", str(tmp_path / "out"), *words]) == 0
    text = document.read_text()
    assert text.startswith(f"before\n{markers('ablations')[0]}\n{markers('ablations')[1]}\n{markers('ordering')[0]}")
    assert "| training | 1.00 | 2 | 2 | 0 | 0 |" in text
    assert "Spearman" in (tmp_path / "out" / "ordering.md").read_text()


def test_variants_beside_an_experiment_are_refused_rather_than_not_looked_at(experiment, capsys, tmp_path):
    words = ["--experiment", str(experiment.path), "--variants", "full", "--domains", "training"]
    assert main.run(["ablate", "--out", str(tmp_path / "out"), *words]) == 2
    assert "--variants full is of no use with --experiment" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
