"""Show what the camera adapter sees in photographs: an overlay, the bird's-eye view, and arrays."""

from __future__ import annotations

from pathlib import Path

import typer

from sim2real_ad.cli._console import table_console


def register(app: typer.Typer) -> None:
    """Add `s2r perceive`."""
    app.command("perceive")(perceive)


def perceive(
    images: list[Path] = typer.Argument(..., help="JPEG or PNG files, or folders of them."),
    camera: str = typer.Option(..., help="Path of a camera YAML, or a name in config/cameras: who took them."),
    out: Path = typer.Option(..., help="Folder of the results; made if it is not there."),
    checkpoint: Path | None = typer.Option(None, help="Checkpoint folder; the shipped one without."),
    resized: bool = typer.Option(
        False, "--resized", help="The images are the camera's pictures in another size: scale the calibration."
    ),
    outlines: str = typer.Option(
        "", help="What a person outlined in them: path of a YAML, or a name in config/outlines. Adds IoUs."
    ),
) -> None:
    """Show what the camera adapter sees in photographs of a calibrated camera.

    Leaves for each NAME_overlay.png, NAME_bev.png and NAME.npz: bev (C, H, W), validity (H, W), drivable_image
    (h, w; NaN where the BEV does not reach), segment_image (h, w), ood, pitch_deg as the network levels the
    picture, and channels and segments, the names of the BEV's and the segment image's. An image that cannot be
    perceived is reported, the others go on, and the exit status is 1. The pitch error in the table is the true
    minus the calibrated pitch, positive nose down, as the picture's lane lines tell it; - where they do not.
    """
    from rich.console import Console

    from sim2real_ad.evaluation.outlines import load_outlines
    from sim2real_ad.evaluation.perceive import outcome_table, perceive_photographs, prepare_folder
    from sim2real_ad.evaluation.photographs import find_photographs
    from sim2real_ad.geometry.camera import load_camera
    from sim2real_ad.observation.perception import Perceiver
    from sim2real_ad.policy.checkpoint import load_checkpoint

    model, loaded = load_camera(camera), load_checkpoint(checkpoint)
    outlined = load_outlines(outlines) if outlines else None
    paths = find_photographs(images)
    perceiver = Perceiver(loaded.adapter(model), model, loaded.spec.bev, source=camera, resized=resized)
    prepare_folder(out, images)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    outcomes = []
    for outcome in perceive_photographs(perceiver, paths, out, outlined):
        outcomes.append(outcome)
        if outcome.problem:
            errors.print(f"error: {outcome.problem}", style="red", markup=False)
    if outlined and not any(outcome.agreement for outcome in outcomes):
        known = f"{outlined.width}x{outlined.height} pixels, {', '.join(outlined.photographs)}"
        errors.print(f"none of these photographs is outlined in {outlines}: {known}", style="yellow", markup=False)
    if any(outcome.perception for outcome in outcomes):
        console = table_console(highlight=False)
        console.print(outcome_table(outcomes))
        console.print(f"results in {out}", markup=False, soft_wrap=True)
    if any(outcome.problem for outcome in outcomes):
        raise typer.Exit(1)
