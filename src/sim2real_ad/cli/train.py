"""Train the camera adapter, the student policy, or both, and write a checkpoint."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class Part(str, Enum):
    """What to train."""

    adapter = "adapter"
    student = "student"
    all = "all"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train", help=__doc__)(train)


def train(
    part: Annotated[Part, typer.Argument(help="adapter, student (needs the adapter's folder) or all")],
    out: Annotated[Path, typer.Option(help="folder of the checkpoint; finished work in it is taken up again")] = Path(
        "checkpoint"
    ),
    config: Annotated[Path | None, typer.Option(help="training YAML; the defaults make the shipped checkpoint")] = None,
    workers: Annotated[int, typer.Option(min=1, help="processes that drive at the same time")] = 2,
) -> None:
    """Train and write OUT/checkpoint.yaml with its networks, record and model card."""
    from sim2real_ad.training.run import train_parts

    train_parts(part.value, out, config, workers)
