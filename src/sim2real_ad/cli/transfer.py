"""Drive in worlds that no training saw, and tell what is lost on the way and where."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim2real_ad.errors import GraphError

if TYPE_CHECKING:
    from sim2real_ad.ros.transfer import DomainJob
    from sim2real_ad.training.transfer_run import OpenedDomain, Settings

DOCS_SECTION = "transfer"
LOOK_EVERY_S = 5.0
"""From one count of what has been judged to the next."""


def register(app: typer.Typer) -> None:
    """Add `s2r transfer`."""
    app.command("transfer")(transfer)


def transfer(
    out: Annotated[Path, typer.Option(help="Folder of the evaluation; what is finished in it is kept.")],
    domains: Annotated[str, typer.Option(help="Names in config/domains or paths, by commas; or 'all'.")] = "all",
    scenarios: Annotated[str, typer.Option(help="Names in config/scenarios, by commas; or 'all'.")] = "all",
    episodes: Annotated[int, typer.Option(min=1, max=1000, help="A domain and scenario, through the graph.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the first episode; the next ones count up.")] = 0,
    measured: Annotated[
        int, typer.Option(min=0, max=1000, help="Episodes that are also driven in process against the ground truth.")
    ] = 3,
    checkpoint: Annotated[Path | None, typer.Option(help="Checkpoint folder; the shipped one without.")] = None,
    training: Annotated[
        bool, typer.Option("--training/--no-training", help="Whether the training domain is driven through the graph.")
    ] = True,
    workers: Annotated[int, typer.Option(min=1, help="Domains that are driven at the same time.")] = 2,
    keep_recordings: Annotated[
        bool, typer.Option("--keep-recordings", help="Keep the recordings, without pictures.")
    ] = False,
    table: Annotated[bool, typer.Option("--table", help="Drive nothing: tables of what is finished.")] = False,
    docs: Annotated[Path | None, typer.Option(help="Also renew the section of this Markdown file.")] = None,
) -> None:
    """Drive every domain through the ROS graph, the training domain first, and write OUT/transfer.json and table.md.

    Stop it at any time: the same command goes on where it was, and drives again what could not be judged. The exit
    status is 0 where every episode was judged.
    """
    from sim2real_ad.training.transfer_run import make_report

    if docs is not None:
        from sim2real_ad.evaluation.documents import require_markers

        require_markers(docs, DOCS_SECTION)
    settings = _settings(domains, scenarios, episodes, seed, measured, checkpoint)
    try:
        if not table:
            _drive(settings, out, workers, keep_recordings, training=training)
    finally:
        _write(make_report(settings, out), out, docs)


def _settings(
    domains: str, scenarios: str, episodes: int, seed: int, measured: int, checkpoint: Path | None
) -> Settings:
    from sim2real_ad.training.seeds import evaluation_seeds
    from sim2real_ad.training.transfer_run import Settings
    from sim2real_ad.world.scenarios import scenario_names
    from sim2real_ad.world.target_domain import target_domain_names

    return Settings(
        domains=target_domain_names() if domains == "all" else tuple(filter(None, domains.split(","))),
        scenarios=scenario_names() if scenarios == "all" else tuple(filter(None, scenarios.split(","))),
        seeds=evaluation_seeds(seed, episodes),
        measured=min(measured, episodes),
        checkpoint=checkpoint,
    )


def _drive(settings: Settings, out: Path, workers: int, keep_recordings: bool, *, training: bool) -> None:
    """Drive what is missing, domains side by side: first through the graph, then against the ground truth."""
    from sim2real_ad.evaluation.transfer_report import TRAINING
    from sim2real_ad.training.progress import Progress
    from sim2real_ad.training.run import worker_pool
    from sim2real_ad.training.transfer_run import measure_missing, open_domains

    opened, progress = open_domains(settings, out), Progress()
    driven = [domain for domain in opened if training or domain.name != TRAINING]
    jobs = {domain.name: _job(domain, settings, keep_recordings) for domain in driven}
    with worker_pool(workers) as pool:
        failures = _drive_domains(jobs, pool, progress)
        measure_missing(settings, opened, out, pool, progress)
    if failures:
        raise GraphError("; ".join(failures))


def _job(domain: OpenedDomain, settings: Settings, keep_recordings: bool) -> DomainJob:
    from sim2real_ad.ros.drive import EpisodeRequest
    from sim2real_ad.ros.graph import DriveOptions
    from sim2real_ad.ros.preflight import check_inputs, describe_run
    from sim2real_ad.ros.transfer import DomainJob

    loaded = check_inputs(settings.scenarios, settings.checkpoint, domain.camera, domain.vehicle)
    run = describe_run(
        sys.argv, "lockstep", world="embedded", camera=domain.camera, vehicle=domain.vehicle, domain=domain.path,
        checkpoint=loaded,
    )  # fmt: skip
    options = DriveOptions(domain.camera, domain.vehicle, str(settings.checkpoint or ""), domain=domain.path)
    requests = tuple(EpisodeRequest(scenario, seed) for scenario, seed in settings.episode_keys())
    return DomainJob(domain.folder, requests, options, run, keep_recordings)


def _drive_domains(jobs: Mapping[str, DomainJob], pool: Executor, report: Callable[[str, float], None]) -> list[str]:
    """Drive every domain, each in a graph of its own. Returns what ended one before all of it was judged: an episode
    that cannot be judged shall not keep the other domains waiting."""
    from sim2real_ad.ros.transfer import drive_missing

    tasks = {pool.submit(drive_missing, job): name for name, job in jobs.items()}
    under_way, failures = set(tasks), []
    while under_way:
        ended, under_way = wait(under_way, LOOK_EVERY_S, FIRST_COMPLETED)
        for task in ended:
            error = task.exception()
            if isinstance(error, GraphError):
                failures.append(f"{tasks[task]}: {error}")
            elif error is not None:
                raise error
        judged = {name: job.judged() for name, job in jobs.items()}
        done, asked = sum(judged.values()), sum(len(job.requests) for job in jobs.values())
        told = ", ".join(f"{name} {count}" for name, count in judged.items())
        report(f"{done} of {asked} drives judged: {told}", done / max(asked, 1))
    return failures


def _write(report: object, out: Path, docs: Path | None) -> None:
    from sim2real_ad.evaluation.transfer_report import TransferReport, transfer_tables

    assert isinstance(report, TransferReport)
    text = transfer_tables(report)
    (out / "transfer.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (out / "table.md").write_text(text, encoding="utf-8")
    typer.echo(text)
    if docs is not None:
        from sim2real_ad.evaluation.documents import renew_section

        renew_section(docs, DOCS_SECTION, text)
