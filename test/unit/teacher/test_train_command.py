"""`s2r train` and its parts, as they are typed."""

import pytest

from sim2real_ad.cli import main
from sim2real_ad.training import run as student_run
from sim2real_ad.training.teacher import run as teacher_run


@pytest.fixture
def asked(monkeypatch):
    """What the command line led to, in place of doing it."""
    calls = []
    monkeypatch.setattr(teacher_run, "train_teacher", lambda training, out: calls.append((training, out)))
    monkeypatch.setattr(student_run, "train_parts", lambda *arguments: calls.append(arguments))
    return calls


def test_algorithm_reward_and_world_are_three_independent_names(asked, tmp_path):
    line = ["--algo", "tqc", "--reward", "sparse", "--world", "carla", "--host", "10.0.0.7", "--port", "2100"]
    assert main.run(["train", "teacher", *line, "--out", str(tmp_path)]) == 0
    ((training, out),) = asked
    assert (training.algorithm, training.reward, training.drives.world) == ("tqc", "sparse", "carla")
    assert (training.drives.host, training.drives.port, training.world_count) == ("10.0.0.7", 2100, 1)
    assert out == tmp_path


def test_every_option_reaches_the_settings_and_the_rest_stays_as_shipped(asked):
    words = ["--scorer", "chat:a.yaml", "--goals", "mine", "--start", "cloned"]
    numbers = ["--steps", "77", "--seed", "9", "--episodes", "33", "--worlds", "5"]
    assert main.run(["train", "teacher", *words, *numbers]) == 0
    ((training, _),) = asked
    assert (training.scorer, training.goals, training.start) == ("chat:a.yaml", "mine", "cloned")
    assert (training.steps, training.seed, training.world_count) == (77, 9, 5)
    assert training.evaluation.final_episodes == 33
    assert (training.algorithm, training.evaluation.every) == ("sac", 20_000)


@pytest.mark.parametrize("part", ["adapter", "student", "all"])
def test_the_parts_of_the_checkpoint_are_trained_as_ever(asked, tmp_path, part):
    assert main.run(["train", part, "--out", str(tmp_path), "--workers", "3"]) == 0
    assert asked == [(part, tmp_path, None, 3)]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["--algo", "a3c"], "known names: ppo, sac, td3, tqc"),
        (["--reward", "applause"], "rewards: no 'applause'; known names: hand-crafted, sparse, surrogate, vlm"),
        (["--scorer", "oracle"], "no scorer 'oracle'"),
        (["--goals", "wishes"], "goals: no 'wishes'"),
        (["--config", "nowhere"], "training: no 'nowhere'"),
        (["--reward", "sparse", "--start", "elsewhere"], "start: no 'elsewhere'"),
        (["--world", "carla", "--worlds", "3"], "worlds must be 1"),
    ],
)
def test_a_wrong_name_is_one_line_that_says_what_there_is(line, told, tmp_path, capsys):
    assert main.run(["train", "teacher", *line, "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_world_that_does_not_answer_is_named_with_host_and_port(tmp_path, capsys):
    line = ["--reward", "sparse", "--world", "carla", "--port", "1", "--out", str(tmp_path / "run")]
    assert main.run(["train", "teacher", *line]) == 2
    assert "127.0.0.1" in capsys.readouterr().err
