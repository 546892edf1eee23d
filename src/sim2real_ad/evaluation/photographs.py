"""Photographs on disk: found by file and folder, read whole or refused."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from sim2real_ad.errors import SourceError
from sim2real_ad.types import UInt8Array

SUFFIXES = (".jpg", ".jpeg", ".png")
JPEG_START, JPEG_SCAN, JPEG_END = b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9"
PNG_START = b"\x89PNG\r\n\x1a\n"


def find_photographs(given: Sequence[Path]) -> list[Path]:
    """Return the given files, and the JPEG and PNG files that lie in the given folders, each once.

    A file that was named is returned even if it does not exist: whoever reads it says what is wrong with it. Raises
    SourceError where a folder holds no photograph, or nothing was given.
    """
    found: dict[Path, Path] = {}
    for path in given:
        inside = _in_folder(path) if path.is_dir() else [path]
        if not inside:
            raise SourceError(
                f"no photograph found in {path}: looked for {', '.join(SUFFIXES)}, not in its sub-folders"
            )
        for file in inside:
            found.setdefault(file.resolve(), file)
    if not found:
        raise SourceError("no photograph given")
    return list(found.values())


def read_photograph(path: Path) -> UInt8Array:
    """Read a JPEG or PNG file as (h, w, 3) RGB uint8, turned as its EXIF orientation says.

    Raises SourceError where the file is missing, of another kind, or cut off: decoders fill what is missing with grey.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    _check_whole(data, path)
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise SourceError(f"{path}: {len(data)} bytes that no picture can be decoded from")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def unique_stems(paths: Iterable[Path]) -> list[str]:
    """Return a name for each file: its own without the suffix, numbered where another file has it already."""
    taken: set[str] = set()
    stems: list[str] = []
    for path in paths:
        stem, number = path.stem, 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{path.stem}_{number}"
        taken.add(stem.casefold())
        stems.append(stem)
    return stems


def _in_folder(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
    except OSError as error:
        raise SourceError(f"{folder} cannot be read: {error.strerror}") from error


def _check_whole(data: bytes, path: Path) -> None:
    if data.startswith(JPEG_START):
        if data.rfind(JPEG_END) < data.rfind(JPEG_SCAN):
            raise SourceError(f"{path}: JPEG of {len(data)} bytes without an end: it was cut off")
    elif data.startswith(PNG_START):
        _check_png(data, path)
    else:
        raise SourceError(f"{path}: neither JPEG nor PNG, {len(data)} bytes that begin with {data[:4].hex() or 'none'}")


def _check_png(data: bytes, path: Path) -> None:
    """Walk the chunks: length, type, content, checksum; the last one is IEND."""
    at = len(PNG_START)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            break
        if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise SourceError(f"{path}: wrong checksum in PNG chunk {kind!r} at byte {at}: the file is damaged")
        if kind == b"IEND":
            return
        at = end
    raise SourceError(f"{path}: PNG of {len(data)} bytes without an end: it was cut off")
