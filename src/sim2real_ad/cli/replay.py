"""Step the pipeline through bags, frame by frame, and judge what it would have done."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sim2real_ad.cli._pairs import pairs
from sim2real_ad.errors import ConfigError

if TYPE_CHECKING:
    from sim2real_ad.replay.conditions import JudgedBag
    from sim2real_ad.replay.many import BagTask

JUNIT_FILE = "junit.xml"


def register(app: typer.Typer) -> None:
    """Add `s2r replay`."""
    app.command("replay")(replay)


def replay(
    bags: list[Path] = typer.Argument(..., help="Bags, or folders with bags in them."),
    checkpoint: Path | None = typer.Option(None, help="Checkpoint folder; the shipped one without."),
    camera: str = typer.Option("", help="Name in config/cameras, or a path; the bag's camera_info without."),
    vehicle: str = typer.Option("saloon", help="Name in config/vehicles, or a path: the car that was driven."),
    topic: list[str] = typer.Option([], help="ROLE=TOPIC where names do not tell, as image=/front/image; repeated."),
    reference: Path | None = typer.Option(None, help="result.jsonl of an earlier replay, or its folder, to compare."),
    tolerance: list[str] = typer.Option([], help="FIELD=VALUE against the reference, as command.*=0.001; repeated."),
    conditions: str = typer.Option("", help="Name in config/conditions, or a path: pass or fail for every bag."),
    goals: str = typer.Option("driving", help="Name in config/goals, or a path, or 'none'."),
    scorer: str = typer.Option("surrogate", help="surrogate, or another scorer of goals; see `s2r judge`."),
    graph: bool = typer.Option(False, "--graph", help="Step the live nodes through each bag too, and compare."),
    engine: str = typer.Option("local", help="local, or ray for a cluster."),
    workers: int = typer.Option(2, min=1, help="Bags at the same time on this machine."),
    out: Path | None = typer.Option(None, help="Folder of the results; out/replay-<time> without."),
) -> None:
    """Replay bags through the pipeline, deterministic to the bit, and judge it open loop.

    Leaves result.jsonl (a line a frame), summary.json and report.html for each bag; for many also an index.html, and
    junit.xml with --conditions. The exit status is 1 where a bag could not be replayed, broke a condition, differs from
    its reference, or was commanded otherwise by the nodes than by the pipeline.
    """
    from sim2real_ad.bag.source import find_bags
    from sim2real_ad.replay.many import BagTask, folders_for, judge_bags
    from sim2real_ad.replay.run import ReplayJob
    from sim2real_ad.ros.preflight import default_out

    found, folder = find_bags(bags), out or default_out("replay")
    if reference is not None and len(found) > 1:
        raise ConfigError(f"--reference is for one bag; there are {len(found)}")
    topics, tolerances = pairs(topic, "--topic", "ROLE=TOPIC"), _tolerances(tolerance)
    tasks = [
        BagTask(
            ReplayJob(bag, place, checkpoint, camera, vehicle, topics),
            conditions=conditions,
            reference=_reference_file(reference),
            tolerances=tolerances,
            goals="" if goals == "none" else goals,
            scorer=scorer,
        )
        for bag, place in zip(found, folders_for(found, folder), strict=True)
    ]
    judged = _judge_all(tasks, _through_graph(tasks) if graph else judge_bags(tasks, engine, workers))
    _finish(folder, judged, conditions=conditions)
    for done, task in zip(judged, tasks, strict=True):
        _tell(done, task)
    typer.echo(f"results in {folder}")
    if any(done.outcome in ("failed", "error") for done in judged):
        raise typer.Exit(1)


def _judge_all(tasks: list[BagTask], coming: Iterable[JudgedBag]) -> list[JudgedBag]:
    """Take bags as they are judged, telling of each, and return them in the order of the tasks."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    judged: dict[Path, JudgedBag] = {}
    with console.status(f"replaying {len(tasks)} bag{'s' if len(tasks) > 1 else ''} ..."):
        for done in coming:
            console.print(_line(done), markup=False)
            judged[done.folder] = done
    return [judged[task.job.out] for task in tasks]


def _through_graph(tasks: list[BagTask]) -> Iterable[JudgedBag]:
    """Judge bags one after the other, the live nodes beside."""
    from sim2real_ad.replay.through_graph import judge_through_graph
    from sim2real_ad.ros.graph import DriveOptions

    for task in tasks:
        options = DriveOptions(checkpoint=str(task.job.checkpoint or ""), vehicle=task.job.vehicle)
        yield judge_through_graph(task, options)


def _finish(folder: Path, judged: list[JudgedBag], *, conditions: str) -> None:
    """Write what is of all bags together."""
    from sim2real_ad.replay.junit import write_junit
    from sim2real_ad.replay.report import write_overview

    if len(judged) > 1:
        write_overview(folder, judged)
    if conditions:
        write_junit(folder / JUNIT_FILE, judged)


def _tell(judged: JudgedBag, task: BagTask) -> None:
    from sim2real_ad.replay.many import renewal

    if judged.comparison is not None:
        typer.echo(judged.comparison.describe(renewal(task)))
    for verdict in judged.verdicts:
        if verdict.outcome != "passed":
            typer.echo(f"{judged.summary.bag}: {verdict.condition} {verdict.outcome}: {verdict.describe()}")


def _line(judged: JudgedBag) -> str:
    s = judged.summary
    if s.error:
        return f"{s.bag}: ended: {s.error}"
    steering = s.differences.get("command.steering_tire_angle") or s.differences.get("driven.steering_tire_angle")
    differs = f", steering off by {steering.rms:.4f} rad RMS" if steering else ""
    return f"{s.bag}: {s.frames} of {s.recorded_frames} frames, gate intervened in {s.intervened:.1%}{differs}"


def _tolerances(entries: list[str]) -> dict[str, float]:
    return {name: _number(name, value) for name, value in pairs(entries, "--tolerance", "FIELD=VALUE").items()}


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise ConfigError(f"--tolerance {name}={value}: '{value}' is no number") from error


def _reference_file(reference: Path | None) -> Path | None:
    from sim2real_ad.replay.results import FRAMES_FILE

    return reference / FRAMES_FILE if reference is not None and reference.is_dir() else reference
