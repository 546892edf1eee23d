"""Compare two runs of the same seeds, bit by bit."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add `s2r compare`."""

    @app.command()
    def compare(
        first: Path = typer.Argument(..., help="The folder of a run."),
        second: Path = typer.Argument(..., help="The folder of another run of the same scenarios and seeds."),
    ) -> None:
        """Compare the trajectories of two runs, bit by bit; the exit status is 1 where they differ.

        In lock-step the same seed must give the same trajectory. Where it does not, the recordings tell which signal
        parted first and when.
        """
        from rich.console import Console

        from sim2real_ad.evaluation.comparison import compare_runs

        console, compared = Console(highlight=False), compare_runs(first, second)
        for episode in compared:
            verdict = "identical" if episode.same else f"differs: {episode.parting}"
            console.print(f"{episode.scenario} seed {episode.seed}: {verdict}", markup=False, soft_wrap=True)
        same = sum(episode.same for episode in compared)
        console.print(f"{same} of {len(compared)} episodes identical")
        if same < len(compared):
            raise typer.Exit(1)
