"""Camera frames from a device or a video file through OpenCV."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from sim2real_ad.errors import SourceError
from sim2real_ad.types import NANOSECONDS, CameraFrame

VIDEO_START_NS = NANOSECONDS
"""Stamp of a video's first frame in lock-step; a stamp of 0 would mean none."""


class VideoFile:
    """A driving video. fps: frames a second, by the file."""

    def __init__(self, path: Path) -> None:
        """Raises SourceError where the file is missing or no video."""
        if not path.is_file():
            raise SourceError(f"no video at {path}")
        self._path = path
        self._capture = cv2.VideoCapture(str(path))
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        if not self._capture.isOpened() or not 1.0 <= self.fps <= 240.0:
            raise SourceError(f"{path} is no video that OpenCV can read (frame rate {self.fps})")
        self.frame_count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))

    def frames(self, start_ns: int = VIDEO_START_NS) -> Iterator[CameraFrame]:
        """Yield every frame, stamped by its place in the video. Raises SourceError where not one can be decoded."""
        sequence = 0
        while True:
            found, bgr = self._capture.read()
            if not found:
                break
            stamp_ns = start_ns + round(sequence * NANOSECONDS / self.fps)
            yield CameraFrame(stamp_ns, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), sequence)
            sequence += 1
        if sequence == 0:
            raise SourceError(f"{self._path}: no frame can be decoded")

    def close(self) -> None:
        """Release the file."""
        self._capture.release()


class Device:
    """A V4L2 camera, stamped by the system clock when a frame has been read."""

    def __init__(self, device: str, width: int, height: int) -> None:
        """Raises SourceError where the device cannot be opened or does not deliver the calibrated size."""
        if not Path(device).exists():
            raise SourceError(f"no camera device {device}")
        self._device = device
        self._capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise SourceError(f"camera device {device} cannot be opened")
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def frames(self) -> Iterator[CameraFrame]:
        """Yield frames for ever. Raises SourceError where the device stops delivering."""
        sequence = 0
        while True:
            found, bgr = self._capture.read()
            if not found:
                raise SourceError(f"camera device {self._device} stopped delivering after {sequence} frames")
            yield CameraFrame(time.time_ns(), cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), sequence)
            sequence += 1

    def close(self) -> None:
        """Release the device."""
        self._capture.release()
