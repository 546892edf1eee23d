"""Tables in Markdown documents, between markers, renewed by the command that printed them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from sim2real_ad.errors import ConfigError


def markdown_table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    rule = ["---"] * len(head)
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *lines])


def renew_section(document: Path, name: str, section: str) -> None:
    """Replace what stands between a section's markers. Raises ConfigError where the document has none."""
    before, after = require_markers(document, name)
    begin, end = markers(name)
    document.write_text(f"{before}{begin}\n\n{section.strip()}\n\n{end}{after}", encoding="utf-8")


def require_markers(document: Path, name: str) -> tuple[str, str]:
    """Return what stands before and after a section. Raises ConfigError where a document has none."""
    text = document.read_text(encoding="utf-8") if document.is_file() else ""
    begin, end = markers(name)
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ConfigError(f"{document} must hold the lines '{begin}' and '{end}', between which the table goes")
    return before, after


def markers(name: str) -> tuple[str, str]:
    """Return the lines between which a section stands in a document."""
    return f"<!-- table {name}: begin -->", f"<!-- table {name}: end -->"
