"""The pinhole camera with distortion, mounted on the car: what a camera YAML says, and what follows from it."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sim2real_ad.config import StrictModel, check_config, find_config, load_config
from sim2real_ad.errors import CalibrationError, ConfigError
from sim2real_ad.geometry.polygons import covered

MOST_OWN_BODY = 0.4
"""Share of the picture that the own car may fill: with more, hardly any road is left to see."""

OPTICAL_FROM_CAMERA_BODY = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


class CameraMount(StrictModel):
    """Where the camera sits in base_link. Metres; angles in degrees: pitch positive nose down, yaw positive left,
    roll positive right side down (right-handed about x forward, y left, z up)."""

    x: float = Field(ge=-5.0, le=10.0)
    y: float = Field(default=0.0, ge=-3.0, le=3.0)
    z: float = Field(gt=0.1, le=6.0)
    roll_deg: float = Field(default=0.0, ge=-45.0, le=45.0)
    pitch_deg: float = Field(default=0.0, ge=-45.0, le=45.0)
    yaw_deg: float = Field(default=0.0, ge=-90.0, le=90.0)

    def rotation_base_from_body(self) -> NDArray[np.float64]:
        """Return the (3, 3) rotation from the camera body frame (x forward, y left, z up) to base_link."""
        roll, pitch, yaw = (math.radians(a) for a in (self.roll_deg, self.pitch_deg, self.yaw_deg))
        rx = np.array([[1, 0, 0], [0, math.cos(roll), -math.sin(roll)], [0, math.sin(roll), math.cos(roll)]])
        ry = np.array([[math.cos(pitch), 0, math.sin(pitch)], [0, 1, 0], [-math.sin(pitch), 0, math.cos(pitch)]])
        rz = np.array([[math.cos(yaw), -math.sin(yaw), 0], [math.sin(yaw), math.cos(yaw), 0], [0, 0, 1]])
        return rz @ ry @ rx


class CameraModel(StrictModel):
    """Intrinsics in pixels, plumb_bob distortion (k1, k2, p1, p2, k3), and the mount (`base_from_camera`).

    own_body: corners (x, y) of the outline, in pixels, of what the picture shows of the own car, as its bonnet. Nothing
    is seen there. It may go beyond the picture's edges.
    """

    width: int = Field(ge=16, le=8192)
    height: int = Field(ge=16, le=8192)
    fx: float = Field(gt=1.0)
    fy: float = Field(gt=1.0)
    cx: float
    cy: float
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    own_body: tuple[tuple[float, float], ...] = ()
    mount: CameraMount

    @classmethod
    def from_fov(cls, width: int, height: int, fov_deg: float, mount: CameraMount) -> CameraModel:
        """Make an undistorted camera from its horizontal field of view, as CARLA defines it."""
        focal = width / (2.0 * math.tan(math.radians(fov_deg) / 2.0))
        return cls(width=width, height=height, fx=focal, fy=focal, cx=width / 2.0, cy=height / 2.0, mount=mount)

    @property
    def fov_deg(self) -> float:
        """Horizontal field of view in degrees, distortion ignored."""
        return math.degrees(2.0 * math.atan(self.width / (2.0 * self.fx)))

    def matrix(self) -> NDArray[np.float64]:
        """Return the (3, 3) camera matrix K in pixels."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    def project(self, points_in_base: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Project base_link points (N, 3) to pixels (N, 2) and tell which lie in front of and inside the image."""
        rotation = OPTICAL_FROM_CAMERA_BODY @ self.mount.rotation_base_from_body().T
        points = (np.asarray(points_in_base, np.float64) - (self.mount.x, self.mount.y, self.mount.z)) @ rotation.T
        in_front = points[:, 2] > 0.1
        if len(points) == 0:
            return np.zeros((0, 2)), in_front
        safe = np.where(in_front[:, None], points, (0.0, 0.0, 1.0))
        pixels = self._pixels(safe)
        inside = (pixels[:, 0] >= 0) & (pixels[:, 0] < self.width) & (pixels[:, 1] >= 0) & (pixels[:, 1] < self.height)
        return pixels, in_front & inside & self._in_lens_range(safe) & ~self.on_own_body(pixels)

    def on_own_body(self, pixels: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which pixels (N, 2) show the own car: (N,)."""
        if not self.own_body:
            return np.zeros(len(pixels), np.bool_)
        shown = covered([self.own_body], (self.height, self.width))
        columns, rows = np.floor(np.clip(pixels, -1.0, (self.width, self.height))).astype(np.intp).T
        inside = (columns >= 0) & (columns < self.width) & (rows >= 0) & (rows < self.height)
        return inside & shown[rows * inside, columns * inside]

    def scaled(self, width: int, height: int) -> CameraModel:
        """Return the camera of the same picture resized to another size.

        Raises CalibrationError where the size is impossible or the aspect ratio differs by more than 1 %.
        """
        if not (16 <= width <= 8192 and 16 <= height <= 8192):
            raise CalibrationError(f"image size {width}x{height} is outside 16..8192 pixels")
        if abs(width / height - self.width / self.height) > 0.01 * self.width / self.height:
            raise CalibrationError(
                f"camera calibration is for {self.width}x{self.height}, the image is {width}x{height}: "
                "the aspect ratio differs, so it was cropped or belongs to another camera"
            )
        sx, sy = width / self.width, height / self.height
        change = {"width": width, "height": height, "fx": self.fx * sx, "fy": self.fy * sy}
        own_body = tuple((x * sx, y * sy) for x, y in self.own_body)
        return self.model_copy(update={**change, "cx": self.cx * sx, "cy": self.cy * sy, "own_body": own_body})

    def off_by(self, pitch_deg: float = 0.0, roll_deg: float = 0.0, zoom: float = 1.0) -> CameraModel:
        """Return the camera with its mount turned by degrees and its focal length times zoom."""
        turned = {"pitch_deg": self.mount.pitch_deg + pitch_deg, "roll_deg": self.mount.roll_deg + roll_deg}
        mount = self.mount.model_copy(update=turned)
        return self.model_copy(update={"mount": mount, "fx": self.fx * zoom, "fy": self.fy * zoom})

    def _pixels(self, optical: NDArray[np.float64]) -> NDArray[np.float64]:
        """Project points (N, 3) before the lens; without distortion by hand, which spares OpenCV's polynomial."""
        if not any(self.distortion):
            return optical[:, :2] / optical[:, 2:] * (self.fx, self.fy) + (self.cx, self.cy)
        found = cv2.projectPoints(optical, np.zeros(3), np.zeros(3), self.matrix(), np.array(self.distortion))[0]
        return np.asarray(found[:, 0], np.float64)

    def _in_lens_range(self, optical: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Reject rays so far off axis that the radial polynomial r (1 + k1 r^2 + k2 r^4 + k3 r^6) has turned back."""
        k1, k2, _, _, k3 = self.distortion
        turns = np.roots([7.0 * k3, 5.0 * k2, 3.0 * k1, 1.0])  # zeros of its derivative, in r^2
        real = turns.real[(np.abs(turns.imag) < 1e-9) & (turns.real > 0.0)]
        return np.hypot(optical[:, 0], optical[:, 1]) / optical[:, 2] < math.sqrt(min(real, default=math.inf))


def load_camera(name_or_path: str) -> CameraModel:
    """Load a camera by name (config/cameras) or path. Raises CalibrationError."""
    try:
        camera = load_config(find_config(name_or_path, "cameras"), CameraModel)
    except ConfigError as error:
        raise CalibrationError(str(error)) from error
    return check_camera(camera, name_or_path)


def check_camera(camera: CameraModel, source: str) -> CameraModel:
    """Return the camera, or raise CalibrationError where its numbers cannot belong to a real one."""
    if not (0 < camera.cx < camera.width and 0 < camera.cy < camera.height):
        raise CalibrationError(
            f"{source}: principal point ({camera.cx}, {camera.cy}) lies outside {camera.width}x{camera.height}"
        )
    if not 15.0 <= camera.fov_deg <= 160.0:
        raise CalibrationError(f"{source}: horizontal field of view {camera.fov_deg:.1f} deg is outside 15..160")
    _check_own_body(camera, source)
    return camera


def _check_own_body(camera: CameraModel, source: str) -> None:
    """Raise CalibrationError where what the picture shows of the own car is no outline, or most of the picture."""
    if not camera.own_body:
        return
    if len(camera.own_body) < 3:
        raise CalibrationError(f"{source}: own_body has {len(camera.own_body)} corners, an outline has at least 3")
    share = covered([camera.own_body], (camera.height, camera.width)).mean()
    if not 0.0 < share <= MOST_OWN_BODY:
        raise CalibrationError(
            f"{source}: own_body covers {share:.0%} of the {camera.width}x{camera.height} picture, "
            f"must be more than 0 and at most {MOST_OWN_BODY:.0%}; its corners are (x, y) in pixels"
        )


def camera_from_mapping(data: dict[str, object], source: str) -> CameraModel:
    """Make a camera from a mapping, as a checkpoint or a bag holds it. Raises CalibrationError."""
    try:
        return check_camera(check_config(data, CameraModel, source), source)
    except ConfigError as error:
        raise CalibrationError(str(error)) from error
