"""Many bags, each with its folder: replayed, judged and reported by itself, so that one that fails stops no other."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sim2real_ad.errors import Sim2RealError
from sim2real_ad.policy.checkpoint import read_spec
from sim2real_ad.replay.conditions import Conditions, JudgedBag, judge_conditions, load_conditions
from sim2real_ad.replay.reference import compare_with_reference
from sim2real_ad.replay.report import write_replay_report
from sim2real_ad.replay.results import FRAMES_FILE, ReplaySummary, each_frame
from sim2real_ad.replay.run import ReplayJob, replay_bag
from sim2real_ad.replay.watchers import PictureWatcher, Watcher
from sim2real_ad.safety.limits import load_safety_limits
from sim2real_ad.vehicle.profile import load_vehicle

UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
GOALS_HZ = 4.0
FILES = (".mcap", ".db3")


@dataclass(frozen=True)
class BagTask:
    """A bag and what is made of it. conditions: name or path, empty for none; reference: a result.jsonl, None for none;
    tolerances: over those of the conditions, see `reference`; goals: name or path, empty for none; scorer: see
    `reward.judging_guidance`."""

    job: ReplayJob
    conditions: str = ""
    reference: Path | None = None
    tolerances: Mapping[str, float] = field(default_factory=dict)
    goals: str = ""
    scorer: str = "surrogate"


def judge_bag(task: BagTask, watchers: tuple[Watcher, ...] = ()) -> JudgedBag:
    """Replay one bag, judge it, and write its report. watchers: more that see every frame.

    Raises ConfigError where the task itself is wrong.
    """
    conditions = load_conditions(task.conditions) if task.conditions else Conditions()
    pictures = PictureWatcher(read_spec(task.job.checkpoint).bev)
    summary = replay_bag(task.job, (pictures, *_goal_watchers(task), *watchers))
    path = task.job.out / FRAMES_FILE
    tolerances = {**conditions.tolerances, **task.tolerances}
    judged = JudgedBag(
        task.job.out,
        summary,
        judge_conditions(conditions, each_frame(path), summary),
        compare_with_reference(path, task.reference, tolerances) if task.reference else None,
    )
    write_replay_report(
        task.job.out,
        summary,
        each_frame(path),
        pictures.pictures,
        verdicts=judged.verdicts,
        comparison=judged.comparison,
        renew=renewal(task),
        unfamiliar=load_safety_limits().domain.unfamiliar,
    )
    return judged


def renewal(task: BagTask) -> str:
    """Return the command that makes a replay the reference of the next ones, empty without a reference."""
    return shlex.join(["cp", str(task.job.out / FRAMES_FILE), str(task.reference)]) if task.reference else ""


def judge_bags(tasks: Sequence[BagTask], engine: str, workers: int) -> Iterator[JudgedBag]:
    """Judge many bags, in processes of this machine or over a Ray cluster; yield each as it is done.

    A bag that kills its process comes out with the error, as one that cannot be read does.
    """
    if len(tasks) == 1 and engine == "local":
        yield _safely(tasks[0])
        return
    from sim2real_ad.training.experiment.engine import make_engine

    runner = make_engine(engine, workers)
    try:
        for done in runner.map(_safely, tasks):
            yield done.result or _failed(done.item, done.error)
    finally:
        runner.close()


def folders_for(bags: Sequence[Path], out: Path) -> list[Path]:
    """Return a folder of its own for each bag, named like it; the only bag has the whole of out."""
    if len(bags) == 1:
        return [out]
    names: list[str] = []
    for bag in bags:
        name = stem = UNFIT.sub("_", bag.stem if bag.suffix in FILES else bag.name) or "bag"
        number = 1
        while name in names:
            number += 1
            name = f"{stem}-{number}"
        names.append(name)
    return [out / name for name in names]


def _goal_watchers(task: BagTask) -> tuple[Watcher, ...]:
    if not task.goals:
        return ()
    from sim2real_ad.replay.goals import GoalWatcher
    from sim2real_ad.reward.judging_guidance import open_judge

    spec = read_spec(task.job.checkpoint).bev
    wheelbase = load_vehicle(task.job.vehicle).wheelbase
    return (GoalWatcher(open_judge(task.scorer, task.goals, spec), spec, wheelbase, GOALS_HZ),)


def _safely(task: BagTask) -> JudgedBag:
    try:
        return judge_bag(task)
    except Sim2RealError as error:
        return _failed(task, str(error))


def _failed(task: BagTask, error: str) -> JudgedBag:
    return JudgedBag(task.job.out, ReplaySummary(bag=task.job.bag.name, error=error))
