"""Score stored scenes by a vision-language model, over this machine's processes or a Ray cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim2real_ad.cli.experiment import EngineName


def register(app: typer.Typer) -> None:
    """Add `s2r annotate`."""
    app.command("annotate")(annotate)


def annotate(
    folder: Annotated[Path, typer.Argument(help="Folder of scenes (scenes_*.npz); scores are kept beside them.")],
    scorer: Annotated[
        str, typer.Option(help="lit-minilm, clip:FOLDER, onnx:FOLDER or chat:CONFIG.yaml.")
    ] = "lit-minilm",
    goals: Annotated[str, typer.Option(help="Goals by name or path.")] = "driving",
    drives: Annotated[int, typer.Option(min=0, max=10_000, help="First store the scenes of so many drives.")] = 0,
    engine: Annotated[EngineName, typer.Option(help="local: processes of this machine; ray: a Ray cluster.")] = (
        EngineName.local
    ),
    processes: Annotated[int, typer.Option(min=1, help="At the same time, on this machine.")] = 2,
    address: Annotated[str | None, typer.Option(help="ray: of a cluster that runs; one of its own without.")] = None,
) -> None:
    """Score every file of scenes in FOLDER; what has been scored by the same scorer and goals is left alone."""
    from contextlib import closing

    from sim2real_ad.errors import TrainingError
    from sim2real_ad.training.experiment.annotate import annotate as annotate_files
    from sim2real_ad.training.experiment.engine import make_engine
    from sim2real_ad.training.experiment.stored_scenes import collect_scenes, scenes_in

    with closing(make_engine(engine.value, processes, address)) as opened:
        if drives:
            _, failed = collect_scenes(folder, drives, opened)
            if failed:
                raise TrainingError(f"scenes could not be stored: {'; '.join(failed)}")
        files = scenes_in(folder)
        scores = annotate_files(files, scorer, goals, opened)
    count = sum(len(one.values) for one in scores)
    silent = sum(int(one.abstained.sum()) for one in scores)
    typer.echo(f"{count} scenes in {len(files)} files of {folder} scored by {scorer}; it abstains on {silent}")
