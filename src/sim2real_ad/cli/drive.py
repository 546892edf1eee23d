"""Drive scenarios through the whole ROS graph, from camera to actuator, and judge every episode."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sim2real_ad.cli._console import table_console
from sim2real_ad.errors import ConfigError, Sim2RealError

if TYPE_CHECKING:
    from sim2real_ad.evaluation.results import ResultWriter


CAMERA, VEHICLE = "default", "saloon"


class WorldKind(str, Enum):
    """Where the world runs."""

    embedded = "embedded"
    carla = "carla"


class DriveMode(str, Enum):
    """Whether time waits for the command."""

    lockstep = "lockstep"
    realtime = "realtime"


def register(app: typer.Typer) -> None:
    """Add `s2r drive`."""
    app.command("drive")(drive)


def drive(
    scenario: str = typer.Option("all", help="Name in config/scenarios, a path, or 'all'."),
    world: WorldKind = typer.Option(WorldKind.embedded, help="Our own world, started here, or a CARLA 0.9.16 server."),
    host: str = typer.Option("127.0.0.1", help="Host of the CARLA server."),
    port: int = typer.Option(0, min=0, max=65534, help="Port of the world; 0: a free one, or CARLA's 2000."),
    episodes: int = typer.Option(1, min=1, max=10_000, help="Episodes of each scenario."),
    seed: int = typer.Option(0, min=0, help="Seed of the first episode; the next ones count up."),
    checkpoint: Path | None = typer.Option(None, help="Checkpoint folder; the shipped one without."),
    mode: DriveMode | None = typer.Option(
        None, help="lockstep (the default) is deterministic; realtime counts deadlines, and is what a bus needs."
    ),
    camera: str = typer.Option(CAMERA, help="Name in config/cameras, or a path."),
    vehicle: str = typer.Option(VEHICLE, help="Name in config/vehicles, or a path."),
    domain: str = typer.Option(
        "", help="Target domain: name in config/domains, or a path; it says camera and vehicle."
    ),
    vehicle_bus: bool = typer.Option(
        False, "--vehicle-bus", help="Reach the car over CAN: our vehicle interface, and the car's modules, simulated."
    ),
    bus: str = typer.Option("", help="With --vehicle-bus: one like socketcan:vcan0; one within this machine without."),
    record: bool = typer.Option(True, help="Record the graph's topics into MCAP."),
    out: Path | None = typer.Option(None, help="Folder of the results; out/drive-<time> without."),
) -> None:
    """Drive scenarios through the ROS graph and judge every episode.

    Leaves result.jsonl, summary.json, report.html and recording.mcap. The exit status is 0 where every episode ran and
    was judged; the verdicts are data.
    """
    from sim2real_ad.evaluation.results import RECORDING_FILE, ResultWriter
    from sim2real_ad.ros.drive import WorldAddress, make_progress, requests_for
    from sim2real_ad.ros.drive import drive as run_drive
    from sim2real_ad.ros.graph import DriveOptions
    from sim2real_ad.ros.preflight import check_inputs, default_out, describe_run

    if domain:
        camera, vehicle, domain = _of_domain(domain, camera, vehicle, world)
    requests = requests_for(scenario, episodes, seed)
    loaded = check_inputs({r.scenario for r in requests}, checkpoint, camera, vehicle)
    chosen, bus = _mode_and_bus(mode, vehicle, bus, vehicle_bus=vehicle_bus)
    folder = out or default_out("drive")
    recording = str(folder / RECORDING_FILE) if record else ""
    options = DriveOptions(camera, vehicle, str(checkpoint or ""), chosen.value, recording, domain=domain, bus=bus)
    run = describe_run(
        sys.argv, chosen.value, world=world.value, seed=seed, camera=camera, vehicle=vehicle, domain=domain,
        checkpoint=loaded,
    )  # fmt: skip
    address = WorldAddress(world is WorldKind.embedded, host, port)
    with finished(ResultWriter(folder, run)) as writer, make_progress() as progress:
        run_drive(requests, options, address, writer, progress)


def _mode_and_bus(mode: DriveMode | None, vehicle: str, bus: str, *, vehicle_bus: bool) -> tuple[DriveMode, str]:
    """Return how time passes, and the bus to reach the car by, empty for none. Raises ConfigError."""
    from sim2real_ad.ros.bus_parameters import drive_by_wire_of
    from sim2real_ad.ros.supervisor import free_bus
    from sim2real_ad.vehicle.profile import load_vehicle

    if not vehicle_bus:
        if bus:
            raise ConfigError(f"--bus {bus} is of no use without --vehicle-bus")
        return mode or DriveMode.lockstep, ""
    if mode is DriveMode.lockstep:
        raise ConfigError("--vehicle-bus needs --mode realtime: a bus and its timeouts do not wait for anybody")
    chosen = bus or free_bus()
    drive_by_wire_of(load_vehicle(vehicle), chosen)
    return DriveMode.realtime, chosen


def _of_domain(domain: str, camera: str, vehicle: str, world: WorldKind) -> tuple[str, str, str]:
    """Return camera, vehicle and domain as the graph is to be given them."""
    from sim2real_ad.config import find_config
    from sim2real_ad.world.target_domain import FOLDER, load_target_domain

    if (camera, vehicle) != (CAMERA, VEHICLE):
        raise ConfigError(f"--domain {domain} says which camera and vehicle drive; leave --camera and --vehicle out")
    if world is not WorldKind.embedded:
        raise ConfigError(f"--domain {domain} needs --world embedded: a CARLA server has no such tyres and actuators")
    target = load_target_domain(domain)
    return target.camera, target.vehicle, str(find_config(domain, FOLDER).resolve())


@contextmanager
def finished(writer: ResultWriter) -> Iterator[ResultWriter]:
    """Leave summary and report of whatever was judged, however the run ends; a run's own error comes first."""
    try:
        yield writer
    except BaseException:
        writer.close()
        try:
            finish(writer)
        except Sim2RealError as error:
            typer.echo(f"no report: {error}", err=True)
        raise
    writer.close()
    finish(writer)


def finish(writer: ResultWriter) -> None:
    """Write the report of what was judged and print the verdicts; nothing where there is nothing."""
    from sim2real_ad.evaluation.report import write_report
    from sim2real_ad.evaluation.results import read_summary
    from sim2real_ad.evaluation.table import print_summary

    if writer.results:
        write_report(writer.out_dir)
        print_summary(table_console(), read_summary(writer.out_dir), writer.results, writer.out_dir)
