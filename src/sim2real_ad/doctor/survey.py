"""What the doctor is asked to look at, and the eyes that it is lent: those that need ROS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Source = Literal["", "topic", "compressed", "v4l2"]
LISTENED_S = 3.0
"""How long a topic is listened to, or a camera looked at."""


@dataclass(frozen=True)
class Survey:
    """camera, vehicle: name or path; checkpoint: None for the shipped one; source: of pictures, empty for none.

    source_path: V4L2 device; bus: CAN interface that must be there, empty for the profile's, which may be; out: folder
    on the disk that is to record.
    """

    vehicle: str = "saloon"
    camera: str = "default"
    checkpoint: Path | None = None
    source: Source = ""
    source_path: str = ""
    bus: str = ""
    out: Path = Path()


@dataclass(frozen=True)
class Picture:
    """One camera frame as it came. stamp_ns: of its acquisition; received_ns: by time.time_ns(); size in pixels."""

    stamp_ns: int
    received_ns: int
    width: int
    height: int


@dataclass(frozen=True)
class DriverCalibration:
    """What a camera driver says of its camera: the matrix K row by row (9 numbers, pixels), and for which size."""

    matrix: tuple[float, ...]
    width: int
    height: int


@dataclass(frozen=True)
class GateWord:
    """One status of the safety gate. age_s: of the camera frame, negative where there was none."""

    state: str
    reasons: tuple[str, ...]
    age_s: float


@dataclass(frozen=True)
class Heard:
    """What was heard. segment_bytes: of the shared memory that the listening process mapped; seconds: how long."""

    segment_bytes: int
    seconds: float
    pictures: Sequence[Picture] = ()
    calibrations: Sequence[DriverCalibration] = ()
    gate: Sequence[GateWord] = ()


class Listen(Protocol):
    """Listens to the graph of ROS_DOMAIN_ID as a node of it would, from a process of its own."""

    def __call__(self, what: Literal["nothing", "topic", "compressed", "gate"], seconds: float) -> Heard:
        """Listen for a while. Raises TransportError where ROS or its transport does not work."""
        ...
