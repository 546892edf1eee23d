"""Answers on disk, by picture, prompt and model: nothing is paid for twice, not by another run nor beside it."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path

from sim2real_ad.errors import ScorerError

BUSY_S = 10.0
"""s to wait for another process that is writing."""


class AnswerCache:
    """Probabilities by key in one SQLite file. Every answer is its own transaction: a kill loses none that was put.

    Safe for threads and for processes. A read or a write that fails at work is counted and costs a question, no more.
    """

    def __init__(self, path: Path) -> None:
        """Raises ScorerError where the file cannot be opened or is no database."""
        self._lock = threading.Lock()
        self.faults = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            self._connection.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, probabilities TEXT)")
        except (OSError, sqlite3.Error) as error:
            raise ScorerError(f"cannot open the answer cache {path}: {error}; move it away to begin anew") from error

    def get(self, key: str) -> list[float] | None:
        """Return the probabilities that were put under a key, or None."""
        query = "SELECT probabilities FROM answers WHERE key = ?"
        try:
            with self._lock:
                row = self._connection.execute(query, (key,)).fetchone()
            return None if row is None else [float(p) for p in json.loads(row[0])]
        except (sqlite3.Error, ValueError, TypeError):
            self.faults += 1
            return None

    def put(self, key: str, probabilities: list[float]) -> None:
        """Keep an answer."""
        try:
            with self._lock:
                row = (key, json.dumps(probabilities))
                self._connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", row)
        except sqlite3.Error:
            self.faults += 1

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
