"""Does a CARLA server take connections?"""

from __future__ import annotations

import socket
import time

from sim2real_ad.errors import WorldError

CONNECT_PERIOD_S = 0.05


def wait_for_server(host: str, port: int, timeout_s: float) -> None:
    """Wait until a server takes connections: it may be starting. Raises WorldError."""
    deadline_s = time.monotonic() + timeout_s
    while (refusal := _connection_refusal(host, port)) is not None:
        if time.monotonic() > deadline_s:
            raise WorldError(f"no CARLA server at {host}:{port} within {timeout_s:.0f} s: {refusal}") from refusal
        time.sleep(CONNECT_PERIOD_S)


def is_listening(host: str, port: int) -> bool:
    """Whether a server takes connections now."""
    return _connection_refusal(host, port) is None


def _connection_refusal(host: str, port: int) -> OSError | None:
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError as error:
        return error
    return None
