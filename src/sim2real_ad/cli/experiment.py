"""Compare rewards and algorithms: train every run of an experiment, judge all on the same drives, make the table."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sim2real_ad.training.experiment.experiment import Ended
    from sim2real_ad.training.experiment.folder import ExperimentFolder
    from sim2real_ad.training.progress import Progress


class EngineName(str, Enum):
    """Where the runs run."""

    local = "local"
    ray = "ray"


def register(app: typer.Typer) -> None:
    """Add `s2r experiment`."""
    app.command("experiment")(experiment)


def experiment(
    spec: Annotated[str, typer.Argument(help="Name in config/experiments, or a path.")] = "rewards_and_algorithms",
    out: Annotated[Path, typer.Option(help="Folder of the experiment; what is finished in it is kept.")] = Path(
        "out/experiment"
    ),
    engine: Annotated[EngineName, typer.Option(help="local: processes of this machine; ray: a Ray cluster.")] = (
        EngineName.local
    ),
    processes: Annotated[int, typer.Option(min=1, help="Runs at the same time, on this machine.")] = 2,
    address: Annotated[str | None, typer.Option(help="ray: of a cluster that runs; one of its own without.")] = None,
    only: Annotated[str | None, typer.Option(help="Runs whose id matches, e.g. 'sac-*-imitated-s1'.")] = None,
    table: Annotated[bool, typer.Option("--table", help="Run nothing: make table and curves from OUT.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Run nothing: print the ids of the runs.")] = False,
    docs: Annotated[
        Path | None, typer.Option(help="Also renew the experiment's section of this Markdown file.")
    ] = None,
) -> None:
    """Train every run, judge all policies on the same unseen drives, and write OUT/table.md and OUT/curves.svg.

    Stop it at any time: the same command goes on where it was. The exit status is 1 where a run failed; the others
    finish all the same.
    """
    from sim2real_ad.evaluation.documents import require_markers
    from sim2real_ad.training.experiment.folder import ExperimentFolder
    from sim2real_ad.training.experiment.spec import load_experiment
    from sim2real_ad.training.progress import Progress

    if listed:
        typer.echo("\n".join(run.id for run in load_experiment(spec).runs()))
        return
    progress, name = Progress(), Path(spec).stem
    if docs is not None:
        require_markers(docs, name)
    if table:
        write_tables(ExperimentFolder.open(out), docs, name, progress)
        return
    folder = ExperimentFolder.create(out, load_experiment(spec))
    try:
        ended = carry_out(folder, engine, processes, address, only, progress)
    finally:
        write_tables(folder, docs, name, progress)
    for failed, reason in ended.failed.items():
        progress.say(
            f"{failed} failed: {reason.strip().splitlines()[-1]} ({folder.path / 'runs' / failed / 'failure.txt'})"
        )
    if ended.failed:
        raise typer.Exit(1)


def carry_out(
    folder: ExperimentFolder,
    engine: EngineName,
    processes: int,
    address: str | None,
    only: str | None,
    progress: Progress,
) -> Ended:
    """Bring the chosen runs to their end on an engine, and leave no process behind."""
    from contextlib import closing

    from sim2real_ad.training.experiment.engine import make_engine
    from sim2real_ad.training.experiment.experiment import choose_runs, run_experiment
    from sim2real_ad.training.experiment.teacher_run import check_training, make_start, train_and_judge

    for run in choose_runs(folder.spec.runs(), only):
        check_training(run)
    with closing(make_engine(engine.value, processes, address)) as opened:
        return run_experiment(folder, opened, train_and_judge, make_start, progress, only)


def write_tables(folder: ExperimentFolder, docs: Path | None, name: str, progress: Progress) -> None:
    """Write table.md and curves.svg of whatever is finished; with docs, into that file's section of that name too."""
    from sim2real_ad.evaluation.documents import renew_section
    from sim2real_ad.training.experiment.curves import write_curves
    from sim2real_ad.training.experiment.table import experiment_tables

    text = experiment_tables(folder)
    (folder.path / "table.md").write_text(text, encoding="utf-8")
    drawn = write_curves(folder, folder.path / "curves.svg")
    progress.say(
        f"table in {folder.path / 'table.md'}" + (f", curves in {folder.path / 'curves.svg'}" if drawn else "")
    )
    if docs is not None:
        picture = docs.parent / "images" / f"experiment_{name}.svg"
        if write_curves(folder, picture):
            text += f"\n![Learning curves](images/{picture.name})\n"
        renew_section(docs, name, text)
        progress.say(f"section {name} of {docs} renewed")
