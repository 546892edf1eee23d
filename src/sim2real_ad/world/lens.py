"""Another lens and sensor than the renderer's ideal pinhole: its picture, drawn anew as a real camera would take it."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from sim2real_ad.errors import CalibrationError
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.types import UInt8Array
from sim2real_ad.world.target_domain import SensorEffects

SENSOR_STREAM = 0x5E_2502
"""Keeps the sensor's noise apart from every other random number of an episode."""
WIDEST_DEG = 150.0
"""A pinhole picture wider than this is mostly stretched edge."""
UNDISTORTION_STEPS = 60


def rendered_camera(camera: CameraModel) -> CameraModel:
    """Return the ideal pinhole camera, square pixels and principal point in the middle, that sees all a camera sees.

    It is as sharp in the middle as the camera. A camera that is ideal already is returned as it is. Raises
    CalibrationError where the lens sees more than a pinhole can.
    """
    if is_ideal(camera):
        return camera
    x, y = (float(np.abs(rays).max()) for rays in np.moveaxis(_rays(camera), -1, 0))
    if not 2.0 * math.degrees(math.atan(x)) <= WIDEST_DEG:  # NaN fails too
        raise CalibrationError(
            f"the lens sees {2.0 * math.degrees(math.atan(x)):.0f} deg, at most {WIDEST_DEG} is drawn"
        )
    focal = max(camera.fx, camera.fy)
    width, height = (2 * math.ceil(focal * reach) + 2 for reach in (x, y))
    cx, cy = width / 2.0, height / 2.0
    return CameraModel(width=width, height=height, fx=focal, fy=focal, cx=cx, cy=cy, mount=camera.mount)


def is_ideal(camera: CameraModel) -> bool:
    """Whether a camera is what the renderer draws: no distortion, square pixels, principal point in the middle."""
    centred = camera.cx == camera.width / 2.0 and camera.cy == camera.height / 2.0
    return centred and camera.fx == camera.fy and not any(camera.distortion)


class Lens:
    """Turns pictures of `rendered_camera(camera)` into those of the camera."""

    def __init__(self, camera: CameraModel, effects: SensorEffects) -> None:
        """Prepare the look-up. Raises CalibrationError as `rendered_camera`."""
        self.rendered = rendered_camera(camera)
        self._effects = effects
        self._lookup: NDArray[np.float32] | None = None
        if not is_ideal(camera):
            middle = (self.rendered.cx, self.rendered.cy)
            # Coordinates count from the picture's corner; OpenCV's from the middle of the first pixel.
            self._lookup = (_rays(camera) * self.rendered.fx + middle - 0.5).astype(np.float32)
        self._light = _light(camera, effects.vignetting)

    def take(self, rgb: UInt8Array, seed: int, sequence: int) -> UInt8Array:
        """Return the camera's picture (H, W, 3) uint8 of a rendered one; its noise is that of seed and sequence."""
        picture: UInt8Array = rgb
        if self._lookup is not None:
            picture = np.asarray(cv2.remap(rgb, self._lookup, None, cv2.INTER_LINEAR), np.uint8)
        effects = self._effects
        if effects.blur_px > 0.0:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), effects.blur_px), np.uint8)
        if effects.vignetting > 0.0 or effects.noise > 0.0:
            levels = picture * self._light + self._noise(picture.shape, seed, sequence)
            picture = np.clip(np.rint(levels), 0.0, 255.0).astype(np.uint8)
        return _compressed(picture, effects.jpeg_quality)

    def _noise(self, shape: tuple[int, ...], seed: int, sequence: int) -> NDArray[np.float32] | float:
        if self._effects.noise == 0.0:
            return 0.0
        rng = np.random.default_rng([SENSOR_STREAM, seed, sequence])
        return rng.standard_normal(shape, np.float32) * np.float32(self._effects.noise)


def _rays(camera: CameraModel) -> NDArray[np.float64]:
    """Return where every pixel's middle looks, (H, W, 2): right and down per unit ahead.

    plumb_bob inverted by fixed-point iteration, as OpenCV does; here with a count that every version shares.
    """
    v, u = np.mgrid[: camera.height, : camera.width] + 0.5
    seen = np.stack(((u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy), axis=-1)
    k1, k2, p1, p2, k3 = camera.distortion
    rays = seen.copy()
    for _ in range(UNDISTORTION_STEPS):
        x, y = rays[..., 0], rays[..., 1]
        square = x * x + y * y
        radial = 1.0 + square * (k1 + square * (k2 + square * k3))
        tangential = np.stack(
            (2.0 * p1 * x * y + p2 * (square + 2.0 * x * x), p1 * (square + 2.0 * y * y) + 2.0 * p2 * x * y), axis=-1
        )
        rays = (seen - tangential) / radial[..., None]
    return rays


def _light(camera: CameraModel, vignetting: float) -> NDArray[np.float32]:
    """Return the share of light (H, W, 1) that reaches each pixel: 1 in the middle, less with the distance squared."""
    v, u = np.mgrid[: camera.height, : camera.width]
    x, y = (u + 0.5) / camera.width * 2.0 - 1.0, (v + 0.5) / camera.height * 2.0 - 1.0
    return np.asarray(1.0 - vignetting * (x * x + y * y) / 2.0, np.float32)[..., None]


def _compressed(picture: UInt8Array, quality: int) -> UInt8Array:
    if quality >= 100:
        return picture
    _, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)
