"""The maps a wire server can load, and the domain that travels in a map's OpenDRIVE header."""

from __future__ import annotations

import html
import re
from functools import cache

from sim2real_ad.config import share_path
from sim2real_ad.errors import MapError
from sim2real_ad.world.embedded.roads import RoadNetwork
from sim2real_ad.world.randomization import Domain

DOMAIN_CODE = "sim2real_ad.domain"
OWN_PREFIX = "sim2real_ad/"
"""Stands before the names of this server's maps, as a CARLA server has its folders there."""
SENT_MAP = "OpenDriveMap"
"""CARLA's name for a map that a client sent as text."""

_DOMAIN = re.compile(rf'\s*<userData\s+code="{re.escape(DOMAIN_CODE)}"\s+value="([^"]*)"\s*/>')
_HEADER = re.compile(r"<header\b([^>]*?)(/?)>")


def with_domain(xodr: str, domain: Domain) -> str:
    """Return the OpenDRIVE text with a domain in its header, in place of one that is there. Raises MapError."""
    plain, _ = _split(xodr)
    header = _HEADER.search(plain)
    if header is None:
        raise MapError("the map has no OpenDRIVE header, so it cannot carry a domain")
    element = f'<userData code="{DOMAIN_CODE}" value="{html.escape(domain.to_json())}"/>'
    tail = f"{element}</header>" if header[2] else element
    return f"{plain[: header.start()]}<header{header[1]}>{tail}{plain[header.end() :]}"


def split_domain(xodr: str, source: str) -> tuple[str, Domain]:
    """Return the OpenDRIVE text without its domain, and that domain, or the default one where it carries none.

    Without it, equal maps stay equal text whatever the domain. Raises ConfigError naming the source.
    """
    plain, value = _split(xodr)
    return plain, Domain() if value is None else Domain.from_json(html.unescape(value), source)


def available_maps() -> list[str]:
    """Return the names of the shipped maps, with OWN_PREFIX."""
    return sorted(OWN_PREFIX + path.stem for path in (share_path() / "config" / "maps").glob("*.xodr"))


@cache
def _shipped(name: str) -> RoadNetwork:
    return RoadNetwork.load(name)


def load_map(name: str) -> tuple[RoadNetwork, Domain]:
    """Load a shipped map by name, with or without the folders that CARLA puts before it. Raises MapError."""
    bare = name.rpartition("/")[2]
    if OWN_PREFIX + bare not in available_maps():
        raise MapError(f"no map '{name}'; this server has {', '.join(available_maps())}")
    return _shipped(bare), Domain()


def read_map(xodr: str) -> tuple[RoadNetwork, Domain]:
    """Read a map that a client sent. Raises MapError and ConfigError."""
    plain, domain = split_domain(xodr, "the map's OpenDRIVE header")
    return RoadNetwork.from_xodr(SENT_MAP, plain), domain


def _split(xodr: str) -> tuple[str, str | None]:
    found = _DOMAIN.search(xodr)
    if found is None:
        return xodr, None
    plain = xodr[: found.start()] + xodr[found.end() :]
    return re.sub(r"(<header\b[^>]*?)></header>", r"\1/>", plain, count=1), found[1]
