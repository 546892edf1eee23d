"""A driving video as a bag: its pictures as a camera driver gives them, and a car that is assumed.

A video says nothing of the car. Assumed is a constant speed, straight ahead along +x of a map of its own, and a
straight route, as in shadow mode; whatever is judged from such a bag leans on that. The same video gives the same
bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydantic import Field

from sim2real_ad.bag.definitions import installed_definition
from sim2real_ad.bag.messages import blank, constant, set_stamp
from sim2real_ad.bag.storage import BagTopic
from sim2real_ad.bag.write import BagWriter, offered_qos
from sim2real_ad.config import StrictModel
from sim2real_ad.errors import SourceError
from sim2real_ad.geometry.camera import CameraModel, load_camera
from sim2real_ad.ros.capture import VideoFile
from sim2real_ad.ros.conversions import BASE_FRAME, CAMERA_FRAME, MAP_FRAME
from sim2real_ad.ros.topics import (
    ACCELERATION,
    CAMERA_INFO_RAW,
    CONTROL_MODE,
    IMAGE_COMPRESSED,
    ODOMETRY,
    ROUTE,
    STEERING,
    VELOCITY,
)
from sim2real_ad.types import NANOSECONDS, CameraFrame, UInt8Array

PUBLISHED = (CAMERA_INFO_RAW, ODOMETRY, ACCELERATION, VELOCITY, STEERING, CONTROL_MODE, ROUTE, IMAGE_COMPRESSED)
TYPES = {topic.name: topic.type_name for topic in PUBLISHED}
IMAGE_TOPIC, CAMERA_INFO_TOPIC, ROUTE_TOPIC = IMAGE_COMPRESSED.name, CAMERA_INFO_RAW.name, ROUTE.name
ODOMETRY_TOPIC, ACCELERATION_TOPIC, VELOCITY_TOPIC = ODOMETRY.name, ACCELERATION.name, VELOCITY.name
STEERING_TOPIC, CONTROL_MODE_TOPIC = STEERING.name, CONTROL_MODE.name
ROUTE_LENGTH, ROUTE_MARGIN = 3000.0, 200.0
"""m: at least so long is the route, and so far it goes on where the video ends."""


class AssumedDrive(StrictModel):
    """What a video does not say, and what is taken of it.

    speed, speed_limit: m/s; quality: of the JPEGs, 1..100; frames: at most so many in the bag, 0 for all; every: the
    first of each so many frames of the video.
    """

    speed: float = Field(default=15.0, ge=0.0, le=60.0)
    speed_limit: float = Field(default=16.7, gt=0.0, le=60.0)
    quality: int = Field(default=90, ge=1, le=100)
    frames: int = Field(default=0, ge=0)
    every: int = Field(default=1, ge=1)


def bag_from_video(video: Path, camera: str, out: Path, drive: AssumedDrive) -> int:
    """Write a bag of a video and return the number of frames in it.

    camera: name in config/cameras, or a path: who took the video. Raises SourceError where the video cannot be read,
    CalibrationError where the camera is unknown or cannot have taken it, ConfigError where the folder exists.
    """
    model = load_camera(camera)
    source = VideoFile(video)
    try:
        frames = islice(source.frames(), 0, None, drive.every)
        first = next(frames)
        scaled = model.scaled(first.rgb.shape[1], first.rgb.shape[0])
        taken = islice(chain((first,), frames), drive.frames or None)
        length = max(ROUTE_LENGTH, drive.speed * source.frame_count / source.fps + ROUTE_MARGIN)
        with BagWriter(out) as writer:
            _announce(writer)
            _write(writer, ROUTE_TOPIC, first.stamp_ns, _route(first.stamp_ns, length, drive.speed_limit))
            for frame in taken:
                for topic, message in _messages(frame, first.stamp_ns, scaled, drive):
                    _write(writer, topic, frame.stamp_ns, message)
            return writer.counts[IMAGE_TOPIC]
    finally:
        source.close()


def _announce(writer: BagWriter) -> None:
    for topic, type_name in TYPES.items():
        qos = offered_qos(latched=topic == ROUTE_TOPIC)
        writer.add_topic(BagTopic(topic, type_name, 0, installed_definition(type_name), qos))


def _write(writer: BagWriter, topic: str, stamp_ns: int, message: Any) -> None:
    writer.write_new(topic, TYPES[topic], message, stamp_ns)


def _messages(frame: CameraFrame, start_ns: int, camera: CameraModel, drive: AssumedDrive) -> Iterator[tuple[str, Any]]:
    """Yield what the car reports at a frame's stamp, and the frame last: what it needs is there before it."""
    stamp_ns = frame.stamp_ns
    x = drive.speed * (stamp_ns - start_ns) / NANOSECONDS
    yield CAMERA_INFO_TOPIC, _camera_info(stamp_ns, camera)
    yield ODOMETRY_TOPIC, _odometry(stamp_ns, x, drive.speed)
    yield ACCELERATION_TOPIC, _stamped(ACCELERATION_TOPIC, stamp_ns, BASE_FRAME)
    velocity = _stamped(VELOCITY_TOPIC, stamp_ns, BASE_FRAME)
    velocity.longitudinal_velocity = drive.speed
    yield VELOCITY_TOPIC, velocity
    yield STEERING_TOPIC, _report(STEERING_TOPIC, stamp_ns)
    mode = _report(CONTROL_MODE_TOPIC, stamp_ns)
    mode.mode = constant(TYPES[CONTROL_MODE_TOPIC], "MANUAL")
    yield CONTROL_MODE_TOPIC, mode
    yield IMAGE_TOPIC, _image(frame, drive.quality)


def _stamped(topic: str, stamp_ns: int, frame_id: str) -> Any:
    message = blank(TYPES[topic])
    set_stamp(message.header.stamp, stamp_ns)
    message.header.frame_id = frame_id
    return message


def _report(topic: str, stamp_ns: int) -> Any:
    message = blank(TYPES[topic])
    set_stamp(message.stamp, stamp_ns)
    return message


def _image(frame: CameraFrame, quality: int) -> Any:
    message = _stamped(IMAGE_TOPIC, frame.stamp_ns, CAMERA_FRAME)
    message.format = "jpeg"
    message.data = _jpeg(frame.rgb, quality)
    return message


def _jpeg(rgb: UInt8Array, quality: int) -> UInt8Array:
    done, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise SourceError(f"a picture of {rgb.shape[1]}x{rgb.shape[0]} cannot be made a JPEG")
    return np.asarray(data, np.uint8).reshape(-1)


def _camera_info(stamp_ns: int, camera: CameraModel) -> Any:
    message = _stamped(CAMERA_INFO_TOPIC, stamp_ns, CAMERA_FRAME)
    message.width, message.height = camera.width, camera.height
    message.distortion_model = "plumb_bob"
    message.d = np.array(camera.distortion, np.float64)
    matrix = camera.matrix()
    message.k = matrix.reshape(-1)
    message.r = np.eye(3).reshape(-1)
    message.p = np.hstack((matrix, np.zeros((3, 1)))).reshape(-1)
    return message


def _odometry(stamp_ns: int, x: float, speed: float) -> Any:
    message = _stamped(ODOMETRY_TOPIC, stamp_ns, MAP_FRAME)
    message.child_frame_id = BASE_FRAME
    message.pose.pose.position.x = x
    message.pose.pose.orientation.w = 1.0
    message.twist.twist.linear.x = speed
    return message


def _route(stamp_ns: int, length: float, speed_limit: float) -> Any:
    message = blank(TYPES[ROUTE_TOPIC])
    message.speed_limit = speed_limit
    set_stamp(message.path.header.stamp, stamp_ns)
    message.path.header.frame_id = MAP_FRAME
    for x in range(int(length) + 1):
        pose = blank("geometry_msgs/msg/PoseStamped")
        pose.pose.position.x, pose.pose.orientation.w = float(x), 1.0
        message.path.poses.append(pose)
    return message
