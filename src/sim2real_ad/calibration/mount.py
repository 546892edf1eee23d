"""How a camera sits, from driving straight: pitch and yaw by the lane lines' vanishing point, height by lane or flow.

Pitch: lane lines that spread or close up in the bird's-eye view tell by how much the calibrated pitch is off
(`observation.pitch_monitor`); the camera is turned by that and looked through again, until nothing is left, so that a
wrong height does not matter. Yaw: lines along which the car drives lead straight ahead. Height: the lane's known width
over that in the bird's-eye view, else what the ground moves over what was driven.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from sim2real_ad.calibration.estimate import Estimate, blocks_of, mean_of_blocks
from sim2real_ad.calibration.ground_flow import GroundFlow
from sim2real_ad.config import StrictModel
from sim2real_ad.errors import CalibrationError
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.observation.lane_lines import find_lane_lines
from sim2real_ad.observation.pitch_monitor import PitchReader
from sim2real_ad.types import UInt8Array

Floats = NDArray[np.float64]

LEAST_SPEED = 5.0
"""m/s; slower, drivers wind about."""
STRAIGHTEST = 0.002
"""1/m of curvature up to which a drive is straight: 0.7 m over 26 m."""
STEADY = 0.7
"""m/s^2 of acceleration up to which the body does not pitch."""
LEAST_READINGS = 15
BLOCK_S = 2.0
ROUNDS = 8
SETTLED_DEG = 0.1
"""Degrees of pitch that the pictures' readings still tell well where the camera is not turned any more."""
COARSE_FRAMES, LEAST_COARSE = 12, 4
"""So many pictures serve until the camera is about level, where at least so many of them show lane lines."""
WORST_PITCH_DEG = 0.3
WORST_YAW_DEG = 0.5
WORST_HEIGHT = 0.05
"""Greatest half widths of the intervals: degrees, and relative."""
FARTHEST_DEG = 10.0
"""By how much a pitch may be corrected."""
FLATTEST_DEG = 1.5
"""Ground that surely rises or falls by more ahead is left out."""
WIDEST_PICTURE = 960
"""Wider pictures are looked at made smaller."""
LANE_SLACK = 0.4
"""By how much a lane's width in the bird's-eye view may be off, relatively."""


@dataclass(frozen=True)
class DriveFrame:
    """A picture (H, W, 3) RGB of a drive. time_s; speed: m/s; yaw_rate: rad/s; acceleration: m/s^2; NaN: unknown."""

    time_s: float
    rgb: UInt8Array
    speed: float = float("nan")
    yaw_rate: float = float("nan")
    acceleration: float = float("nan")


def drives_straight(speed: float, yaw_rate: float, acceleration: float) -> bool:
    """Tell whether nothing speaks against a steady drive straight ahead. m/s, rad/s, m/s^2; NaN: unknown."""
    winds = speed < LEAST_SPEED or abs(acceleration) > STEADY or abs(yaw_rate) > STRAIGHTEST * speed
    return not winds


class MountCalibration(StrictModel):
    """camera: with the mount corrected; pitch_deg, yaw_deg, height: of it, degrees and m; height is None where only a
    ruler tells; height_by: how it was found; pitch_rms_deg: of single pictures' readings; readings: pictures that told
    the pitch; frames: pictures of driving straight."""

    camera: CameraModel
    pitch_deg: Estimate
    yaw_deg: Estimate
    height: Estimate | None
    height_by: str
    pitch_rms_deg: float
    readings: int
    frames: int
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return what is told to the user, a line a fact."""
        height = self.height.text("m") if self.height else f"{self.camera.mount.z} m as it was"
        return [
            f"{self.readings} of {self.frames} pictures of driving straight showed lane lines",
            f"pitch {self.pitch_deg.text('deg', 2)}, single pictures {self.pitch_rms_deg:.2f} deg RMS about it",
            f"yaw {self.yaw_deg.text('deg', 2)}, where the car drives along the lines",
            f"height {height}, {self.height_by}",
            *self.notes,
        ]


@dataclass(frozen=True)
class _Readings:
    """Of many pictures (N,): s, and pitch error in degrees."""

    times: Floats
    errors_deg: Floats


def calibrate_mount(
    frames: Iterable[DriveFrame], camera: CameraModel, lane_width: float | None = None
) -> MountCalibration:
    """Correct a camera's mount. camera: with right intrinsics and a mount about right; lane_width: m, from the middle
    of one line to the middle of the next, of the lane that is driven in, where it is known.

    Raises CalibrationError with the reason where the drive does not tell.
    """
    straight = _straight(frames)
    looked_at = camera.scaled(straight[0].rgb.shape[1], straight[0].rgb.shape[0])
    levelled, readings = _level(straight, looked_at)
    blocks = blocks_of(readings.times, BLOCK_S)
    left_over = mean_of_blocks(readings.errors_deg, blocks, "pitch")
    pitch = Estimate(value=levelled.mount.pitch_deg + left_over.value, half_width=left_over.half_width)
    levelled = levelled.off_by(pitch_deg=left_over.value)
    lines = _lines_of(straight, levelled)
    yaw, turned = _headed(levelled, lines)
    height, height_by = _height(straight, turned, lines, lane_width)
    _check(pitch, yaw, height)
    found = {"pitch_deg": pitch.value, "yaw_deg": yaw.value, **({} if height is None else {"z": height.value})}
    mount = camera.mount.model_copy(update={name: round(value, 3) for name, value in found.items()})
    known = np.isfinite([frame.yaw_rate for frame in straight]).any()
    return MountCalibration(
        camera=camera.model_copy(update={"mount": mount}),
        pitch_deg=pitch,
        yaw_deg=yaw,
        height=height,
        height_by=height_by,
        pitch_rms_deg=float(np.std(readings.errors_deg)),
        readings=len(readings.times),
        frames=len(straight),
        notes=() if known else ("no odometry: all of the drive is taken for straight and steady",),
    )


def _straight(frames: Iterable[DriveFrame]) -> list[DriveFrame]:
    """Return the pictures of driving straight, made small at once: a drive's in full size do not fit into memory."""
    straight, count = [], 0
    for frame in frames:
        count += 1
        if drives_straight(frame.speed, frame.yaw_rate, frame.acceleration):
            straight.append(_shrunk(frame))
    if len(straight) < LEAST_READINGS:
        raise CalibrationError(
            f"too few pictures: {len(straight)} of {count} of driving straight at {LEAST_SPEED} m/s or more and "
            f"steadily; {LEAST_READINGS} is the least"
        )
    return straight


def _shrunk(frame: DriveFrame) -> DriveFrame:
    height, width = frame.rgb.shape[:2]
    if width <= WIDEST_PICTURE:
        return frame
    size = (WIDEST_PICTURE, round(height * WIDEST_PICTURE / width))
    return replace(frame, rgb=np.asarray(cv2.resize(frame.rgb, size, interpolation=cv2.INTER_AREA), np.uint8))


def _level(frames: Sequence[DriveFrame], camera: CameraModel) -> tuple[CameraModel, _Readings]:
    """Turn the camera until lane lines are about parallel; return it and what all pictures say is left over."""
    start = camera.mount.pitch_deg
    some = frames[:: -(-len(frames) // COARSE_FRAMES)]
    for _ in range(ROUNDS):
        readings = _read(some, camera)
        if len(readings.times) < LEAST_COARSE:
            some, readings = frames, _enough(_read(frames, camera), frames, LEAST_COARSE)
        error = float(np.median(readings.errors_deg))
        if abs(error) < SETTLED_DEG:
            return camera, _enough(_read(frames, camera), frames, LEAST_READINGS)
        camera = camera.off_by(pitch_deg=error)
        if abs(camera.mount.pitch_deg - start) > FARTHEST_DEG:
            break
    raise CalibrationError(
        f"no pitch fits the lane lines: from {start:.1f} deg the corrections went to {camera.mount.pitch_deg:.1f} "
        "deg; give a camera whose pitch is about right"
    )


def _read(frames: Sequence[DriveFrame], camera: CameraModel) -> _Readings:
    reader = PitchReader(camera)
    found = []
    for frame in frames:
        reading = reader.read(frame.rgb)
        if reading is not None and abs(reading.rise_deg) - 2.0 * reading.rise_sigma_deg <= FLATTEST_DEG:
            found.append((frame.time_s, reading.error_deg))
    times, errors = np.array(found).reshape(-1, 2).T
    return _Readings(times, errors)


def _enough(readings: _Readings, frames: Sequence[DriveFrame], least: int) -> _Readings:
    if len(readings.times) < least:
        raise CalibrationError(
            f"too few readings: {len(readings.times)} of {len(frames)} pictures show two lane lines on flat ground; "
            f"{least} is the least"
        )
    return readings


def _lines_of(frames: Sequence[DriveFrame], camera: CameraModel) -> list[tuple[float, Floats]]:
    """Return for each picture with lines its time in s and (L, 2): (left in m at the camera, slope) of each line."""
    reader = PitchReader(camera)
    found = []
    for frame in frames:
        lines = find_lane_lines(*reader.paint(frame.rgb), reader.ahead, reader.left)
        if lines:
            fits = [np.polyfit(line[:, 0], line[:, 1], 1)[::-1] for line in lines]
            found.append((frame.time_s, np.array(fits)))
    return found


def _headed(camera: CameraModel, lines: list[tuple[float, Floats]]) -> tuple[Estimate, CameraModel]:
    """Return the yaw in degrees with which lane lines lead straight ahead, and the camera turned to it."""
    times = np.array([time_s for time_s, _ in lines])
    slopes = np.array([float(np.median(of_picture[:, 1])) for _, of_picture in lines])
    heading = mean_of_blocks(np.degrees(np.arctan(slopes)), blocks_of(times, BLOCK_S), "yaw")
    # A camera that looks farther left than it is taken to sees all ahead too far right.
    yaw = Estimate(value=camera.mount.yaw_deg - heading.value, half_width=heading.half_width)
    mount = camera.mount.model_copy(update={"yaw_deg": yaw.value})
    return yaw, camera.model_copy(update={"mount": mount})


def _height(
    frames: Sequence[DriveFrame], camera: CameraModel, lines: list[tuple[float, Floats]], lane_width: float | None
) -> tuple[Estimate | None, str]:
    """Return the height in m, None where nothing tells it, and by what it was found."""
    if lane_width is not None:
        times, ratios = _lane_ratios(lines, lane_width)
        how = f"by lanes of {lane_width} m"
    else:
        times, ratios = _flow_ratios(frames, camera)
        how = "by the ground's flow against the speed"
    if len(ratios) < LEAST_READINGS:
        if lane_width is not None:
            raise CalibrationError(f"too few readings: {len(ratios)} pictures show both lines of a {lane_width} m lane")
        return None, f"{len(ratios)} pairs of pictures tell it by flow: measure it, or give --lane-width"
    ratio = mean_of_blocks(ratios, blocks_of(times, BLOCK_S), "height")
    height = camera.mount.z / ratio.value
    return Estimate(value=height, half_width=height * ratio.half_width / ratio.value), how


def _lane_ratios(lines: list[tuple[float, Floats]], lane_width: float) -> tuple[Floats, Floats]:
    """Return times in s and the lane's width in the bird's-eye view over its true one (N,)."""
    found = []
    for time_s, of_picture in lines:
        left, right = of_picture[of_picture[:, 0] > 0.0], of_picture[of_picture[:, 0] <= 0.0]
        if len(left) and len(right):
            spacing = float(left[:, 0].min() - right[:, 0].max())
            ratio = spacing * float(np.cos(np.arctan(np.median(of_picture[:, 1])))) / lane_width
            if abs(ratio - 1.0) < LANE_SLACK:
                found.append((time_s, ratio))
    times, ratios = np.array(found).reshape(-1, 2).T
    return times, ratios


def _flow_ratios(frames: Sequence[DriveFrame], camera: CameraModel) -> tuple[Floats, Floats]:
    """Return times in s and the ground's shift over the way driven (N,), of pictures that follow one another."""
    flow, found = GroundFlow(camera), []
    for before, after in pairwise(frames):
        driven = (after.time_s - before.time_s) * (before.speed + after.speed) / 2.0
        ratio = flow.ratio(before.rgb, after.rgb, driven) if np.isfinite(driven) else None
        if ratio is not None:
            found.append((before.time_s, ratio))
    times, ratios = np.array(found).reshape(-1, 2).T
    return times, ratios


def _check(pitch: Estimate, yaw: Estimate, height: Estimate | None) -> None:
    for name, angle, worst in (("pitch", pitch, WORST_PITCH_DEG), ("yaw", yaw, WORST_YAW_DEG)):
        if angle.half_width > worst:
            raise CalibrationError(f"{name} {angle.text('deg', 2)} is too uncertain; {worst} is the most: drive longer")
    if height is not None and height.half_width > WORST_HEIGHT * height.value:
        raise CalibrationError(
            f"height {height.text('m')} is too uncertain; {WORST_HEIGHT:.0%} is the most: drive longer"
        )
