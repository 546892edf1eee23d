"""What is known of a rendered picture: what its parts show, and how far it is from where the calibration says."""

from __future__ import annotations

import numpy as np

from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.observation.segments import BLOCK, SEGMENTS
from sim2real_ad.types import FloatArray, Pose2, UInt8Array
from sim2real_ad.world.embedded.renderer import camera_in_map
from sim2real_ad.world.protocol import SEMANTIC_CLASSES

_SEGMENT_OF_CLASS = np.array(
    [SEGMENTS.index(name) if name in SEGMENTS else 0 for name in SEMANTIC_CLASSES], dtype=np.uint8
)


def segments_of(semantic: UInt8Array) -> UInt8Array:
    """Reduce exact semantic ids (h, w) to ids of SEGMENTS (h / BLOCK, w / BLOCK), rows and columns left over cut.

    A block shows what most of it shows, unless a small thing (lane marking or later in SEGMENTS) fills a fifth of it.
    """
    rows, columns = (side // BLOCK for side in semantic.shape)
    ids = _SEGMENT_OF_CLASS[semantic[: rows * BLOCK, : columns * BLOCK]]
    pixels = ids.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2).reshape(rows, columns, BLOCK * BLOCK)
    counts = np.stack([(pixels == number).sum(axis=-1) for number in range(len(SEGMENTS))], axis=-1)
    blocks: UInt8Array = counts.argmax(axis=-1).astype(np.uint8)
    for number in range(SEGMENTS.index("lane_marking"), len(SEGMENTS)):
        blocks[counts[..., number] >= 0.2 * BLOCK * BLOCK] = number
    return blocks


def level_of(calibrated: CameraModel, mounted: CameraModel, bank: tuple[float, float]) -> FloatArray:
    """Return (right, down, turn) float32: by how much ground points lie elsewhere in the picture than calibrated.

    In half pictures: x' = x + right, y' = y + down + turn * x, the least squares fit over the ground ahead. mounted:
    the camera as it really sits; bank: the body's (pitch, roll) in rad.
    """
    ahead, left = np.meshgrid(np.linspace(8.0, 40.0, 9), np.linspace(-8.0, 8.0, 9))
    points = np.column_stack((ahead.ravel(), left.ravel(), np.zeros(ahead.size)))
    size = np.array([calibrated.width, calibrated.height])
    expected = 2.0 * calibrated.project(points)[0] / size - 1.0
    rotation, eye = camera_in_map(mounted, Pose2(0.0, 0.0, 0.0), bank)
    body = (points - eye) @ rotation
    pixels = np.column_stack(
        (mounted.cx - mounted.fx * body[:, 1] / body[:, 0], mounted.cy - mounted.fy * body[:, 2] / body[:, 0])
    )
    moved = 2.0 * pixels / size - 1.0 - expected
    slope = np.column_stack((np.ones(len(expected)), expected[:, 0]))
    down, turn = np.linalg.lstsq(slope, moved[:, 1], rcond=None)[0]
    return np.array([moved[:, 0].mean(), down, turn], np.float32)
