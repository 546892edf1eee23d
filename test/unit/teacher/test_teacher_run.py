"""A training in its folder: killed, taken up again, refused, finished; and what it leaves."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sim2real_ad.errors import CheckpointError, ConfigError, ScorerError, TrainingError
from sim2real_ad.reward.guidance import Scores
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.teacher.algorithms import actor_parameters, make_model
from sim2real_ad.training.teacher.checkpoints import list_checkpoints, load_checkpoint, save_checkpoint
from sim2real_ad.training.teacher.imitation import NoReward
from sim2real_ad.training.teacher.policy import TeacherPolicy
from sim2real_ad.training.teacher.run import train_teacher
from sim2real_ad.training.teacher.session import Session
from sim2real_ad.training.teacher.settings import load_teacher_training
from sim2real_ad.training.teacher.state import STATE_SIZE
from sim2real_ad.training.teacher.worlds import open_worlds

QUIET = Progress(Console(quiet=True))
SMALL = {"hidden": [16], "batch_size": 16}
TINY = {
    "reward": "hand-crafted",
    "steps": 600,
    "worlds": 3,
    "window": 5,
    "checkpoint_every_s": 0.0,
    "algorithms": {
        "sac": {**SMALL, "learning_starts": 30, "train_freq": 10, "gradient_steps": 1, "buffer_size": 450},
        "ppo": {"hidden": [16], "batch_size": 15, "n_steps": 50, "n_epochs": 1},
    },
    "evaluation": {"every": 300, "episodes": 1, "final_episodes": 1},
    "drives": {"scenarios": ["stop_sign"]},
}


def tiny(**changes):
    return load_teacher_training(None, {**TINY, **changes})


class Speed:
    """Guidance that likes speed, or does what it is told to after some batches."""

    name = "speed"

    def __init__(self, fails_after=None):
        self.calls, self.fails_after = 0, fails_after

    def score(self, scenes):
        self.calls += 1
        if self.fails_after is not None and self.calls > self.fails_after:
            raise ScorerError("the model's folder is gone")
        return Scores(np.clip([s.speed / 10.0 for s in scenes], 0, 1).astype(np.float32), np.zeros(len(scenes), bool))

    def record(self):
        return {"scored": self.calls, "scorer": self.name}


def wait_for(condition, process, seconds=90.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, f"it ended by itself with {process.returncode}"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_killed_training_goes_on_from_its_last_checkpoint_and_reaches_the_same_end(tmp_path, capsys):
    out, settings = tmp_path / "run", tmp_path / "tiny.yaml"
    endless = {**TINY, "steps": 2_000_000}
    settings.write_text(yaml.safe_dump({**endless, "evaluation": {**TINY["evaluation"], "every": 150}}))
    command = [sys.executable, "-m", "sim2real_ad", "train", "teacher", "--config", str(settings), "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        wait_for(lambda: len(list_checkpoints(out)) == 2 and list_checkpoints(out)[0].name > "step_0000000700", process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    kept = list_checkpoints(out)[-1]
    steps = json.loads((kept / "progress.json").read_text())["steps"]

    training = load_teacher_training(settings, {"steps": steps + 300})
    result = train_teacher(training, out)
    assert f"goes on at step {steps:,}" in capsys.readouterr().out
    assert result["steps"] == steps + 300
    judged = [json.loads(line)["steps"] for line in (out / "evaluations.jsonl").read_text().splitlines()]
    assert judged == sorted(set(judged))
    assert judged[-1] == steps + 300
    assert len(judged) >= steps // 150
    with np.load(list_checkpoints(out)[-1] / "replay_buffer.npz") as buffer:
        assert buffer["rewards"].shape == (150, 3)
        assert bool(buffer["full"])
        assert int(buffer["position"]) == result["steps"] // 3 % 150


def test_a_checkpoint_brings_back_networks_optimisers_buffer_and_every_random_generator(tmp_path):
    training = tiny()
    first = open_worlds(training.drives, NoReward(), 2, seed=4)
    model = make_model("sac", training.hyperparameters, first, seed=4)
    model.learn(60, log_interval=None)
    folder = save_checkpoint(tmp_path, model, first, {"more": [1, 2]})
    drawn = draws(first)

    second = open_worlds(training.drives, NoReward(), 2, seed=99)
    again, progress = load_checkpoint(folder, "sac", second)
    assert progress == {"more": [1, 2], "steps": 60}
    assert draws(second) == drawn
    assert all(torch.equal(a, b) for a, b in zip(actor_parameters(model), actor_parameters(again), strict=True))
    for name in ("actor", "critic"):
        mine, theirs = (getattr(m, name).optimizer.state_dict()["state"] for m in (model, again))
        assert torch.equal(mine[0]["exp_avg"], theirs[0]["exp_avg"])
    for name in ("observations", "next_observations", "actions", "rewards", "dones", "timeouts"):
        np.testing.assert_array_equal(getattr(model.replay_buffer, name), getattr(again.replay_buffer, name))
    assert again.replay_buffer.pos == model.replay_buffer.pos
    assert float(again.log_ent_coef.detach()) == float(model.log_ent_coef.detach())
    first.close()
    second.close()


def draws(worlds):
    """What each generator gives next, and which episode each world drives next."""
    worlds.reset()
    seeds = [info["episode_seed"] for info in worlds.reset_infos]
    return random.random(), np.random.random(), float(torch.rand(1)), seeds  # noqa: NPY002 - the library draws from it


def test_a_checkpoint_that_was_cut_off_is_not_taken_for_one(tmp_path):
    result = train_teacher(tiny(steps=60), tmp_path, QUIET)
    (tmp_path / "checkpoints" / "step_0000009999.part").mkdir()
    assert [p.name for p in list_checkpoints(tmp_path)][-1] == f"step_{result['steps']:010d}"
    damaged = list_checkpoints(tmp_path)[-1]
    (damaged / "model.zip").write_bytes(b"half a fi")
    with pytest.raises(TrainingError, match=f"{damaged.name} cannot be taken up again"):
        train_teacher(tiny(steps=120), tmp_path, QUIET)


@pytest.mark.parametrize("algorithm", ["sac", "ppo"])
def test_a_training_leaves_a_policy_a_result_and_its_curves(tmp_path, algorithm):
    result = train_teacher(tiny(algorithm=algorithm, reward="vlm"), tmp_path, QUIET, guidance=Speed())
    policy = TeacherPolicy.load(tmp_path / "teacher.npz")
    assert policy.act(np.zeros(STATE_SIZE, np.float32)).shape == (2,)
    assert json.loads((tmp_path / "result.json").read_text()) == json.loads(json.dumps(result))
    assert result["steps"] == 600
    assert set(result["success"]) == {"stop_sign"}
    assert result["audit"]["verdict"] in {"trusted", "suspicious", "untrusted"}
    assert result["guidance"][0]["scored"] > 2
    assert result["alarm"]["worst"] == "quiet"
    assert result["steps_per_second"] > 20
    assert (tmp_path / "audit.html").stat().st_size > 1000
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["identity"]["algorithm"] == algorithm
    assert run["versions"]["sim2real_ad"]
    curves = EventAccumulator(str(tmp_path / "tensorboard")).Reload().Tags()["scalars"]
    wanted = {"reward/driving", "reward/infraction", "reward/total", "reward/guidance_score", "guidance/scored"}
    assert wanted | {"rollout/success_rate", "success/stop_sign", "evaluation/success"} <= set(curves)


def test_the_same_seed_gives_the_same_policy_and_another_seed_another(tmp_path):
    found = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train_teacher(tiny(seed=seed, steps=300), tmp_path / name, QUIET)
        found[name] = TeacherPolicy.load(tmp_path / name / "teacher.npz").act(np.ones(STATE_SIZE, np.float32))
    np.testing.assert_array_equal(found["a"], found["b"])
    assert not np.array_equal(found["a"], found["c"])


def test_a_finished_training_is_not_run_again_and_more_steps_go_on(tmp_path):
    first = train_teacher(tiny(steps=90), tmp_path, QUIET)
    written = (tmp_path / "result.json").stat().st_mtime_ns
    assert train_teacher(tiny(steps=90), tmp_path, QUIET) == json.loads(json.dumps(first))
    assert (tmp_path / "result.json").stat().st_mtime_ns == written
    assert train_teacher(tiny(steps=180), tmp_path, QUIET)["steps"] == 180


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"algorithm": "ppo"}, "algorithm is sac there, ppo was asked for"),
        ({"reward": "sparse"}, "reward is hand-crafted there, sparse"),
        ({"seed": 3}, "seed is 1 there, 3"),
        ({"drives": {"scenarios": ["car_following"]}}, r"drives.scenarios is \['stop_sign'\] there"),
    ],
)
def test_a_folder_of_another_training_is_refused(tmp_path, changes, named):
    train_teacher(tiny(steps=30), tmp_path, QUIET)
    with pytest.raises(TrainingError, match=named):
        train_teacher(tiny(steps=60, **changes), tmp_path, QUIET)


def test_nothing_learned_is_lost_where_guidance_fails_for_good(tmp_path):
    with pytest.raises(ScorerError, match="folder is gone"):
        train_teacher(tiny(reward="vlm"), tmp_path, QUIET, guidance=Speed(fails_after=7))
    kept = list_checkpoints(tmp_path)[-1]
    with np.load(kept / "replay_buffer.npz") as buffer:
        assert int(buffer["position"]) == 7 * 10
    result = train_teacher(tiny(reward="vlm", steps=300), tmp_path, QUIET, guidance=Speed())
    assert result["steps"] == 300
    assert [process["scored"] for process in result["guidance"]] == [7, 3]


@pytest.mark.parametrize("fault", ["constant", "random"])
def test_a_scorer_that_lies_all_the_time_is_caught_by_the_audit_of_its_training(tmp_path, fault):
    training = tiny(algorithm="ppo", reward="vlm", scorer=f"faulty:{fault}", steps=1500)
    audit = train_teacher(training, tmp_path, QUIET)["audit"]
    assert audit["verdict"] == "untrusted"
    assert audit["reasons"]
    assert audit["figures"]["unsafe_episodes"] >= 5
    assert json.loads((tmp_path / "audit.json").read_text())["verdict"] == "untrusted"


def test_a_training_from_a_policy_judges_its_start_first(tmp_path):
    policy = TeacherPolicy.load(start_file(tmp_path))
    result = train_teacher(tiny(start=str(tmp_path / "start.npz"), steps=300), tmp_path / "run", QUIET)
    assert result["evaluations"]["first"]["steps"] == 0
    kept = TeacherPolicy.load(tmp_path / "run" / "best.npz")
    state = np.ones(STATE_SIZE, np.float32)
    # The warm-up is longer than this training: nothing may have moved.
    np.testing.assert_allclose(kept.act(state), policy.act(state), atol=1e-6)


def start_file(folder):
    random_ = np.random.default_rng(1)
    sizes = ((STATE_SIZE, 16), (16, 2))
    layers = [(random_.normal(0, 0.2, size).astype(np.float32), np.zeros(size[1], np.float32)) for size in sizes]
    TeacherPolicy(layers).save(folder / "start.npz")
    return folder / "start.npz"


def test_a_start_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"none\.npz"):
        train_teacher(tiny(start=str(tmp_path / "none.npz")), tmp_path / "run", QUIET)


def test_an_unknown_name_claims_no_folder(tmp_path):
    for changes, error in (({"algorithm": "dqn"}, TrainingError), ({"reward": "applause"}, ConfigError)):
        with pytest.raises(error, match="known names"):
            train_teacher(tiny(**changes), tmp_path / "run", QUIET)
    with pytest.raises((ConfigError, ScorerError), match="applause"):
        train_teacher(tiny(reward="vlm", scorer="applause"), tmp_path / "run", QUIET)
    assert not (tmp_path / "run").exists()


def test_an_interrupted_training_keeps_what_it_learned(tmp_path):
    class Interrupts(Speed):
        def score(self, scenes):
            if self.calls == 9:
                raise KeyboardInterrupt
            return super().score(scenes)

    never = {**TINY, "checkpoint_every_s": 1e6, "reward": "vlm"}
    with pytest.raises(KeyboardInterrupt):
        train_teacher(load_teacher_training(None, never), tmp_path, QUIET, guidance=Interrupts())
    assert list_checkpoints(tmp_path)[-1].name == f"step_{9 * 10 * 3:010d}"


def test_where_the_judgement_drives_in_the_training_s_own_world_both_go_on_from_where_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(Session, "_shares_world", property(lambda self: True))
    judge, checked = Session._judge, []

    def judge_and_check(session, model):
        evaluation = judge(session, model)
        now = [env._drive.state() for env in session._worlds.envs]
        np.testing.assert_array_equal(model._last_obs, now)
        assert all(env.settings.action_repeat == 4 for env in session._worlds.envs)
        assert all(env._drive.truth.time_s == 0.0 for env in session._worlds.envs)
        checked.append(model.num_timesteps)
        return evaluation

    monkeypatch.setattr(Session, "_judge", judge_and_check)
    result = train_teacher(tiny(reward="vlm"), tmp_path, QUIET, guidance=Speed())
    assert checked == [300, 600]
    assert result["evaluations"]["last"]["scenarios"]["stop_sign"]["mean_seconds"] < 51.0


def test_paths_of_the_run_are_as_documented(tmp_path):
    train_teacher(tiny(steps=90), tmp_path, QUIET)
    documented = Path(__file__).parents[3] / "docs" / "teacher.md"
    text = documented.read_text(encoding="utf-8")
    for path in tmp_path.iterdir():
        assert path.name in text, f"docs/teacher.md does not tell what {path.name} is"
