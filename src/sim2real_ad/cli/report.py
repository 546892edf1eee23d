"""Make report.html and summary.json of a run again from its files."""

from __future__ import annotations

from pathlib import Path

import typer

from sim2real_ad.cli._console import table_console


def register(app: typer.Typer) -> None:
    """Add `s2r report`."""

    @app.command()
    def report(
        run_dir: Path = typer.Argument(..., help="The folder that a run wrote: run.json, result.jsonl, *.mcap."),
        picture: Path | None = typer.Option(None, help="Also draw the run's telling moments into this PNG file."),
    ) -> None:
        """Make report.html and summary.json of a run again from its files, and print the verdicts."""
        from sim2real_ad.evaluation.report import write_report
        from sim2real_ad.evaluation.results import read_results, read_summary
        from sim2real_ad.evaluation.table import print_summary

        path = write_report(run_dir)
        console = table_console()
        print_summary(console, read_summary(run_dir), read_results(run_dir))
        console.print(f"report in {path}", markup=False, highlight=False, soft_wrap=True)
        if picture is not None:
            from sim2real_ad.evaluation.film_strip import write_film_strip

            write_film_strip(run_dir, picture)
            console.print(f"picture in {picture}", markup=False, highlight=False, soft_wrap=True)
