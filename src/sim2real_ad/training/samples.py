"""What the student saw and what its teacher would have done: a part a round, on disk.

A killed training goes on from what is there, and memory holds no more than the pages in use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim2real_ad.files import replacing
from sim2real_ad.training.frames import Indices
from sim2real_ad.types import FloatArray, UInt8Array

NAMES = ("corridors", "features", "actions")


@dataclass(frozen=True)
class Part:
    """Samples, first axis N: corridors (C, rows, columns) uint8, features (K,) float32, actions (2,) float32."""

    corridors: UInt8Array
    features: FloatArray
    actions: FloatArray

    def __len__(self) -> int:
        return len(self.actions)

    def arrays(self) -> list[UInt8Array | FloatArray]:
        """Return corridors, features and actions."""
        return [self.corridors, self.features, self.actions]


def joined(parts: Sequence[Part]) -> Part:
    """Put parts one after the other. Raises ValueError where there are none."""
    return Part(*(np.concatenate([getattr(part, name) for part in parts]) for name in NAMES))


def write_part(folder: Path, part: Part) -> None:
    """Write a part as one .npy file a name. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(NAMES, part.arrays(), strict=True):
        with replacing(folder / f"{name}.npy") as file:
            np.save(file, array)


def read_part(folder: Path) -> Part:
    """Open a part without reading it into memory. Raises OSError."""
    return Part(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in NAMES))


def drop_part(folder: Path) -> None:
    """Delete a part that nothing will learn from again."""
    for name in NAMES:
        (folder / f"{name}.npy").unlink(missing_ok=True)


class Samples:
    """All parts so far, numbered through."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._ends = np.zeros(0, np.int64)

    def add(self, part: Part) -> None:
        """Append a part."""
        self._parts.append(part)
        self._ends = np.append(self._ends, len(self) + len(part))

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def gather(self, indices: Indices) -> Part:
        """Return copies of the samples at indices, in their order. Raises IndexError beyond the last."""
        wanted = np.asarray(indices)
        if len(wanted) and not 0 <= wanted.min() <= wanted.max() < len(self):
            raise IndexError(f"sample {wanted.max()} of {len(self)}")
        owner = np.searchsorted(self._ends, wanted, side="right")
        found: list[Any] = [np.empty((len(wanted), *array.shape[1:]), array.dtype) for array in self._parts[0].arrays()]
        for number, part in enumerate(self._parts):
            own = owner == number
            inside = wanted[own] - (self._ends[number] - len(part))
            for there, array in zip(found, part.arrays(), strict=True):
                there[own] = array[inside]
        return Part(*found)
