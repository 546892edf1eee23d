"""The wire server as a process: started, ended by signals or with its parent, drawing and ticking in one thread."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Callable

from sim2real_ad.errors import WorldError
from sim2real_ad.world.carla.rpc import WorldService
from sim2real_ad.world.carla.sensors import Cameras
from sim2real_ad.world.carla.server import WireServer
from sim2real_ad.world.carla.simulation import Simulation

_PR_SET_PDEATHSIG = 1


def serve_world(
    host: str, port: int, map_name: str, *, announce: Callable[[str], object], exit_with_parent: bool = False
) -> None:
    """Serve a world until SIGINT or SIGTERM. announce: told "ready <host>:<port>" once clients can connect.

    port 0 takes a free pair of ports. Raises WorldError where a port is taken, MapError where the map is missing.
    """
    parent = os.getppid()
    if exit_with_parent:
        _die_with_parent()
    simulation = Simulation(map_name)
    server, cameras = WireServer(host, port), Cameras()
    previous = {number: signal.signal(number, lambda *_: server.stop()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        announce(f"ready {server.host}:{server.port}")
        watch = (lambda: os.getppid() == parent) if exit_with_parent else (lambda: True)
        server.serve(WorldService(server, simulation, cameras), watch)
    finally:
        server.close()
        cameras.close()
        for number, handler in previous.items():
            signal.signal(number, handler)


def log_to_stderr(level: int = logging.WARNING) -> None:
    """Send the server's log lines to stderr."""
    logging.basicConfig(stream=sys.stderr, level=level, format="s2r world: %(message)s")


def _die_with_parent() -> None:
    """Ask Linux for a SIGTERM when the parent dies; elsewhere, and in between, the parent's id is watched."""
    if not sys.platform.startswith("linux"):
        return
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise WorldError(f"--exit-with-parent: prctl failed: {os.strerror(ctypes.get_errno())}")
