"""Does the camera deliver: often enough, of the calibrated shape, with stamps that the graph takes?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sim2real_ad.doctor.finding import Finding, failed, graded, not_here
from sim2real_ad.doctor.survey import LISTENED_S, DriverCalibration, Heard, Listen, Picture, Survey
from sim2real_ad.errors import CalibrationError, ConfigError, SourceError
from sim2real_ad.evaluation.statistics import median
from sim2real_ad.geometry.camera import CameraModel, load_camera
from sim2real_ad.ros.capture import Device
from sim2real_ad.ros.frame_guard import FrameGuard
from sim2real_ad.ros.node_spec import parameter_file, shared_parameters
from sim2real_ad.ros.topics import BOUNDARY
from sim2real_ad.safety.limits import load_safety_limits
from sim2real_ad.vehicle.profile import load_vehicle


@dataclass(frozen=True)
class PictureLimits:
    """silence_s: longest gap that the gate takes; age_s: oldest frame that the camera node takes."""

    silence_s: float
    age_s: float


def check_pictures(survey: Survey, listen: Listen) -> Finding:
    """Look through the camera that was named for a while. Raises CalibrationError or ConfigError."""
    if not survey.source:
        return not_here("pictures", "no camera named", "s2r doctor --source topic, or --source v4l2 --source-path DEV")
    camera = load_camera(survey.camera)
    if survey.source == "v4l2":
        try:
            heard = look(survey.source_path, camera, LISTENED_S)
        except SourceError as error:
            return failed("pictures", str(error), "v4l2-ctl --list-devices; is another program using it? fuser -v DEV")
        remedy = f"v4l2-ctl -d {survey.source_path} --list-formats-ext"
    else:
        heard = listen(survey.source, LISTENED_S)
        port = "image" if survey.source == "topic" else "compressed"
        topic = load_vehicle(survey.vehicle).topics.given.get(port, BOUNDARY[port].name)
        remedy = f"ros2 topic info -v {topic}; the driver needs ROS_DOMAIN_ID and the transport (check shell)"
    return judge_pictures(heard, camera, limits_in_force(), remedy)


def limits_in_force() -> PictureLimits:
    """Read what the gate and the camera node are configured with. Raises ConfigError."""
    age_s = shared_parameters("camera").get("max_age_s")
    if not isinstance(age_s, float):
        raise ConfigError(f"{parameter_file()}: camera.ros__parameters.max_age_s is missing")
    return PictureLimits(load_safety_limits().freshness.view_silence, age_s)


def look(device: str, camera: CameraModel, seconds: float) -> Heard:
    """Read a V4L2 device for a while. Raises SourceError."""
    opened = Device(device, camera.width, camera.height)
    pictures: list[Picture] = []
    try:
        until_s = time.monotonic() + seconds
        for frame in opened.frames():
            height, width = frame.rgb.shape[:2]
            pictures.append(Picture(frame.stamp_ns, time.time_ns(), width, height))
            if time.monotonic() > until_s:
                break
    finally:
        opened.close()
    return Heard(0, seconds, pictures)


def judge_pictures(heard: Heard, camera: CameraModel, limits: PictureLimits, remedy: str) -> Finding:
    """Judge what came against the calibration and the limits of the graph."""
    pictures = heard.pictures
    if len(pictures) < 2:
        return failed("pictures", f"{len(pictures)} pictures in {heard.seconds:g} s", remedy)
    try:
        _check_shapes(pictures, heard.calibrations, camera)
    except CalibrationError as error:
        return failed("pictures", str(error), "name its calibration: --camera FILE, from s2r calibrate camera")
    gaps_s = [(b.received_ns - a.received_ns) * 1e-9 for a, b in pairwise(pictures)]
    rate, least = len(gaps_s) / max(sum(gaps_s), 1e-9), 1.0 / limits.silence_s
    refused = _refusals(pictures, camera, limits.age_s)
    found = (
        f"{pictures[0].width}x{pictures[0].height} at {rate:.1f} Hz, at least {least:.1f}; "
        f"longest gap {max(gaps_s) * 1e3:.0f} ms, the gate brakes from {limits.silence_s * 1e3:.0f}; "
        f"{median([(p.received_ns - p.stamp_ns) * 1e-6 for p in pictures]):.0f} ms old"
    )
    if refused:
        found += f"; the camera node drops {len(refused)} of {len(pictures)}: a frame {refused[0]}"
        remedy = f"let the driver stamp at acquisition by a synchronised clock (check clock); {remedy}"
    fails = rate < least or len(refused) == len(pictures)
    return graded("pictures", found, remedy, fails=fails, warns=bool(refused) or max(gaps_s) > limits.silence_s)


def _check_shapes(pictures: Sequence[Picture], calibrations: Sequence[DriverCalibration], camera: CameraModel) -> None:
    guard = FrameGuard(camera, None)
    for size in {(picture.width, picture.height) for picture in pictures}:
        guard.camera_for(*size)
    for said in calibrations:
        guard.check_driver_calibration(said.matrix, said.width, said.height)


def _refusals(pictures: Sequence[Picture], camera: CameraModel, age_s: float) -> list[str]:
    guard = FrameGuard(camera, age_s)
    found = (guard.refusal(picture.stamp_ns, picture.received_ns) for picture in pictures)
    return [refusal for refusal in found if refusal is not None]
