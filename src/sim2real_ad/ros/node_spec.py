"""A node of a graph as data: its name, parameters and remappings; and a graph, which is nodes.

A node's own names are `~/input/<port>` and `~/output/<port>`; they are remapped to topics. A node takes the type and
the quality of service of its ports from `topics`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sim2real_ad.config import find_config, read_yaml
from sim2real_ad.errors import ConfigError
from sim2real_ad.ros.topics import PORTS, Ports, Topic

ParameterValue = bool | int | float | str | list[str]
PACKAGE = "sim2real_ad"
ALONE: Mapping[str, ParameterValue] = {"producers": [""], "consumers": [""], "realtime_priority": 0}
"""Parameters of a node that waits for nobody."""
_SOURCE_PORTS = {"topic": ("image",), "compressed": ("compressed",), "video": ("gate_status",)}


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
    def respawns(self) -> bool:
        """Whether it may end and be started anew while the others go on: it decides nothing and nobody waits for it."""
        return self.parameters.get("when_exists") == "next"

    @property
    def recorded(self) -> list[str]:
        """What the recorder subscribes to; empty for every other node."""
        topics = self.parameters.get("topics", [])
        return topics if isinstance(topics, list) else []

    @property
    def ports(self) -> Ports:
        """What it reads and writes."""
        return PORTS[self.name]

    @property
    def required_inputs(self) -> dict[str, Topic]:
        """The inputs that it cannot do without; of the camera's sources, the chosen one."""
        chosen = _SOURCE_PORTS.get(str(self.parameters.get("source")), ())
        wanted = {p: t for p, t in self.ports.inputs.items() if p not in self.ports.optional}
        return wanted | {port: self.ports.inputs[port] for port in chosen}

    def having(self, **parameters: Any) -> NodeSpec:
        """Return the same node with other parameters in place of its own, or beside them."""
        return replace(self, parameters={**self.parameters, **parameters})

    def topic(self, topic: Topic) -> str:
        """Return the name under which this node sees a topic."""
        return self.renamed.get(topic.name, topic.name)

    @property
    def remappings(self) -> tuple[tuple[str, str], ...]:
        """Pairs of the node's own name and the topic."""
        pairs = [(f"~/input/{port}", topic) for port, topic in self.ports.inputs.items()]
        pairs += [(f"~/output/{port}", topic) for port, topic in self.ports.outputs.items()]
        return tuple((own, self.topic(topic)) for own, topic in pairs)

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

    def readers(self, name: str) -> int:
        """Return how many of the nodes cannot do without a topic."""
        reading = sum(name in map(node.topic, node.required_inputs.values()) for node in self.nodes)
        return reading + sum(line.split()[0] == name for node in self.nodes for line in node.recorded)

    def topics(self) -> dict[str, Topic]:
        """Return every topic that a node of the graph publishes, by its name in the graph."""
        found: dict[str, Topic] = {}
        for node in self.nodes:
            for topic in node.ports.outputs.values():
                name = node.topic(topic)
                found[name] = replace(topic, name=name)
        return found


def parameter_file() -> Path:
    """Return the file with the parameters that do not depend on the way of use."""
    return find_config("nodes", "graph")


def shared_parameters(name: str) -> dict[str, Any]:
    """Return what that file says of a node. Raises ConfigError where it says nothing."""
    path = parameter_file()
    parameters = read_yaml(path).get(name, {}).get("ros__parameters")
    if not isinstance(parameters, dict):
        raise ConfigError(f"{path}: {name}.ros__parameters is missing")
    return parameters


def _yaml(value: ParameterValue) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)
