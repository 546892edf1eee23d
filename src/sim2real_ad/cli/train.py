"""Train the camera adapter, the student policy, or both, and write a checkpoint; or judge one in closed loop."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class Part(str, Enum):
    """What to do."""

    adapter = "adapter"
    student = "student"
    all = "all"
    evaluate = "evaluate"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train", help=__doc__)(train)


def train(
    part: Annotated[Part, typer.Argument(help="adapter, student (needs the adapter's folder), all, or evaluate")],
    out: Annotated[Path, typer.Option(help="folder of the checkpoint; finished work in it is taken up again")] = Path(
        "checkpoint"
    ),
    config: Annotated[Path | None, typer.Option(help="training YAML; the defaults make the shipped checkpoint")] = None,
    workers: Annotated[int, typer.Option(min=1, help="processes that drive at the same time")] = 2,
    episodes: Annotated[int, typer.Option(min=1, max=1000, help="evaluate: seeds 0 to N-1 of each scenario")] = 20,
) -> None:
    """Train and write OUT/checkpoint.yaml with its networks, record and model card; or judge what OUT holds."""
    from sim2real_ad.training.run import evaluate_checkpoint, train_parts

    if part is Part.evaluate:
        evaluate_checkpoint(out, config, episodes, workers)
    else:
        train_parts(part.value, out, config, workers)
