"""A photograph with what the adapter believes laid over it: where to drive, what stands there, how far it looks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sim2real_ad.evaluation.bev_picture import COLOURS, ROUTE, UNKNOWN_COLOUR
from sim2real_ad.evaluation.lettering import (
    WHITE,
    Colour,
    legend_width,
    shade,
    text_size,
    write,
    write_legend,
)
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.geometry.ground import horizon
from sim2real_ad.observation.perception import FAMILIAR_OOD, VEHICLE_HEIGHT, BevInPicture, Perception
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import FloatArray, UInt8Array

PAINT = {"lane_marking": 0.45, "stop_line": 0.6}
"""How strongly paint on the road is tinted where it is certain; where it is less likely than not, not at all."""
THING_HEIGHTS = {"vehicle": VEHICLE_HEIGHT, "pedestrian": 1.7, "obstacle": 0.9}
"""Heights in m up to which things are boxed: a passenger car, a grown person, a road works barrier."""
DRIVABLE: Colour = ROUTE
DRIVABLE_STRENGTH = 0.5
ALARM: Colour = (255, 120, 90)
HORIZON: Colour = (255, 214, 102)
RANGES = (10.0, 20.0, 30.0, 40.0)
FULL_WIDTH = 960
"""Width in pixels of a picture that is drawn on at scale 1."""


def paint_overlay(
    rgb: UInt8Array, perception: Perception, in_picture: BevInPicture, title: str, note: str = ""
) -> UInt8Array:
    """Draw a perception over its photograph. Returns (h, w, 3) RGB uint8 of the photograph's own size.

    Tinted: drivable ground, in proportion to its probability, with an edge at one half, and paint on the road. Boxed:
    vehicles, pedestrians and obstacles. Dimmed: what the BEV does not reach; its far edge, the horizon and the outline
    of the own car are lines.
    """
    scale = rgb.shape[1] / FULL_WIDTH
    picture = _tinted(rgb, perception, in_picture)
    _draw_ranges(picture, in_picture.camera, in_picture.spec, scale)
    _draw_horizon(picture, in_picture.camera, scale)
    _draw_own_body(picture, in_picture.camera, scale)
    _draw_things(picture, perception, in_picture.camera, in_picture.spec, scale)
    _draw_panel(picture, perception, in_picture, (title, note), scale)
    return picture


def _tinted(rgb: UInt8Array, perception: Perception, in_picture: BevInPicture) -> UInt8Array:
    reached = np.isfinite(perception.drivable_image)
    picture = rgb.astype(np.float32)
    picture *= np.where(reached, 1.0, 0.7)[..., None]
    drivable = np.nan_to_num(perception.drivable_image)
    picture += DRIVABLE_STRENGTH * drivable[..., None] * (np.array(DRIVABLE, np.float32) - picture)
    for name, strength in PAINT.items():
        if name in in_picture.spec.channels:
            paint = np.nan_to_num(in_picture.sample(_layer(perception, in_picture.spec, name), perception.validity))
            likely = np.clip(2.0 * paint - 1.0, 0.0, 1.0)
            picture += strength * likely[..., None] * (np.array(COLOURS[name], np.float32) - picture)
    tinted = np.clip(picture, 0, 255).astype(np.uint8)
    edges, _ = cv2.findContours((drivable > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.polylines(tinted, edges, True, DRIVABLE, max(1, round(rgb.shape[1] / FULL_WIDTH * 2)), cv2.LINE_AA)
    return tinted


def _draw_ranges(picture: UInt8Array, camera: CameraModel, spec: BevSpec, scale: float) -> None:
    """Draw the BEV's far edge, then lines across the ground; lines that would crowd the one before get no label."""
    label_height = 1.6 * text_size("0", 0.45 * scale)[1]
    labelled: list[float] = []
    for ahead in (spec.x_max, *(x for x in RANGES if x < spec.x_max)):
        across = np.linspace(spec.y_max, spec.y_min, 200)
        pixels = _ground_pixels(camera, np.column_stack((np.full_like(across, ahead), across)))
        if len(pixels) < 2:
            continue
        edge = ahead == spec.x_max
        _line(picture, pixels, WHITE, max(1, round((2 if edge else 1) * scale)), strength=0.9 if edge else 0.5)
        text, small = f"{ahead:g} m" + (": BEV ends" if edge else ""), 0.45 * scale
        x = pixels[0, 0] + 6 if edge else pixels[-1, 0] - text_size(text, small)[0] - 6
        y = pixels[0, 1] - 6 * scale if edge else pixels[-1, 1] - 2 * scale
        if all(abs(y - other) > label_height for other in labelled):
            write(picture, text, (x, y), small)
        if not edge:
            labelled.append(float(y))
    for side in (spec.y_max, spec.y_min):
        ahead_points = np.linspace(spec.x_max, spec.x_min, 400)
        pixels = _ground_pixels(camera, np.column_stack((ahead_points, np.full_like(ahead_points, side))))
        _line(picture, pixels, WHITE, max(1, round(2 * scale)), strength=0.9)


def _draw_horizon(picture: UInt8Array, camera: CameraModel, scale: float) -> None:
    pixels = horizon(camera)
    dash = max(2, len(pixels) // 60)
    for first in range(0, len(pixels), 2 * dash):
        _line(picture, pixels[first : first + dash + 1], HORIZON, max(1, round(scale)), strength=0.9)
    if len(pixels):
        text = "horizon of the calibration"
        x = picture.shape[1] - text_size(text, 0.45 * scale)[0] - 6
        write(picture, text, (x, pixels[-1, 1] - 8 * scale), 0.45 * scale, HORIZON)


def _draw_own_body(picture: UInt8Array, camera: CameraModel, scale: float) -> None:
    if not camera.own_body:
        return
    outline = np.clip(camera.own_body, 0, (camera.width - 1, camera.height - 1))
    cv2.polylines(picture, [np.rint(outline).astype(np.int32)], True, WHITE, max(1, round(scale)), cv2.LINE_AA)
    text, small = "own car", 0.42 * scale
    x, y = (outline.min(axis=0) + outline.max(axis=0)) / 2.0
    write(picture, text, (x - text_size(text, small)[0] / 2.0, y + text_size(text, small)[1]), small)


def _draw_things(picture: UInt8Array, perception: Perception, camera: CameraModel, spec: BevSpec, scale: float) -> None:
    """Outline what stands there, the farthest first, each as the hull of its footprint raised to its height.

    Where two kinds are likely, the likelier is drawn.
    """
    names = [name for name in THING_HEIGHTS if name in spec.channels]
    layers = np.stack([_layer(perception, spec, name) for name in names]) if names else np.zeros((0, *spec.shape[1:]))
    boxes = []
    for name, layer in zip(names, layers, strict=True):
        strongest = (layer >= 0.5) & (layer == layers.max(axis=0))
        count, labels = cv2.connectedComponents(strongest.astype(np.uint8))
        for cells in (labels == number for number in range(1, count)):
            outline, distance = _outline(cells, THING_HEIGHTS[name], camera, spec)
            if outline is not None:
                boxes.append((distance, name, float(layer[cells].max()), outline))
    for distance, name, surety, outline in sorted(boxes, key=lambda box: -box[0]):
        colour = COLOURS.get(name, UNKNOWN_COLOUR)
        cv2.polylines(picture, [outline], True, colour, max(1, round(2 * scale)), cv2.LINE_AA)
        x, y = outline[:, 0].min(axis=0)
        write(picture, f"{name} {distance:.0f} m {surety:.0%}", (x, y - 4 * scale), 0.42 * scale, colour)


def _outline(
    cells: NDArray[np.bool_], height: float, camera: CameraModel, spec: BevSpec
) -> tuple[NDArray[np.int32] | None, float]:
    """Return the hull (N, 1, 2) of a footprint's cells (H, W) raised to a height, and its distance from the camera.

    None where nothing of it is in the picture.
    """
    centres = spec.cell_centres()[cells]
    half = 0.5 * spec.resolution
    corners = np.concatenate([centres + np.array([dx, dy]) for dx in (-half, half) for dy in (-half, half)])
    levels = np.linspace(0.0, height, 7)
    points = np.column_stack((np.tile(corners, (len(levels), 1)), np.repeat(levels, len(corners))))
    pixels, seen = camera.project(points)
    distance = float(np.hypot(*(centres - (camera.mount.x, camera.mount.y)).T).min())
    if seen.sum() < 3:
        return None, distance
    return np.asarray(cv2.convexHull(np.round(pixels[seen]).astype(np.int32)), np.int32), distance


def _draw_panel(
    picture: UInt8Array, perception: Perception, in_picture: BevInPicture, texts: tuple[str, str], scale: float
) -> None:
    """Write file, ood, reach and a note, the probability's scale and the legend into the sky."""
    spec, small, (title, note) = in_picture.spec, 0.45 * scale, texts
    line, left = 22.0 * scale, 10.0 * scale
    names = [name for name in (*PAINT, *THING_HEIGHTS) if name in spec.channels]
    entries = [(name.replace("_", " "), COLOURS.get(name, UNKNOWN_COLOUR)) for name in names]
    bar = 120.0 * scale
    first = text_size("drivable 0 ", small)[0]
    width = left + first + bar + text_size(" 1  ", small)[0] + legend_width([n for n, _ in entries], small)
    shade(picture, (0, 0), (min(picture.shape[1], round(width)), round(3.6 * line)))
    unfamiliar = perception.ood > FAMILIAR_OOD
    verdict = "unfamiliar: do not trust" if unfamiliar else "familiar"
    write(picture, title, (left, line), 0.5 * scale)
    write(
        picture,
        f"ood {perception.ood:.2f} {verdict} (limit {FAMILIAR_OOD:g})",
        (left, 2 * line),
        0.5 * scale,
        ALARM if unfamiliar else DRIVABLE,
    )
    reach = f"BEV: {perception.share_seen:.0%} of its cells seen"
    write(picture, reach, (width - text_size(reach, small)[0] - left, line), small)
    write(picture, note, (width - text_size(note, small)[0] - left, 2 * line), small)
    write(picture, "drivable 0", (left, 3 * line), small)
    _probability_bar(picture, (round(left + first), round(3 * line)), (round(bar), round(0.6 * line)))
    write(picture, "1", (left + first + bar + 3 * scale, 3 * line), small)
    write_legend(picture, entries, (left + first + bar + text_size(" 1  ", small)[0], 3 * line), small)


def _probability_bar(picture: UInt8Array, at: tuple[int, int], size: tuple[int, int]) -> None:
    """Draw the tint for probabilities from 0 to 1 on asphalt grey, with a mark at one half; `at` is the lower left."""
    (x, y), (width, height) = at, size
    asphalt = np.full((height, width, 3), 105.0, np.float32)
    share = DRIVABLE_STRENGTH * np.linspace(0.0, 1.0, width, dtype=np.float32)[None, :, None]
    tinted = asphalt + share * (np.array(DRIVABLE, np.float32) - asphalt)
    part = picture[y - height : y, x : x + width]
    part[:] = tinted[: part.shape[0], : part.shape[1]]
    cv2.line(picture, (x + width // 2, y - height), (x + width // 2, y), DRIVABLE, 1)


def _layer(perception: Perception, spec: BevSpec, name: str) -> FloatArray:
    return perception.bev[spec.index(name)]


def _ground_pixels(camera: CameraModel, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the pixels of the points on the ground (N, 2) that are in the picture."""
    pixels, seen = camera.project(np.column_stack((points, np.zeros(len(points)))))
    return pixels[seen]


def _line(picture: UInt8Array, pixels: NDArray[np.float64], colour: Colour, weight: int, *, strength: float) -> None:
    over = picture.copy()
    cv2.polylines(over, [np.round(pixels * 16).astype(np.int32)[:, None]], False, colour, weight, cv2.LINE_AA, 4)
    cv2.addWeighted(over, strength, picture, 1.0 - strength, 0.0, dst=picture)
