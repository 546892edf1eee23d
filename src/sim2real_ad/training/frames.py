"""Level views with their true BEV, on disk one file an episode, so that a collection can be taken up again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.errors import SourceError
from sim2real_ad.files import write_arrays
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.geometry.level_view import LevelView
from sim2real_ad.observation.adapter import ImageSpec, LevelGrids, level_grids
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import FloatArray, UInt8Array

Indices = Sequence[int] | NDArray[np.integer]


@dataclass(frozen=True)
class EpisodeFrames:
    """One episode's level views, all through one calibrated camera.

    rgb: (N, h, w, 3) uint8; bev: (N, C, H, W) uint8, 0 or 255; segments: (N, h / 4, w / 4) uint8, ids of SEGMENTS;
    level: (N, 3) float32, see `picture_labels.level_of`.
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
    """Many episodes' level views in memory: labels as bits; grids, validity and the picture's edge once a camera."""

    def __init__(self, episodes: Iterable[EpisodeFrames], spec: BevSpec, image: ImageSpec) -> None:
        self.spec = spec
        self.image = image
        pictures: list[UInt8Array] = []
        bits: list[UInt8Array] = []
        camera_of: list[int] = []
        segments: list[UInt8Array] = []
        level: list[FloatArray] = []
        self._grids: list[LevelGrids] = []
        self._covered: list[UInt8Array] = []
        for number, episode in enumerate(episodes):
            self._grids.append(level_grids(episode.camera, image, spec))
            self._covered.append(LevelView(episode.camera, image).covered().astype(np.uint8))
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

    def rgb(self, indices: Indices) -> UInt8Array:
        """Pictures (N, h, w, 3) as rendered, also beyond the edge of the camera's picture."""
        return np.stack([self._pictures[i] for i in indices])

    def covered(self, indices: Indices) -> UInt8Array:
        """What the camera's picture fills of the level view (N, h, w), 0 or 1."""
        return np.stack([self._covered[c] for c in self._camera_of[indices]])

    def segments(self, indices: Indices) -> UInt8Array:
        """Picture segments (N, h / 4, w / 4)."""
        return np.stack([self._segments[i] for i in indices])

    def level(self, indices: Indices) -> FloatArray:
        """How far the pictures are from where the calibration says (N, 3)."""
        return np.stack([self._level[i] for i in indices])

    def labels(self, indices: Indices) -> UInt8Array:
        """Labels (N, C, H, W), 0 or 1."""
        count = int(np.prod(self.spec.shape))
        bits: UInt8Array = np.unpackbits(self._bits[indices], axis=1, count=count)
        return bits.reshape(len(indices), *self.spec.shape)

    def geometry(self, indices: Indices) -> LevelGrids:
        """Where the BEV is in the pictures: the fields of LevelGrids with a first axis N."""
        grids = [self._grids[c] for c in self._camera_of[indices]]
        return LevelGrids(*(np.stack([getattr(g, f.name) for g in grids]) for f in fields(LevelGrids)))
