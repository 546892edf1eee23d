"""The ledger: one JSON line a call, with its tokens and its money. What it holds is what has been spent."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from pydantic import Field, ValidationError

from sim2real_ad.config import StrictModel
from sim2real_ad.errors import ScorerError


class Entry(StrictModel):
    """One call. outcome: "ok", "nonsense", "timeout", "unreachable" or "http_<status>"; key: of the answer cache;
    billed: "usage" where the endpoint said what it took, "reserve" where the worst is assumed, "nothing" where no
    answer can have been made."""

    time: str
    model: str
    outcome: str
    key: str
    seconds: float = Field(ge=0.0)
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    money: float = Field(default=0.0, ge=0.0)
    billed: str = "nothing"


@dataclass(frozen=True)
class Spent:
    """Sums over a ledger. damaged: lines that a kill cut short; each counts as a call."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    money: float = 0.0
    damaged: int = 0


class Ledger:
    """An append-only file that several processes may write. Safe for threads."""

    def __init__(self, path: Path) -> None:
        """Raises ScorerError where the file cannot be written."""
        self._path = path
        self._lock = threading.Lock()
        self._read_to = 0
        self._spent = Spent()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            self._end_torn_line()
        except OSError as error:
            raise ScorerError(f"cannot write the ledger {path}: {error.strerror}") from error

    def append(self, entry: Entry) -> None:
        """Write one line in one call to the system. Raises ScorerError where the disk refuses: no money without it."""
        try:
            os.write(self._file, entry.model_dump_json().encode() + b"\n")
        except OSError as error:
            raise ScorerError(f"cannot write the ledger {self._path}: {error.strerror}") from error

    def spent(self) -> Spent:
        """Return the sums, with what other processes have written since. Raises ScorerError."""
        with self._lock:
            try:
                size = os.fstat(self._file).st_size
                fresh = os.pread(self._file, max(size - self._read_to, 0), self._read_to)
            except OSError as error:
                raise ScorerError(f"cannot read the ledger {self._path}: {error.strerror}") from error
            whole = fresh[: fresh.rfind(b"\n") + 1]
            self._read_to += len(whole)
            for line in whole.splitlines():
                self._spent = _add(self._spent, line)
            return self._spent

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _end_torn_line(self) -> None:
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")


def utc_now() -> str:
    """Return the time as ISO 8601, UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def _add(spent: Spent, line: bytes) -> Spent:
    try:
        entry = Entry.model_validate_json(line)
    except ValidationError:
        return Spent(spent.calls + 1, spent.prompt_tokens, spent.completion_tokens, spent.money, spent.damaged + 1)
    return Spent(
        spent.calls + 1,
        spent.prompt_tokens + entry.prompt_tokens,
        spent.completion_tokens + entry.completion_tokens,
        spent.money + entry.money,
        spent.damaged,
    )
