"""Where the carla client's threads leave what the sensors measured, for the thread that ticks."""

from __future__ import annotations

from collections import deque
from threading import Condition
from typing import Any

import cv2
import numpy as np

from sim2real_ad.errors import WorldError
from sim2real_ad.types import UInt8Array


class FrameInbox:
    """The pictures of one camera, asked for by frame number, so that frames are never mixed."""

    def __init__(self) -> None:
        self._arrived = Condition()
        self._images: deque[Any] = deque(maxlen=8)

    def put(self, image: Any) -> None:
        """Take a carla.Image; called by the client's thread."""
        with self._arrived:
            self._images.append(image)
            self._arrived.notify()

    def wait(self, frame: int, timeout_s: float) -> bool:
        """Tell whether the picture of a frame, or a later one, comes in time."""
        with self._arrived:
            return self._arrived.wait_for(lambda: self._newest() >= frame, timeout_s)

    def take(self, frame: int, timeout_s: float, source: str) -> UInt8Array:
        """Return the picture of a frame as (H, W, 3) RGB, discarding earlier ones.

        Raises WorldError, naming the source, where it does not come in time.
        """
        with self._arrived:
            if not self._arrived.wait_for(lambda: self._newest() >= frame, timeout_s):
                raise WorldError(
                    f"{source}: no picture of frame {frame} within {timeout_s} s, only of {self._newest()}"
                )
            while self._images[0].frame < frame:
                self._images.popleft()
            image = self._images.popleft()
        if image.frame != frame:
            raise WorldError(f"{source}: the picture of frame {frame} was lost; the next is of frame {image.frame}")
        return rgb_from_image(image)

    def _newest(self) -> int:
        return int(self._images[-1].frame) if self._images else -1


class CollisionInbox:
    """The newest collision of one collision sensor."""

    def __init__(self) -> None:
        self._newest: tuple[int, int] | None = None

    def put(self, event: Any) -> None:
        """Take a carla.CollisionEvent; called by the client's thread."""
        self._newest = event.frame, event.other_actor.id if event.other_actor is not None else 0

    def during(self, frame: int) -> int | None:
        """Return the id of the actor that was hit in a frame, or in the one before it, or None.

        A collision is told of by its own stream, which may trail the snapshot.
        """
        newest = self._newest
        return newest[1] if newest is not None and newest[0] >= frame - 1 else None


def rgb_from_image(image: Any) -> UInt8Array:
    """Return the pixels (H, W, 3) RGB of a carla.Image, as an array of its own."""
    bgra = np.frombuffer(image.raw_data, np.uint8).reshape(image.height, image.width, 4)
    return np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGB), np.uint8)
