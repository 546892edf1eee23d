"""Many photographs through the adapter: pictures and arrays of each on disk; a bad one does not stop the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
from rich.table import Table

from sim2real_ad.errors import ConfigError, Sim2RealError, SourceError
from sim2real_ad.evaluation.bev_picture import encode_png
from sim2real_ad.evaluation.outlines import Agreement, Outlines, agreement, describe_iou
from sim2real_ad.evaluation.overlay_picture import paint_overlay
from sim2real_ad.evaluation.photographs import read_photograph, unique_stems
from sim2real_ad.evaluation.seen_bev_picture import paint_seen_bev
from sim2real_ad.files import write_arrays
from sim2real_ad.observation.perception import FAMILIAR_OOD, Perceiver, Perception
from sim2real_ad.observation.pitch_monitor import PitchReader, PitchReading
from sim2real_ad.observation.segments import SEGMENTS


@dataclass(frozen=True)
class Outcome:
    """What came of one photograph: a perception and the stem of its files, or what was wrong.

    pitch: how the photograph's lane lines say that the camera really sits; None where it shows too few; agreement: with
    what a person outlined in it, None where nobody did.
    """

    path: Path
    stem: str
    perception: Perception | None = None
    pitch: PitchReading | None = None
    agreement: Agreement | None = None
    problem: str = ""


def prepare_folder(out: Path, given: Sequence[Path]) -> None:
    """Make the folder of the results.

    Raises ConfigError where it cannot be, or where it is one of the given folders: the next run would take the
    pictures drawn by this one for photographs.
    """
    if out.resolve() in {path.resolve() for path in given if path.is_dir()}:
        raise ConfigError(f"--out {out} is also a folder of photographs: choose another one")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {out} cannot be made: {error.strerror}") from error


def perceive_photographs(
    perceiver: Perceiver, paths: Sequence[Path], out: Path, outlines: Outlines | None = None
) -> Iterator[Outcome]:
    """Perceive photographs one by one and write STEM.npz, STEM_overlay.png and STEM_bev.png of each into a folder.

    Raises ConfigError where a result cannot be written; what is wrong with a photograph is in its outcome.
    """
    readers: dict[tuple[int, int], PitchReader] = {}
    for path, stem in zip(paths, unique_stems(paths), strict=True):
        try:
            rgb = read_photograph(path)
            perception = perceiver.perceive(rgb)
        except Sim2RealError as error:
            problem = str(error) if isinstance(error, SourceError) else f"{path}: {error}"
            yield Outcome(path, stem, problem=problem)
            continue
        camera = perceiver.camera_of(rgb)
        size = camera.width, camera.height
        if size not in readers:
            readers[size] = PitchReader(camera)
        pitch = readers[size].read(rgb)
        note = "" if pitch is None else f"pitch by its lane lines: {describe_pitch(pitch)}"
        overlay = paint_overlay(rgb, perception, perceiver.in_picture(camera), path.name, note)
        _write(out / f"{stem}_overlay.png", encode_png(overlay))
        _write(out / f"{stem}_bev.png", encode_png(paint_seen_bev(perception, perceiver.spec, path.name)))
        save_perception(out / f"{stem}.npz", perception, perceiver.spec.channels)
        agreed = agreement(perception, outlines, path.name) if outlines else None
        yield Outcome(path, stem, perception, pitch, agreed)


def save_perception(path: Path, perception: Perception, channels: Sequence[str]) -> None:
    """Write bev, validity, drivable_image, segment_image, ood and pitch_deg, and the names of the BEV's channels and of
    the segments, whole or not at all."""
    arrays = {
        "bev": perception.bev,
        "validity": perception.validity,
        "drivable_image": perception.drivable_image,
        "segment_image": perception.segment_image,
        "ood": np.float32(perception.ood),
        "pitch_deg": np.float32(perception.pitch_deg),
        "channels": np.array(channels),
        "segments": np.array(SEGMENTS),
    }
    try:
        write_arrays(path, arrays, compressed=True)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


def outcome_table(outcomes: Sequence[Outcome]) -> Table:
    """Return a line a photograph: file, ood, share of the BEV that the camera sees, pitch against the calibration's.

    Where photographs are outlined, the IoU of road and vehicles, too, in the last line over all of them.
    """
    failed = sum(o.perception is None for o in outcomes)
    title = f"{len(outcomes)} photographs" + (f", {failed} not perceived" if failed else "")
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("file", overflow="fold")
    table.add_column("ood", justify="right")
    table.add_column("share seen", justify="right")
    table.add_column("pitch error", justify="right")
    agreements = [outcome.agreement for outcome in outcomes if outcome.agreement]
    for name in ("road IoU", "vehicle IoU") if agreements else ():
        table.add_column(name, justify="right")
    for outcome in outcomes:
        if outcome.perception is None:
            table.add_row(outcome.path.name, "-", "-", "not perceived", style="red")
            continue
        unfamiliar = outcome.perception.ood > FAMILIAR_OOD
        ood = f"{outcome.perception.ood:.2f}" + (" unfamiliar" if unfamiliar else "")
        pitch = "-" if outcome.pitch is None else describe_pitch(outcome.pitch)
        cells = ood, f"{outcome.perception.share_seen:.0%}", pitch, *_ious(outcome.agreement)
        renamed = "" if outcome.stem == outcome.path.stem else f", results {outcome.stem}"
        table.add_row(outcome.path.name + renamed, *cells, style="yellow" if unfamiliar else "")
    if agreements:
        table.add_section()
        table.add_row(f"{len(agreements)} outlined", "", "", "", *_ious(reduce(add, agreements)))
    return table


def _ious(agreed: Agreement | None) -> tuple[str, str] | tuple[()]:
    return (describe_iou(agreed.road), describe_iou(agreed.vehicles)) if agreed else ()


def describe_pitch(pitch: PitchReading) -> str:
    """Return true minus calibrated pitch, positive nose down, with its standard deviation."""
    return f"{pitch.error_deg:+.1f} ± {pitch.sigma_deg:.1f} deg"


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
