"""The learned camera-to-BEV adapter in ONNX Runtime. The camera's geometry is an input, not a part of the weights."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from pydantic import Field

from sim2real_ad.config import StrictModel
from sim2real_ad.errors import CalibrationError
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.geometry.ground import ground_grid
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import CameraFrame, UInt8Array


class ImageSpec(StrictModel):
    """How a picture becomes the network's input: resized to width x height, RGB uint8; scaling is in the graph."""

    width: int = Field(default=320, ge=32, le=2048)
    height: int = Field(default=180, ge=32, le=2048)

    def prepare(self, rgb: UInt8Array) -> UInt8Array:
        """Resize a picture (H, W, 3) uint8 to (height, width, 3); area averaging, so that shrinking does not alias."""
        if rgb.shape[:2] == (self.height, self.width):
            return rgb
        resized: UInt8Array = cv2.resize(rgb, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return resized


class Adapter:
    """Picture to BEV probabilities for one mounted camera."""

    def __init__(self, session: Any, image: ImageSpec, spec: BevSpec, camera: CameraModel) -> None:
        """session: onnxruntime.InferenceSession with inputs image, grid, validity and outputs bev, ood."""
        self._session = session
        self._image = image
        self._camera = camera
        grid, self.validity = ground_grid(camera, spec)
        self._grid = grid[None]
        self._seen = (self.validity[None, None] > 0).astype(np.float32)
        self._checked_size = (0, 0)

    def infer(self, frame: CameraFrame) -> tuple[UInt8Array, float]:
        """Return the BEV (C, H, W) uint8, probability times 255, and the out-of-distribution score 0..1.

        Raises CalibrationError where the picture's shape cannot be the calibrated camera's.
        """
        self._check_size(frame)
        picture = self._image.prepare(frame.rgb)
        inputs = {"image": picture[None], "grid": self._grid, "validity": self._seen}
        bev, ood = self._session.run(["bev", "ood"], inputs)
        return bev[0], float(ood[0])

    def _check_size(self, frame: CameraFrame) -> None:
        size = frame.rgb.shape[1], frame.rgb.shape[0]
        if size == self._checked_size:
            return
        try:
            frame.validate()
        except ValueError as error:
            raise CalibrationError(str(error)) from error
        self._camera.scaled(*size)
        self._checked_size = size
