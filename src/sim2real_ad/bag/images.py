"""Camera messages to pictures: every usual encoding of sensor_msgs Image and CompressedImage as RGB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from rosbags.image import ImageError, image_to_cvimage

from sim2real_ad.errors import SourceError
from sim2real_ad.types import UInt8Array

IMAGE, COMPRESSED_IMAGE = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
IMAGE_TYPES = (IMAGE, COMPRESSED_IMAGE)
BYTES_OF_PIXEL = {
    **dict.fromkeys(("mono8", "bayer_rggb8", "bayer_bggr8", "bayer_gbrg8", "bayer_grbg8", "nv12", "nv21"), 1),
    **dict.fromkeys(("mono16", "uyvy", "yuv422", "yuyv", "yuv422_yuy2"), 2),
    **dict.fromkeys(("rgb8", "bgr8"), 3),
    **dict.fromkeys(("rgba8", "bgra8"), 4),
}
"""Of the encodings that show colour or brightness; depth and labels are no pictures. nv12, nv21: of the first plane."""
HALVED_ROWS = ("nv12", "nv21")
"""Below the picture lie half as many rows with its colours."""
HALVED_COLUMNS = ("uyvy", "yuv422", "yuyv", "yuv422_yuy2", *HALVED_ROWS)
"""Two neighbours share their colour."""


@dataclass(frozen=True)
class _Pixels:
    """What the converter reads of a message: rows without padding."""

    encoding: str
    height: int
    width: int
    is_bigendian: bool
    data: UInt8Array


def rgb_of(message: Any, type_name: str) -> UInt8Array:
    """Return a camera message's picture as RGB (H, W, 3) uint8; of rgb8 without padding, a view of the message.

    Raises SourceError where the message is no picture, its encoding is unknown, or its data are cut short.
    """
    if type_name == COMPRESSED_IMAGE:
        return _decompressed(message)
    if type_name == IMAGE:
        return _converted(message)
    raise SourceError(f"a {type_name} is no camera image; images are {' and '.join(IMAGE_TYPES)}")


def _converted(message: Any) -> UInt8Array:
    if message.encoding not in BYTES_OF_PIXEL:
        known = ", ".join(sorted(BYTES_OF_PIXEL))
        raise SourceError(f"camera image encoding '{message.encoding}' is none of {known}")
    pixels = _pixels(message)
    try:
        rgb: UInt8Array = image_to_cvimage(pixels, "rgb8")
    except (ImageError, cv2.error, ValueError, TypeError) as error:
        raise SourceError(f"{_named(message)} cannot be converted: {error}") from error
    return rgb


def _pixels(message: Any) -> _Pixels:
    """Check a message's size against its data, and take the padding off its rows."""
    encoding, width, step = message.encoding, int(message.width), int(message.step)
    data = np.frombuffer(message.data, np.uint8)
    row_bytes = BYTES_OF_PIXEL[encoding] * width
    height = rows = int(message.height)
    if encoding in HALVED_ROWS:
        # Some drivers count the rows of colour into the height; only the amount of data tells.
        counted_in = height % 3 == 0 and step * (height - 1) + row_bytes <= data.size <= step * height
        height, rows = (height * 2 // 3, height) if counted_in else (height, height * 3 // 2)
    if height < 1 or width < 1 or step < row_bytes:
        raise SourceError(f"{_named(message)} is impossible: a row takes {row_bytes} bytes")
    if (encoding in HALVED_COLUMNS and width % 2) or (encoding in HALVED_ROWS and height % 2):
        raise SourceError(f"{_named(message)} is impossible: its colours are of pairs of pixels")
    # The last row may come without its padding.
    if data.size < step * (rows - 1) + row_bytes:
        raise SourceError(f"{_named(message)} is cut short: it takes {step * rows} bytes")
    if step != row_bytes:
        padded = np.zeros(step * rows, np.uint8)
        given = data[: step * rows]
        padded[: given.size] = given
        data = padded.reshape(rows, step)[:, :row_bytes].reshape(-1)
    return _Pixels(encoding, rows, width, bool(message.is_bigendian), data[: rows * row_bytes])


def _decompressed(message: Any) -> UInt8Array:
    # Decoded as the camera node does it; the converter fails at pictures without colour.
    data = np.frombuffer(message.data, np.uint8)
    if _is_cut_short(data.tobytes()):
        raise SourceError(f"compressed image of format '{message.format}' is cut short: {data.size} bytes")
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if bgr is None:
        raise SourceError(f"compressed image of format '{message.format}', {data.size} bytes, cannot be decoded")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _is_cut_short(data: bytes) -> bool:
    """Tell whether a JPEG or PNG lacks its end, which OpenCV passes over and paints grey."""
    if data.startswith(b"\xff\xd8"):
        # Within a JPEG's pixels no 0xff is followed by a marker, so the last end of image is past the last start.
        return data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")
    return data.startswith(b"\x89PNG") and b"IEND" not in data[-64:]


def _named(message: Any) -> str:
    return (
        f"camera image '{message.encoding}', {message.width}x{message.height}, step {message.step}, "
        f"{len(message.data)} bytes,"
    )
