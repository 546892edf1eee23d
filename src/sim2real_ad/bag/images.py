"""Camera messages to pictures: every usual encoding of sensor_msgs Image and CompressedImage as RGB.

The one place where a camera's bytes become colours: for the nodes, the bags, the replay and the reports alike. Nothing
of ROS is needed, and one call into OpenCV does the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

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
RGB_FROM_ENCODING = {
    "bgr8": cv2.COLOR_BGR2RGB,
    "rgba8": cv2.COLOR_RGBA2RGB,
    "bgra8": cv2.COLOR_BGRA2RGB,
    "mono8": cv2.COLOR_GRAY2RGB,
    "mono16": cv2.COLOR_GRAY2RGB,
    # ROS names a mosaic by the first two pixels of its first two rows, OpenCV by the second two of the second two.
    "bayer_rggb8": cv2.COLOR_BayerBG2RGB,
    "bayer_bggr8": cv2.COLOR_BayerRG2RGB,
    "bayer_gbrg8": cv2.COLOR_BayerGR2RGB,
    "bayer_grbg8": cv2.COLOR_BayerGB2RGB,
    "uyvy": cv2.COLOR_YUV2RGB_UYVY,
    "yuv422": cv2.COLOR_YUV2RGB_UYVY,
    "yuyv": cv2.COLOR_YUV2RGB_YUY2,
    "yuv422_yuy2": cv2.COLOR_YUV2RGB_YUY2,
    "nv12": cv2.COLOR_YUV2RGB_NV12,
    "nv21": cv2.COLOR_YUV2RGB_NV21,
}
"""OpenCV's conversion; rgb8 needs none. YUV is BT.601 in video range, as UVC cameras and v4l2 send it."""
_BYTE_OF_WORD = 255.0 / 65535.0
_SMALLEST_MOSAIC = 3
"""Rows and columns below which OpenCV leaves a mosaic black."""


@dataclass(frozen=True)
class _Layout:
    """How an image lies in its data. rows: of bytes, colour planes included; row_bytes: without padding."""

    height: int
    width: int
    rows: int
    row_bytes: int


def rgb_of(message: Any, type_name: str) -> UInt8Array:
    """Return a camera message's picture as RGB (H, W, 3) uint8; of rgb8 a view of the message's data.

    Raises SourceError where the message is no picture, its encoding is unknown, or its data are cut short.
    """
    if type_name == COMPRESSED_IMAGE:
        return _decompressed(message)
    if type_name == IMAGE:
        return _converted(message)
    raise SourceError(f"a {type_name} is no camera image; images are {' and '.join(IMAGE_TYPES)}")


def _converted(message: Any) -> UInt8Array:
    encoding = message.encoding
    if encoding not in BYTES_OF_PIXEL:
        known = ", ".join(sorted(BYTES_OF_PIXEL))
        raise SourceError(f"camera image encoding '{encoding}' is none of {known}")
    layout = _layout(message)
    pixels = _pixels(message, layout)
    if encoding == "rgb8":
        return pixels
    if encoding == "mono16":
        pixels = _bytes_of_words(pixels, big_endian=bool(message.is_bigendian))
    return np.asarray(cv2.cvtColor(pixels, RGB_FROM_ENCODING[encoding]), np.uint8)


def _layout(message: Any) -> _Layout:
    """Check a message's size against its data. Raises SourceError with encoding, size, step and bytes."""
    encoding, width, step, size = message.encoding, int(message.width), int(message.step), len(message.data)
    row_bytes = BYTES_OF_PIXEL[encoding] * width
    height = rows = int(message.height)
    if encoding in HALVED_ROWS:
        # Some drivers count the rows of colour into the height; only the amount of data tells.
        counted_in = height % 3 == 0 and step * (height - 1) + row_bytes <= size <= step * height
        height, rows = (height * 2 // 3, height) if counted_in else (height, height * 3 // 2)
    if height < 1 or width < 1 or step < row_bytes:
        raise SourceError(f"{_named(message)} is impossible: a row takes {row_bytes} bytes")
    if (encoding in HALVED_COLUMNS and width % 2) or (encoding in HALVED_ROWS and height % 2):
        raise SourceError(f"{_named(message)} is impossible: its colours are of pairs of pixels")
    if encoding.startswith("bayer") and min(width, height) < _SMALLEST_MOSAIC:
        raise SourceError(f"{_named(message)} is impossible: a mosaic has {_SMALLEST_MOSAIC} rows and columns at least")
    # The last row may come without its padding.
    if size < step * (rows - 1) + row_bytes:
        raise SourceError(f"{_named(message)} is cut short: it takes {step * rows} bytes")
    return _Layout(height, width, rows, row_bytes)


def _pixels(message: Any, layout: _Layout) -> UInt8Array:
    """Return a view of the pixels (rows, width[, bytes of a pixel]), the padding of the rows left out."""
    step, depth = int(message.step), BYTES_OF_PIXEL[message.encoding]
    data = np.frombuffer(message.data, np.uint8)
    shape, strides = (layout.rows, layout.width, depth), (step, depth, 1)
    view = np.lib.stride_tricks.as_strided(data, shape, strides, writeable=False)
    return view if depth > 1 else view[..., 0]


def _bytes_of_words(pixels: UInt8Array, *, big_endian: bool) -> UInt8Array:
    """Return the brightness (H, W) of 16 bit as 8 bit, rounded: white stays white."""
    words: NDArray[np.uint16] = np.ascontiguousarray(pixels).view(">u2" if big_endian else "<u2")[..., 0]
    return np.asarray(cv2.convertScaleAbs(words.astype(np.uint16, copy=False), alpha=_BYTE_OF_WORD), np.uint8)


def _decompressed(message: Any) -> UInt8Array:
    data = np.frombuffer(message.data, np.uint8)
    if _is_cut_short(data.tobytes()):
        raise SourceError(f"compressed image of format '{message.format}' is cut short: {data.size} bytes")
    rgb = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if data.size else None
    if rgb is None:
        raise SourceError(f"compressed image of format '{message.format}', {data.size} bytes, cannot be decoded")
    return np.asarray(rgb, np.uint8)


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
