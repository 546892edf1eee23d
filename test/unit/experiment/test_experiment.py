import io
import json

import fake_runs
import pytest
from experiments import IDS, small_spec
from rich.console import Console

from sim2real_ad.errors import TrainingError
from sim2real_ad.training.experiment.experiment import choose_runs, run_experiment
from sim2real_ad.training.experiment.folder import ExperimentFolder
from sim2real_ad.training.experiment.status import Overview, share_done
from sim2real_ad.training.progress import Progress


def carry_out(path, engine, only=None, **settings):
    folder = ExperimentFolder.create(path, small_spec(**settings))
    progress = Progress(Console(file=io.StringIO()))
    return folder, run_experiment(folder, engine, fake_runs.fake_run, fake_runs.make_start, progress, only)


def trained(folder, name):
    path = folder.path / "runs" / name / "training" / "trained"
    return len(path.read_text().splitlines()) if path.is_file() else 0


def test_every_run_is_trained_once_and_judged_on_every_drive(tmp_path, local):
    folder, ended = carry_out(tmp_path, local)
    assert (list(ended.finished), ended.failed) == (IDS, {})
    assert [trained(folder, name) for name in IDS] == [0, 1, 1, 1, 1]
    assert [len(one.drives) for one in folder.judged()] == [10] * 5
    assert (tmp_path / "starts" / "imitated" / "made").read_text() == "once\n"


def test_what_is_finished_is_not_done_again(tmp_path, local):
    carry_out(tmp_path, local, only="sac-*")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("drives.jsonl")}
    assert len(before) == 3
    folder, ended = carry_out(tmp_path, local)
    assert list(ended.finished) == IDS
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (tmp_path / "starts" / "imitated" / "made").read_text() == "once\n"
    assert [trained(folder, name) for name in IDS] == [0, 1, 1, 1, 1]


def test_where_all_is_finished_no_process_is_asked_for_anything(tmp_path, local):
    class Unused:
        def map(self, function, items, idle=None):
            assert list(items) == []
            yield from ()

    carry_out(tmp_path, local)
    _, ended = carry_out(tmp_path, Unused())
    assert list(ended.finished) == IDS


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path, local):
    name = "sac-vlm-imitated-s1"
    folder, ended = carry_out(tmp_path, local, cut=[name])
    assert name in ended.finished
    assert (folder.path / "runs" / name / "cut").is_file()
    assert trained(folder, name) == 1
    (judged,) = [one for one in folder.judged() if one.run.id == name]
    assert [drive.key for drive in judged.drives] == list(judged.run.trials)
    lines = (folder.path / "runs" / name / "drives.jsonl").read_text().splitlines()
    assert len(lines) == len(set(lines)) == 10


def test_a_failing_run_is_reported_while_the_others_finish(tmp_path, local):
    name = "sac-vlm-imitated-s1"
    folder, ended = carry_out(tmp_path, local, fails=[name])
    assert ended.failed == {name: f"{name}: the world died"}
    assert list(ended.finished) == [one for one in IDS if one != name]
    assert folder.failures() == ended.failed
    assert not folder.is_finished(next(run for run in folder.spec.runs() if run.id == name))


def test_a_failure_is_forgotten_when_the_run_is_tried_again(tmp_path, local):
    name = "ppo-vlm-scratch-s1"
    folder, _ = carry_out(tmp_path, local, only=name)
    (folder.path / "runs" / name / "failure.txt").write_text("it broke\n")
    (folder.path / "runs" / name / "training" / "result.json").unlink()
    folder, ended = carry_out(tmp_path, local, only=name)
    assert (ended.finished, folder.failures()) == ((name,), {})


def test_a_run_that_another_process_finished_is_not_called_failed(tmp_path, local):
    name = "ppo-vlm-scratch-s1"
    folder, _ = carry_out(tmp_path, local, only=name)
    (folder.path / "runs" / name / "failure.txt").write_text("another process works on this run\n")
    assert folder.failures() == {}


def test_the_same_comes_of_a_ray_cluster(tmp_path, local, ray):
    here, _ = carry_out(tmp_path / "local", local)
    there, ended = carry_out(tmp_path / "ray", ray)
    assert list(ended.finished) == IDS
    assert list(here.judged()) == list(there.judged())


def test_more_drives_to_judge_leave_the_training_alone(tmp_path, local):
    folder, _ = carry_out(tmp_path, local)
    more = folder.spec.model_copy(update={"judging": folder.spec.judging.model_copy(update={"episodes": 7})})
    again = ExperimentFolder.create(tmp_path, more)
    progress = Progress(Console(file=io.StringIO()))
    run_experiment(again, local, fake_runs.fake_run, fake_runs.make_start, progress)
    assert [len(one.drives) for one in again.judged()] == [14] * 5
    assert [trained(again, name) for name in IDS] == [0, 1, 1, 1, 1]


def test_a_folder_of_another_training_is_refused_with_what_differs(tmp_path, local):
    carry_out(tmp_path, local, only="ppo-*")
    other = small_spec().model_copy(update={"steps": 500})
    with pytest.raises(TrainingError, match=r"ppo-vlm-scratch-s1 was trained with steps 400, now it is 500"):
        ExperimentFolder.create(tmp_path, other)


def test_a_folder_without_an_experiment_is_named(tmp_path):
    with pytest.raises(TrainingError, match=r"holds no experiment \(experiment\.json\)"):
        ExperimentFolder.open(tmp_path)


def test_a_folder_is_opened_as_it_was_made(tmp_path):
    ExperimentFolder.create(tmp_path, small_spec(worlds=2))
    assert ExperimentFolder.open(tmp_path).spec == small_spec(worlds=2)
    assert "python" in json.loads((tmp_path / "experiment.json").read_text())["versions"]


def test_a_pattern_that_matches_nothing_names_the_runs_there_are():
    assert [run.id for run in choose_runs(small_spec().runs(), "*-s2")] == ["sac-vlm-imitated-s2"]
    with pytest.raises(TrainingError, match="start-imitated, sac-vlm-imitated-s1"):
        choose_runs(small_spec().runs(), "td3-*")


def test_the_line_of_progress_tells_runs_done_under_way_and_failed(tmp_path, local):
    folder, _ = carry_out(tmp_path, local, only="ppo-*")
    runs = folder.spec.runs()
    half = folder.run_folder(runs[1])
    (half / "training" / "checkpoints" / "step_0000000200").mkdir(parents=True)
    assert share_done(runs[1], half) == pytest.approx(0.45)
    overview = Overview(folder, runs, Progress(Console(file=io.StringIO())))
    assert overview.line() == "1 of 5 runs; sac-vlm-imitated-s1 45%; time left not known yet"
    overview.ended(runs[2], failed=True)
    assert "1 failed" in overview.line()
    (half / "training" / "checkpoints" / "step_0000000400").mkdir()
    assert overview.line().endswith("min left")
