"""Break the graph on purpose, everywhere, and see what the gate makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sim2real_ad.cli._console import table_console
from sim2real_ad.errors import ConfigError

if TYPE_CHECKING:
    from sim2real_ad.faults.model import Campaign


def register(app: typer.Typer) -> None:
    """Add `s2r faults`."""
    app.command("faults")(faults)


def faults(
    scenario: str = typer.Option("all", help="Name in config/scenarios, or 'all'."),
    campaign: str = typer.Option("campaign", help="Name in config/faults, or a path."),
    fault: list[str] = typer.Option([], help="Only faults of these names; repeated. All of the campaign without."),
    seed: int = typer.Option(0, min=0, help="Of the episodes."),
    checkpoint: Path | None = typer.Option(None, help="Checkpoint folder; the shipped one without."),
    out: Path | None = typer.Option(None, help="Folder of the results; out/faults-<time> without."),
    docs: Path | None = typer.Option(None, help="Also renew the campaign's section of this Markdown file."),
) -> None:
    """Inject faults at every edge of the graph, in real time, one a drive.

    Leaves faults.jsonl, a line a fault as it is known, summary.json, table.md and report.html. The exit status is 1
    where a fault was not met as it should be, or did harm that the same drive without it does not do.
    """
    from rich.console import Console

    from sim2real_ad.evaluation.documents import renew_section, require_markers
    from sim2real_ad.faults.report import FaultWriter, markdown_report, print_table
    from sim2real_ad.ros.fault_campaign import run_campaign
    from sim2real_ad.ros.graph import DriveOptions
    from sim2real_ad.ros.preflight import check_inputs, default_out
    from sim2real_ad.world.scenarios import scenario_names

    section = f"faults {Path(campaign).stem}"
    if docs is not None:
        if fault:
            raise ConfigError("--docs renews the table of a whole campaign: leave out --fault, or --docs")
        require_markers(docs, section)
    chosen = _chosen(campaign, fault)
    scenarios = scenario_names() if scenario == "all" else (scenario,)
    check_inputs(scenarios, checkpoint, "default", chosen.vehicle)
    if chosen.vehicle_bus:
        _check_upsets(chosen)
    folder, console = out or default_out("faults"), Console(stderr=True)
    options = DriveOptions(checkpoint=str(checkpoint or ""))
    with FaultWriter(folder) as writer, console.status("starting ...") as status:
        for result in run_campaign(chosen, scenarios, seed, options, folder, status.update):
            writer.write(result)
            console.print(_line(result.scenario, result.fault, result.as_expected), markup=False)
    print_table(writer.results, table_console())
    if docs is not None:
        renew_section(docs, section, markdown_report(writer.results))
    typer.echo(f"results in {folder}")
    if not all(result.as_expected for result in writer.results):
        raise typer.Exit(1)


def _chosen(campaign: str, names: list[str]) -> Campaign:
    from sim2real_ad.faults.model import load_campaign

    loaded = load_campaign(campaign)
    try:
        return loaded.named(tuple(names)) if names else loaded
    except ValueError as error:
        raise ConfigError(f"--fault: {error}") from error


def _check_upsets(campaign: Campaign) -> None:
    """Raise ConfigError where the vehicle has no drive-by-wire, or its modules know nothing of what shall go wrong."""
    from sim2real_ad.dbw.ecu import CarState
    from sim2real_ad.dbw.protocols import ecu_for
    from sim2real_ad.dbw.settings import EcuSettings
    from sim2real_ad.dbw.upset import upset
    from sim2real_ad.errors import DbwError
    from sim2real_ad.ros.bus_parameters import drive_by_wire_of
    from sim2real_ad.vehicle.profile import load_vehicle

    profile = load_vehicle(campaign.vehicle)
    ecu = ecu_for(profile, drive_by_wire_of(profile, "profile").protocol, EcuSettings())
    for fault in campaign.faults:
        if fault.kind == "upset":
            try:
                upset(ecu, CarState(), fault.target)
            except DbwError as error:
                raise ConfigError(f"fault '{fault.name}': {error}") from error


def _line(scenario: str, name: str, as_expected: bool) -> str:
    return f"{scenario}: {name}: {'as expected' if as_expected else 'NOT AS EXPECTED'}"
