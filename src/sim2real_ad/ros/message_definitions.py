"""The text of message definitions, from the installed packages, as MCAP's `ros2msg` schemas want it."""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path

from sim2real_ad.errors import TransportError

_SEPARATOR = "=" * 80
_FIELD = re.compile(r"^\s*([A-Za-z][\w/]*)(?:<=\d+)?(?:\[[^\]]*\])?\s+[A-Za-z]\w*\s*(?:[^=\s].*)?$")
_INTEGERS = (f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
_PRIMITIVES = frozenset(("bool", "byte", "char", "float32", "float64", "string", "wstring", *_INTEGERS))


@cache
def full_definition(type_name: str) -> str:
    """Return a type's .msg text followed by those of every type it holds, each under its separator.

    type_name: like `sensor_msgs/msg/Image`. Raises TransportError where a definition is not installed.
    """
    package, _, name = type_name.split("/")
    text, seen = _text(package, name), {(package, name)}
    parts, queue = [text], _held(package, text)
    while queue:
        held = queue.pop(0)
        if held in seen:
            continue
        seen.add(held)
        text = _text(*held)
        parts.append(f"{_SEPARATOR}\nMSG: {held[0]}/{held[1]}\n{text}")
        queue += _held(held[0], text)
    return "\n".join(parts)


def _text(package: str, name: str) -> str:
    """Find a definition in the workspaces that are sourced, or beside the wheels."""
    prefixes = [*filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)), sys.prefix]
    for prefix in dict.fromkeys(prefixes):
        path = Path(prefix) / "share" / package / "msg" / f"{name}.msg"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise TransportError(f"definition of {package}/msg/{name} is not installed; looked below {', '.join(prefixes)}")


def _held(package: str, text: str) -> list[tuple[str, str]]:
    """Return the types of a definition's fields, as (package, name), without the primitive ones."""
    found = []
    for line in text.splitlines():
        match = _FIELD.match(line.partition("#")[0])
        if match and match[1] not in _PRIMITIVES:
            owner, _, name = match[1].rpartition("/")
            found.append((owner.partition("/")[0] or package, name))
    return found
