"""Whose eyes a bag was seen through: a calibration of ours, or the driver's own in the bag."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim2real_ad.errors import CalibrationError
from sim2real_ad.geometry.camera import CameraModel, load_camera
from sim2real_ad.ros.frame_guard import FrameGuard

DEFAULT = "default"
COEFFICIENTS = 5
"""Of plumb_bob."""


def choose_camera(name: str, info: Any) -> tuple[CameraModel, str]:
    """Return the calibration and, where something about it is assumed, what. name: of ours, empty for none.

    info: the bag's camera_info, None where it has none. Without a name the default camera serves where the bag's agrees
    with it; else the bag's own numbers do, on the default camera's mount, for no camera_info tells where a camera sits.
    Raises CalibrationError where a named camera and the bag disagree, or the bag's numbers are impossible.
    """
    ours = load_camera(name or DEFAULT)
    if info is None:
        return ours, "" if name else f"no camera_info and no --camera: taken for '{DEFAULT}'"
    try:
        FrameGuard(ours, None).check_driver_calibration(tuple(info.k), info.width, info.height)
    except CalibrationError:
        if name:
            raise
        return _of_driver(info, ours), f"intrinsics by the bag's camera_info, mount assumed to be that of '{DEFAULT}'"
    return ours, ""


def _of_driver(info: Any, ours: CameraModel) -> CameraModel:
    if info.distortion_model not in ("plumb_bob", "") and np.any(np.asarray(info.d)):
        raise CalibrationError(f"camera_info: distortion model '{info.distortion_model}'; plumb_bob is known: --camera")
    lens = [*np.asarray(info.d, np.float64).tolist(), *[0.0] * COEFFICIENTS][:COEFFICIENTS]
    k = np.asarray(info.k, np.float64).reshape(3, 3)
    try:
        return CameraModel(
            width=info.width, height=info.height, fx=k[0, 0], fy=k[1, 1], cx=k[0, 2], cy=k[1, 2],
            distortion=tuple(lens), mount=ours.mount,
        )  # fmt: skip
    except ValueError as error:
        raise CalibrationError(f"camera_info of the bag is impossible ({error}); name the camera: --camera") from error
