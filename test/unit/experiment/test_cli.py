import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from sim2real_ad.cli import main
from sim2real_ad.errors import TrainingError
from sim2real_ad.training.experiment.folder import ExperimentFolder
from sim2real_ad.training.experiment.spec import ExperimentSpec
from sim2real_ad.training.experiment.teacher_run import only_one, train_and_judge
from sim2real_ad.training.teacher.imitation import make_network, policy_from_network

SPEC = {
    "steps": 256,
    "scenarios": ["stop_sign"],
    "judging": {"episodes": 2},
    "settings": {
        "worlds": 2,
        "evaluation": {"every": 128, "episodes": 1, "final_episodes": 1},
        "algorithms": {"ppo": {"n_steps": 64, "batch_size": 64, "hidden": [256, 256]}},
        "closeness": {"warm_up": 0},
    },
    "rows": [
        {"algorithms": ["ppo"], "rewards": ["hand-crafted"], "start": "cloned", "seeds": [1]},
        {"algorithms": ["ppo"], "rewards": ["sparse"], "start": "scratch", "seeds": [1, 2]},
    ],
}
NAMES = ["start-cloned", "ppo-hand-crafted-cloned-s1", "ppo-sparse-scratch-s1", "ppo-sparse-scratch-s2"]


@pytest.fixture
def spec(tmp_path):
    def write(**changes):
        path = tmp_path / "small.yaml"
        path.write_text(yaml.safe_dump({**SPEC, **changes}))
        return str(path)

    return write


def keep_start(path):
    """A start that is there is not imitated again: any policy will do here."""
    path.parent.mkdir(parents=True)
    torch.manual_seed(3)
    policy_from_network(make_network((256, 256))).save(path)
    return path.read_bytes()


def results(out):
    return {path.parts[-3]: json.loads(path.read_text()) for path in out.glob("runs/*/training/result.json")}


def test_one_command_trains_judges_and_tells_and_takes_up_again_what_is_missing(spec, tmp_path, capsys):
    out = tmp_path / "out"
    start = keep_start(out / "starts" / "cloned" / "start.npz")
    command = ["experiment", spec(), "--out", str(out), "--processes", "1"]
    assert main.run([*command, "--only", "*cloned*"]) == 0
    first = results(out)
    assert set(first) == {"ppo-hand-crafted-cloned-s1"}
    assert (out / "runs" / "ppo-hand-crafted-cloned-s1" / "training" / "start.npz").read_bytes() == start
    assert "2 of 2 runs; nothing left" in capsys.readouterr().out

    # One of the two runs that are left cannot be trained: its folder holds another training.
    broken = out / "runs" / "ppo-sparse-scratch-s2"
    (broken / "training").mkdir(parents=True)
    (broken / "training" / "run.json").write_text('{"identity": {"algorithm": "sac"}}')
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text("# Page\n<!-- table small: begin -->\n<!-- table small: end -->\n")
    assert main.run([*command, "--docs", str(page)]) == 1
    told = capsys.readouterr().out
    assert "ppo-sparse-scratch-s2 failed" in told
    assert "another training" in (broken / "failure.txt").read_text()
    again = results(out)
    assert set(again) == {"ppo-hand-crafted-cloned-s1", "ppo-sparse-scratch-s1"}
    assert again["ppo-hand-crafted-cloned-s1"] == first["ppo-hand-crafted-cloned-s1"]
    assert all(result["steps"] >= 256 for result in again.values())
    check_table((out / "table.md").read_text(), again)
    assert "images/experiment_small.svg" in page.read_text()
    assert (page.parent / "images" / "experiment_small.svg").read_bytes() == (out / "curves.svg").read_bytes()


def check_table(table, records):
    """Hold the table to what the trainings' own records say."""
    assert "3 of 4 runs finished" in table
    assert "`ppo-sparse-scratch-s2` failed" in table
    (line,) = [line for line in table.splitlines() if line.startswith("| `ppo-sparse-scratch-s1`")]
    kept = records["ppo-sparse-scratch-s1"]["evaluations"]["best"]["steps"]
    assert re.search(rf"\| {kept} \| [1-9]\d* \|  \| quiet \|$", line), line


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ({"algorithms": ["dqn"], "rewards": ["sparse"], "start": "scratch", "seeds": [1]}, "dqn"),
        ({"algorithms": ["sac"], "rewards": ["applause"], "start": "scratch", "seeds": [1]}, "applause"),
    ],
)
def test_what_there_is_not_is_named_before_anything_runs(spec, tmp_path, capsys, rows, named):
    assert main.run(["experiment", spec(rows=[rows]), "--out", str(tmp_path / "out")]) == 2
    assert named in capsys.readouterr().err
    assert not (tmp_path / "out" / "runs").exists()


def test_a_page_without_markers_stops_before_anything_runs(spec, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("# Page\n")
    assert main.run(["experiment", spec(), "--out", str(tmp_path / "out"), "--docs", str(page)]) == 2
    assert "table small: begin" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_ids_of_the_runs_can_be_listed(spec, capsys):
    assert main.run(["experiment", spec(), "--list"]) == 0
    assert capsys.readouterr().out.split() == NAMES


def test_a_table_of_a_folder_without_an_experiment_is_refused(tmp_path, capsys):
    assert main.run(["experiment", "--out", str(tmp_path), "--table"]) == 2
    assert "holds no experiment" in capsys.readouterr().err


def test_a_run_that_another_process_works_on_is_left_to_it(tmp_path):
    folder = ExperimentFolder.create(tmp_path, ExperimentSpec.model_validate(SPEC))
    task = folder.task(folder.spec.runs()[-1])
    task.folder.mkdir(parents=True)
    with only_one(task.folder), pytest.raises(TrainingError, match="another process works on this run"):
        train_and_judge(task)
    assert list(task.folder.iterdir()) == [task.folder / "lock"]


def test_ctrl_c_ends_every_process_and_the_same_command_goes_on(spec, tmp_path):
    """The terminal sends the interrupt to the whole group, the workers included."""
    rows = [{"algorithms": ["ppo"], "rewards": ["sparse"], "start": "scratch", "seeds": [1, 2]}]
    out, path = tmp_path / "out", spec(rows=rows, steps=40_000)
    command = [sys.executable, "-m", "sim2real_ad", "experiment", path, "--out", str(out)]
    training = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, text=True)
    group = os.getpgid(training.pid)
    try:
        assert soon(lambda: sum(p.stat().st_size > 0 for p in out.glob("runs/*/training/evaluations.jsonl")) == 2, 90)
        os.killpg(group, signal.SIGINT)
        told, _ = training.communicate(timeout=60)
    finally:
        if training.poll() is None:
            os.killpg(group, signal.SIGKILL)
    assert training.returncode == 130
    assert "table in" in told
    assert soon(lambda: not members(group), 20), members(group)
    saved = {p.parts[-4]: p.name for p in out.glob("runs/*/training/checkpoints/step_*")}
    assert set(saved) == {"ppo-sparse-scratch-s1", "ppo-sparse-scratch-s2"}


def soon(condition, within_s: float) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.1)
    return False


def members(group: int) -> list[str]:
    """Processes of a group that are not zombies."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(name)
    return found
