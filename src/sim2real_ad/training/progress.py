"""One line of progress at a time, on a terminal as a bar and in a log as lines."""

from __future__ import annotations

import time

from rich.console import Console

LOG_EVERY_S = 15.0


class Progress:
    """Reports (line, share done): redrawn in place on a terminal, every quarter of a minute elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._started = time.monotonic()
        self._last = -LOG_EVERY_S

    def __call__(self, line: str, share: float) -> None:
        """Show a line of progress. share: 0..1."""
        now = time.monotonic()
        if self._console.is_terminal:
            self._console.print(f"{share:5.0%}  {line}", end="\n" if share >= 1.0 else "\r", soft_wrap=True)
        elif share >= 1.0 or now - self._last >= LOG_EVERY_S:
            self._last = now
            self._console.print(f"{now - self._started:7.0f} s  {share:4.0%}  {line}", soft_wrap=True, highlight=False)

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._console.print(line, soft_wrap=True, highlight=False)
