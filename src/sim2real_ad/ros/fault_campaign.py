"""`s2r faults`: one drive in real time for every fault, each through a graph of its own, and what came of it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sim2real_ad.errors import Sim2RealError
from sim2real_ad.faults.judge import Seen, collided, judge_fault
from sim2real_ad.faults.model import Campaign, Fault, FaultResult
from sim2real_ad.ros.drive import CONNECT_TIMEOUT_S
from sim2real_ad.ros.fault_watch import FaultWatch
from sim2real_ad.ros.graph import DriveOptions, faulty_graph, sim_graph
from sim2real_ad.ros.node_spec import Graph
from sim2real_ad.ros.supervisor import RECORDER, Supervisor, free_bus, free_ports
from sim2real_ad.ros.topics import ACTION, EGO_PORTS, IMAGE, OBSERVATION, REQUEST, Topic
from sim2real_ad.vehicle.profile import load_vehicle

WATCHED_S = 12.0
"""Simulated s after a fault."""
SILENCE_S = 8.0
"""Wall time without a report of the car after which the drive is over: the bridge is dead."""
LONGEST_S = 120.0
STANDS_S = 2.0
EDGES: dict[str, Topic] = {
    "image": IMAGE,
    "observation": OBSERVATION,
    "action": ACTION,
    "request": REQUEST,
    **EGO_PORTS,
}
BUSY = "while True: pass"


def run_campaign(
    campaign: Campaign,
    scenarios: Sequence[str],
    seed: int,
    options: DriveOptions,
    out: Path,
    tell: Callable[[str], None],
) -> Iterator[FaultResult]:
    """Drive each scenario without a fault, then once with each; yield every result as it is known.

    options: of the drives, less what the campaign says; out: where logs go; tell: told what is going on.
    """
    faults = campaign.faults
    options = replace(options, vehicle=campaign.vehicle)
    profile = load_vehicle(options.vehicle)
    for scenario in scenarios:
        tell(f"{scenario}: without a fault")
        without = collided(_drive(None, scenario, seed, campaign, options, out / "logs" / scenario / "without"))
        for number, fault in enumerate(faults):
            tell(f"{scenario}: {fault.name} ({number + 1} of {len(faults)})")
            folder = out / "logs" / scenario / fault.name.replace(" ", "_").replace("'", "")
            seen = _drive(fault, scenario, seed, campaign, options, folder)
            yield judge_fault(fault, scenario, seed, seen, profile, without)


def _drive(
    fault: Fault | None, scenario: str, seed: int, campaign: Campaign, options: DriveOptions, folder: Path
) -> Seen:
    port, at = free_ports(), campaign.at
    graph = _graph(fault, at, replace(options, bus=free_bus() if campaign.vehicle_bus else ""), port, folder)
    try:
        with Supervisor(graph, folder) as supervisor:
            supervisor.start_world(port)
            supervisor.start()
            supervisor.wait_until_ready()
            with FaultWatch() as watch, _process_fault(fault, supervisor, watch) as strike:
                watch.wait_for_bridge(CONNECT_TIMEOUT_S)
                watch.start(scenario, seed)
                _follow(watch, at, strike)
                return watch.seen
    except Sim2RealError as error:
        return Seen(failure=str(error))


def _graph(fault: Fault | None, at: float, options: DriveOptions, port: int, folder: Path) -> Graph:
    recording = str(folder / "recording.mcap") if fault is not None and fault.kind == "full" else ""
    folder.mkdir(parents=True, exist_ok=True)
    graph = sim_graph(replace(options, mode="realtime", recording=recording), port=port)
    if fault is None or not fault.is_of_a_stream:
        return graph
    return faulty_graph(graph, EDGES[fault.target], fault.kind, fault.amount, at)


def _follow(watch: FaultWatch, at: float, strike: Callable[[], None] | None) -> None:
    """Watch until the episode has ended, the car has stood for a while after the fault, or nothing comes any more."""
    started_s = heard_s = time.monotonic()
    reports, stands_since = 0, None
    seen = watch.seen
    while time.monotonic() - started_s < LONGEST_S and not (seen.result or seen.failure):
        watch.spin()
        if strike is not None and seen.injected_ns is None and watch.elapsed_s >= at:
            seen.injected_ns = time.monotonic_ns()
            strike()
        if len(seen.positions) != reports:
            reports, heard_s = len(seen.positions), time.monotonic()
        if time.monotonic() - heard_s > SILENCE_S or watch.elapsed_s > at + WATCHED_S:
            return
        stands = seen.injected_ns is not None and bool(seen.positions) and abs(seen.positions[-1][3]) < 0.05
        stands_since = (stands_since or time.monotonic()) if stands else None
        if stands_since is not None and time.monotonic() - stands_since > STANDS_S:
            return


@contextmanager
def _process_fault(
    fault: Fault | None, supervisor: Supervisor, watch: FaultWatch
) -> Iterator[Callable[[], None] | None]:
    """Yield what strikes a process, None where it is not a process that fails; undo it at the end."""
    if fault is None or fault.is_of_a_stream:
        yield None
        return
    started: list[subprocess.Popen[bytes]] = []

    def strike() -> None:
        """Let the fault begin."""
        if fault.kind == "busy":
            started.extend(subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(round(fault.amount)))
        elif fault.kind == "full":
            _fill_disk_of(supervisor.pid(RECORDER))
        elif fault.kind == "upset":
            watch.upset(fault.target)
        else:
            os.kill(supervisor.pid(fault.target), signal.SIGKILL if fault.kind == "killed" else signal.SIGSTOP)

    try:
        yield strike
    finally:
        for process in started:
            process.kill()
            process.wait()
        if fault.kind == "hung":
            os.kill(supervisor.pid(fault.target), signal.SIGCONT)


def _fill_disk_of(pid: int) -> None:
    """Let a process write no byte more to any file, as on a full disk."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
