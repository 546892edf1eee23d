"""Whole graphs in the embedded world, and the `s2r` command as a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs the ros extra or a sourced ROS distribution")
pytest.importorskip("sim2real_ad_msgs", reason="needs the message packages: make setup")
pytest.importorskip("carla", reason="needs the sim extra")
pytest.importorskip("panda3d", reason="needs the sim extra")

from sim2real_ad.ros.episode_client import EpisodeClient
from sim2real_ad.ros.graph import DriveOptions, sim_graph
from sim2real_ad.ros.node_spec import Graph
from sim2real_ad.ros.supervisor import Supervisor, free_ports


def children_of(pid: int) -> set[int]:
    """Return the ids of a process's children."""
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def command_line(pid: int) -> str:
    """Return how a process was started; empty where it has gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def is_running(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition, timeout_s: float = 60.0) -> bool:
    """Poll a condition; return whether it came to hold."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if condition():
            return True
        time.sleep(0.05)
    return False


class Command:
    """`s2r` in a process of its own."""

    def __init__(self, *arguments: str, cwd: Path, **variables: str) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("ROS_", "FASTRTPS_", "RMW_"))}
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "sim2real_ad", *arguments],
            cwd=cwd,
            env=environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, timeout_s: float = 120.0) -> tuple[int, str, str]:
        """Wait; return exit status, stdout and stderr."""
        out, err = self.popen.communicate(timeout=timeout_s)
        return self.popen.returncode, out, err

    def child(self, log_dir: Path, name: str) -> int:
        """Return the id of the child that runs a node, once the graph drives."""
        assert wait_until(lambda: self._find(name) is not None), f"no child runs {name}; logs in {log_dir}"
        found = self._find(name)
        assert found is not None
        return found

    def _find(self, name: str) -> int | None:
        return next((c for c in children_of(self.popen.pid) if name in command_line(c)), None)

    def close(self) -> None:
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.communicate()


@pytest.fixture
def s2r(tmp_path: Path) -> Iterator:
    made: list[Command] = []

    def run(*arguments: str, **variables: str) -> Command:
        made.append(Command(*arguments, cwd=tmp_path, **variables))
        return made[-1]

    yield run
    for command in made:
        command.close()


class RunningGraph:
    """A graph over the embedded world with a client for its episodes."""

    def __init__(self, supervisor: Supervisor, client: EpisodeClient, graph: Graph, out: Path) -> None:
        self.supervisor, self.client, self.graph, self.out = supervisor, client, graph, out

    def pid(self, name: str) -> int:
        return self.supervisor._processes.processes[name].pid


def with_parameters(graph: Graph, name: str, **parameters) -> Graph:
    """Return a graph with other parameters for one node."""
    changed = (n.having(**parameters) if n.name == name else n for n in graph.nodes)
    return Graph(tuple(changed))


def run_graph(out: Path, mode: str = "lockstep", **bridge) -> Iterator[RunningGraph]:
    before = dict(os.environ)
    os.environ.pop("ROS_DOMAIN_ID", None)
    port = free_ports()
    options = DriveOptions(mode=mode, recording=str(out / "recording.mcap"))
    graph = with_parameters(sim_graph(options, "127.0.0.1", port), "carla_bridge", **bridge)
    try:
        with Supervisor(graph, out / "logs") as supervisor:
            supervisor.start_world(port)
            supervisor.start()
            supervisor.wait_until_ready()
            with EpisodeClient(supervisor.check) as client:
                client.wait_for_bridge(60.0)
                yield RunningGraph(supervisor, client, graph, out)
    finally:
        os.environ.clear()
        os.environ.update(before)
