"""Starts a graph's processes, waits until they are connected, and ends them: what launch is on a ROS distribution."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from sim2real_ad.ros.domain import DomainClaim
from sim2real_ad.ros.node_spec import Graph, NodeSpec
from sim2real_ad.ros.node_states import READY, UP
from sim2real_ad.ros.processes import ProcessGroup
from sim2real_ad.ros.transport import remove_abandoned_segments, transport_environment

START_TIMEOUT_S = 60.0
STOP_GRACE_S = 8.0
WORLD = "world"
RECORDER = "recorder"


class Supervisor:
    """A running graph; use as a context manager, from the main thread.

    Until the graph has ended this process has the graph's environment, so that a node of its own joins the graph.
    """

    def __init__(self, graph: Graph, log_dir: Path, may_end: frozenset[str] = frozenset()) -> None:
        """may_end: nodes that may end by themselves, such as the reader of a video."""
        remove_abandoned_segments()
        self._graph = graph
        self._may_end = may_end
        self._claim = DomainClaim(os.environ)
        self.environment = transport_environment(os.environ) | {"ROS_DOMAIN_ID": str(self._claim.domain)}
        self._environment_before = dict(os.environ)
        os.environ.update(self.environment)
        self._processes = ProcessGroup(self.environment, log_dir)

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.stop(last=(RECORDER, WORLD), grace_s=STOP_GRACE_S)
        # The next graph claims a domain anew: this one is anybody's from here on.
        os.environ.clear()
        os.environ.update(self._environment_before)
        self._claim.close()

    def start_world(self, port: int) -> None:
        """Start the embedded world's server."""
        command = [sys.executable, "-m", "sim2real_ad", "world", "--port", str(port), "--exit-with-parent"]
        self._processes.start(WORLD, command)

    def start(self) -> None:
        """Start every node at once."""
        for node in self._graph.nodes:
            self._processes.start(node.name, node_command(node))

    def wait_until_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until every node is connected to its neighbours; one that may end may have done so already.

        Raises GraphError naming the node that died, with its last words, or that is not there in time.
        """
        self._processes.wait_for(self._pending, timeout_s, self._may_end)
        for process in self._processes.processes.values():
            process.remember_segments()

    def check(self) -> None:
        """Raise GraphError where a process has ended."""
        self._processes.check(self._may_end)

    def has_ended(self, name: str) -> bool:
        """Whether a process has ended."""
        return self._processes.processes[name].exit_status is not None

    def pid(self, name: str) -> int:
        """Return the process id of a node."""
        return self._processes.processes[name].pid

    def _pending(self) -> Mapping[str, str]:
        """Nodes that have not come up come first: the others wait for them."""
        lines = {node.name: set(self._processes.processes[node.name].log_lines()) for node in self._graph.nodes}
        starting = {name: "it is still starting" for name, seen in lines.items() if UP not in seen}
        waiting = {name: "it lacks a neighbour" for name, seen in lines.items() if UP in seen and READY not in seen}
        return starting | waiting


def node_command(node: NodeSpec) -> list[str]:
    """Return the command that runs a node in this Python."""
    return [sys.executable, "-m", f"sim2real_ad.ros.{node.executable}", *node.arguments()]


def free_bus() -> str:
    """Return a CAN bus within this machine that nobody else is on, as one line."""
    import socket

    from sim2real_ad.dbw.settings import UdpBusSettings, text_of_bus

    bus = UdpBusSettings(kind="udp_multicast")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((bus.group, 0))
        return text_of_bus(bus.model_copy(update={"port": free.getsockname()[1]}))


def free_ports() -> int:
    """Return a port that is free together with the next one. Raises WorldError where none is found."""
    from sim2real_ad.world.carla.server import listen_on_two

    first, second = listen_on_two("127.0.0.1", 0)
    with first, second:
        return int(first.getsockname()[1])
