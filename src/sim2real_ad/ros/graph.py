"""The graph, declared once as data: which nodes each way of use is made of, and with which parameters.

The supervisor behind `s2r drive` and the launch files are both made from here. What a node is: `node_spec`; what it
reads and writes: `topics`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from sim2real_ad.errors import GraphError
from sim2real_ad.ros.node_spec import ALONE, Graph, NodeSpec, ParameterValue
from sim2real_ad.ros.topics import (
    ACTUATION,
    CARLA_CAMERA,
    CARLA_CONTROL,
    CARLA_EGO,
    CLOCK,
    CONTROL,
    CONTROL_MODE,
    EGO_PORTS,
    GATE_STATUS,
    GEAR,
    GEAR_COMMAND,
    IMAGE,
    IMAGE_COMPRESSED,
    IMAGE_RAW,
    PORTS,
    ROUTE,
    TIMING,
    VEHICLE_PORTS,
    Topic,
    renamed_on_a_car,
)
from sim2real_ad.vehicle.profile import load_vehicle

Mode = Literal["lockstep", "realtime"]
TimeSource = Literal["system", "simulation"]
CarlaFlavour = Literal["carla_ros_bridge", "native"]
SHADOW_PREFIX = "/sim2real_ad/shadow"
FAULTY_PREFIX = "/sim2real_ad/faulty"
SIMULATED_PREFIX = "/simulation"
PRIORITIES = {"carla_bridge": 10, "camera": 20, "adapter": 20, "policy": 20, "actuation": 20, "safety_gate": 30}
"""Real-time priorities of what a frame passes, where time does not wait; the gate before all that it watches. The
bridge has one for the simulated car's own timeout, which on a real car nothing can make late."""
BUS_PRIORITIES = {"vehicle_interface": 40, "simulated_ecu": 40}
"""Of what keeps a bus in time, which never waits."""


@dataclass(frozen=True)
class DriveOptions:
    """What a user chooses. camera, vehicle: name or path; checkpoint: folder, empty for the shipped one.

    recording: MCAP file, empty for none; pictures: whether it holds the camera's too, which are most of its bytes;
    domain: target domain of a simulated world, name or path, empty for the one that is trained in; bus: of our own
    vehicle interface, `profile` for the vehicle profile's, or one line as in `dbw.settings.bus_from_text`; empty where
    something else speaks Autoware's vehicle interface, or the world does.
    """

    camera: str = "default"
    vehicle: str = "saloon"
    checkpoint: str = ""
    mode: Mode = "lockstep"
    recording: str = ""
    pictures: bool = True
    domain: str = ""
    bus: str = ""

    @property
    def lockstep(self) -> bool:
        """Whether time stands still between a frame and its command."""
        return self.mode == "lockstep"


def sim_graph(options: DriveOptions, host: str = "127.0.0.1", port: int = 2000) -> Graph:
    """Return the graph over a simulated world: embedded or CARLA, both behind host and port.

    Raises GraphError where the options ask for a bus in lock-step.
    """
    if options.bus and options.lockstep:
        raise GraphError(f"bus {options.bus}: a bus and its timeouts do not wait for anybody, so it needs real time")
    bridge: dict[str, ParameterValue] = {
        "host": host,
        "port": port,
        "camera": options.camera,
        "vehicle": options.vehicle,
        "bare_actuators": bool(options.bus),
        "domain": options.domain,
        "lockstep": options.lockstep,
    }
    camera = _camera(options, "simulation", "topic")
    stages = _stages(options, "simulation", auto_engage=True)
    world = _behind_bus(options, NodeSpec("carla_bridge", bridge))
    return _finished(options, (*world, camera, *stages, *_vehicle_interface(options, "simulation")))


def vehicle_graph(
    options: DriveOptions, source: str = "topic", source_path: str = "", *, shadow: bool = False
) -> Graph:
    """Return the graph on a vehicle computer. source: topic, compressed, v4l2 or video; source_path: device or file.

    Below it stands our own vehicle interface where the options name a bus, else whatever speaks Autoware's, under the
    names that the vehicle's profile gives. shadow: compute everything and actuate nothing. Raises ConfigError where
    there is no such profile.
    """
    options = replace(options, mode="realtime")
    camera = _camera(options, "system", source, source_path)
    stages = _stages(options, "system", auto_engage=shadow)
    stages = _hidden(stages) if shadow else stages
    nodes = (camera, *stages, *_vehicle_interface(options, "system"))
    names = renamed_on_a_car(load_vehicle(options.vehicle).topics)
    return _called(_finished(options, nodes, respawning=True), names)


def relay_graph(
    options: DriveOptions,
    flavour: CarlaFlavour = "carla_ros_bridge",
    role: str = "ego_vehicle",
    *,
    sensor: str = CARLA_CAMERA,
    route: str = "",
    map_path: str = "",
    speed_limit: float = 8.0,
) -> Graph:
    """Return the graph beside CARLA and a bridge that someone else runs. flavour: whose topics; role: of the vehicle.

    sensor: the camera's name in the topics; route: file of points, empty for the bridge's waypoints; map_path:
    OpenDRIVE, for the native flavour; speed_limit: m/s. In lock-step the simulator must wait for each command.
    """
    relay: dict[str, ParameterValue] = {
        "bridge": flavour,
        "vehicle": options.vehicle,
        "map": map_path,
        "route": route,
        "speed_limit": float(speed_limit),
        "lockstep": options.lockstep,
    }
    prefix = f"{CARLA_EGO.rpartition('/')[0]}/{role}"
    inputs = PORTS["carla_relay"].inputs.values()
    theirs = [topic.name for topic in (*inputs, CARLA_CONTROL) if topic.name.startswith(f"{CARLA_EGO}/")]
    renamed = {
        name: name.replace(CARLA_EGO, prefix, 1).replace(f"/{CARLA_CAMERA}/", f"/{sensor}/", 1) for name in theirs
    }
    camera = _camera(options, "simulation", "topic")
    stages = _stages(options, "simulation", auto_engage=True)
    return _finished(options, (NodeSpec("carla_relay", relay, renamed), camera, *stages))


def replay_graph(options: DriveOptions, source: str = "topic") -> Graph:
    """Return the graph beside a bag that is played back: what it commands goes to a topic of its own."""
    options = replace(options, mode="realtime")
    stages = _hidden(_stages(options, "simulation", auto_engage=True))
    return _finished(options, (_camera(options, "simulation", source), *stages))


def stepped_graph(options: DriveOptions, played: Collection[Topic], *, actuated: bool) -> Graph:
    """Return the graph that a bag is stepped through, frame by frame in lock-step, by whoever publishes its frames.

    played: what that player publishes; the nodes are ready once they hear it. actuated: whether the stack drove the car
    when the bag was recorded; either way no car hears the commands.
    """
    options = replace(options, mode="lockstep")
    *others, gate = _hidden(_stages(options, "simulation", auto_engage=True))
    camera = _camera(options, "simulation", "topic")
    return _finished(options, (camera, *others, gate.having(actuated=actuated)), watched=(CONTROL,), played=played)


def shadow_graph(options: DriveOptions, video: str, speed: float, max_frames: int = 0) -> Graph:
    """Return the graph over a driving video, with a car that is assumed to drive straight at a constant speed, m/s.

    max_frames: end after so many, 0 for the whole video.
    """
    camera = _camera(options, "system", "video", video).having(max_frames=max_frames, await_start=True)
    vehicle = NodeSpec("shadow_vehicle", {"speed": float(speed)})
    stages = _hidden(_stages(options, "system", auto_engage=True))
    return _finished(options, (vehicle, camera, *stages), watched=(TIMING, GATE_STATUS))


def faulty_graph(graph: Graph, edge: Topic, kind: str, amount: float, at: float) -> Graph:
    """Return a graph in which whoever reads an edge gets what a fault leaves of it. at: s of the episode."""
    passed_on = FAULTY_PREFIX + edge.name
    injector: dict[str, ParameterValue] = {
        "topic": f"{edge.name} {edge.type_name} {edge.qos}",
        "passed_on": passed_on,
        "kind": kind,
        "amount": float(amount),
        "at": float(at),
        **ALONE,
    }
    nodes = [
        replace(node, renamed={**node.renamed, edge.name: passed_on}) if edge in node.ports.inputs.values() else node
        for node in graph.nodes
    ]
    alone = [_without_neighbour(node, edge) for node in nodes]
    return Graph((*alone, NodeSpec("fault_injector", injector)))


def _without_neighbour(node: NodeSpec, edge: Topic) -> NodeSpec:
    """Let a node not wait for whom it reads an edge from, or who reads it, for the injector stands between them."""
    ports = [port for port, topic in (*node.ports.inputs.items(), *node.ports.outputs.items()) if topic == edge]
    kept = {
        name: [entry for entry in _names(node, name) if entry.partition("=")[0] not in ports] or [""]
        for name in ("producers", "consumers")
    }
    return node.having(**kept)


def _names(node: NodeSpec, parameter: str) -> list[str]:
    value = node.parameters.get(parameter, [])
    return value if isinstance(value, list) else []


def _vehicle_interface(options: DriveOptions, time_source: TimeSource) -> tuple[NodeSpec, ...]:
    if not options.bus:
        return ()
    parameters = {"vehicle": options.vehicle, "bus": options.bus, "time_source": time_source}
    return (NodeSpec("vehicle_interface", parameters),)


def _behind_bus(options: DriveOptions, bridge: NodeSpec) -> tuple[NodeSpec, ...]:
    """Let the world's car be reached over the bus alone: by its simulated modules, which hear the truth of it."""
    if not options.bus:
        return (bridge,)
    truth = {topic.name: SIMULATED_PREFIX + topic.name for topic in VEHICLE_PORTS.values()}
    ecu = NodeSpec("simulated_ecu", {"vehicle": options.vehicle, "bus": options.bus}, renamed=truth)
    return replace(bridge, renamed={**truth, CONTROL.name: ACTUATION.name}), ecu


def _camera(options: DriveOptions, time_source: TimeSource, source: str, source_path: str = "") -> NodeSpec:
    chosen: dict[str, ParameterValue] = {
        "source": source,
        "source_path": source_path,
        "max_frames": 0,
        "await_start": False,
    }
    chosen |= {"camera": options.camera, "lockstep": options.lockstep, "time_source": time_source}
    return NodeSpec("camera", chosen)


def _stages(options: DriveOptions, time_source: TimeSource, *, auto_engage: bool) -> tuple[NodeSpec, ...]:
    lockstep = {"lockstep": options.lockstep}
    gate = {"time_source": time_source, "auto_engage": auto_engage, "actuated": True}
    checkpoint = {"checkpoint": options.checkpoint}
    vehicle = {"vehicle": options.vehicle}
    return (
        NodeSpec("adapter", {**checkpoint, "camera": options.camera, **lockstep}),
        NodeSpec("policy", {**checkpoint, **vehicle}),
        NodeSpec("actuation", {**vehicle, **lockstep}),
        NodeSpec("safety_gate", {**checkpoint, **vehicle, **lockstep, **gate}),
    )


def _called(graph: Graph, names: Mapping[str, str]) -> Graph:
    """Let a graph see topics under other names; a node keeps the names that are its own."""
    nodes = [replace(node, renamed={**names, **node.renamed}) for node in graph.nodes]
    return Graph(tuple(_recording(node, names) if node.recorded else node for node in nodes))


def _recording(recorder: NodeSpec, names: Mapping[str, str]) -> NodeSpec:
    lines = [line.partition(" ") for line in recorder.recorded]
    return recorder.having(topics=[f"{names.get(name, name)} {rest}" for name, _, rest in lines])


def _hidden(stages: tuple[NodeSpec, ...]) -> tuple[NodeSpec, ...]:
    """Keep the gate's commands away from any car: it computes them, under names that no car listens to."""
    *others, gate = stages
    renamed = {topic.name: SHADOW_PREFIX + topic.name for topic in (CONTROL, GEAR_COMMAND)}
    return (*others, replace(gate.having(actuated=False), renamed=renamed))


def _finished(
    options: DriveOptions,
    nodes: tuple[NodeSpec, ...],
    watched: Collection[Topic] = (),
    played: Collection[Topic] = (),
    *,
    respawning: bool = False,
) -> Graph:
    """Add the recorder, and tell every node which neighbours it has and what it goes before.

    watched, played: topics that whoever starts the graph reads and publishes; respawning: whether the drive goes on
    where the recorder ends, which is then started anew.
    """
    graph = Graph(nodes)
    if options.recording:
        recorder = NodeSpec("recorder", {"path": options.recording, "topics": recorded_topics(graph, options.pictures)})
        graph = Graph((*nodes, recorder.having(when_exists="next") if respawning else recorder))
    published = {*graph.topics(), *(topic.name for topic in played)}
    priorities = BUS_PRIORITIES if options.lockstep else {**PRIORITIES, **BUS_PRIORITIES}
    return Graph(
        tuple(
            node.having(**_neighbours(node, graph, watched, published), realtime_priority=priorities.get(node.name, 0))
            for node in graph.nodes
        )
    )


def _neighbours(
    node: NodeSpec, graph: Graph, watched: Collection[Topic], published: Collection[str]
) -> dict[str, list[str]]:
    """Name the inputs that somebody must publish, and count who must hear each output, before the first frame.

    published: names of the topics that are; what a car publishes may come at any time.
    """
    counts = {
        port: graph.readers(node.topic(topic)) + sum(topic == w for w in watched)
        for port, topic in node.ports.outputs.items()
    }
    producers = [p for p, topic in node.required_inputs.items() if node.topic(topic) in published]
    consumers = [f"{port}={count}" for port, count in counts.items() if count]
    return {"producers": producers or [""], "consumers": consumers or [""]}


def recorded_topics(graph: Graph, pictures: bool = True) -> list[str]:
    """Return what the recorder subscribes to, as `name type qos`.

    Pictures are recorded once, where they enter the graph, or not at all. /clock is left out: every message has its
    stamp.
    """
    topics = graph.topics()
    camera = graph.node("camera").parameters["source"]
    for source, entry in (("topic", IMAGE_RAW), ("compressed", IMAGE_COMPRESSED)):
        if camera == source:
            topics.pop(IMAGE.name)
            topics[entry.name] = entry
    if not pictures:
        for topic in (IMAGE, IMAGE_RAW, IMAGE_COMPRESSED):
            topics.pop(topic.name, None)
    topics.pop(CLOCK.name, None)
    if "carla_bridge" not in {node.name for node in graph.nodes}:
        topics |= {t.name: t for t in (*EGO_PORTS.values(), GEAR, CONTROL_MODE, ROUTE)}
    return [f"{t.name} {t.type_name} {t.qos}" for t in sorted(topics.values(), key=lambda t: t.name)]
