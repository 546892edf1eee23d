"""The launch files start what the graph declares, and nothing else."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("launch_ros", reason="launch comes with a ROS distribution, not with the wheels")

from launch import LaunchContext
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch_ros.actions import Node

from sim2real_ad.config import share_path
from sim2real_ad.ros.graph import DriveOptions, relay_graph, replay_graph, sim_graph, vehicle_graph
from sim2real_ad.ros.node_spec import Graph
from sim2real_ad.ros.transport import PROFILE, PROFILE_VARIABLE

pytestmark = [pytest.mark.ros, pytest.mark.launch]
GRAPHS = {
    "sim": sim_graph(DriveOptions(), "127.0.0.1", 2000),
    "vehicle": vehicle_graph(DriveOptions()),
    "replay": replay_graph(DriveOptions()),
    "carla_bridge": relay_graph(DriveOptions(mode="realtime")),
}


def load(name: str) -> ModuleType:
    path = Path(share_path()) / "launch" / f"{name}.launch.py"
    spec = importlib.util.spec_from_file_location(f"{name}_launch", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def expanded(
    name: str, values: dict[str, str] | None = None
) -> tuple[list[DeclareLaunchArgument], list[SetEnvironmentVariable], list[Node]]:
    """Return what a launch file declares, sets and starts with these and its default arguments."""
    context = LaunchContext()
    context.launch_configurations.update(values or {})
    arguments, settings, nodes = [], [], []
    for entity in load(name).generate_launch_description().entities:
        made = entity.execute(context) if isinstance(entity, (DeclareLaunchArgument, OpaqueFunction)) else None
        arguments += [entity] if isinstance(entity, DeclareLaunchArgument) else []
        settings += [entity] if isinstance(entity, SetEnvironmentVariable) else []
        nodes += [m for m in made or [] if isinstance(m, Node)]
    return arguments, settings, nodes


@pytest.mark.parametrize(("name", "graph"), GRAPHS.items())
def test_every_node_of_the_graph_is_started_with_the_supervisors_arguments(name: str, graph: Graph) -> None:
    nodes = {node.node_executable: node for node in expanded(name)[2]}
    for spec in graph.nodes:
        node = nodes.pop(spec.executable)
        assert node.node_package == "sim2real_ad"
        command = ["".join(part.perform(LaunchContext()) for part in piece) for piece in node.cmd[1:]]
        assert command[: len(spec.arguments())] == spec.arguments()
    assert set(nodes) == ({"episodes_node"} if name == "sim" else set())


def test_on_a_car_a_recorder_that_ends_is_started_anew_and_any_other_end_ends_the_drive() -> None:
    launched = {"recording": "/data/drive.mcap"}
    for name, respawning in (("vehicle", {"recorder_node"}), ("replay", set())):
        nodes = expanded(name, launched)[2]
        assert {n.node_executable for n in nodes if n._ExecuteLocal__respawn} == respawning
        ending = {n.node_executable for n in nodes if n._ExecuteLocal__on_exit}
        assert ending == {n.node_executable for n in nodes} - respawning


@pytest.mark.parametrize("shadow", ["true", "false"])
@pytest.mark.parametrize("drive_by_wire", ["true", "false"])
def test_the_arguments_of_a_car_choose_its_interface_and_whether_it_is_actuated(
    shadow: str, drive_by_wire: str
) -> None:
    values = {"shadow": shadow, "drive_by_wire": drive_by_wire, "bus": "socketcan:can1"}
    nodes = {node.node_executable: node for node in expanded("vehicle", values)[2]}
    assert ("vehicle_interface_node" in nodes) == (drive_by_wire == "true")
    gate = "".join(p.perform(LaunchContext()) for piece in nodes["safety_gate_node"].cmd[1:] for p in piece)
    assert ("actuated:=true" in gate) == (shadow == "false")
    assert ("/sim2real_ad/shadow/control" in gate) == (shadow == "true")


@pytest.mark.parametrize("name", GRAPHS)
def test_every_argument_has_a_description_and_a_default(name: str) -> None:
    for argument in expanded(name)[0]:
        assert len(argument.description) > 20, argument.name
        assert argument.default_value is not None


@pytest.mark.parametrize("name", GRAPHS)
def test_the_transport_profile_is_put_in_force(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PROFILE_VARIABLE, raising=False)
    context = LaunchContext()
    for setting in expanded(name)[1]:
        setting.execute(context)
    assert context.environment[PROFILE_VARIABLE] == str(PROFILE)
