"""Quality of service, by the kind of data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim2real_ad.ros.topics import QosKind

if TYPE_CHECKING:
    from rclpy.qos import QoSProfile

_DEPTHS: dict[QosKind, int] = {"sensor": 5, "stream": 5, "state": 50, "command": 1, "latched": 1, "clock": 1}
_LATCHED = {"command", "latched"}


def publisher_qos(kind: QosKind) -> QoSProfile:
    """Return what a publisher offers.

    sensor: camera frames; stream: between stages; state: the car's reports; command: Autoware's control topics
    (reliable, transient local, depth 1: receivers reject stale stamps); latched: the last value for late joiners.
    """
    return _profile(_DEPTHS[kind], reliable=kind != "clock", latched=kind in _LATCHED)


def subscriber_qos(kind: QosKind, *, lossless: bool = True) -> QoSProfile:
    """Return what a subscriber asks for.

    lossless False is for camera frames in real time, so that drivers which publish best-effort are heard and a late
    frame is dropped rather than sent again. A command is read volatile: one from before the start is of no use.
    """
    reliable = kind != "clock" and (lossless or kind != "sensor")
    return _profile(_DEPTHS[kind], reliable=reliable, latched=kind == "latched")


def recorder_qos(kind: QosKind) -> QoSProfile:
    """Return what the recorder asks for: everything, also what was latched before it came, in deep queues."""
    return _profile(200, reliable=kind not in ("clock", "sensor"), latched=kind in _LATCHED)


def _profile(depth: int, *, reliable: bool, latched: bool) -> QoSProfile:
    from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy

    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        liveliness=LivelinessPolicy.AUTOMATIC,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )
