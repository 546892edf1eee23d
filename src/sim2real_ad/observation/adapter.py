"""The learned camera-to-BEV adapter in ONNX Runtime. The camera's geometry is an input, not a part of the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from sim2real_ad.errors import CalibrationError
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.geometry.ground import OUTSIDE, ground_grid
from sim2real_ad.geometry.level_view import LevelView, LevelViewSpec, level_camera
from sim2real_ad.observation.doubts import Doubts
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import CameraFrame, FloatArray, UInt8Array

ADAPTER_INPUTS = ("image", "ground", "above", "validity")
ADAPTER_OUTPUTS = ("bev", "doubts", "segments", "level")
"""segments are logits: what drives the car has no use for them, so their probabilities are left to `Adapter.look`."""


class ImageSpec(LevelViewSpec):
    """How a picture becomes the network's input: its level view, RGB uint8; scaling is in the graph.

    above: height of a plane, m, at which the network looks for what stands on the ground, besides the ground itself.
    """

    above: float = Field(default=1.0, gt=0.0, le=3.0)


@dataclass(frozen=True)
class Sight:
    """All that the network says of one picture.

    bev: (C, H, W) uint8, probability times 255; doubts: of this picture; segments: (S, h / 4, w / 4) float32
    probabilities of `segments.SEGMENTS` in the level view; level: (3,) float32, (right, down, turn) in half level views
    by which the ground lies elsewhere than calibrated.
    """

    bev: UInt8Array
    doubts: Doubts
    segments: FloatArray
    level: FloatArray


@dataclass(frozen=True)
class LevelGrids:
    """Where the level view of a camera shows the BEV; coordinates as `ground_grid` gives them.

    ground: (H, W, 2) float32, of every cell; above: (H / 2, W / 2, 2) float32, of every four cells' middle, higher up;
    validity: (H, W) uint8, 255 where the cell's ground is in the camera's picture and in the level view. What is not
    valid is OUTSIDE in both.
    """

    ground: FloatArray
    above: FloatArray
    validity: UInt8Array

    def inputs(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the network's inputs ground (1, H, W, 2), above (1, H / 2, W / 2, 2), validity (1, 1, H, W)."""
        return self.ground[None], self.above[None], (self.validity[None, None] > 0).astype(np.float32)


def level_grids(camera: CameraModel, image: ImageSpec, spec: BevSpec) -> LevelGrids:
    """Look the BEV's cells up in the level view of a camera. Raises ValueError for a BEV of an odd number of cells."""
    level = level_camera(camera, image)
    ground, in_view = ground_grid(level, spec)
    validity: UInt8Array = np.minimum(ground_grid(camera, spec)[1], in_view)
    coarse = BevSpec.model_validate(spec.model_dump() | {"resolution": 2.0 * spec.resolution})
    above, _ = ground_grid(level, coarse, image.above)
    rows, columns = above.shape[:2]
    ground[validity == 0] = OUTSIDE
    above[validity.reshape(rows, 2, columns, 2).max(axis=(1, 3)) == 0] = OUTSIDE
    return LevelGrids(ground, above, validity)


class Adapter:
    """Picture to BEV probabilities for one mounted camera."""

    def __init__(self, session: Any, image: ImageSpec, spec: BevSpec, camera: CameraModel) -> None:
        """session: onnxruntime.InferenceSession with ADAPTER_INPUTS and ADAPTER_OUTPUTS."""
        self._session = session
        self._camera = camera
        self.view = LevelView(camera, image)
        grids = level_grids(camera, image, spec)
        self.validity = grids.validity
        self.geometry = grids.inputs()
        """The network's inputs ground, above and validity."""
        self._checked_size = (0, 0)

    def infer(self, frame: CameraFrame) -> tuple[UInt8Array, Doubts]:
        """Return the BEV (C, H, W) uint8, probability times 255, and how much is doubted of the picture.

        Raises CalibrationError where the picture's shape cannot be the calibrated camera's.
        """
        bev, doubts = self._run(frame, ["bev", "doubts"])
        return bev[0], Doubts(*map(float, doubts[0]))

    def look(self, frame: CameraFrame) -> Sight:
        """Return all that the network says of a picture. Raises CalibrationError as `infer`."""
        bev, doubts, logits, level = self._run(frame, list(ADAPTER_OUTPUTS))
        raised = np.exp(logits[0] - logits[0].max(axis=0))
        return Sight(bev[0], Doubts(*map(float, doubts[0])), raised / raised.sum(axis=0), level[0])

    def _run(self, frame: CameraFrame, outputs: list[str]) -> Any:
        self._check_size(frame)
        inputs = (self.view.take(frame.rgb)[None], *self.geometry)
        return self._session.run(outputs, dict(zip(ADAPTER_INPUTS, inputs, strict=True)))

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
