"""One picture of a run for a page or a slide: what the camera saw, what the adapter made of it, what the policy saw."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from sim2real_ad.errors import ConfigError, SourceError
from sim2real_ad.evaluation.bev_picture import encode_png, paint_bev, paint_corridor
from sim2real_ad.evaluation.keyframes import Picture
from sim2real_ad.evaluation.recording import read_recording
from sim2real_ad.evaluation.report import choose_detailed
from sim2real_ad.evaluation.results import read_results, read_run
from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.policy.corridor import CorridorSpec
from sim2real_ad.types import Observation, UInt8Array

ROW_HEIGHT = 225
GAP = 10
SHOTS = 2
MAX_ROWS = 3
PAPER, INK = (250, 249, 247), (52, 56, 64)
THINGS = ("stop_line", "vehicle", "pedestrian", "obstacle")


def write_film_strip(run_dir: Path, path: Path) -> None:
    """Draw a row for each of a run's first scenarios and write it as PNG.

    Raises SourceError where the run has no recorded pictures, ConfigError where the file cannot be written.
    """
    run, chosen = read_run(run_dir), choose_detailed(read_results(run_dir))
    logs = read_recording(sorted(run_dir.rglob("*.mcap")), wanted=lambda name, seed: (name, seed) in chosen).episodes
    spec = run.observation or ObservationSpec()
    corridor = partial(
        paint_corridor,
        spec=spec,
        corridor=CorridorSpec.model_validate(run.corridor or {}),
        front_overhang=run.front_overhang,
    )
    firsts = {log.scenario: log for log in reversed(logs) if any(p.camera and p.observation for p in log.pictures)}
    order = list(dict.fromkeys(log.scenario for log in logs if log.scenario in firsts))[:MAX_ROWS]
    rows = [_row(name, firsts[name].pictures, spec, corridor) for name in order]
    if not rows:
        raise SourceError(f"{run_dir}: the recording holds no pictures with their observations")
    try:
        path.write_bytes(encode_png(_stack(rows)))
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


def _row(
    title: str, pictures: list[Picture], spec: ObservationSpec, corridor: Callable[[Observation], UInt8Array]
) -> UInt8Array:
    """Draw a scenario's most telling moments side by side, in order of time, under its name."""
    whole = [p for p in pictures if p.camera and p.observation]
    telling = sorted(whole, key=lambda p: -_things(p.observation, spec))[:SHOTS]
    tiles: list[UInt8Array] = []
    for picture in sorted(telling, key=lambda p: p.stamp_ns):
        assert picture.observation is not None
        camera = np.asarray(cv2.imdecode(np.frombuffer(picture.camera, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)
        seen = paint_bev(picture.observation, spec.bev)
        tiles += [_fit(camera), _fit(seen), _fit(corridor(picture.observation))]
    strip = _beside(tiles)
    head = np.full((30, strip.shape[1], 3), PAPER, np.uint8)
    name = title.replace("_", " ")
    cv2.putText(head, name, (GAP, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, INK, 1, cv2.LINE_AA)
    return np.vstack((head, strip))


def _things(observation: Observation | None, spec: ObservationSpec) -> float:
    """Return how much beside road was recognised."""
    if observation is None:
        return 0.0
    return float(sum(int(observation.bev[spec.bev.index(name)].sum()) for name in THINGS))


def _fit(picture: UInt8Array) -> UInt8Array:
    width = round(picture.shape[1] * ROW_HEIGHT / picture.shape[0])
    return np.asarray(cv2.resize(picture, (width, ROW_HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


def _beside(tiles: list[UInt8Array]) -> UInt8Array:
    gap = np.full((ROW_HEIGHT, GAP, 3), PAPER, np.uint8)
    parts = [gap]
    for tile in tiles:
        parts += [tile, gap]
    return np.hstack(parts)


def _stack(rows: list[UInt8Array]) -> UInt8Array:
    width = max(row.shape[1] for row in rows)
    padded = [cv2.copyMakeBorder(r, 0, 0, 0, width - r.shape[1], cv2.BORDER_CONSTANT, value=PAPER) for r in rows]
    foot = np.full((GAP, width, 3), PAPER, np.uint8)
    return np.vstack([*(np.asarray(row, np.uint8) for row in padded), foot])
