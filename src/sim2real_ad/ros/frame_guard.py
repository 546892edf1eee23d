"""Which camera frames may enter the graph: of the calibrated picture, in order, and fresh. Pure."""

from __future__ import annotations

import numpy as np

from sim2real_ad.errors import CalibrationError
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.types import ns_from_seconds, seconds_from_ns

FOCAL_TOLERANCE = 0.01
"""Share by which a driver's own focal lengths may differ from the calibration's."""


class FrameGuard:
    """Checks every frame of one camera.

    max_age_s None means that the stamps' clock is not known here, so that age is not judged.
    """

    def __init__(self, camera: CameraModel, max_age_s: float | None) -> None:
        self._camera = camera
        self._scaled = camera
        self._max_age_s = max_age_s
        self._last_ns: int | None = None

    def camera_for(self, width: int, height: int) -> CameraModel:
        """Return the calibration for pictures of a size. Raises CalibrationError where they are of another shape."""
        if (self._scaled.width, self._scaled.height) != (width, height):
            self._scaled = self._camera.scaled(width, height)
        return self._scaled

    def refusal(self, stamp_ns: int, now_ns: int) -> str | None:
        """Return why a frame must be dropped, or None; an accepted one is remembered.

        Stamps that go back by more than a second mean that the source began anew.
        """
        if stamp_ns <= 0:
            return "has no stamp"
        if self._last_ns is not None and self._last_ns - ns_from_seconds(1.0) <= stamp_ns <= self._last_ns:
            return f"stamp is {seconds_from_ns(self._last_ns - stamp_ns):.3f} s before the last one's"
        age_s = seconds_from_ns(now_ns - stamp_ns)
        if self._max_age_s is not None and not -self._max_age_s <= age_s <= self._max_age_s:
            return f"is {age_s:.3f} s old, the limit is {self._max_age_s} s"
        self._last_ns = stamp_ns
        return None

    def check_driver_calibration(self, matrix: tuple[float, ...], width: int, height: int) -> None:
        """Compare the driver's own camera matrix (9 numbers, row by row) with the calibration.

        A driver without one (fx 0) says nothing. Raises CalibrationError naming both focal lengths.
        """
        if not matrix[0]:
            return
        camera = self.camera_for(width, height)
        ours = np.array([camera.fx, camera.fy])
        theirs = np.array([matrix[0], matrix[4]])
        if (np.abs(theirs - ours) > FOCAL_TOLERANCE * ours).any():
            raise CalibrationError(
                f"the camera driver says focal lengths {theirs.round(1).tolist()} px at {width}x{height}, "
                f"the calibration {ours.round(1).tolist()} px"
            )
