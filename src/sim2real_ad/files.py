"""Files written whole: a reader sees the old one or the new one, never a part, also where the writer is killed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside `path` for writing; it takes its place, on disk, where the block ends without an error.

    Raises OSError.
    """
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text. Raises OSError."""
    with replacing(path) as file:
        file.write(text.encode())


def write_json(path: Path, data: Any, indent: int = 1) -> None:
    """Write data as JSON. Raises OSError."""
    write_text(path, json.dumps(data, indent=indent) + "\n")


def write_arrays(path: Path, arrays: Mapping[str, Any], *, compressed: bool = False) -> None:
    """Write arrays by name as one .npz file. Raises OSError."""
    with replacing(path) as file:
        (np.savez_compressed if compressed else np.savez)(file, **arrays)
