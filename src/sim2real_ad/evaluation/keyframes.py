"""A bounded number of camera pictures and observations out of a drive of any length."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import cv2
import numpy as np

from sim2real_ad.bag.images import IMAGE_TYPES as IMAGE_TYPES
from sim2real_ad.bag.images import rgb_of
from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.mcap_stream import RawMessage
from sim2real_ad.types import Observation, UInt8Array, ns_from_seconds

OBSERVATION_TYPE = "sim2real_ad_msgs/msg/Observation"

MAX_CANDIDATES = 120
SPACING_NS = ns_from_seconds(0.5)
MAX_WIDTH = 480
JPEG_QUALITY = 82

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class Picture:
    """What the camera saw and what the observation stage made of it; either may be missing.

    camera: JPEG bytes; fingerprint: of the observation's spec.
    """

    stamp_ns: int
    camera: bytes = b""
    observation: Observation | None = None
    fingerprint: str = ""


class Thinned(Generic[ItemT]):
    """Keeps the first, the last and evenly spaced items of a stream; never more than MAX_CANDIDATES + 1.

    reduce makes what is kept out of a message; the last message alone is held whole.
    """

    def __init__(self, reduce: Callable[[RawMessage], ItemT]) -> None:
        self._reduce = reduce
        self._items: list[tuple[int, ItemT]] = []
        self._last: tuple[int, RawMessage] | None = None
        self._spacing_ns = SPACING_NS

    def add(self, stamp_ns: int, message: RawMessage) -> None:
        """Offer the next message."""
        if not self._items or stamp_ns >= self._items[-1][0] + self._spacing_ns:
            self._items.append((stamp_ns, self._reduce(message)))
        self._last = (stamp_ns, message)
        if len(self._items) > MAX_CANDIDATES:
            self._items = self._items[::2]
            self._spacing_ns *= 2

    def items(self) -> list[tuple[int, ItemT]]:
        """Return what was kept, in order."""
        if self._last is None or self._items[-1][0] == self._last[0]:
            return list(self._items)
        return [*self._items, (self._last[0], self._reduce(self._last[1]))]


class KeyFrames:
    """Gathers the pictures of one episode while its messages stream by, and chooses in the end."""

    def __init__(self, decode: Callable[[RawMessage], Any]) -> None:
        self._decode = decode
        self._camera_topic = ""
        self._camera: Thinned[bytes] = Thinned(lambda m: encode_jpeg(decode_image(m, decode(m))))
        self._observations: Thinned[RawMessage] = Thinned(lambda m: m)

    def add(self, stamp_ns: int, message: RawMessage) -> None:
        """Offer an image or an observation; of several image topics the first one seen is used.

        Raises SourceError where an image cannot be decoded.
        """
        if message.type_name == OBSERVATION_TYPE:
            self._observations.add(stamp_ns, message)
        elif self._camera_topic in ("", message.topic):
            self._camera_topic = message.topic
            self._camera.add(stamp_ns, message)

    def choose(self, moments_ns: Iterable[int]) -> list[Picture]:
        """Return the pictures nearest to the moments, each once, in order of time."""
        camera, seen = self._camera.items(), self._observations.items()
        chosen: dict[int, Picture] = {}
        for moment in moments_ns:
            picture = self._picture_at(moment, camera, seen)
            if picture is not None:
                chosen[picture.stamp_ns] = picture
        return [chosen[stamp] for stamp in sorted(chosen)]

    def observations(self) -> list[Picture]:
        """Return every kept observation, its history left out, in order of time."""
        return [self._observed(message, with_history=False) for _, message in self._observations.items()]

    def _picture_at(
        self, moment_ns: int, camera: list[tuple[int, bytes]], seen: list[tuple[int, RawMessage]]
    ) -> Picture | None:
        shot = min(camera, key=lambda item: abs(item[0] - moment_ns), default=None)
        near_ns = shot[0] if shot else moment_ns
        match = min(seen, key=lambda item: abs(item[0] - near_ns), default=None)
        if shot is None:
            return self._observed(match[1], with_history=True) if match else None
        if match is None or abs(match[0] - near_ns) > SPACING_NS:
            return Picture(shot[0], shot[1])
        observed = self._observed(match[1], with_history=True)
        return Picture(shot[0], shot[1], observed.observation, observed.fingerprint)

    def _observed(self, message: RawMessage, *, with_history: bool) -> Picture:
        decoded = self._decode(message)
        observation = decode_observation(decoded, message.leading_stamp_ns(), with_history=with_history)
        return Picture(observation.stamp_ns, b"", observation, decoded.spec_fingerprint)


def decode_observation(message: Any, stamp_ns: int, *, with_history: bool) -> Observation:
    """Turn a decoded sim2real_ad_msgs/Observation into an Observation, copied so that the message can go.

    Raises SourceError where the arrays do not have the size that the message states.
    """
    grid = (message.channels, message.height, message.width)
    length = message.history_length if with_history else 0
    history = message.history if with_history else message.history[:0]
    try:
        return Observation(
            stamp_ns,
            message.bev.reshape(grid).copy(),
            message.validity.reshape(grid[1:]).copy(),
            history.reshape(length, *grid),
            np.asarray(message.ego, np.float32),
            np.asarray(message.route, np.float32).reshape(-1, 2),
            message.speed_limit,
            message.ood,
        )
    except ValueError as error:
        raise SourceError(f"observation of stamp {stamp_ns} ns, stated as {grid}: {error}") from error


def decode_rgb(raw: RawMessage, message: Any) -> UInt8Array:
    """Return a decoded image message's picture as (H, W, 3) RGB uint8.

    Raises SourceError naming topic, encoding and size where it cannot be read.
    """
    try:
        return rgb_of(message, raw.type_name)
    except SourceError as error:
        raise SourceError(f"{raw.topic}: {error}") from error


def decode_image(raw: RawMessage, message: Any) -> UInt8Array:
    """Return the same as BGR, as OpenCV writes it. Raises SourceError."""
    return np.asarray(cv2.cvtColor(decode_rgb(raw, message), cv2.COLOR_RGB2BGR), np.uint8)


def encode_jpeg(bgr: UInt8Array) -> bytes:
    """Encode a picture (H, W, 3), made at most MAX_WIDTH wide, as JPEG."""
    height, width = bgr.shape[:2]
    if width > MAX_WIDTH:
        bgr = np.asarray(cv2.resize(bgr, (MAX_WIDTH, round(height * MAX_WIDTH / width)), interpolation=cv2.INTER_AREA))
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1])
