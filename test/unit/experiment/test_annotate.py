import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "reward"))

from tiny_models import make_onnx_folder

from sim2real_ad.cli import main
from sim2real_ad.errors import ConfigError, TrainingError
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.goal_guidance import load_guidance
from sim2real_ad.reward.guidance import Scene
from sim2real_ad.training.experiment.annotate import (
    ScoringTask,
    annotate,
    read_margins,
    read_scores,
    score_file,
    scores_path,
)
from sim2real_ad.training.experiment.stored_scenes import load_scenes, save_scenes


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    return f"onnx:{make_onnx_folder(tmp_path_factory.mktemp('onnx'))}"


@pytest.fixture(scope="module")
def goals(tmp_path_factory):
    """One sentence a side: a model of random weights has nothing to disagree with itself about, and abstains never."""
    path = tmp_path_factory.mktemp("goals") / "goals.yaml"
    path.write_text("goals: [{name: clear, positive: [the road is clear], negative: [a collision is near]}]\n")
    return str(path)


@pytest.fixture
def files(tmp_path):
    """Three files of scenes: two, five and one."""
    random = np.random.default_rng(4)
    paths = []
    for number, count in enumerate((2, 5, 1)):
        paths.append(tmp_path / f"scenes_{number}.npz")
        bevs = 255 * (random.random((count, *BevSpec().shape)) < 0.2).astype(np.uint8)
        save_scenes(paths[-1], [Scene(bev, float(n), 0.01 * n) for n, bev in enumerate(bevs)])
    return paths


def test_scenes_come_back_as_they_were_stored(tmp_path):
    bev = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    picture = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    save_scenes(tmp_path / "a.npz", [Scene(bev, 3.25, -0.125, picture), Scene(bev + 1, 0.0, 0.0, picture)])
    first, second = load_scenes(tmp_path / "a.npz")
    assert (first.speed, first.curvature, second.speed) == (3.25, -0.125, 0.0)
    assert np.array_equal(first.bev, bev)
    assert np.array_equal(second.bev, bev + 1)
    assert np.array_equal(second.rgb, picture)


def test_both_engines_give_the_scores_of_one_process(files, scorer, goals, engine):
    alone = [score_here(path, scorer, goals) for path in files]
    for path in files:
        scores_path(path).unlink()
    spread = annotate(files, scorer, goals, engine)
    assert [len(scores.values) for scores in spread] == [2, 5, 1]
    for one, other in zip(alone, spread, strict=True):
        assert np.array_equal(one.values, other.values)
        assert np.array_equal(one.abstained, other.abstained)
    assert np.unique(np.concatenate([scores.values for scores in spread])).size >= 3


def test_what_has_been_scored_is_not_scored_again(files, scorer):
    score_here(files[0], scorer)
    before = scores_path(files[0]).stat().st_mtime_ns
    score_here(files[0], scorer)
    assert scores_path(files[0]).stat().st_mtime_ns == before
    save_scenes(files[0], load_scenes(files[1]))
    assert len(score_here(files[0], scorer).values) == 5


def test_scores_are_those_of_the_guidance_itself_and_margins_are_kept_for_a_surrogate(files, scorer, goals):
    kept = score_here(files[1], scorer, goals)
    guidance = load_guidance(scorer, goals)
    scenes = load_scenes(files[1])
    assert np.array_equal(kept.values, guidance.score(scenes).values)
    assert np.array_equal(read_margins(files[1]), guidance.margins(scenes))


def test_one_command_stores_the_scenes_of_drives_and_scores_them(tmp_path, scorer, goals, capsys):
    command = ["annotate", str(tmp_path), "--scorer", scorer, "--goals", goals, "--drives", "2", "--processes", "1"]
    assert main.run(command) == 0
    (path,) = tmp_path.glob("scenes_*[0-9].npz")
    count = len(load_scenes(path))
    assert count > 20
    assert f"{count} scenes in 1 files" in capsys.readouterr().out
    before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    assert main.run(command) == 0
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before


def test_a_folder_without_scenes_says_how_to_get_some(tmp_path, scorer, capsys):
    assert main.run(["annotate", str(tmp_path), "--scorer", scorer]) == 2
    assert "--drives" in capsys.readouterr().err


def test_a_file_that_cannot_be_scored_is_named_after_the_others_were(files, scorer, local):
    files[1].write_bytes(b"no scenes")
    with pytest.raises(TrainingError, match=r"1 of 3 files .*scenes_1\.npz holds no scenes"):
        annotate(files, scorer, "driving", local)
    assert [scores_path(path).is_file() for path in files] == [True, False, True]


def test_goals_and_files_that_are_not_there_are_named(files, scorer, tmp_path):
    with pytest.raises(ConfigError, match="driving"):
        score_file(ScoringTask(files[0], scorer, "flying"))
    with pytest.raises(TrainingError, match=r"absent\.npz"):
        score_file(ScoringTask(tmp_path / "absent.npz", scorer, "driving"))
    with pytest.raises(TrainingError, match="holds no scores"):
        read_scores(files[2])


def score_here(path, scorer, goals="driving"):
    score_file(ScoringTask(path, scorer, goals))
    return read_scores(path)
