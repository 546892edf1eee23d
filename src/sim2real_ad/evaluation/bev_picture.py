"""The observation as pictures: the BEV in colours, the policy's corridor, and the BEVs laid along the driven way."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sim2real_ad.geometry.frames import map_from_base
from sim2real_ad.observation.spec import BevSpec, ObservationSpec
from sim2real_ad.policy.corridor import Corridor, CorridorSpec
from sim2real_ad.types import FloatArray, Observation, Pose2, UInt8Array

COLOURS = {
    "drivable": (74, 82, 98),
    "lane_marking": (226, 216, 150),
    "stop_line": (236, 84, 84),
    "vehicle": (84, 158, 246),
    "pedestrian": (240, 128, 204),
    "obstacle": (244, 160, 58),
}
UNKNOWN_COLOUR = (190, 190, 190)
GROUND, UNSEEN, ROUTE = (30, 35, 43), (15, 17, 21), (96, 224, 170)
ENLARGE = 4


def data_uri(data: bytes, kind: str) -> str:
    """Return a picture's bytes as a URI that a page can hold. kind: jpeg or png."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def encode_png(rgb: UInt8Array) -> bytes:
    """Encode (H, W, 3) RGB or (H, W, 4) RGBA as PNG."""
    code = cv2.COLOR_RGBA2BGRA if rgb.shape[2] == 4 else cv2.COLOR_RGB2BGR
    return bytes(cv2.imencode(".png", cv2.cvtColor(rgb, code))[1])


def paint_layers(layers: UInt8Array, validity: UInt8Array, channels: Sequence[str]) -> UInt8Array:
    """Blend class probabilities (C, H, W) in colours, later channels above; unseen cells are darkened. RGB."""
    picture: FloatArray = np.full((*layers.shape[1:], 3), GROUND, np.float32)
    for name, layer in zip(channels, layers, strict=True):
        weight = layer[..., None].astype(np.float32) / 255.0
        picture += weight * (np.array(COLOURS.get(name, UNKNOWN_COLOUR), np.float32) - picture)
    seen = validity[..., None].astype(np.float32) / 255.0
    return np.asarray(UNSEEN + (picture - UNSEEN) * (0.35 + 0.65 * seen), np.uint8)


def paint_bev(observation: Observation, spec: BevSpec) -> UInt8Array:
    """Draw an observation's BEV with the route and the car's foot, ENLARGE times enlarged. RGB, ahead is up."""
    small = paint_layers(observation.bev, observation.validity, spec.channels)
    picture = np.asarray(cv2.resize(small, None, fx=ENLARGE, fy=ENLARGE, interpolation=cv2.INTER_NEAREST))
    cells = spec.cells_from_base(observation.route.astype(np.float64))
    line = np.round((cells[:, ::-1] + 0.5) * ENLARGE * 16).astype(np.int32)
    cv2.polylines(picture, [line[:, None]], False, ROUTE, 1, cv2.LINE_AA, 4)
    foot = (spec.cells_from_base(np.zeros(2))[::-1] + 0.5) * ENLARGE
    car = np.array([(-4, 0), (4, 0), (0, -11)]) + foot
    cv2.fillPoly(picture, [np.round(car).astype(np.int32)], (245, 247, 250), cv2.LINE_AA)
    return np.asarray(picture, np.uint8)


def paint_corridor(
    observation: Observation, spec: ObservationSpec, corridor: CorridorSpec, front_overhang: float
) -> UInt8Array:
    """Draw the policy's input: the BEV straightened along the route from front_overhang m ahead of base_link on,
    earlier frames as a shade. RGB, ahead is up."""
    layers = Corridor(corridor, spec, front_overhang).straighten(observation)
    count = len(spec.bev.channels)
    now, validity, earlier = layers[:count], layers[count], layers[count + 1 :]
    picture = paint_layers(now, validity, spec.bev.channels).astype(np.float32)
    if len(earlier):
        trail = earlier.max(axis=0)[..., None].astype(np.float32) / 255.0 * 0.3
        picture += trail * (np.array((200, 200, 255), np.float32) - picture)
    upright = np.ascontiguousarray(picture[::-1]).astype(np.uint8)
    return np.asarray(cv2.resize(upright, None, fx=ENLARGE, fy=ENLARGE, interpolation=cv2.INTER_NEAREST), np.uint8)


@dataclass(frozen=True)
class Canvas:
    """A window on the map, turned so that the drive goes from left to right.

    pose: map pose of the window's upper left corner, x along the picture's rows, y up; size in m; metres a pixel.
    """

    pose: Pose2
    width: float
    height: float
    resolution: float = 0.25

    @classmethod
    def around(cls, path: NDArray[np.float64], margin: float = 12.0, least_height: float = 40.0) -> Canvas:
        """Choose the window around a path (N, 2) in the map frame, N >= 1."""
        delta = path[-1] - path[0]
        yaw = math.atan2(delta[1], delta[0]) if np.hypot(*delta) > 1.0 else 0.0
        turned = path @ np.array([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
        low, high = turned.min(axis=0) - margin, turned.max(axis=0) + margin
        spare = max(least_height - (high[1] - low[1]), 0.0) / 2.0
        corner = np.array([low[0], high[1] + spare])
        origin = map_from_base(corner, Pose2(0.0, 0.0, yaw))
        width, height = float(high[0] - low[0]), float(high[1] - low[1] + 2.0 * spare)
        return cls(Pose2(float(origin[0]), float(origin[1]), yaw), width, height)

    def picture_from_map(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return map points (N, 2) in m right of and below the window's upper left corner."""
        cos, sin = math.cos(self.pose.yaw), math.sin(self.pose.yaw)
        delta = np.asarray(points, np.float64) - (self.pose.x, self.pose.y)
        return np.stack((cos * delta[:, 0] + sin * delta[:, 1], sin * delta[:, 0] - cos * delta[:, 1]), axis=-1)


def paint_mosaic(canvas: Canvas, seen: Sequence[tuple[Pose2, Observation]], spec: BevSpec) -> UInt8Array:
    """Lay observations along the way: (H, W, 4) RGBA, opaque where something was recognised.

    Each cell is the mean of what was seen there, near views weighing more.
    """
    shape = (max(1, math.ceil(canvas.height / canvas.resolution)), max(1, math.ceil(canvas.width / canvas.resolution)))
    total = np.zeros((len(spec.channels), *shape), np.float32)
    weights = np.full(shape, 1e-3, np.float32)
    nearness = np.exp(-np.linalg.norm(spec.cell_centres(), axis=-1) / 10.0).astype(np.float32)
    for pose, observation in seen:
        warp = _picture_from_cells(canvas, pose, spec)
        weight = nearness * (observation.validity > 0)
        weights += cv2.warpAffine(weight, warp, shape[::-1])
        for layer, sums in zip(observation.bev, total, strict=True):
            sums += cv2.warpAffine(layer.astype(np.float32) / 255.0 * weight, warp, shape[::-1])
    return _paint_transparent(total / weights, spec.channels)


def _paint_transparent(means: FloatArray, channels: Sequence[str]) -> UInt8Array:
    rgba = np.zeros((*means.shape[1:], 4), np.float32)
    for name, mean in zip(channels, means, strict=True):
        strength = np.clip((mean - 0.2) / 0.5, 0.0, 1.0)[..., None]
        colour: Any = (*COLOURS.get(name, UNKNOWN_COLOUR), 120 if name == "drivable" else 230)
        rgba += strength * (np.array(colour, np.float32) - rgba)
    return rgba.astype(np.uint8)


def _picture_from_cells(canvas: Canvas, pose: Pose2, spec: BevSpec) -> FloatArray:
    """Return the affine (2, 3) from a BEV's (column, row) to a canvas pixel."""
    cells = np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)], np.float32)
    columns, rows = cells[:, 0], cells[:, 1]
    base = np.stack((spec.x_max - (rows + 0.5) * spec.resolution, spec.y_max - (columns + 0.5) * spec.resolution), -1)
    pixels = canvas.picture_from_map(map_from_base(base.astype(np.float64), pose)) / canvas.resolution - 0.5
    return np.asarray(cv2.getAffineTransform(cells, pixels.astype(np.float32)), np.float32)
