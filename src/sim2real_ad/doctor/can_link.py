"""A CAN interface as `ip -details -statistics -json link show` tells it. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sim2real_ad.errors import DbwError

KINDS = ("can", "vcan", "vxcan")


@dataclass(frozen=True)
class CanLink:
    """One interface. bit_rate: bit/s; restart_ms: after a bus-off, 0 for never; None where a virtual one has no such.

    state: of the controller, as ERROR-ACTIVE; transmit_errors, receive_errors: its counters (128: error passive);
    bus_offs: since the interface came up.
    """

    name: str
    kind: str
    is_up: bool
    state: str | None
    bit_rate: int | None
    restart_ms: int | None
    transmit_errors: int
    receive_errors: int
    bus_offs: int


def read_links(text: str) -> list[CanLink]:
    """Return the CAN interfaces of what `ip` printed, in its order. Raises DbwError where that is none of its JSON."""
    try:
        links = json.loads(text or "[]")
        return [_link(link) for link in links if link.get("linkinfo", {}).get("info_kind") in KINDS]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DbwError(f"`ip -json link show` printed what cannot be read: {error!r}") from error


def _link(link: dict[str, Any]) -> CanLink:
    info = link["linkinfo"]
    data, counts = info.get("info_data", {}), info.get("info_xstats", {})
    errors = data.get("berr_counter", {})
    is_real = info["info_kind"] == "can"
    return CanLink(
        name=link["ifname"],
        kind=info["info_kind"],
        is_up="UP" in link["flags"],
        state=data.get("state"),
        bit_rate=data.get("bittiming", {}).get("bitrate"),
        restart_ms=data.get("restart_ms", 0) if is_real else None,
        transmit_errors=int(errors.get("tx", 0)),
        receive_errors=int(errors.get("rx", 0)),
        bus_offs=int(counts.get("bus_off", 0)),
    )
