"""Judge recorded episodes by language goals, and list where goals and infractions disagree."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add `s2r judge`."""

    @app.command()
    def judge(
        run_dir: Path = typer.Argument(..., help="The folder of a run of `s2r drive`, with its recording."),
        scorer: str = typer.Option(
            "lit-minilm", help="lit-minilm, surrogate, clip:FOLDER, onnx:FOLDER or chat:CONFIG.yaml."
        ),
        goals: str = typer.Option("driving", help="Name in config/goals, or a path."),
        rate: float = typer.Option(4.0, min=0.1, max=20.0, help="Scores a second."),
        out: Path | None = typer.Option(None, help="Folder of judge.json and judge.html; the run's own without."),
    ) -> None:
        """Judge recorded episodes by language goals, and list where goals and infractions disagree.

        Leaves judge.json and judge.html. A recording that was cut short is judged as far as it goes.
        """
        from rich.console import Console

        from sim2real_ad.reward.judging_guidance import open_judge
        from sim2real_ad.reward.judging_recording import score_run
        from sim2real_ad.reward.judging_report import JUDGE_HTML, write_judgement

        console = Console(highlight=False, soft_wrap=True)
        run = score_run(
            run_dir,
            lambda spec: open_judge(scorer, goals, spec),
            rate,
            lambda line, share: console.print(f"{share:4.0%}  {line}", markup=False),
        )
        folder = out or run_dir
        judgement = write_judgement(folder, run, scorer=scorer, goals=goals, rate_hz=rate, title=run_dir.resolve().name)
        for problem in judgement.problems:
            console.print(f"note: {problem}", markup=False)
        for episode in judgement.episodes:
            kinds = ", ".join(i.kind for i in episode.infractions) or ("success" if episode.success else "no verdict")
            alerts = sum(not alert.founded for alert in episode.alerts)
            console.print(
                f"{episode.scenario or 'drive'} seed {episode.seed}: {kinds}; not foreseen"
                f" {sum(i.missed for i in episode.infractions)}, alerts without an infraction {alerts},"
                f" abstained {episode.abstained} of {episode.samples}",
                markup=False,
            )
        console.print(f"judgement in {folder / JUDGE_HTML}", markup=False)
