"""An experiment's folder: experiment.json, and one folder a run. What is finished is read off the files alone.

runs/<id>/run.json       what the run is
runs/<id>/training/      what the teacher's training left, result.json when it is finished
runs/<id>/drives.jsonl   the judged drives
runs/<id>/failure.txt    why the last attempt failed, where it did
starts/<name>/           a start that runs share, made once
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim2real_ad.config import check_config
from sim2real_ad.errors import ConfigError, TrainingError
from sim2real_ad.evaluation.provenance import collect_versions
from sim2real_ad.files import write_json
from sim2real_ad.training.experiment.drives import read_drives
from sim2real_ad.training.experiment.figures import JudgedRun
from sim2real_ad.training.experiment.spec import ExperimentSpec, RunSpec

EXPERIMENT_FILE, RUN_FILE, RESULT_FILE, FAILURE_FILE = "experiment.json", "run.json", "result.json", "failure.txt"


@dataclass(frozen=True)
class RunTask:
    """What a process is given. folder: the run's; start: folder of the start, shared by all runs from it."""

    run: RunSpec
    folder: Path
    start: Path

    @property
    def start_file(self) -> Path:
        """The policy that the run begins with, where it does not begin from nothing."""
        return self.start / "start.npz"

    def __str__(self) -> str:
        return self.run.id


RunFunction = Callable[[RunTask], None]
"""Trains and judges one run in its folder, taking up what is there. Must pickle."""


class ExperimentFolder:
    """One experiment on disk."""

    def __init__(self, path: Path, spec: ExperimentSpec) -> None:
        self.path = path
        self.spec = spec

    @classmethod
    def create(cls, path: Path, spec: ExperimentSpec) -> ExperimentFolder:
        """Make the folder, or take it up again; rows may have been added since, and drives to be judged.

        Raises TrainingError where a run of the folder was another training than the one of that name now.
        """
        folder = cls(path, spec)
        for run in spec.runs():
            folder._check(run)
        path.mkdir(parents=True, exist_ok=True)
        held = {"spec": spec.model_dump(mode="json"), "versions": collect_versions()}
        write_json(path / EXPERIMENT_FILE, held)
        return folder

    @classmethod
    def open(cls, path: Path) -> ExperimentFolder:
        """Open a folder that holds an experiment. Raises TrainingError where it holds none."""
        held = read_json(path / EXPERIMENT_FILE)
        if held is None:
            raise TrainingError(f"{path} holds no experiment ({EXPERIMENT_FILE})")
        return cls(path, check_config(held.get("spec", {}), ExperimentSpec, str(path / EXPERIMENT_FILE)))

    def run_folder(self, run: RunSpec) -> Path:
        """Return where a run is kept."""
        return self.path / "runs" / run.id

    def task(self, run: RunSpec) -> RunTask:
        """Return what a process is given to do a run."""
        return RunTask(run, self.run_folder(run), self.path / "starts" / run.start)

    def training_folder(self, run: RunSpec) -> Path:
        """Return where a run's training is kept."""
        return training_folder(self.run_folder(run))

    def judged(self, runs: Iterable[RunSpec] | None = None) -> Iterator[JudgedRun]:
        """Yield every run that is trained and judged on all its drives."""
        for run in self.spec.runs() if runs is None else runs:
            found = {drive.key: drive for drive in read_drives(self.run_folder(run))}
            trials = list(run.trials)
            if is_trained(run, self.run_folder(run)) and set(trials) <= set(found):
                yield JudgedRun(run, tuple(found[key] for key in trials))

    def is_finished(self, run: RunSpec) -> bool:
        """Whether nothing is left to do for a run."""
        return any(True for _ in self.judged([run]))

    def record(self, run: RunSpec) -> dict[str, Any]:
        """Return what a run's training says of itself; empty before it is finished."""
        return read_json(self.training_folder(run) / RESULT_FILE) or {}

    def failures(self) -> dict[str, str]:
        """Return why runs failed, by id; a run that another process has brought to its end since did not."""
        unfinished = (run for run in self.spec.runs() if not self.is_finished(run))
        paths = {run.id: self.run_folder(run) / FAILURE_FILE for run in unfinished}
        return {name: path.read_text(encoding="utf-8").strip() for name, path in paths.items() if path.is_file()}

    def _check(self, run: RunSpec) -> None:
        check_run(run, self.run_folder(run))


def training_folder(run_folder: Path) -> Path:
    """Return where the training of a run's folder is kept."""
    return run_folder / "training"


def is_trained(run: RunSpec, run_folder: Path) -> bool:
    """Whether a run has nothing left to train."""
    return not run.trains or (training_folder(run_folder) / RESULT_FILE).is_file()


def check_run(run: RunSpec, run_folder: Path) -> None:
    """Raise TrainingError where the folder holds another training of that name. How it is judged may have changed."""
    held = read_json(run_folder / RUN_FILE)
    if held is None:
        return
    try:
        before = check_config(held, RunSpec, str(run_folder / RUN_FILE)).model_dump(exclude={"episodes", "first_seed"})
    except ConfigError as error:
        raise TrainingError(f"{error}; remove {run_folder} to train it anew") from error
    for key, value in before.items():
        if value != getattr(run, key):
            raise TrainingError(
                f"{run_folder} was trained with {key} {value!r}, now it is {getattr(run, key)!r}: "
                "choose another folder for another experiment"
            )


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a JSON file; None where there is none. Raises TrainingError where it is unreadable."""
    if not path.is_file():
        return None
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(held, dict):
        raise TrainingError(f"{path} must hold a mapping, found {type(held).__name__}")
    return held
