"""Train and measure the default scorer (lit-minilm), and the surrogate that is distilled from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim2real_ad.cli._console import table_console

if TYPE_CHECKING:
    from sim2real_ad.reward.lit.figures import ScorerFigures


def register(app: typer.Typer) -> None:
    """Add the commands."""
    scorer = typer.Typer(no_args_is_help=True, help=__doc__)
    scorer.command("train")(train)
    scorer.command("distill")(distill)
    scorer.command("evaluate")(evaluate)
    scorer.command("calibrate")(calibrate)
    app.add_typer(scorer, name="scorer")


def train(
    out: Annotated[Path, typer.Option(help="folder for head, calibration, record and model card")] = Path("lit"),
    drives: Annotated[int, typer.Option(min=3, help="training drives; the default makes the shipped head")] = 640,
) -> None:
    """Train lit-minilm's head on simulator pictures with captions, calibrate it, measure it, and write its card."""
    from sim2real_ad.reward.lit.run import train_scorer
    from sim2real_ad.training.progress import Progress

    _print("on a map never seen", train_scorer(out, Progress(), drives))


def distill(
    out: Annotated[Path, typer.Option(help="folder for network, record and model card")] = Path("surrogate"),
    drives: Annotated[int, typer.Option(min=3, help="training drives; the default makes the shipped surrogate")] = 600,
    goals: Annotated[str, typer.Option(help="goals by name or path: the surrogate knows these only")] = "driving",
) -> None:
    """Distil the guidance of lit-minilm under some goals into a light network on the bird's-eye view."""
    from sim2real_ad.reward.distillation import distill_surrogate
    from sim2real_ad.training.progress import Progress

    _print_agreement(distill_surrogate(out, Progress(), drives, goals))


def evaluate(
    folder: Annotated[Path | None, typer.Option(help="folder of a head or, with --surrogate, of a surrogate")] = None,
    surrogate: Annotated[bool, typer.Option("--surrogate", help="measure the surrogate's agreement and speed")] = False,
    drives: Annotated[int, typer.Option(min=3, max=1000, help="evaluation drives, seeds 0 to N-1")] = 160,
) -> None:
    """Measure on evaluation seeds: unsafe against safe on an unseen map in unseen words, and unrelated sentences."""
    from sim2real_ad.training.progress import Progress

    if surrogate:
        from sim2real_ad.reward.distillation import evaluate_surrogate
        from sim2real_ad.reward.surrogate import SHIPPED as SHIPPED_SURROGATE

        _print_agreement(evaluate_surrogate(folder or SHIPPED_SURROGATE, Progress(), drives))
        return
    from sim2real_ad.reward.lit.run import evaluate_scorer, scorer_speed
    from sim2real_ad.reward.scorers.lit import SHIPPED

    unseen, seen = evaluate_scorer(folder or SHIPPED, Progress(), drives)
    _print("on a map never seen", unseen)
    _print("on the training's maps, seeds never seen", seen)
    typer.echo(f"paint and score, one thread, batches of 32: {scorer_speed(folder or SHIPPED):.0f} pictures/s")


def calibrate(
    scorer: Annotated[str, typer.Argument(help="clip:FOLDER, onnx:FOLDER, chat:CONFIG.yaml or lit-minilm")],
    goals: Annotated[str, typer.Option(help="goals by name or path")] = "driving",
    drives: Annotated[int, typer.Option(min=3, max=1000, help="drives to fit on, seeds 5000 on")] = 90,
    moments: Annotated[int | None, typer.Option(min=20, help="show no more moments than these")] = None,
    out: Annotated[Path | None, typer.Option(help="calibration file; by default where the scorer looks")] = None,
) -> None:
    """Fit what a scorer's margins are worth on simulated drives whose truth is known."""
    from sim2real_ad.reward.calibration_run import calibrate_scorer
    from sim2real_ad.training.progress import Progress

    path, fits = calibrate_scorer(scorer, goals, Progress(), drives, moments, out)
    for fit in fits:
        typer.echo(
            f"{fit.goal}: AUROC {fit.auroc:.3f} on {fit.unsafe} unsafe and {fit.safe} safe examples, "
            f"paraphrases disagree on {fit.abstained:.1%}"
        )
    typer.echo(f"written to {path}")


def _print(where: str, figures: ScorerFigures) -> None:
    from rich.table import Table

    from sim2real_ad.reward.lit.card import figure_rows, verdicts

    table = Table(title=f"AUROC, unsafe against safe, {where}: {figures.moments} moments", title_justify="left")
    table.add_column("asked with")
    for name in ("pairs", "together", "mean", "least", "greatest"):
        table.add_column(name, justify="right")
    for row in figure_rows(figures):
        table.add_row(*row)
    console = table_console()
    console.print(table)
    for what, reached in verdicts(figures):
        console.print(f"{'reached' if reached else 'MISSED '}  {what}", style="green" if reached else "red")


def _print_agreement(agreement: object) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    for line in str(agreement).splitlines():
        console.print(line, soft_wrap=True)
