"""Which files make a bag, and which folders are bags."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any

import yaml

from sim2real_ad.errors import ConfigError, SourceError

METADATA = "metadata.yaml"
_INFORMATION = "rosbag2_bagfile_information"
_STORAGE = re.compile(r"(?P<stem>.+?)(?:_(?P<number>\d+))?(?P<kind>\.mcap|\.db3)(?P<compressed>\.zstd)?")


def find_bags(paths: Iterable[Path]) -> list[Path]:
    """Return the bags that the arguments are, or that lie in them as folders at any depth; sorted, each once.

    Raises ConfigError where an argument is missing, or no bag and none in it.
    """
    found: set[Path] = set()
    for path in paths:
        bags = set(_bags_at(path))
        if not bags:
            raise ConfigError(f"{path}: {'no bag in it' if path.exists() else 'no such file or folder'}")
        found |= bags
    if not found:
        raise ConfigError("no bag was named")
    return sorted(path for path in _without_aliases(found) if path.parent not in found)


def files_of_bag(path: Path) -> tuple[list[Path], list[str]]:
    """Return a bag's files, in the order of recording, and what is wrong with the way they are listed.

    Raises SourceError where there is no bag at the path.
    """
    try:
        return _files_at(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error


def _files_at(path: Path) -> tuple[list[Path], list[str]]:
    if path.is_file():
        return [path], []
    if not path.exists():
        raise SourceError(f"no bag at {path}")
    if (path / METADATA).is_file():
        return _listed_files(path)
    groups = _groups(path)
    if len(groups) == 1:
        return groups[0], []
    if groups:
        names = ", ".join(file.name for group in groups for file in group)
        raise SourceError(f"{path} holds several bags and no {METADATA}; name one of them: {names}")
    within = sorted(str(bag.relative_to(path)) for bag in _bags_at(path))
    if within:
        raise SourceError(f"{path} is no bag, but a folder that holds bags; name one of them: {', '.join(within)}")
    raise SourceError(f"{path} is no bag: no {METADATA}, .mcap or .db3 file in it")


def _listed_files(folder: Path) -> tuple[list[Path], list[str]]:
    present = [file for group in _groups(folder) for file in group]
    try:
        names = [PurePath(name).name for name in _information(folder)["relative_file_paths"]]
    except (KeyError, TypeError, ValueError, OSError, yaml.YAMLError) as error:
        if not present:
            raise SourceError(f"{folder / METADATA} cannot be read, and no .mcap or .db3 file is beside it") from error
        return present, [f"{METADATA} cannot be read; the files beside it were taken"]
    # Older recorders list a compressed file by the name that it had before.
    listed = [next((p for p in (folder / n, folder / f"{n}.zstd") if p.is_file()), folder / n) for n in names]
    files, missing = [p for p in listed if p.is_file()], [p.name for p in listed if not p.is_file()]
    if not files:
        raise SourceError(f"{folder}: the bag's files are missing: {', '.join(missing) or 'none is listed'}")
    return files, [f"{name} is missing; its messages are left out" for name in missing]


def _information(folder: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((folder / METADATA).read_text(encoding="utf-8"))[_INFORMATION])


def _groups(folder: Path) -> list[list[Path]]:
    """Return the storage files of a folder, those of one split recording together: NAME_0, NAME_1, ..."""
    groups: dict[tuple[str, str, bool], list[tuple[int, Path]]] = {}
    for file in sorted(folder.iterdir()):
        match = _STORAGE.fullmatch(file.name)
        if match is None or not file.is_file() or (match["compressed"] and file.with_suffix("").is_file()):
            continue  # a compressed file beside its plain one is the same once more
        key = match["stem"], match["kind"], match["number"] is not None
        groups.setdefault(key, []).append((int(match["number"] or 0), file))
    return [[file for _, file in sorted(group)] for group in groups.values()]


def _bags_at(path: Path) -> Iterator[Path]:
    if path.is_file():
        if _STORAGE.fullmatch(path.name):
            yield path
        return
    for folder, _, _ in os.walk(path):
        yield from _bags_in(Path(folder))


def _bags_in(folder: Path) -> Iterator[Path]:
    """Yield the folder where it is one bag, else its storage files."""
    groups = _groups(folder)
    if len(groups) == 1 or _is_rosbag2(folder):
        yield folder
    else:
        yield from (file for group in groups for file in group)


def _is_rosbag2(folder: Path) -> bool:
    try:
        return _INFORMATION.encode() in (folder / METADATA).read_bytes()
    except OSError:
        return False


def _without_aliases(paths: Iterable[Path]) -> list[Path]:
    """Return of the paths that lead to the same place the shortest."""
    return list({path.resolve(): path for path in sorted(paths, key=lambda p: len(p.parts), reverse=True)}.values())
