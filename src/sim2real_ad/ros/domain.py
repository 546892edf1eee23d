"""A ROS domain of one's own: a number that no other graph of this computer uses."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from sim2real_ad.errors import GraphError

MAX_DOMAIN = 101
"""The greatest domain whose ports lie below Linux's ephemeral ones."""
PORT_BASE, DOMAIN_GAIN, FIRST_UNICAST = 7400, 250, 10


class DomainClaim:
    """Holds a ROS domain for as long as it lives. A ROS_DOMAIN_ID that is set already is taken as it is."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Raises GraphError where a set ROS_DOMAIN_ID is no number, or no domain is free."""
        self._lock: IO[bytes] | None = None
        given = environment.get("ROS_DOMAIN_ID", "")
        self.domain = _checked(given) if given else self._claim()

    def close(self) -> None:
        """Give the domain back."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _claim(self) -> int:
        start = os.getpid()
        for offset in range(MAX_DOMAIN):
            domain = 1 + (start + offset) % MAX_DOMAIN
            lock = _try_lock(domain)
            if lock is None:
                continue
            if _is_silent(domain):
                self._lock = lock
                return domain
            lock.close()
        raise GraphError(f"no free ROS domain: 1..{MAX_DOMAIN} are all in use; set ROS_DOMAIN_ID")


def _checked(given: str) -> int:
    if not given.isdecimal() or int(given) > 232:
        raise GraphError(f"ROS_DOMAIN_ID is '{given}', must be a number from 0 to 232")
    return int(given)


def _try_lock(domain: int) -> IO[bytes] | None:
    path = Path(tempfile.gettempdir()) / f"sim2real_ad-{os.getuid()}-domain-{domain}.lock"
    lock = path.open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def _is_silent(domain: int) -> bool:
    """Whether nobody holds the domain's first unicast port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", PORT_BASE + DOMAIN_GAIN * domain + FIRST_UNICAST))
        except OSError:
            return False
    return True
