"""Which topics of a bag are cameras, and where their calibration is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from sim2real_ad.bag.images import BYTES_OF_PIXEL, COMPRESSED_IMAGE, IMAGE
from sim2real_ad.bag.storage import BagTopic

CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
OWN_STAGES = "/sim2real_ad/"
"""Pictures below this are passed on by the graph, not taken by a camera of their own."""
TRANSPORTS = ("compressed", "compressedDepth", "theora", "ffmpeg", "zstd")


@dataclass(frozen=True)
class Camera:
    """A camera of a bag. namespace: like /sensing/camera/front; topics: its pictures; info: its calibration's topic,
    None where the bag has none."""

    namespace: str
    topics: tuple[str, ...]
    info: str | None


def cameras_of(topics: Mapping[str, BagTopic], encodings: Mapping[str, str]) -> list[Camera]:
    """Return the cameras of a bag. encodings: of raw images, by topic; those of depth and labels are no camera's."""
    by_namespace: dict[str, list[str]] = {}
    for name, topic in topics.items():
        if topic.count and not name.startswith(OWN_STAGES) and _shows_a_picture(topic, encodings.get(name, "")):
            by_namespace.setdefault(namespace_of(name), []).append(name)
    return [Camera(space, tuple(names), _info(space, topics)) for space, names in sorted(by_namespace.items())]


def namespace_of(image_topic: str) -> str:
    """Return what an image topic and its camera_info have in common, by the convention of ROS."""
    path = PurePosixPath(image_topic)
    return str((path.parent if path.name in TRANSPORTS else path).parent)


def _shows_a_picture(topic: BagTopic, encoding: str) -> bool:
    if topic.type_name == COMPRESSED_IMAGE:
        return not topic.name.endswith("/compressedDepth")
    return topic.type_name == IMAGE and (encoding in BYTES_OF_PIXEL or not encoding)


def _info(namespace: str, topics: Mapping[str, BagTopic]) -> str | None:
    name = f"{namespace.rstrip('/')}/camera_info"
    info = topics.get(name)
    return name if info is not None and info.type_name == CAMERA_INFO and info.count else None
