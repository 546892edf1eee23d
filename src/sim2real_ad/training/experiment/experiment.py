"""Runs an experiment: what is finished is kept, what was cut off goes on, what fails is reported at the end."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from sim2real_ad.errors import TrainingError
from sim2real_ad.files import write_json
from sim2real_ad.training.experiment.engine import Engine
from sim2real_ad.training.experiment.folder import (
    FAILURE_FILE,
    RUN_FILE,
    ExperimentFolder,
    RunFunction,
    RunTask,
)
from sim2real_ad.training.experiment.spec import SCRATCH, RunSpec
from sim2real_ad.training.experiment.status import Overview
from sim2real_ad.training.progress import Progress


@dataclass(frozen=True)
class Ended:
    """What came of a command. failed: why, by run."""

    finished: tuple[str, ...]
    failed: dict[str, str]


def choose_runs(runs: Sequence[RunSpec], pattern: str | None) -> tuple[RunSpec, ...]:
    """Return the runs whose id matches a shell pattern. Raises TrainingError where none does, naming them."""
    chosen = tuple(run for run in runs if pattern is None or fnmatch.fnmatchcase(run.id, pattern))
    if not chosen:
        raise TrainingError(f"no run matches '{pattern}'; there are {', '.join(run.id for run in runs)}")
    return chosen


def run_experiment(
    folder: ExperimentFolder,
    engine: Engine,
    run: RunFunction,
    prepare: RunFunction,
    progress: Progress,
    only: str | None = None,
) -> Ended:
    """Bring every chosen run to its end, or to its failure. prepare: makes the start that others train on.

    Raises TrainingError where the start cannot be made: nothing could be compared.
    """
    runs = choose_runs(folder.spec.runs(), only)
    left = [one for one in runs if not folder.is_finished(one)]
    tasks = [_task(folder, one) for one in left]
    overview = Overview(folder, runs, progress)
    overview.show()
    failed: dict[str, str] = {}
    _make_starts(tasks, engine, prepare, overview)
    with closing(engine.map(run, tasks, overview.show)) as outcomes:
        for outcome in outcomes:
            task = outcome.item
            if outcome.error:
                failed[task.run.id] = outcome.error
                (task.folder / FAILURE_FILE).write_text(outcome.error + "\n", encoding="utf-8")
            overview.ended(task.run, failed=bool(outcome.error))
    progress.say(overview.line())
    return Ended(tuple(one.id for one in runs if one.id not in failed), failed)


def _task(folder: ExperimentFolder, run: RunSpec) -> RunTask:
    """Make a run's folder, forget why it failed before, and return what a process is to do."""
    path = folder.run_folder(run)
    path.mkdir(parents=True, exist_ok=True)
    write_json(path / RUN_FILE, run.model_dump(mode="json"))
    (path / FAILURE_FILE).unlink(missing_ok=True)
    return folder.task(run)


def _make_starts(tasks: Sequence[RunTask], engine: Engine, prepare: RunFunction, overview: Overview) -> None:
    """Make each start that a run is to train on, or is to be judged alone, once."""
    first = {task.run.start: task for task in reversed(tasks) if task.run.start != SCRATCH}
    first = {name: task for name, task in first.items() if not task.start_file.is_file()}
    with closing(engine.map(prepare, list(first.values()), overview.show)) as outcomes:
        for outcome in outcomes:
            if outcome.error:
                raise TrainingError(f"the start '{outcome.item.run.start}' cannot be made: {outcome.error}")
