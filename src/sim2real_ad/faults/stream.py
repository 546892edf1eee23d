"""What may happen to the messages of one edge of the graph. Messages are ROS messages or anything with their fields."""

from __future__ import annotations

import copy
import math
from array import array
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

StreamKind = Literal[
    "lost",
    "dropped",
    "frozen",
    "black",
    "delayed",
    "duplicated",
    "reordered",
    "stamped",
    "shifted",
    "not_finite",
    "extreme",
    "swerving",
    "offset",
]
"""lost: none comes; dropped: a share is lost; frozen: the same content with new stamps; black: pictures without light;
delayed: by s; duplicated; reordered: two by two; stamped: s off; shifted: pictures, by columns; not_finite: NaN;
extreme: a constant; swerving: a constant that changes its sign twice a second; offset: added to the value."""

Delayed = list[tuple[float, Any]]
"""Messages, each after so many seconds."""
SWERVE_MESSAGES = 5
"""At 20 Hz, a quarter of a second to either side."""
VALUES: dict[str, tuple[str, ...]] = {
    "PolicyAction": ("curvature", "acceleration"),
    "Control": ("lateral.steering_tire_angle", "longitudinal.acceleration"),
    "Odometry": ("twist.twist.linear.x",),
    "VelocityReport": ("longitudinal_velocity",),
    "SteeringReport": ("steering_tire_angle",),
    "AccelWithCovarianceStamped": ("accel.accel.linear.x",),
}
"""What is changed in each type of message."""


class StreamFault:
    """Changes the messages of one edge, from its first one on."""

    def __init__(self, kind: StreamKind, amount: float, seed: int = 0) -> None:
        self._change: Callable[[Any], Delayed] = getattr(self, f"_{kind}")
        self._first_to_differ = 2 if kind == "frozen" else 1
        self._amount = amount
        self._random = np.random.default_rng(seed)
        self._held: Any = None
        self._count = 0

    def step(self, message: Any) -> Delayed:
        """Return what comes of a message."""
        self._count += 1
        return self._change(message)

    @property
    def begun(self) -> bool:
        """Whether a message has come out other than it came in: what freezes shows one right picture first."""
        return self._count >= self._first_to_differ

    def _lost(self, message: Any) -> Delayed:
        return []

    def _dropped(self, message: Any) -> Delayed:
        return [] if self._random.random() < self._amount else [(0.0, message)]

    def _frozen(self, message: Any) -> Delayed:
        if self._held is None:
            self._held = message
        again = copy.copy(self._held)
        again.header = message.header
        return [(0.0, again)]

    def _black(self, message: Any) -> Delayed:
        message.data = array("B", bytes(len(message.data)))
        return [(0.0, message)]

    def _delayed(self, message: Any) -> Delayed:
        return [(self._amount, message)]

    def _duplicated(self, message: Any) -> Delayed:
        return [(0.0, message), (0.0, message)]

    def _reordered(self, message: Any) -> Delayed:
        if self._held is None:
            self._held = message
            return []
        held, self._held = self._held, None
        return [(0.0, message), (0.0, held)]

    def _stamped(self, message: Any) -> Delayed:
        stamp = stamp_of(message)
        total = stamp.sec * 1_000_000_000 + stamp.nanosec + round(self._amount * 1e9)
        stamp.sec, stamp.nanosec = divmod(max(total, 0), 1_000_000_000)
        return [(0.0, message)]

    def _shifted(self, message: Any) -> Delayed:
        rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, -1)
        message.data = array("B", np.roll(rows, round(self._amount), axis=1).tobytes())
        return [(0.0, message)]

    def _not_finite(self, message: Any) -> Delayed:
        return self._set(message, lambda value: math.nan)

    def _extreme(self, message: Any) -> Delayed:
        return self._set(message, lambda value: self._amount)

    def _swerving(self, message: Any) -> Delayed:
        side = 1.0 if self._count // SWERVE_MESSAGES % 2 else -1.0
        return self._set(message, lambda value: side * self._amount)

    def _offset(self, message: Any) -> Delayed:
        return self._set(message, lambda value: value + self._amount)

    def _set(self, message: Any, change: Callable[[float], float]) -> Delayed:
        for path in VALUES[type(message).__name__]:
            *parents, name = path.split(".")
            owner = message
            for parent in parents:
                owner = getattr(owner, parent)
            setattr(owner, name, change(getattr(owner, name)))
        return [(0.0, message)]


def stamp_of(message: Any) -> Any:
    """Return a message's stamp, in its header or beside."""
    return message.header.stamp if hasattr(message, "header") else message.stamp
