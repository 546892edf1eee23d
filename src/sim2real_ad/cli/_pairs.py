"""Options of the form NAME=VALUE."""

from __future__ import annotations

from collections.abc import Iterable

from sim2real_ad.errors import ConfigError


def pairs(entries: Iterable[str], option: str, form: str) -> dict[str, str]:
    """Read repeated options. form: what an entry looks like, as ROLE=TOPIC. Raises ConfigError."""
    found = {}
    for entry in entries:
        name, _, value = entry.partition("=")
        if not (name and value):
            raise ConfigError(f"{option} {entry}: not {form}")
        found[name] = value
    return found
