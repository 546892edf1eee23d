"""Examine this computer: what a drive needs, what is there, and what to type where it is not."""

from __future__ import annotations

from enum import Enum
from functools import partial
from pathlib import Path

import typer

from sim2real_ad.cli._console import table_console


class PictureSource(str, Enum):
    """Where pictures come from, as the launch file's `source`."""

    topic = "topic"
    compressed = "compressed"
    v4l2 = "v4l2"


def register(app: typer.Typer) -> None:
    """Add `s2r doctor`."""
    app.command("doctor")(doctor)


def doctor(
    vehicle: str = typer.Option("saloon", help="Name in config/vehicles, or a path: the car this computer is in."),
    camera: str = typer.Option("default", help="Name in config/cameras, or a path: the camera's calibration."),
    checkpoint: Path | None = typer.Option(None, help="Checkpoint folder; the shipped one without."),
    source: PictureSource | None = typer.Option(None, help="Look through the camera: its topic, or a v4l2 device."),
    source_path: str = typer.Option("/dev/video0", help="Device of --source v4l2."),
    bus: str = typer.Option("", help="CAN interface, as can0; the profile's without."),
    out: Path = typer.Option(Path("out"), help="Folder on the disk that is to record."),
    only: list[str] = typer.Option([], help="Make this check alone; what is not here has then failed. Repeated."),
    json: Path | None = typer.Option(None, help="Write the findings to this JSON file too."),
) -> None:
    """Examine this computer for a drive: software, weights, car, camera, CAN bus, clock, disk, a running graph.

    Nothing is changed; 64 MiB are written to the disk and deleted again. The exit status is 1 where a check has failed;
    warnings do not count.
    """
    from rich.console import Console

    from sim2real_ad.doctor.examine import chosen, examine, is_well
    from sim2real_ad.doctor.report import make_report, print_findings
    from sim2real_ad.doctor.survey import Survey
    from sim2real_ad.files import write_text
    from sim2real_ad.ros.listen import listen

    names = chosen(only)
    survey = Survey(vehicle, camera, checkpoint, source.value if source else "", source_path, bus, out)
    findings = []
    with Console(stderr=True).status("examining ...") as status:
        for finding in examine(survey, partial(listen, names=_renamed(vehicle)), names):
            findings.append(finding)
            status.update(f"examined {finding.check} ...")
    well = is_well(findings, asked_by_name=bool(only))
    print_findings(table_console(highlight=False), findings)
    if json is not None:
        write_text(json, make_report(findings, is_well=well).model_dump_json(indent=2) + "\n")
    if not well:
        raise typer.Exit(1)


def _renamed(vehicle: str) -> dict[str, str]:
    """Return what the car calls otherwise; of a profile that cannot be read, a check of its own tells."""
    from sim2real_ad.errors import ConfigError
    from sim2real_ad.ros.topics import renamed_on_a_car
    from sim2real_ad.vehicle.profile import load_vehicle

    try:
        return renamed_on_a_car(load_vehicle(vehicle).topics)
    except ConfigError:
        return {}
