"""Run the graph on a driving video with actuation off: commands are computed and recorded, no car is moved."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from sim2real_ad.cli.drive import DriveMode


def register(app: typer.Typer) -> None:
    """Add `s2r shadow`."""
    app.command("shadow")(shadow)


def shadow(
    video: Path = typer.Option(..., help="Driving video, of the calibrated camera."),
    camera: str = typer.Option("default", help="Name in config/cameras, or a path: the camera that took the video."),
    speed: float = typer.Option(15.0, min=0.0, max=60.0, help="Speed in m/s that the car is assumed to drive."),
    frames: int = typer.Option(0, min=0, help="Stop after so many frames; 0: the whole video."),
    checkpoint: Path | None = typer.Option(None, help="Checkpoint folder; the shipped one without."),
    mode: DriveMode = typer.Option(DriveMode.lockstep, help="lockstep: the video waits for each command."),
    vehicle: str = typer.Option("saloon", help="Name in config/vehicles, or a path."),
    record: bool = typer.Option(True, help="Record the graph's topics into MCAP."),
    out: Path | None = typer.Option(None, help="Folder of the results; out/shadow-<time> without."),
) -> None:
    """Run the graph on a driving video with actuation off.

    The video says nothing of the car, so a constant speed on a straight route is assumed. Leaves the same files as
    `s2r drive`.
    """
    from sim2real_ad.cli.drive import finished
    from sim2real_ad.evaluation.results import RECORDING_FILE, ResultWriter
    from sim2real_ad.ros.capture import VideoFile
    from sim2real_ad.ros.drive import make_progress
    from sim2real_ad.ros.graph import DriveOptions
    from sim2real_ad.ros.preflight import check_inputs, default_out, describe_run
    from sim2real_ad.ros.shadow import ShadowRequest
    from sim2real_ad.ros.shadow import shadow as run_shadow

    VideoFile(video).close()
    loaded = check_inputs((), checkpoint, camera, vehicle)
    folder = out or default_out("shadow")
    options = DriveOptions(
        camera=camera,
        vehicle=vehicle,
        checkpoint=str(checkpoint or ""),
        mode=mode.value,
        recording=str(folder / RECORDING_FILE) if record else "",
    )
    run = describe_run(
        sys.argv, f"shadow, {mode.value}", world=str(video), camera=camera, vehicle=vehicle, checkpoint=loaded
    )
    with finished(ResultWriter(folder, run)) as writer, make_progress() as progress:
        run_shadow(ShadowRequest(video, speed, frames), options, writer, progress)
