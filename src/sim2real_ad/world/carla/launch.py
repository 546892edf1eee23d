"""`s2r world` as a child process, for whoever needs a CARLA server for a while."""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sim2real_ad.errors import WorldError

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class RunningServer:
    """A wire server that accepts clients. process: the child, to watch or to kill."""

    host: str
    port: int
    process: subprocess.Popen[str]


@contextmanager
def running_world_server(*arguments: str, port: int = 0) -> Iterator[RunningServer]:
    """Start `s2r world` with further arguments, wait until it is ready, and stop it at the end.

    port 0 takes free ones. The child complains on this process's stderr. Raises WorldError where it does not come up.
    """
    command = [sys.executable, "-m", "sim2real_ad", "world", "--port", str(port), "--exit-with-parent", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        host, port = _address(process)
        yield RunningServer(host, port, process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _address(process: subprocess.Popen[str]) -> tuple[str, int]:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], READY_TIMEOUT_S)
    if not readable:
        raise WorldError(f"s2r world was not ready within {READY_TIMEOUT_S} s")
    line = process.stdout.readline().strip()
    kind, _, address = line.partition(" ")
    host, _, port = address.rpartition(":")
    if kind != "ready" or not port.isdigit():
        raise WorldError(f"s2r world did not come up: it said {line!r} and ended with {process.wait(STOP_TIMEOUT_S)}")
    return host, int(port)
