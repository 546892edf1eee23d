"""The contract of every reader of pictures, for every encoding: noise in, and each value that comes out is right.

The truth is computed here, pixel by pixel from each encoding's definition, without the library that does the work.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from sim2real_ad.bag.images import BYTES_OF_PIXEL, COMPRESSED_IMAGE, HALVED_ROWS, IMAGE, rgb_of
from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.keyframes import decode_image
from sim2real_ad.evaluation.mcap_stream import RawMessage
from sim2real_ad.ros.conversions import frame_from_compressed, frame_from_image

HEIGHT, WIDTH = 26, 34
STAMP = SimpleNamespace(stamp=SimpleNamespace(sec=3, nanosec=5))
ROUNDING = 0.5 + 2e-3
"""What the nearest whole number may be away from the exact one; the rest is for coefficients of 20 bit."""


def by_node(message: SimpleNamespace, type_name: str) -> np.ndarray:
    frame = frame_from_image(message) if type_name == IMAGE else frame_from_compressed(message)
    assert frame.stamp_ns == 3_000_000_005
    frame.validate()
    return frame.rgb


def by_report(message: SimpleNamespace, type_name: str) -> np.ndarray:
    bgr = decode_image(RawMessage("/camera", type_name, "", 0, b""), message)
    assert bgr.flags.c_contiguous
    return bgr[..., ::-1]


READERS: dict[str, Callable[[SimpleNamespace, str], np.ndarray]] = {
    "bag": rgb_of,
    "node": by_node,
    "report": by_report,
}
every_reader = pytest.mark.parametrize("read", READERS.values(), ids=list(READERS))


def rows_of(encoding: str) -> np.ndarray:
    """Noise in an encoding's bytes, (rows, bytes of a row)."""
    rows = HEIGHT * 3 // 2 if encoding in HALVED_ROWS else HEIGHT
    seed = sorted(BYTES_OF_PIXEL).index(encoding)
    return np.random.default_rng(seed).integers(0, 256, (rows, BYTES_OF_PIXEL[encoding] * WIDTH), np.uint8)


def message_of(encoding: str, padding: int = 0, last_padded: bool = True, /, **changes: object) -> SimpleNamespace:
    rows = rows_of(encoding)
    padded = np.concatenate((rows, np.full((len(rows), padding), 201, np.uint8)), axis=1)
    data = padded.tobytes() if last_padded or not padding else padded.tobytes()[:-padding]
    fields = {"encoding": encoding, "height": HEIGHT, "width": WIDTH, "is_bigendian": 0, "step": padded.shape[1]}
    return SimpleNamespace(**{"header": STAMP, **fields, "data": data, **changes})


def ordered(order: list[int]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rows: rows.reshape(HEIGHT, WIDTH, -1)[..., order].astype(float)


def grey(brightness: np.ndarray) -> np.ndarray:
    return np.repeat(brightness[..., None], 3, axis=2).astype(float)


def grey_of_words(rows: np.ndarray, byte_order: str = "<u2") -> np.ndarray:
    """65535 is white: every 257th of it a step."""
    return grey(np.frombuffer(rows.tobytes(), byte_order).reshape(HEIGHT, WIDTH) / 257.0)


def from_yuv(y: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """BT.601 in video range: Y of 16 to 235, U and V about 128; each (H, W)."""
    y, u, v = np.maximum(y.astype(float) - 16.0, 0.0) * 1.164, u.astype(float) - 128.0, v.astype(float) - 128.0
    rgb = np.stack((y + 1.596 * v, y - 0.391 * u - 0.813 * v, y + 2.018 * u), axis=-1)
    return np.clip(rgb, 0.0, 255.0)


def from_packed(luma: int) -> Callable[[np.ndarray], np.ndarray]:
    """Two bytes a pixel, luma: which of them is brightness; the others are U of the even and V of the odd column."""

    def convert(rows: np.ndarray) -> np.ndarray:
        pixels = rows.reshape(HEIGHT, WIDTH, 2)
        chroma = pixels[..., 1 - luma]
        u, v = (np.repeat(chroma[:, first::2], 2, axis=1) for first in (0, 1))
        return from_yuv(pixels[..., luma], u, v)

    return convert


def from_planes(u_first: bool) -> Callable[[np.ndarray], np.ndarray]:
    def convert(rows: np.ndarray) -> np.ndarray:
        chroma = rows[HEIGHT:].reshape(HEIGHT // 2, WIDTH // 2, 2)
        u, v = (chroma[..., plane].repeat(2, axis=0).repeat(2, axis=1) for plane in ((0, 1) if u_first else (1, 0)))
        return from_yuv(rows[:HEIGHT], u, v)

    return convert


def from_mosaic(order: str) -> Callable[[np.ndarray], np.ndarray]:
    """Each colour that a pixel does not see is the mean of the neighbours that do; the frame repeats what is inside."""

    def convert(rows: np.ndarray) -> np.ndarray:
        rgb = np.zeros((HEIGHT, WIDTH, 3))
        for row in range(1, HEIGHT - 1):
            for column in range(1, WIDTH - 1):
                rgb[row, column] = [_seen_near(rows, order, colour, row, column) for colour in "rgb"]
        return np.pad(rgb[1:-1, 1:-1], ((1, 1), (1, 1), (0, 0)), mode="edge")

    return convert


def _seen_near(rows: np.ndarray, order: str, colour: str, row: int, column: int) -> float:
    def sees(r: int, c: int) -> bool:
        return order[2 * (r % 2) + c % 2] == colour

    if sees(row, column):
        return float(rows[row, column])
    around = [(row + r, column + c) for r in (-1, 0, 1) for c in (-1, 0, 1)]
    return float(np.floor(np.mean([rows[r, c] for r, c in around if sees(r, c)]) + 0.5))


TRUTH: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "rgb8": ordered([0, 1, 2]),
    "bgr8": ordered([2, 1, 0]),
    "rgba8": ordered([0, 1, 2]),
    "bgra8": ordered([2, 1, 0]),
    "mono8": grey,
    "mono16": grey_of_words,
    **{f"bayer_{order}8": from_mosaic(order) for order in ("rggb", "bggr", "gbrg", "grbg")},
    **dict.fromkeys(("uyvy", "yuv422"), from_packed(luma=1)),
    **dict.fromkeys(("yuyv", "yuv422_yuy2"), from_packed(luma=0)),
    "nv12": from_planes(u_first=True),
    "nv21": from_planes(u_first=False),
}


def check(rgb: np.ndarray, truth: np.ndarray) -> None:
    assert (rgb.shape, rgb.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)
    assert np.abs(rgb - truth).max() <= ROUNDING


def test_every_encoding_has_its_truth() -> None:
    assert TRUTH.keys() == BYTES_OF_PIXEL.keys()


@every_reader
@pytest.mark.parametrize(("padding", "last_padded"), [(0, True), (6, True), (6, False), (64, True)])
@pytest.mark.parametrize("encoding", TRUTH)
def test_every_value_is_the_right_one_whatever_the_stride(encoding, padding, last_padded, read) -> None:
    check(read(message_of(encoding, padding, last_padded), IMAGE), TRUTH[encoding](rows_of(encoding)))


@every_reader
def test_words_of_the_other_byte_order_are_read_as_such(read) -> None:
    rgb = read(message_of("mono16", 6, is_bigendian=1), IMAGE)
    check(rgb, grey_of_words(rows_of("mono16"), ">u2"))


def test_of_all_brightnesses_of_16_bit_each_becomes_the_nearest_of_8() -> None:
    words = np.arange(65536, dtype="<u2")
    message = SimpleNamespace(encoding="mono16", height=256, width=256, step=512, is_bigendian=0, data=words.tobytes())
    expected = (words.astype(int) * 510 + 65535) // 131070
    assert (rgb_of(message, IMAGE).reshape(-1, 3) == expected[:, None]).all()


@every_reader
@pytest.mark.parametrize("encoding", TRUTH)
def test_one_byte_too_few_is_refused_with_the_numbers(encoding: str, read) -> None:
    message = message_of(encoding, 6, False)
    message.data = message.data[:-1]
    numbers = rf"'{encoding}', 34x26, step {message.step}, {len(message.data)} bytes, is cut short: it takes \d+ bytes"
    with pytest.raises(SourceError, match=numbers):
        read(message, IMAGE)


@every_reader
@pytest.mark.parametrize("encoding", TRUTH)
def test_a_step_that_is_shorter_than_a_row_is_refused_with_the_numbers(encoding: str, read) -> None:
    row = BYTES_OF_PIXEL[encoding] * WIDTH
    with pytest.raises(SourceError, match=rf"step {row - 1}, .* a row takes {row} bytes"):
        read(message_of(encoding, step=row - 1), IMAGE)


@every_reader
@pytest.mark.parametrize("encoding", ["32FC1", "16UC1", "rgb16", "bayer_rggb16", ""])
def test_what_is_no_picture_is_refused_by_name(encoding: str, read) -> None:
    with pytest.raises(SourceError, match=f"encoding '{encoding}' is none of"):
        read(message_of("mono8", encoding=encoding), IMAGE)


@pytest.mark.parametrize("size", [(1, 9), (9, 2)])
def test_a_mosaic_that_is_too_small_is_refused_rather_than_painted_black(size: tuple[int, int]) -> None:
    message = SimpleNamespace(
        encoding="bayer_rggb8", height=size[0], width=size[1], step=size[1], is_bigendian=0, data=bytes(9 * 9)
    )
    with pytest.raises(SourceError, match=f"{size[1]}x{size[0]}.*3 rows and columns"):
        rgb_of(message, IMAGE)


@every_reader
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_compressed_pictures_are_what_was_compressed(suffix: str, read) -> None:
    smooth = cv2.GaussianBlur(rows_of("rgb8").reshape(HEIGHT, WIDTH, 3), (0, 0), 4.0)
    encoded = cv2.imencode(suffix, smooth[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100])[1]
    message = SimpleNamespace(header=STAMP, format=suffix[1:], data=encoded.tobytes())
    assert np.abs(read(message, COMPRESSED_IMAGE).astype(int) - smooth).max() <= (0 if suffix == ".png" else 8)
    message.data = message.data[: len(message.data) // 2]
    with pytest.raises(SourceError, match=rf"'{suffix[1:]}'.* {len(message.data)} bytes"):
        read(message, COMPRESSED_IMAGE)
