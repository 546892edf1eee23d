import json

import pytest

pytest.importorskip("torch", reason="ablations need the train extra")

from sim2real_ad.errors import CheckpointError, ConfigError
from sim2real_ad.policy.checkpoint import ADAPTER_FILE, CONFIG_FILE, SHIPPED
from sim2real_ad.training.ablation import run
from sim2real_ad.training.ablation.run import Ablation, prepare, run_ablation, table
from sim2real_ad.training.ablation.variants import VARIANTS, short_training, variant_of
from sim2real_ad.training.config import TrainingConfig
from sim2real_ad.training.judged_drives import JudgedDrive
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.run import ADAPTER_RECORD


def ablation(tmp_path, trained=SHIPPED) -> Ablation:
    return Ablation(tmp_path, trained, ("",), range(2), 1)


def drive(variant: str, seed: int, infraction: str = "", domain: str = "") -> JudgedDrive:
    return JudgedDrive(
        variant=variant, checkpoint="x", limits="x", domain=domain, scenario="a", seed=seed, infraction=infraction,
        seconds=1.0, trajectory_hash="", ood=0.0, interventions={}, intervened=0, frames=20,
    )  # fmt: skip


def test_the_parts_that_were_asked_for_can_be_left_out():
    assert {"no_randomization", "projection_only", "no_action_mapping", "no_phase_2", "no_history"} < set(VARIANTS)


def test_a_short_training_changes_what_the_variant_says_and_nothing_else():
    base = TrainingConfig()
    short = short_training(base, VARIANTS["short"])
    blind = short_training(base, VARIANTS["no_history"])
    assert blind.observation.history_s == ()
    assert blind.model_copy(update={"observation": base.observation}) == short
    assert short_training(base, VARIANTS["no_randomization"]) == short.model_copy(update={"randomization": 0.0})
    assert short.student.camera_rounds < base.student.camera_rounds
    assert short.teacher == "shipped"


def test_a_teacher_from_anywhere_can_take_the_shipped_ones_place():
    assert short_training(TrainingConfig(), variant_of("teacher:some/where.npz")).teacher == "some/where.npz"


def test_an_unknown_variant_is_refused_with_those_that_there_are():
    with pytest.raises(ConfigError, match=r"no_colour.*no_history.*teacher:FILE"):
        variant_of("no_colour")


def test_the_checkpoint_itself_drives_where_nothing_needs_training(tmp_path):
    assert prepare(VARIANTS["full"], ablation(tmp_path), TrainingConfig(), Progress()) == SHIPPED
    assert prepare(VARIANTS["no_action_mapping"], ablation(tmp_path), TrainingConfig(), Progress()) == SHIPPED


def test_without_phase_2_a_student_learns_on_the_true_bev_alone_over_the_checkpoints_adapter(tmp_path, monkeypatch):
    taught = {}

    def learn(config, folder, _progress, _workers):
        taught[folder] = config.student
        assert (folder / ADAPTER_FILE).read_bytes() == (SHIPPED / ADAPTER_FILE).read_bytes()
        assert json.loads((folder / ADAPTER_RECORD).read_text())["steps"] > 0
        (folder / CONFIG_FILE).touch()

    monkeypatch.setattr(run, "student_part", learn)
    base = TrainingConfig()
    folder = prepare(VARIANTS["no_phase_2"], ablation(tmp_path), base, Progress())
    assert prepare(VARIANTS["projection_only"], ablation(tmp_path), base, Progress()) == folder
    assert taught == {folder: base.student.model_copy(update={"camera_rounds": 0})}


def test_a_variant_that_borrows_an_adapter_says_whose(tmp_path):
    with pytest.raises(ConfigError, match="takes the adapter of 'short': name that first"):
        prepare(VARIANTS["no_history"], ablation(tmp_path), TrainingConfig(), Progress())
    (tmp_path / "short").mkdir()
    (tmp_path / "short" / CONFIG_FILE).touch()
    with pytest.raises(ConfigError, match=r"remove .*/short, whose weights are gone, and name that first"):
        prepare(VARIANTS["no_history"], ablation(tmp_path), TrainingConfig(), Progress())


def test_a_variant_without_its_weights_says_how_to_get_them_back(tmp_path):
    (tmp_path / "no_history").mkdir()
    (tmp_path / "no_history" / CONFIG_FILE).write_bytes((SHIPPED / CONFIG_FILE).read_bytes())
    with pytest.raises(CheckpointError, match=r"is missing: 'no_history' .*; remove .*/no_history to have"):
        run_ablation(("no_history",), ablation(tmp_path), TrainingConfig(), Progress())


def test_a_checkpoint_that_was_given_without_its_weights_is_not_offered_to_be_removed(tmp_path):
    (tmp_path / CONFIG_FILE).write_bytes((SHIPPED / CONFIG_FILE).read_bytes())
    with pytest.raises(CheckpointError, match=r"adapter.onnx is missing$"):
        run_ablation(("full",), ablation(tmp_path / "out", trained=tmp_path), TrainingConfig(), Progress())


def test_the_table_counts_successes_with_intervals_and_leaves_out_what_was_not_driven():
    drives = [drive("full", 0), drive("full", 1, "collision"), drive("full", 0, domain="another_look")]
    text = table([VARIANTS["full"], VARIANTS["no_phase_2"]], ("", "another_look"), drives)
    assert "| variant | training | another_look | what it is |" in text
    assert "| full | 1 of 2 (9 to 91 %) | 1 of 1 (21 to 100 %) |" in text
    assert "| no_phase_2 | - | - |" in text


def test_every_variant_drives_every_scenario_on_the_seeds_that_were_asked_for(tmp_path, monkeypatch):
    asked = []

    def judged(path, trials, _workers, _report, variant):
        asked.extend((variant, trial.scenario, trial.seed, trial.domain, trial.without) for trial in trials)
        return [drive(variant, trial.seed, domain=trial.domain) for trial in trials]

    monkeypatch.setattr(run, "judge_missing", judged)
    wanted = Ablation(tmp_path, SHIPPED, ("", "another_body"), range(40, 42), 1)
    text = run_ablation(("full", "no_action_mapping"), wanted, TrainingConfig(), Progress())
    assert text.startswith("Seeds 40 to 41 of each scenario, in process")
    assert "| full | 6 of 6 (61 to 100 %) | 6 of 6 (61 to 100 %) |" in text
    assert len(set(asked)) == 2 * 2 * 3 * 2
    assert ("no_action_mapping", "stop_sign", 41, "another_body", "no_action_mapping") in asked
