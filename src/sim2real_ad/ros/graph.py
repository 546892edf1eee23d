"""The graph, declared once as data: topics, nodes, ports, parameters, remappings.

The supervisor behind `s2r drive` and the launch files are both made from here, and a node takes the type and the
quality of service of its ports from here. A node's own names are `~/input/<port>` and `~/output/<port>`; the graph
remaps them to topics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from sim2real_ad.config import find_config
from sim2real_ad.ros.qos import QosKind

Mode = Literal["lockstep", "realtime"]
TimeSource = Literal["system", "simulation"]
ParameterValue = bool | int | float | str | list[str]
PACKAGE = "sim2real_ad"


@dataclass(frozen=True)
class Topic:
    """A topic: absolute name, type like `sensor_msgs/msg/Image`, kind of quality of service."""

    name: str
    type_name: str
    qos: QosKind


CLOCK = Topic("/clock", "rosgraph_msgs/msg/Clock", "clock")
IMAGE_RAW = Topic("/sensing/camera/front/image_raw", "sensor_msgs/msg/Image", "sensor")
IMAGE_COMPRESSED = Topic("/sensing/camera/front/image_raw/compressed", "sensor_msgs/msg/CompressedImage", "sensor")
CAMERA_INFO_RAW = Topic("/sensing/camera/front/camera_info", "sensor_msgs/msg/CameraInfo", "state")
ODOMETRY = Topic("/localization/kinematic_state", "nav_msgs/msg/Odometry", "state")
ACCELERATION = Topic("/localization/acceleration", "geometry_msgs/msg/AccelWithCovarianceStamped", "state")
VELOCITY = Topic("/vehicle/status/velocity_status", "autoware_vehicle_msgs/msg/VelocityReport", "state")
STEERING = Topic("/vehicle/status/steering_status", "autoware_vehicle_msgs/msg/SteeringReport", "state")
GEAR = Topic("/vehicle/status/gear_status", "autoware_vehicle_msgs/msg/GearReport", "state")
CONTROL_MODE = Topic("/vehicle/status/control_mode", "autoware_vehicle_msgs/msg/ControlModeReport", "state")
ROUTE = Topic("/planning/route", "sim2real_ad_msgs/msg/Route", "latched")
EPISODE = Topic("/simulation/episode", "sim2real_ad_msgs/msg/EpisodeStatus", "latched")
IMAGE = Topic("/sim2real_ad/camera/image", "sensor_msgs/msg/Image", "stream")
CAMERA_INFO = Topic("/sim2real_ad/camera/camera_info", "sensor_msgs/msg/CameraInfo", "state")
OBSERVATION = Topic("/sim2real_ad/observation", "sim2real_ad_msgs/msg/Observation", "stream")
ACTION = Topic("/sim2real_ad/action", "sim2real_ad_msgs/msg/PolicyAction", "stream")
REQUEST = Topic("/sim2real_ad/control_request", "autoware_control_msgs/msg/Control", "stream")
CONTROL = Topic("/control/command/control_cmd", "autoware_control_msgs/msg/Control", "command")
GEAR_COMMAND = Topic("/control/command/gear_cmd", "autoware_vehicle_msgs/msg/GearCommand", "command")
ENGAGE = Topic("/vehicle/engage", "autoware_vehicle_msgs/msg/Engage", "command")
GATE_STATUS = Topic("/sim2real_ad/gate_status", "sim2real_ad_msgs/msg/GateStatus", "state")
TIMING = Topic("/sim2real_ad/frame_timing", "sim2real_ad_msgs/msg/FrameTiming", "state")
START_EPISODE = "/simulation/start_episode"

SHADOW_PREFIX = "/sim2real_ad/shadow"
EGO_PORTS = {"odometry": ODOMETRY, "acceleration": ACCELERATION, "velocity": VELOCITY, "steering": STEERING}
CHAIN = ("camera", "adapter", "policy", "actuation", "safety_gate")
"""The stages that a frame passes, in order; each reports its FrameTiming."""


@dataclass(frozen=True)
class Ports:
    """What a kind of node reads and writes, by the port's name. optional: inputs that nothing need publish."""

    inputs: Mapping[str, Topic]
    outputs: Mapping[str, Topic]
    optional: frozenset[str] = frozenset()


PORTS: dict[str, Ports] = {
    "carla_bridge": Ports(
        {"control": CONTROL, "timing": TIMING, "gate_status": GATE_STATUS},
        {
            "clock": CLOCK,
            "image": IMAGE_RAW,
            "camera_info": CAMERA_INFO_RAW,
            **EGO_PORTS,
            "gear": GEAR,
            "control_mode": CONTROL_MODE,
            "route": ROUTE,
            "episode": EPISODE,
        },
    ),
    "shadow_vehicle": Ports(
        {"frame": CAMERA_INFO}, {**EGO_PORTS, "gear": GEAR, "control_mode": CONTROL_MODE, "route": ROUTE}
    ),
    "camera": Ports(
        {
            "image": IMAGE_RAW,
            "compressed": IMAGE_COMPRESSED,
            "camera_info": CAMERA_INFO_RAW,
            "gate_status": GATE_STATUS,
        },
        {"image": IMAGE, "camera_info": CAMERA_INFO, "timing": TIMING},
        optional=frozenset({"image", "compressed", "camera_info", "gate_status"}),
    ),
    "adapter": Ports({"image": IMAGE, **EGO_PORTS, "route": ROUTE}, {"observation": OBSERVATION, "timing": TIMING}),
    "policy": Ports({"observation": OBSERVATION}, {"action": ACTION, "timing": TIMING}),
    "actuation": Ports({"action": ACTION, **EGO_PORTS}, {"request": REQUEST, "timing": TIMING}),
    "safety_gate": Ports(
        {"request": REQUEST, **EGO_PORTS, "clock": CLOCK, "episode": EPISODE, "engage": ENGAGE},
        {"control": CONTROL, "gear": GEAR_COMMAND, "gate_status": GATE_STATUS, "timing": TIMING},
        optional=frozenset({"clock", "episode", "engage"}),
    ),
    "recorder": Ports({}, {}),
}


@dataclass(frozen=True)
class NodeSpec:
    """One process. name: of the node and its kind in PORTS; parameters: over those of config/graph/nodes.yaml."""

    name: str
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Topics that this node shall see under another name, from topic to topic."""

    @property
    def executable(self) -> str:
        """The console script and the module in `sim2real_ad.ros`."""
        return f"{self.name}_node"

    @property
    def recorded(self) -> list[str]:
        """What the recorder subscribes to; empty for every other node."""
        topics = self.parameters.get("topics", [])
        return topics if isinstance(topics, list) else []

    @property
    def remappings(self) -> tuple[tuple[str, str], ...]:
        """Pairs of the node's own name and the topic."""
        ports = PORTS[self.name]
        pairs = [(f"~/input/{port}", topic.name) for port, topic in ports.inputs.items()]
        pairs += [(f"~/output/{port}", topic.name) for port, topic in ports.outputs.items()]
        return tuple((own, self.renamed.get(topic, topic)) for own, topic in pairs)

    def arguments(self) -> list[str]:
        """Return the command line arguments that give the node its name, parameters and remappings."""
        arguments = ["--ros-args", "-r", f"__node:={self.name}", "--params-file", str(parameter_file())]
        for name, value in self.parameters.items():
            arguments += ["-p", f"{name}:={_yaml(value)}"]
        for own, topic in self.remappings:
            arguments += ["-r", f"{own}:={topic}"]
        return arguments


@dataclass(frozen=True)
class Graph:
    """Every node of one way of use."""

    nodes: tuple[NodeSpec, ...]

    def node(self, name: str) -> NodeSpec:
        """Return a node by name."""
        return next(node for node in self.nodes if node.name == name)

    def topics(self) -> dict[str, Topic]:
        """Return every topic that a node of the graph publishes, by its name in the graph."""
        found: dict[str, Topic] = {}
        for node in self.nodes:
            for topic in PORTS[node.name].outputs.values():
                name = node.renamed.get(topic.name, topic.name)
                found[name] = replace(topic, name=name)
        return found


@dataclass(frozen=True)
class DriveOptions:
    """What a user chooses. camera, vehicle: name or path; checkpoint: folder, empty for the shipped one.

    recording: MCAP file, empty for none.
    """

    camera: str = "default"
    vehicle: str = "saloon"
    checkpoint: str = ""
    mode: Mode = "lockstep"
    recording: str = ""

    @property
    def lockstep(self) -> bool:
        """Whether time stands still between a frame and its command."""
        return self.mode == "lockstep"


def sim_graph(options: DriveOptions, host: str = "127.0.0.1", port: int = 2000) -> Graph:
    """Return the graph over a simulated world: embedded or CARLA, both behind host and port."""
    bridge: dict[str, ParameterValue] = {
        "host": host,
        "port": port,
        "camera": options.camera,
        "vehicle": options.vehicle,
        "lockstep": options.lockstep,
    }
    camera = _camera(options, "simulation", "topic")
    stages = _stages(options, "simulation", auto_engage=True)
    return _finished(options, (NodeSpec("carla_bridge", bridge), camera, *stages))


def vehicle_graph(options: DriveOptions, source: str = "topic", source_path: str = "") -> Graph:
    """Return the graph on a vehicle computer. source: topic, compressed, v4l2 or video; source_path: device or file.

    Whatever speaks Autoware's vehicle interface stands below it.
    """
    options = replace(options, mode="realtime")
    camera = _camera(options, "system", source, source_path)
    return _finished(options, (camera, *_stages(options, "system", auto_engage=False)))


def replay_graph(options: DriveOptions, source: str = "topic") -> Graph:
    """Return the graph beside a bag that is played back: what it commands goes to a topic of its own."""
    options = replace(options, mode="realtime")
    stages = _hidden(_stages(options, "simulation", auto_engage=True))
    return _finished(options, (_camera(options, "simulation", source), *stages))


def shadow_graph(options: DriveOptions, video: str, speed: float, max_frames: int = 0) -> Graph:
    """Return the graph over a driving video, with a car that is assumed to drive straight at a constant speed, m/s.

    max_frames: end after so many, 0 for the whole video.
    """
    camera = _camera(options, "system", "video", video)
    camera = replace(camera, parameters={**camera.parameters, "max_frames": max_frames})
    vehicle = NodeSpec("shadow_vehicle", {"speed": float(speed)})
    stages = _hidden(_stages(options, "system", auto_engage=True))
    return _finished(options, (vehicle, camera, *stages))


def parameter_file() -> Path:
    """Return the file with the parameters that do not depend on the way of use."""
    return find_config("nodes", "graph")


def _camera(options: DriveOptions, time_source: TimeSource, source: str, source_path: str = "") -> NodeSpec:
    chosen: dict[str, ParameterValue] = {"source": source, "source_path": source_path, "max_frames": 0}
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
        NodeSpec("safety_gate", {**vehicle, **lockstep, **gate}),
    )


def _hidden(stages: tuple[NodeSpec, ...]) -> tuple[NodeSpec, ...]:
    """Keep the gate's commands away from any car: it computes them, under names that no car listens to."""
    *others, gate = stages
    renamed = {topic.name: SHADOW_PREFIX + topic.name for topic in (CONTROL, GEAR_COMMAND)}
    return (*others, replace(gate, parameters={**gate.parameters, "actuated": False}, renamed=renamed))


def _finished(options: DriveOptions, nodes: tuple[NodeSpec, ...]) -> Graph:
    """Add the recorder, and tell every node how many consumers its outputs have in this graph."""
    graph = Graph(nodes)
    if options.recording:
        recorder = NodeSpec("recorder", {"path": options.recording, "topics": recorded_topics(graph)})
        graph = Graph((*nodes, recorder))
    return Graph(tuple(_with_consumers(node, graph) for node in graph.nodes))


def _with_consumers(node: NodeSpec, graph: Graph) -> NodeSpec:
    """Count who must hear each output before the first frame, so that none is lost."""
    counts = {port: _consumers(node, topic, graph) for port, topic in PORTS[node.name].outputs.items()}
    consumers = [f"{port}={count}" for port, count in counts.items() if count]
    return replace(node, parameters={**node.parameters, "consumers": consumers or [""]})


def _consumers(node: NodeSpec, topic: Topic, graph: Graph) -> int:
    name = node.renamed.get(topic.name, topic.name)
    count = 0
    for other in graph.nodes:
        inputs = PORTS[other.name].inputs
        count += any(other.renamed.get(t.name, t.name) == name and _required(other, port) for port, t in inputs.items())
        count += any(line.split()[0] == name for line in other.recorded)
    return count


def _required(node: NodeSpec, port: str) -> bool:
    """Whether a node waits for an input. The camera's choice of source is one of several inputs."""
    source = node.parameters.get("source")
    return port not in PORTS[node.name].optional or (source, port) in {("topic", "image"), ("compressed", "compressed")}


def recorded_topics(graph: Graph) -> list[str]:
    """Return what the recorder subscribes to, as `name type qos`.

    Pictures are recorded once, where they enter the graph. /clock is left out: every message has its stamp.
    """
    topics = graph.topics()
    camera = graph.node("camera").parameters["source"]
    for source, entry in (("topic", IMAGE_RAW), ("compressed", IMAGE_COMPRESSED)):
        if camera == source:
            topics.pop(IMAGE.name)
            topics[entry.name] = entry
    topics.pop(CLOCK.name, None)
    if "carla_bridge" not in {node.name for node in graph.nodes}:
        topics |= {t.name: t for t in (*EGO_PORTS.values(), GEAR, CONTROL_MODE, ROUTE)}
    return [f"{t.name} {t.type_name} {t.qos}" for t in sorted(topics.values(), key=lambda t: t.name)]


def _yaml(value: ParameterValue) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)
