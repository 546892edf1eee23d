"""Contract of all encodings: a picture of red, green, blue and grey patches comes out as it went in."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from sim2real_ad.bag.images import BYTES_OF_PIXEL, COMPRESSED_IMAGE, IMAGE, rgb_of
from sim2real_ad.errors import SourceError

HEIGHT, WIDTH = 36, 48
COLOURS = {"red": (200, 30, 40), "green": (30, 190, 50), "blue": (40, 60, 210), "grey": (120, 120, 120)}
BAYER_COLOURS = {"r": 0, "g": 1, "b": 2}


def patches() -> np.ndarray:
    """Four patches, (36, 48, 3): red, green above; blue, grey below."""
    rgb = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    rows, columns = (
        (slice(0, HEIGHT // 2), slice(HEIGHT // 2, HEIGHT)),
        (slice(0, WIDTH // 2), slice(WIDTH // 2, WIDTH)),
    )
    for place, colour in zip(((r, c) for r in rows for c in columns), COLOURS.values(), strict=True):
        rgb[place] = colour
    return rgb


def mosaic(rgb: np.ndarray, order: str) -> np.ndarray:
    """What a sensor behind colour filters sees; order: of the first two pixels of the first two rows."""
    seen = np.empty(rgb.shape[:2], np.uint8)
    for index, letter in enumerate(order):
        row, column = divmod(index, 2)
        seen[row::2, column::2] = rgb[row::2, column::2, BAYER_COLOURS[letter]]
    return seen


def luma_and_chroma(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y (H, W), U and V (H, W) of BT.601 in video range, as cameras send it."""
    r, g, b = (rgb[..., i].astype(float) for i in range(3))
    y = 16 + 0.257 * r + 0.504 * g + 0.098 * b
    u = 128 - 0.148 * r - 0.291 * g + 0.439 * b
    v = 128 + 0.439 * r - 0.368 * g - 0.071 * b
    return tuple(np.round(plane).astype(np.uint8) for plane in (y, u, v))


def packed(rgb: np.ndarray, luma_first: bool) -> np.ndarray:
    y, u, v = luma_and_chroma(rgb)
    chroma = np.where(np.arange(WIDTH) % 2 == 0, u, v)
    return np.stack((y, chroma) if luma_first else (chroma, y), axis=-1).reshape(HEIGHT, -1)


def planar(rgb: np.ndarray, first: str) -> np.ndarray:
    y, u, v = luma_and_chroma(rgb)
    halves = [plane[::2, ::2] for plane in ((u, v) if first == "u" else (v, u))]
    return np.vstack((y, np.stack(halves, axis=-1).reshape(HEIGHT // 2, WIDTH)))


def alpha(colours: np.ndarray) -> np.ndarray:
    return np.concatenate((colours, np.full((HEIGHT, WIDTH, 1), 255, np.uint8)), axis=-1)


def grey(rgb: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)


ROWS = {
    "rgb8": lambda rgb: rgb,
    "bgr8": lambda rgb: rgb[..., ::-1],
    "rgba8": alpha,
    "bgra8": lambda rgb: alpha(rgb[..., ::-1]),
    "mono8": grey,
    "mono16": lambda rgb: grey(rgb).astype("<u2") * 257,
    "bayer_rggb8": lambda rgb: mosaic(rgb, "rggb"),
    "bayer_bggr8": lambda rgb: mosaic(rgb, "bggr"),
    "bayer_gbrg8": lambda rgb: mosaic(rgb, "gbrg"),
    "bayer_grbg8": lambda rgb: mosaic(rgb, "grbg"),
    "uyvy": lambda rgb: packed(rgb, luma_first=False),
    "yuv422": lambda rgb: packed(rgb, luma_first=False),
    "yuyv": lambda rgb: packed(rgb, luma_first=True),
    "yuv422_yuy2": lambda rgb: packed(rgb, luma_first=True),
    "nv12": lambda rgb: planar(rgb, "u"),
    "nv21": lambda rgb: planar(rgb, "v"),
}


def rows_of(encoding: str) -> np.ndarray:
    """The picture's bytes, (rows, bytes of a row)."""
    values = np.ascontiguousarray(ROWS[encoding](patches()))
    return values.reshape(len(values), -1).view(np.uint8)


def message_of(encoding: str, padding: int = 0, /, **changes: object) -> SimpleNamespace:
    rows = rows_of(encoding)
    padded = np.concatenate((rows, np.full((len(rows), padding), 77, np.uint8)), axis=1)
    fields = {"encoding": encoding, "height": HEIGHT, "width": WIDTH, "is_bigendian": 0, "step": padded.shape[1]}
    return SimpleNamespace(**{**fields, "data": padded.reshape(-1), **changes})


def expected(encoding: str) -> np.ndarray:
    return cv2.cvtColor(grey(patches()), cv2.COLOR_GRAY2RGB) if encoding.startswith("mono") else patches()


def centres(rgb: np.ndarray) -> np.ndarray:
    """The colours in the middle of the patches, where neither filters nor shared chroma mix them."""
    rows, columns = (HEIGHT // 4, 3 * HEIGHT // 4), (WIDTH // 4, 3 * WIDTH // 4)
    return np.array([rgb[r, c] for r in rows for c in columns], int)


def exact(encoding: str) -> bool:
    return encoding in ("rgb8", "bgr8", "rgba8", "bgra8", "mono8")


def test_every_encoding_that_is_promised_is_tried() -> None:
    assert ROWS.keys() == BYTES_OF_PIXEL.keys()


@pytest.mark.parametrize("padding", [0, 2, 16])
@pytest.mark.parametrize("encoding", ROWS)
def test_the_picture_comes_out_as_it_went_in(encoding: str, padding: int) -> None:
    rgb = rgb_of(message_of(encoding, padding), IMAGE)
    assert (rgb.shape, rgb.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
    if exact(encoding):
        np.testing.assert_array_equal(rgb, expected(encoding))
    np.testing.assert_allclose(centres(rgb), centres(expected(encoding)), atol=4)


@pytest.mark.parametrize("padding", [0, 16])
@pytest.mark.parametrize("encoding", ROWS)
def test_data_that_are_cut_short_are_an_error_with_encoding_size_and_bytes(encoding: str, padding: int) -> None:
    message = message_of(encoding, padding)
    message.data = message.data[: -padding - 1]
    with pytest.raises(SourceError, match=f"'{encoding}', 48x36, step {message.step}, {len(message.data)} bytes"):
        rgb_of(message, IMAGE)


@pytest.mark.parametrize("encoding", ROWS)
def test_the_last_row_may_come_without_its_padding(encoding: str) -> None:
    message = message_of(encoding, 16)
    message.data = message.data[:-16]
    np.testing.assert_allclose(centres(rgb_of(message, IMAGE)), centres(expected(encoding)), atol=4)


def test_rows_of_colour_may_be_counted_into_the_height() -> None:
    message = message_of("nv12", 16, height=HEIGHT * 3 // 2)
    rgb = rgb_of(message, IMAGE)
    assert rgb.shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_allclose(centres(rgb), centres(patches()), atol=4)


def test_big_endian_brightness_is_read_as_such() -> None:
    message = message_of("mono16", is_bigendian=1)
    message.data = message.data.view("<u2").byteswap().view(np.uint8)
    np.testing.assert_allclose(rgb_of(message, IMAGE), expected("mono16"), atol=1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"encoding": "32FC1"}, "encoding '32FC1' is none of"),
        ({"encoding": "rgb16"}, "encoding 'rgb16' is none of"),
        ({"step": 143}, "a row takes 144 bytes"),
        ({"width": 0, "step": 0}, "0x36.*impossible"),
        ({"height": 0}, "48x0.*impossible"),
        ({"encoding": "yuyv", "width": 47}, "pairs of pixels"),
    ],
)
def test_impossible_images_are_clear_errors(changes: dict, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        rgb_of(message_of("rgb8", **changes), IMAGE)


def test_rgb_without_padding_is_not_copied() -> None:
    message = message_of("rgb8")
    assert np.shares_memory(rgb_of(message, IMAGE), message.data)


def compressed(suffix: str, picture: np.ndarray, form: str = "") -> SimpleNamespace:
    data = cv2.imencode(suffix, picture)[1].reshape(-1)
    return SimpleNamespace(format=form or suffix[1:], data=data)


@pytest.mark.parametrize(("suffix", "tolerance"), [(".jpg", 6), (".png", 0)])
def test_compressed_pictures_come_out_as_they_went_in(suffix: str, tolerance: int) -> None:
    rgb = rgb_of(compressed(suffix, patches()[..., ::-1]), COMPRESSED_IMAGE)
    np.testing.assert_allclose(centres(rgb), centres(patches()), atol=tolerance)
    brightness = rgb_of(compressed(suffix, grey(patches())), COMPRESSED_IMAGE)
    np.testing.assert_allclose(centres(brightness), centres(expected("mono8")), atol=tolerance)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.98])
def test_compressed_pictures_that_are_cut_short_are_errors(suffix: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, patches().shape, np.uint8)
    message = compressed(suffix, noise, f"rgb8; {suffix[1:]} compressed bgr8")
    message.data = message.data[: int(len(message.data) * share)]
    with pytest.raises(SourceError, match=f"{suffix[1:]} compressed bgr8'.*{len(message.data)} bytes"):
        rgb_of(message, COMPRESSED_IMAGE)


def test_a_jpeg_with_trailing_zeros_is_whole() -> None:
    message = compressed(".jpg", patches()[..., ::-1])
    message.data = np.concatenate((message.data, np.zeros(500, np.uint8)))
    np.testing.assert_allclose(centres(rgb_of(message, COMPRESSED_IMAGE)), centres(patches()), atol=6)


def test_what_is_no_picture_is_a_clear_error() -> None:
    with pytest.raises(SourceError, match="'h264', 5 bytes, cannot be decoded"):
        rgb_of(SimpleNamespace(format="h264", data=np.zeros(5, np.uint8)), COMPRESSED_IMAGE)
    with pytest.raises(SourceError, match="a sensor_msgs/msg/Imu is no camera image"):
        rgb_of(SimpleNamespace(), "sensor_msgs/msg/Imu")
