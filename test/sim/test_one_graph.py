"""One graph, proven: started for a simulation and started for a car, it is the same above the vehicle boundary."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs the ros extra or a sourced ROS distribution")
pytest.importorskip("can", reason="needs the can extra")

import rclpy
from rclpy.signals import SignalHandlerOptions

from sim2real_ad.ros.graph import DriveOptions, sim_graph, vehicle_graph
from sim2real_ad.ros.node_spec import ALONE, Graph
from sim2real_ad.ros.supervisor import Supervisor, free_bus, free_ports
from sim2real_ad.ros.topics import CHAIN

pytestmark = pytest.mark.ros

ABOVE = (*CHAIN, "vehicle_interface")
OF_A_SIMULATION = {"/clock", "/simulation/episode"}
OF_ROS = {"/rosout", "/parameter_events"}
QUIET_S, PATIENCE_S = 2.0, 20.0
Wire = tuple[str, str, str, str, str, int]
"""Topic, type, which end, reliability, durability, depth."""


def wires(node_names: tuple[str, ...]) -> dict[str, set[Wire]]:
    """Return what the running nodes of these names publish and hear, as the middleware tells it."""
    context = rclpy.Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    watcher = rclpy.create_node("watcher", context=context, start_parameter_services=False)
    try:
        return _settled(lambda: _wires(watcher, node_names))
    finally:
        watcher.destroy_node()
        rclpy.try_shutdown(context=context)


def _settled(look: Callable[[], dict[str, set[Wire]]]) -> dict[str, set[Wire]]:
    """Look until something is seen of every node, and nothing new for two seconds."""
    began_s = since_s = time.monotonic()
    seen = look()
    while time.monotonic() - since_s < QUIET_S or (not all(seen.values()) and time.monotonic() - began_s < PATIENCE_S):
        time.sleep(0.1)
        again = look()
        if again != seen:
            seen, since_s = again, time.monotonic()
    return seen


def _wires(watcher, node_names: tuple[str, ...]) -> dict[str, set[Wire]]:
    found: dict[str, set[Wire]] = {name: set() for name in node_names}
    for topic, _ in watcher.get_topic_names_and_types():
        if topic in OF_ROS:
            continue
        ends = (("publishes", watcher.get_publishers_info_by_topic), ("hears", watcher.get_subscriptions_info_by_topic))
        for end, infos in ends:
            for info in infos(topic):
                qos = info.qos_profile
                wire = (topic, info.topic_type, end, qos.reliability.name, qos.durability.name, qos.depth)
                found.get(info.node_name, set()).add(wire)
    return found


def started(graph: Graph, logs: Path, world_port: int = 0) -> tuple[dict[str, set[Wire]], dict[str, list[str]]]:
    """Start a graph for real; return its wires, and the command line of each process, as the kernel has it."""
    with Supervisor(graph, logs) as supervisor:
        if world_port:
            supervisor.start_world(world_port)
        supervisor.start()
        supervisor.wait_until_ready()
        lines = {n: Path(f"/proc/{supervisor.pid(n)}/cmdline").read_text().split("\0") for n in ABOVE}
        return wires(ABOVE), lines


def test_nodes_topics_types_and_quality_of_service_are_the_same_in_a_simulation_and_on_a_car(monkeypatch, tmp_path):
    monkeypatch.delenv("ROS_DOMAIN_ID", raising=False)
    port, bus = free_ports(), free_bus()
    simulated = sim_graph(DriveOptions(mode="realtime", bus=bus), port=port)
    in_simulation, simulation_lines = started(simulated, tmp_path / "sim", port)

    car = vehicle_graph(DriveOptions(bus=bus))
    modules = simulated.node("simulated_ecu")
    on_car, car_lines = started(Graph((*car.nodes, modules.having(**ALONE))), tmp_path / "car")

    assert set(in_simulation) == set(on_car) == set(ABOVE)
    for name in ABOVE:
        assert on_car[name], name
        assert on_car[name] == {w for w in in_simulation[name] if w[0] not in OF_A_SIMULATION}, name
        assert _remappings(car_lines[name]) == _remappings(simulation_lines[name])


def _remappings(line: list[str]) -> list[str]:
    return [part for part in line if ":=/" in part and part.startswith("~/")]
