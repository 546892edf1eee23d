"""Where the tables of commands are printed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_OF_A_FILE = 200
"""Columns of a table that goes into a file or a pipe, so that a figure stays on its line."""


def table_console(highlight: bool = True) -> Console:
    """Return the console of standard output, as wide as the terminal, or as COLUMNS asks, or else WIDTH_OF_A_FILE."""
    from rich.console import Console

    console = Console(highlight=highlight)
    if not (console.is_terminal or "COLUMNS" in os.environ):
        console.width = WIDTH_OF_A_FILE
    return console
