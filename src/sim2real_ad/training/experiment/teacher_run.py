"""One run of an experiment: the teacher's training, then the judging of its policy. Runs in a process of its own."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from rich.console import Console

from sim2real_ad.errors import TrainingError
from sim2real_ad.files import replacing
from sim2real_ad.training.experiment.folder import RunTask, training_folder
from sim2real_ad.training.experiment.judging import judge_run
from sim2real_ad.training.experiment.spec import SCRATCH, RunSpec
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.teacher.environment import TeacherEnv
from sim2real_ad.training.teacher.imitation import NoReward
from sim2real_ad.training.teacher.policy import TeacherPolicy
from sim2real_ad.training.teacher.settings import TeacherTraining, load_teacher_training

LOCK_FILE = "lock"


def teacher_training(run: RunSpec) -> TeacherTraining:
    """Return the training that a run means; the start alone has the settings of any run from it.

    Raises ConfigError or TrainingError for settings that the teacher's training does not have.
    """
    changes: dict[str, Any] = deepcopy(run.settings)
    changes.setdefault("drives", {})["scenarios"] = run.scenarios
    if run.trains:
        changes |= {"algorithm": run.algorithm, "reward": run.reward, "seed": run.seed, "steps": run.steps}
    return load_teacher_training(None, {**changes, "start": run.start})


def check_training(run: RunSpec) -> None:
    """Raise ConfigError or TrainingError, before anything runs, where a run names what there is not."""
    from sim2real_ad.reward.rewards import load_reward

    training = teacher_training(run)
    _ = training.hyperparameters
    load_reward(training.reward)


def make_start(task: RunTask) -> None:
    """Make the start of a task into its folder; one that is there is kept. Raises WorldError."""
    from sim2real_ad.training.teacher.starts import start_policy

    start_policy(task.run.start, teacher_training(task.run).drives, task.start, quiet_progress())


def train_and_judge(task: RunTask) -> None:
    """Train, or go on training, and judge what has not been judged.

    Raises what the training raises, and TrainingError where another process works on the run.
    """
    with only_one(task.folder):
        training = teacher_training(task.run)
        policy = _train(task, training) if task.run.trains else TeacherPolicy.load(task.start_file)
        env = TeacherEnv(training.drives.as_driven, NoReward())
        try:
            judge_run(task.run, task.folder, policy.act, env)
        finally:
            env.close()


def _train(task: RunTask, training: TeacherTraining) -> TeacherPolicy:
    from sim2real_ad.training.teacher.run import TEACHER_POLICY, train_teacher
    from sim2real_ad.training.teacher.starts import START_FILE

    folder = training_folder(task.folder)
    if task.run.start != SCRATCH:
        _share_start(task.start_file, folder / START_FILE)
    train_teacher(training, folder, quiet_progress(), command=["s2r", "experiment"])
    return TeacherPolicy.load(folder / TEACHER_POLICY)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Keep a run to one process; the system forgets the claim of one that is killed. Raises TrainingError."""
    with (folder / LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainingError(f"{folder}: another process works on this run") from None
        yield


def quiet_progress() -> Progress:
    """Return a progress that tells nobody: many runs share one console."""
    return Progress(Console(quiet=True))


def _share_start(made: Path, kept: Path) -> None:
    """Put the start where the training looks for its own, so that every run begins with the same policy."""
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replacing(kept) as copy:
            copy.write(made.read_bytes())
