"""The graph's declaration is whole: every wire has two ends that understand each other, every parameter its place."""

from __future__ import annotations

import importlib
from dataclasses import replace

import pytest
import yaml

from sim2real_ad.config import find_config
from sim2real_ad.errors import GraphError
from sim2real_ad.ros.graph import (
    DriveOptions,
    relay_graph,
    replay_graph,
    shadow_graph,
    sim_graph,
    stepped_graph,
    vehicle_graph,
)
from sim2real_ad.ros.node import NodeParameters, message_class
from sim2real_ad.ros.node_spec import Graph, parameter_file
from sim2real_ad.ros.qos import publisher_qos, recorder_qos, subscriber_qos
from sim2real_ad.ros.supervisor import node_command
from sim2real_ad.ros.topics import ACTUATION, BOUNDARY, CHAIN, CONTROL, GEAR_COMMAND, PORTS
from sim2real_ad.vehicle.profile import TopicNames

pytestmark = pytest.mark.ros
RECORDED = DriveOptions(recording="/r.mcap")
GRAPHS = {
    "sim": sim_graph(RECORDED),
    "sim in real time": sim_graph(DriveOptions(mode="realtime")),
    "sim over a bus": sim_graph(replace(RECORDED, mode="realtime", bus="socketcan:vcan0")),
    "vehicle": vehicle_graph(RECORDED, "v4l2", "/dev/video0"),
    "vehicle over a bus": vehicle_graph(replace(RECORDED, bus="profile")),
    "vehicle in shadow": vehicle_graph(replace(RECORDED, bus="profile"), shadow=True),
    "replay": replay_graph(RECORDED),
    "shadow": shadow_graph(RECORDED, "video.mp4", 15.0),
    "relay": relay_graph(RECORDED),
    "relay of CARLA's own": relay_graph(DriveOptions(mode="realtime"), "native", "hero", map_path="curved_road"),
}
FROM_THE_CAR = {"/localization/kinematic_state", "/localization/acceleration", "/planning/route"}
every_graph = pytest.mark.parametrize("graph", GRAPHS.values(), ids=list(GRAPHS))


def node_class(name: str):
    module = importlib.import_module(f"sim2real_ad.ros.{name}_node")
    return next(c for c in vars(module).values() if isinstance(c, type) and getattr(c, "kind", None) == name)


@every_graph
def test_every_required_input_is_published_by_a_node_or_by_the_car(graph: Graph) -> None:
    has_car = not {"carla_bridge", "shadow_vehicle"} & {n.name for n in graph.nodes}
    for node in graph.nodes:
        for topic in node.required_inputs.values():
            name = node.topic(topic)
            from_car = name in FROM_THE_CAR or name.startswith(("/vehicle/status/", "/sensing/"))
            assert name in graph.topics() or (has_car and from_car), (node.name, name)


@every_graph
def test_no_two_nodes_publish_one_topic_but_for_timings_and_diagnostics(graph: Graph) -> None:
    shared = {"timing", "diagnostics"}
    names = [node.topic(t) for node in graph.nodes for p, t in node.ports.outputs.items() if p not in shared]
    assert len(names) == len(set(names))


@every_graph
def test_the_parameters_are_exactly_those_that_each_node_takes(graph: Graph) -> None:
    shared = yaml.safe_load(parameter_file().read_text())
    for node in graph.nodes:
        given = {**shared.get(node.name, {}).get("ros__parameters", {}), **node.parameters}
        model: type[NodeParameters] = node_class(node.name).model
        assert set(given) == set(model.model_fields), node.name
        model.model_validate(given)


@every_graph
def test_every_node_has_a_module_with_a_main_and_a_console_script(graph: Graph) -> None:
    from importlib.metadata import entry_points

    scripts = {e.name: e.value for e in entry_points(group="console_scripts")}
    for node in graph.nodes:
        assert callable(importlib.import_module(f"sim2real_ad.ros.{node.executable}").main)
        assert scripts.get(node.executable) == f"sim2real_ad.ros.{node.executable}:main"


@pytest.mark.parametrize("name", PORTS)
def test_every_kind_of_node_has_ports_that_the_declaration_and_the_code_agree_on(name: str) -> None:
    assert node_class(name).kind == name
    for topic in (*PORTS[name].inputs.values(), *PORTS[name].outputs.values()):
        assert message_class(topic.type_name)
    assert PORTS[name].optional <= set(PORTS[name].inputs)


@pytest.mark.parametrize("kind", ["sensor", "stream", "state", "command", "latched", "clock"])
def test_publishers_and_readers_of_one_kind_are_compatible(kind) -> None:
    from rclpy.qos import QoSCompatibility, qos_check_compatible

    readers = [subscriber_qos(kind), subscriber_qos(kind, lossless=False), recorder_qos(kind)]
    for reader in readers:
        verdict, why = qos_check_compatible(publisher_qos(kind), reader)
        assert verdict == QoSCompatibility.OK, why


def test_a_camera_driver_that_publishes_best_effort_is_heard_in_real_time() -> None:
    from rclpy.qos import QoSCompatibility, qos_check_compatible, qos_profile_sensor_data

    verdict, _ = qos_check_compatible(qos_profile_sensor_data, subscriber_qos("sensor", lossless=False))
    assert verdict != QoSCompatibility.ERROR
    verdict, _ = qos_check_compatible(qos_profile_sensor_data, subscriber_qos("sensor"))
    assert verdict == QoSCompatibility.ERROR, "a reader that must lose nothing does not take best effort"


def test_control_is_reliable_and_latched_at_depth_one_as_autowares_receivers_ask() -> None:
    from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

    qos = publisher_qos(CONTROL.qos)
    assert (qos.reliability, qos.durability, qos.depth) == (
        ReliabilityPolicy.RELIABLE,
        DurabilityPolicy.TRANSIENT_LOCAL,
        1,
    )


@pytest.mark.parametrize("name", ["replay", "shadow", "vehicle in shadow"])
def test_no_car_hears_the_commands_of_a_replay_or_a_shadow_drive(name: str) -> None:
    topics = GRAPHS[name].topics()
    assert not {CONTROL.name, GEAR_COMMAND.name} & set(topics)
    assert f"/sim2real_ad/shadow{CONTROL.name}" in topics
    assert GRAPHS[name].node("safety_gate").parameters["actuated"] is False


def test_no_node_of_a_stepped_graph_is_ready_before_it_hears_the_bags_player_and_the_player_hears_the_gate() -> None:
    from sim2real_ad.ros.replay import PUBLISHED

    played = {topic.name for topic in PUBLISHED.values()}
    graph = stepped_graph(DriveOptions(), PUBLISHED.values(), actuated=True)
    for node in graph.nodes:
        from_player = {port for port, topic in node.required_inputs.items() if node.topic(topic) in played}
        assert from_player <= set(node.parameters["producers"]), node.name
    assert "control=1" in graph.node("safety_gate").parameters["consumers"]
    assert graph.readers("/planning/route") == 1


def test_a_simulated_car_behind_a_bus_hears_its_modules_and_not_the_gate() -> None:
    graph = GRAPHS["sim over a bus"]
    bridge, ecu = graph.node("carla_bridge"), graph.node("simulated_ecu")
    heard = {bridge.topic(topic) for topic in bridge.ports.inputs.values()}
    assert CONTROL.name not in heard
    assert {ecu.topic(topic) for topic in ecu.ports.outputs.values()} <= heard
    told = {bridge.topic(topic) for topic in bridge.ports.outputs.values()}
    assert not {name for name in told if name.startswith("/vehicle/")}, "what the car says, it says over the bus"


def test_the_tracker_s_car_has_bare_actuators_and_one_without_a_bus_keeps_the_promise() -> None:
    assert GRAPHS["sim over a bus"].node("carla_bridge").parameters["bare_actuators"]
    assert not GRAPHS["sim"].node("carla_bridge").parameters["bare_actuators"]


def test_a_bus_does_not_wait_so_it_is_refused_in_lock_step() -> None:
    with pytest.raises(GraphError, match="needs real time"):
        sim_graph(DriveOptions(bus="socketcan:vcan0"))


ABOVE_THE_BOUNDARY = (*CHAIN, "vehicle_interface")
OF_THE_WAY_OF_USE = {"auto_engage", "time_source", "source", "source_path", "camera", "consumers", "producers"}


@pytest.mark.parametrize("name", ABOVE_THE_BOUNDARY)
def test_the_graph_of_a_car_and_of_a_simulation_are_one_graph_above_the_vehicle_boundary(name: str) -> None:
    car, simulation = GRAPHS["vehicle over a bus"].node(name), GRAPHS["sim over a bus"].node(name)
    assert car.remappings == simulation.remappings
    assert car.ports is simulation.ports
    differing = {key for key in car.parameters if car.parameters[key] != simulation.parameters.get(key)}
    assert set(car.parameters) == set(simulation.parameters)
    assert differing - {"bus"} <= OF_THE_WAY_OF_USE


def test_where_time_does_not_wait_what_decides_goes_before_what_may_wait() -> None:
    priorities = {node.name: node.parameters["realtime_priority"] for node in GRAPHS["sim over a bus"].nodes}
    order = ("vehicle_interface", "safety_gate", "adapter", "carla_bridge", "recorder")
    assert [priorities[name] for name in order] == sorted({priorities[name] for name in order}, reverse=True)
    assert priorities["recorder"] == 0
    assert not any(node.parameters["realtime_priority"] for node in GRAPHS["sim"].nodes)


def test_on_a_car_nothing_engages_by_itself() -> None:
    assert vehicle_graph(DriveOptions()).node("safety_gate").parameters["auto_engage"] is False


@pytest.fixture
def renaming(tmp_path) -> str:
    """A profile of a car that calls three things otherwise."""
    profile = yaml.safe_load(find_config("saloon", "vehicles").read_text())
    profile["topics"] = {"velocity": "/can/speed", "control": "/can/command", "image": "/cam0/image"}
    (tmp_path / "renaming.yaml").write_text(yaml.safe_dump(profile))
    return str(tmp_path / "renaming.yaml")


def test_a_car_may_call_its_topics_otherwise_and_every_node_and_the_recorder_follow(renaming: str) -> None:
    graph = vehicle_graph(DriveOptions(vehicle=renaming, recording="/r.mcap", bus="profile"))
    seen = {topic for node in graph.nodes for _, topic in node.remappings}
    assert {"/can/speed", "/can/command", "/cam0/image", "/vehicle/status/steering_status"} <= seen
    assert not {"/vehicle/status/velocity_status", CONTROL.name, "/sensing/camera/front/image_raw"} & seen
    recorded = {line.split()[0] for line in graph.node("recorder").recorded}
    assert {"/can/speed", "/can/command", "/cam0/image"} <= recorded
    assert "/can/speed autoware_vehicle_msgs/msg/VelocityReport state" in graph.node("recorder").recorded
    plain = vehicle_graph(DriveOptions(recording="/r.mcap", bus="profile"))
    for node, unnamed in zip(graph.nodes, plain.nodes, strict=True):
        assert node.parameters["consumers"] == unnamed.parameters["consumers"], "a name is no wire"


def test_in_shadow_no_car_hears_a_command_whatever_it_calls_it(renaming: str) -> None:
    topics = vehicle_graph(DriveOptions(vehicle=renaming), shadow=True).topics()
    assert "/can/command" not in topics
    assert f"/sim2real_ad/shadow{CONTROL.name}" in topics


def test_what_a_profile_may_rename_is_what_passes_the_vehicle_boundary() -> None:
    assert set(TopicNames.model_fields) == set(BOUNDARY)
    inside = {topic.name for name in CHAIN for topic in PORTS[name].outputs.values()} - {
        CONTROL.name,
        GEAR_COMMAND.name,
    }
    assert not inside & {topic.name for topic in BOUNDARY.values()}


def test_the_recorder_takes_every_topic_but_the_clock_and_pictures_once() -> None:
    graph = GRAPHS["sim"]
    recorded = {line.split()[0] for line in graph.node("recorder").recorded}
    assert set(graph.topics()) - recorded == {"/clock", "/sim2real_ad/camera/image"}


def test_a_relay_sees_the_topics_of_its_vehicles_role_and_camera_alone() -> None:
    theirs = [
        topic for _, topic in relay_graph(DriveOptions(), role="hero", sensor="front").node("carla_relay").remappings
    ]
    carlas = {name for name in theirs if name.startswith("/carla/")}
    assert all(name.startswith("/carla/hero/") for name in carlas)
    assert {"/carla/hero/front/image", "/carla/hero/odometry", "/carla/hero/vehicle_control_cmd"} <= carlas
    assert "/sensing/camera/front/image_raw" in theirs


def test_every_stage_of_the_chain_reports_its_timing() -> None:
    assert all("timing" in PORTS[stage].outputs for stage in CHAIN)


def test_the_command_line_carries_name_parameters_and_remappings() -> None:
    gate = sim_graph(DriveOptions(vehicle="saloon")).node("safety_gate")
    command = node_command(gate)
    assert command[1:3] == ["-m", "sim2real_ad.ros.safety_gate_node"]
    for pair in ("__node:=safety_gate", 'vehicle:="saloon"', "lockstep:=true", f"~/output/control:={CONTROL.name}"):
        assert pair in command


def test_reports_are_streams_and_only_what_late_joiners_need_is_latched() -> None:
    kinds = {t.name: t.qos for ports in PORTS.values() for t in (*ports.inputs.values(), *ports.outputs.values())}
    latched = {"/planning/route", "/simulation/episode", "/sim2real_ad/start"}
    latched |= {f"/carla/ego_vehicle/{n}" for n in ("vehicle_info", "vehicle_control_manual_override", "waypoints")}
    commands = {CONTROL.name, GEAR_COMMAND.name, ACTUATION.name, "/vehicle/engage"}
    assert {name for name, kind in kinds.items() if kind == "latched"} == latched
    assert {name for name, kind in kinds.items() if kind == "command"} == commands
    assert {kind for name, kind in kinds.items() if name.startswith(("/vehicle/status/", "/localization/"))} == {
        "state"
    }
