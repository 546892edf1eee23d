"""A file of JSON lines that a run adds to: every line is on disk before the next thing happens."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel

from sim2real_ad.errors import ConfigError


class LineFile:
    """A new file in a run's folder."""

    def __init__(self, folder: Path, name: str, run: str) -> None:
        """run: what such a folder holds. Raises ConfigError where it holds another, or cannot be written."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lines = (folder / name).open("x", encoding="utf-8")
        except FileExistsError as error:
            raise ConfigError(f"--out {folder} holds the results of another {run}; name a new folder") from error
        except OSError as error:
            raise ConfigError(f"--out {folder} cannot be written: {error.strerror}") from error

    def write(self, line: BaseModel) -> None:
        """Add a line."""
        self._lines.write(line.model_dump_json() + "\n")
        self._lines.flush()
        os.fsync(self._lines.fileno())

    def close(self) -> None:
        """May be called twice."""
        self._lines.close()
