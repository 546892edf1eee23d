"""What the adapter sees in one photograph: the bird's-eye view, and the picture with what was recognised laid back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sim2real_ad.errors import CalibrationError
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.geometry.ground import ground_under_pixels
from sim2real_ad.geometry.occlusion import hidden_by
from sim2real_ad.observation.adapter import Adapter
from sim2real_ad.observation.segments import ROAD, SEGMENTS
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import CameraFrame, FloatArray, UInt8Array

VEHICLE_HEIGHT = 1.5
"""Height of a passenger car, m. Where the camera sits lower, a vehicle hides all ground behind it."""

FAMILIAR_OOD = 0.5
"""Above this a picture is doubted more than 99 % of the held-out ones (the model card tells)."""

UNSEGMENTED = 255
"""Where the level view does not reach, in a segment image."""


@dataclass(frozen=True)
class Perception:
    """What the adapter believes of one photograph.

    bev: (C, H, W) float32 probabilities 0..1, in the order and the grid of the spec, 0 where unseen; validity: (H, W)
    bool, whether the camera sees the cell; drivable_image: (h, w) float32, the probability that a pixel shows drivable
    ground, NaN where the BEV does not reach; segment_image: (h, w) uint8, the likeliest of `segments.SEGMENTS` for
    every pixel, UNSEGMENTED where the level view does not reach; ood: 0 familiar .. 1 unlike anything trained on;
    pitch_deg: true minus calibrated pitch as the network levels the picture, positive nose down.
    """

    bev: FloatArray
    validity: NDArray[np.bool_]
    drivable_image: FloatArray
    segment_image: UInt8Array
    ood: float
    pitch_deg: float

    @property
    def share_seen(self) -> float:
        """Share of the BEV's cells that the camera sees, 0..1."""
        return float(self.validity.mean())


class BevInPicture:
    """Lays BEVs of one camera back into its pictures."""

    def __init__(self, camera: CameraModel, spec: BevSpec) -> None:
        self.camera = camera
        self.spec = spec
        ground = ground_under_pixels(camera)
        inside = (ground >= (spec.x_min, spec.y_min)) & (ground <= (spec.x_max, spec.y_max))
        self.reached: NDArray[np.bool_] = np.asarray(inside.all(axis=-1))
        """(h, w): whether the pixel looks at ground that the BEV covers."""
        cells = spec.cells_from_base(np.where(self.reached[..., None], ground, 0.0)).astype(np.float32)
        self._rows, self._columns = np.ascontiguousarray(cells[..., 0]), np.ascontiguousarray(cells[..., 1])

    def sample(self, layer: FloatArray, validity: NDArray[np.bool_]) -> FloatArray:
        """Look up a BEV layer (H, W) for every pixel, between cells that are seen: (h, w) float32, else NaN."""
        weight = validity.astype(np.float32)
        total, weights = self._lookup(layer * weight), self._lookup(weight)
        met = self.reached & (weights > 1e-3)
        return np.where(met, total / np.where(met, weights, 1.0), np.nan).astype(np.float32)

    def drivable(self, bev: FloatArray, validity: NDArray[np.bool_]) -> FloatArray:
        """Return the probability (h, w) that a pixel shows drivable ground, from BEV probabilities (C, H, W).

        Ground that a vehicle hides from the camera is not what the pixel shows; a vehicle that is less likely than not
        hides nothing. Persons and obstacles are left out: they hide little, and a false one would hide a whole sector.
        Raises ValueError where the spec has no channel `drivable`.
        """
        shown = bev[self.spec.index("drivable")]
        if "vehicle" in self.spec.channels:
            standing = np.clip(2.0 * bev[self.spec.index("vehicle")] - 1.0, 0.0, 1.0)
            shown = shown * (1.0 - hidden_by(standing, VEHICLE_HEIGHT, self.camera, self.spec))
        return self.sample(shown, validity)

    def _lookup(self, layer: FloatArray) -> FloatArray:
        return np.asarray(
            cv2.remap(layer, self._columns, self._rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
        )


class Perceiver:
    """Turns photographs of one calibrated camera into what the adapter believes of them."""

    def __init__(
        self, adapter: Adapter, camera: CameraModel, spec: BevSpec, *, source: str = "camera", resized: bool = False
    ) -> None:
        """adapter: made for this camera and spec; source: where the calibration is from, for messages; resized:
        whether photographs of another size are the camera's pictures, resized.

        Raises CalibrationError where a camera so mounted sees nothing of the BEV.
        """
        self.camera = camera
        self.spec = spec
        self._adapter = adapter
        self._source = source
        self._resized = resized
        self._validity = adapter.validity > 0
        self._in_picture: dict[tuple[int, int], BevInPicture] = {}
        if not self._validity.any():
            raise CalibrationError(
                f"{source}: this camera sees no ground from {spec.x_min:g} to {spec.x_max:g} m ahead: "
                f"mount {camera.mount}, distortion {camera.distortion}"
            )

    def perceive(self, rgb: UInt8Array) -> Perception:
        """Perceive one photograph (h, w, 3) uint8. Raises CalibrationError where its size is not the camera's.

        Whether a pixel shows drivable ground the network tells in the picture itself; where only the BEV reaches, it
        is laid back into the picture.
        """
        camera = self.camera_of(rgb)
        sight, view = self._adapter.look(CameraFrame(0, rgb)), self._adapter.view
        bev = sight.bev.astype(np.float32) / np.float32(255.0)
        shown = view.lay_back(sight.segments, camera.width, camera.height)
        road = shown[[SEGMENTS.index(name) for name in ROAD]].sum(axis=0)
        in_picture, segmented = self.in_picture(camera), np.isfinite(road)
        drivable = np.where(segmented, road, in_picture.drivable(bev, self._validity))
        drivable[~in_picture.reached] = np.nan
        likeliest = np.where(segmented, np.nan_to_num(shown).argmax(axis=0), UNSEGMENTED).astype(np.uint8)
        # The ground lies higher in the picture the farther down the nose points.
        lower = 0.5 * view.spec.height * float(sight.level[1])
        pitch = -math.degrees(math.atan(lower / view.level.fy))
        return Perception(bev, self._validity.copy(), drivable, likeliest, sight.doubts.ood, pitch)

    def camera_of(self, rgb: UInt8Array) -> CameraModel:
        """Return the calibration for a photograph's own size. Raises CalibrationError where there is none."""
        height, width = rgb.shape[:2]
        if (width, height) == (self.camera.width, self.camera.height):
            return self.camera
        if not self._resized:
            raise CalibrationError(
                f"the image is {width}x{height}, the calibration {self._source} "
                f"is for {self.camera.width}x{self.camera.height}"
            )
        return self.camera.scaled(width, height)

    def in_picture(self, camera: CameraModel) -> BevInPicture:
        """Return what lays BEVs into pictures of a size of this camera; made once for each size."""
        size = camera.width, camera.height
        if size not in self._in_picture:
            self._in_picture[size] = BevInPicture(camera, self.spec)
        return self._in_picture[size]
