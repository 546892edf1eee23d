import json

import pytest

pytest.importorskip("torch", reason="training needs the train extra")
pytest.importorskip("carla", reason="driving needs the sim extra")

from sim2real_ad.config import check_config
from sim2real_ad.errors import CheckpointError, ConfigError, TrainingError
from sim2real_ad.training.adapter import warm_then_cool
from sim2real_ad.training.card import model_card
from sim2real_ad.training.config import StudentTraining, TrainingConfig, load_training
from sim2real_ad.training.dagger import Dagger, tally
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.rollout import Roll
from sim2real_ad.training.run import train_parts, training_record


class SameProcess:
    """Drives where it is asked, and counts."""

    def __init__(self) -> None:
        self.drives = 0

    def map(self, function, jobs):
        for job in jobs:
            self.drives += 1
            yield function(job)


def two_rounds() -> TrainingConfig:
    settings = StudentTraining(
        truth_rounds=2, truth_episodes=1, camera_rounds=0, epochs=1, final_epochs=1, practice=("stop_sign",)
    )
    return TrainingConfig(scenarios=("stop_sign",), student=settings, teacher="shipped")


def test_a_student_without_an_adapter_is_refused_with_the_command_that_makes_one(tmp_path):
    with pytest.raises(CheckpointError, match="s2r train adapter --out"):
        train_parts("student", tmp_path, None, 1)


def test_an_unknown_training_key_is_named(tmp_path):
    (tmp_path / "training.yaml").write_text("adapter: {epoch: 3}\n")
    with pytest.raises(ConfigError, match=r"adapter\.epoch"):
        load_training(tmp_path / "training.yaml")


def test_the_learning_rate_warms_up_and_cools_to_nothing():
    rates = [warm_then_cool(share / 100) for share in range(101)]
    assert rates[10] == max(rates) == 1.0
    assert 0 < rates[0] < 0.1
    assert rates[100] == pytest.approx(0.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_drives_are_counted_by_scenario_with_their_infractions():
    def roll(scenario: str, *infractions: str) -> Roll:
        return Roll(scenario, 1, not infractions, infractions, 1.0, None)

    table = tally([roll("a"), roll("a", "collision"), roll("b", "timeout")])
    assert table["a"] == {"n": 2, "successes": 1, "infractions": {"collision": 1}}
    assert table["b"]["successes"] == 0


@pytest.mark.torch
def test_a_round_of_dagger_collects_trains_and_exports(tmp_path):
    record = Dagger(two_rounds(), tmp_path, SameProcess(), Progress()).run()
    assert [r["teacher_share"] for r in record["rounds"]] == [1.0, 0.5]
    assert record["rounds"][0]["training_drives"]["stop_sign"]["successes"] == 1
    assert record["samples"] > record["rounds"][0]["samples"] > 50
    assert (tmp_path / "student.onnx").read_bytes() == (tmp_path / "round_1" / "student.onnx").read_bytes()
    assert record["kept_round"] == 1
    assert not list(tmp_path.glob("round_*/*.npy")), "samples of gigabytes do not stay"


@pytest.mark.torch
def test_a_killed_student_training_ends_as_if_it_had_not_been(tmp_path):
    class KilledInTheSecondRound(SameProcess):
        def map(self, function, jobs):
            for roll in super().map(function, jobs):
                if self.drives > 1:
                    raise KeyboardInterrupt
                yield roll

    with pytest.raises(KeyboardInterrupt):
        Dagger(two_rounds(), tmp_path / "killed", KilledInTheSecondRound(), Progress()).run()
    again, whole = SameProcess(), SameProcess()
    taken_up = Dagger(two_rounds(), tmp_path / "killed", again, Progress()).run()
    uncut = Dagger(two_rounds(), tmp_path / "uncut", whole, Progress()).run()
    assert (again.drives, whole.drives) == (1, 2)
    assert taken_up["rounds"][1]["curvature_error"] == uncut["rounds"][1]["curvature_error"]
    finished = SameProcess()
    assert Dagger(two_rounds(), tmp_path / "killed", finished, Progress()).run()["samples"] == uncut["samples"]
    assert finished.drives == 0


@pytest.mark.torch
def test_rounds_of_another_training_are_not_taken_up(tmp_path):
    Dagger(two_rounds(), tmp_path, SameProcess(), Progress()).run()
    other = two_rounds().model_copy(update={"seed": 2})
    with pytest.raises(TrainingError, match="round_0 is of a training with another configuration"):
        Dagger(other, tmp_path, SameProcess(), Progress()).run()


def test_the_model_card_tells_the_figures_of_the_record():
    student = {"validation": {"stop_sign": {"n": 6, "successes": 5, "infractions": {}}}}
    record = training_record(
        TrainingConfig(),
        {"iou": {"vehicle": 0.731}, "iou_near": {"vehicle": 0.802}, "doubt_auroc": {"spoilt": 0.991}},
        student,
    )
    card = model_card(json.loads(json.dumps(record)))
    assert "| vehicle | 0.731 | 0.802 |" in card
    assert "spoilt 0.991" in card
    assert "| stop_sign | 5 of 6 |" in card


def test_a_corridor_for_another_car_than_the_one_that_drives_is_refused():
    with pytest.raises(ConfigError, match=r"is 3.8 m, the front_overhang of vehicle e_transit 4.32 m"):
        check_config({"vehicle": "e_transit"}, TrainingConfig, "training.yaml")
