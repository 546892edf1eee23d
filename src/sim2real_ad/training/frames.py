"""Pictures with their true BEV, on disk one file an episode, so that a collection can be taken up again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim2real_ad.errors import SourceError
from sim2real_ad.files import write_arrays
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.geometry.ground import ground_grid
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import FloatArray, UInt8Array


@dataclass(frozen=True)
class EpisodeFrames:
    """One episode's pictures, all through one calibrated camera.

    rgb: (N, h, w, 3) uint8; bev: (N, C, H, W) uint8, 0 or 255; segments: (N, h / 4, w / 4) uint8, ids of SEGMENTS;
    level: (N, 3) float32, see `training.levelling`.
    """

    seed: int
    camera: CameraModel
    rgb: UInt8Array
    bev: UInt8Array
    segments: UInt8Array
    level: FloatArray


def save_episode(path: Path, frames: EpisodeFrames) -> None:
    """Write an episode whole or not at all; labels as bits."""
    arrays = {
        "seed": frames.seed,
        "camera": frames.camera.model_dump_json(),
        "rgb": frames.rgb,
        "shape": np.array(frames.bev.shape),
        "bits": np.packbits(frames.bev > 0),
        "segments": frames.segments,
        "level": frames.level,
    }
    write_arrays(path, arrays)


def load_episode(path: Path) -> EpisodeFrames:
    """Read an episode back. Raises SourceError where the file lacks what an episode holds."""
    with np.load(path) as data:
        missing = {"seed", "camera", "rgb", "shape", "bits", "segments", "level"} - set(data.files)
        if missing:
            raise SourceError(f"{path} holds no {', '.join(sorted(missing))}: delete it, and it is collected anew")
        shape = tuple(data["shape"])
        bits = np.unpackbits(data["bits"], count=int(np.prod(shape)))
        camera = CameraModel.model_validate_json(str(data["camera"]))
        bev = bits.reshape(shape) * np.uint8(255)
        return EpisodeFrames(int(data["seed"]), camera, data["rgb"], bev, data["segments"], data["level"])


class FrameSet:
    """Many episodes' pictures in memory: labels as bits, one ground grid a camera."""

    def __init__(self, episodes: Iterable[EpisodeFrames], spec: BevSpec) -> None:
        self.spec = spec
        pictures: list[UInt8Array] = []
        bits: list[UInt8Array] = []
        camera_of: list[int] = []
        segments: list[UInt8Array] = []
        level: list[FloatArray] = []
        self.grids: list[FloatArray] = []
        self.validity: list[UInt8Array] = []
        for number, episode in enumerate(episodes):
            grid, validity = ground_grid(episode.camera, spec)
            self.grids.append(grid)
            self.validity.append(validity)
            pictures.extend(episode.rgb)
            bits.append(np.packbits(episode.bev.reshape(len(episode.bev), -1) > 0, axis=1))
            camera_of.extend([number] * len(episode.rgb))
            segments.extend(episode.segments)
            level.extend(episode.level)
        self._segments = segments
        self._level = level
        self._pictures = pictures
        self._bits = np.concatenate(bits)
        self._camera_of = np.array(camera_of)

    def __len__(self) -> int:
        return len(self._pictures)

    @property
    def picture_height(self) -> int:
        """Rows of every picture."""
        return int(self._pictures[0].shape[0])

    def rgb(self, indices: Sequence[int]) -> UInt8Array:
        """Pictures (N, h, w, 3)."""
        return np.stack([self._pictures[i] for i in indices])

    def segments(self, indices: Sequence[int]) -> UInt8Array:
        """Picture segments (N, h / 4, w / 4)."""
        return np.stack([self._segments[i] for i in indices])

    def level(self, indices: Sequence[int]) -> FloatArray:
        """How far the pictures are from where the calibration says (N, 3)."""
        return np.stack([self._level[i] for i in indices])

    def labels(self, indices: Sequence[int]) -> UInt8Array:
        """Labels (N, C, H, W), 0 or 1."""
        count = int(np.prod(self.spec.shape))
        bits: UInt8Array = np.unpackbits(self._bits[indices], axis=1, count=count)
        return bits.reshape(len(indices), *self.spec.shape)

    def geometry(self, indices: Sequence[int]) -> tuple[FloatArray, UInt8Array]:
        """Grids (N, H, W, 2) and validity (N, H, W), 0 or 255."""
        cameras = self._camera_of[indices]
        return np.stack([self.grids[c] for c in cameras]), np.stack([self.validity[c] for c in cameras])
