"""A level look ahead: the picture that an ideal camera, level and looking straight ahead, would take from the mount.

Whatever lens, size and mount a camera has, the adapter's network sees one kind of picture: the horizon always in the
same row, ground where a flat road's ground always is. What the calibration knows is taken out by geometry; the network
is left with what it does not know.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sim2real_ad.config import StrictModel
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.geometry.ground import rays_in_base
from sim2real_ad.types import FloatArray, UInt8Array

FINEST = 1.6
"""Pixels of the picture to one of the level view, in each direction, from which the picture is halved first: more would
alias, and halves cost least."""


class LevelViewSpec(StrictModel):
    """Size of the level picture in pixels, the row of its horizon, and the horizontal field of view that it may have.

    The field of view follows the camera's own, so that a narrow lens is not shrunk to a stripe.
    """

    width: int = Field(default=320, ge=32, le=2048, multiple_of=32)
    height: int = Field(default=112, ge=32, le=2048, multiple_of=16)
    horizon: float = Field(default=26.0, ge=0.0)
    narrowest_deg: float = Field(default=40.0, ge=10.0, le=90.0)
    widest_deg: float = Field(default=100.0, ge=40.0, le=140.0)


def level_camera(camera: CameraModel, spec: LevelViewSpec) -> CameraModel:
    """Return the ideal camera of the level view: at the mount's place, neither pitched, rolled nor turned."""
    middle = np.array([[x, camera.cy] for x in (0.5, camera.width - 0.5)])
    sides = rays_in_base(camera, middle)
    reach = max(abs(math.degrees(math.atan2(y, max(x, 1e-3)))) for x, y, _ in sides)
    half = math.radians(min(max(reach, spec.narrowest_deg / 2.0), spec.widest_deg / 2.0))
    focal = spec.width / (2.0 * math.tan(half))
    mount = camera.mount.model_copy(update={"roll_deg": 0.0, "pitch_deg": 0.0, "yaw_deg": 0.0})
    return CameraModel(
        width=spec.width, height=spec.height, fx=focal, fy=focal, cx=spec.width / 2.0, cy=spec.horizon, mount=mount
    )


class LevelView:
    """Takes the level view from pictures of one mounted camera, and lays what was found in it back into them."""

    def __init__(self, camera: CameraModel, spec: LevelViewSpec) -> None:
        self.camera = camera
        self.spec = spec
        self.level = level_camera(camera, spec)
        self._places: dict[tuple[int, int], tuple[FloatArray, FloatArray]] = {}

    def take(self, rgb: UInt8Array) -> UInt8Array:
        """Return the level view (height, width, 3) uint8 of a picture (h, w, 3).

        Black where the picture ends or shows the own car. The picture may be a resized one of the camera. A much larger
        one is halved, and halved again, before.
        """
        for _ in range(self.halvings(rgb.shape[1], rgb.shape[0])):
            size = rgb.shape[1] // 2, rgb.shape[0] // 2
            rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
        columns, rows = self._lookup(rgb.shape[1], rgb.shape[0])
        return np.asarray(cv2.remap(rgb, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), np.uint8)

    def halvings(self, width: int, height: int) -> int:
        """Return how often a width x height picture of the camera is halved before it is looked up."""
        finer = min(width / self.camera.width * self.camera.fx, height / self.camera.height * self.camera.fy)
        halvings = 0
        while finer > FINEST * self.level.fx and min(width, height) >= 32:
            finer, width, height, halvings = finer / 2.0, width // 2, height // 2, halvings + 1
        return halvings

    def lay_back(self, layers: FloatArray, width: int, height: int) -> FloatArray:
        """Look layers (C, h, w) of the level view up for every pixel of a width x height picture of the camera.

        Returns (C, height, width) float32; NaN where a pixel looks beyond the level view, or at the own car.
        """
        camera = self.camera.scaled(width, height)
        columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        pixels = np.column_stack((columns.ravel(), rows.ravel()))
        rays = rays_in_base(camera, pixels)
        ahead = np.maximum(rays[:, 0], 1e-3)
        x = self.level.cx - self.level.fx * rays[:, 1] / ahead
        y = self.level.cy - self.level.fy * rays[:, 2] / ahead
        met = (rays[:, 0] > 1e-3) & (x >= 0) & (x <= self.spec.width) & (y >= 0) & (y <= self.spec.height)
        met &= ~camera.on_own_body(pixels)
        _, h, w = layers.shape
        u = (x * w / self.spec.width - 0.5).astype(np.float32).reshape(height, width)
        v = (y * h / self.spec.height - 0.5).astype(np.float32).reshape(height, width)
        found = [cv2.remap(layer, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for layer in layers]
        return np.where(met.reshape(height, width), np.stack(found), np.nan).astype(np.float32)

    def covered(self) -> NDArray[np.bool_]:
        """Return which pixels of the level view (height, width) the camera's picture fills."""
        whole = np.full((self.camera.height, self.camera.width), 255, np.uint8)
        columns, rows = self._lookup(self.camera.width, self.camera.height)
        seen = cv2.remap(whole, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return np.asarray(seen > 127)

    def _lookup(self, width: int, height: int) -> tuple[FloatArray, FloatArray]:
        """Return where in a width x height picture each pixel of the level view is: columns and rows for cv2.remap."""
        if (width, height) not in self._places:
            columns, rows = np.meshgrid(np.arange(self.spec.width) + 0.5, np.arange(self.spec.height) + 0.5)
            rays = rays_in_base(self.level, np.column_stack((columns.ravel(), rows.ravel())))
            pixels, seen = self.camera.project(1e4 * rays + self._eye())
            pixels = pixels * (width / self.camera.width, height / self.camera.height) - 0.5
            found = np.where(seen[:, None], pixels, -10.0).astype(np.float32).reshape(*columns.shape, 2)
            self._places[width, height] = np.ascontiguousarray(found[..., 0]), np.ascontiguousarray(found[..., 1])
        return self._places[width, height]

    def _eye(self) -> NDArray[np.float64]:
        mount = self.camera.mount
        return np.array([mount.x, mount.y, mount.z])
