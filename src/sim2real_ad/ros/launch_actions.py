"""Launch actions made from the graph: the same processes, arguments and environment as the supervisor's.

Needs `launch` and `launch_ros`, which come with a ROS distribution.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sim2real_ad.ros.graph import DriveOptions
from sim2real_ad.ros.node_spec import PACKAGE, Graph
from sim2real_ad.ros.transport import transport_environment

Arguments = Mapping[str, tuple[str, str]]
Choices = Mapping[str, Sequence[str]]
DRIVE_ARGUMENTS = {
    "camera": ("default", "Camera calibration: a name in config/cameras or a path."),
    "vehicle": ("saloon", "Vehicle profile: a name in config/vehicles or a path."),
    "checkpoint": ("", "Checkpoint folder; empty for the shipped one."),
    "recording": ("", "MCAP file to record the graph's topics into; empty for none."),
}


def environment_actions() -> list[Any]:
    """Put the shared-memory transport in force for everything that the launch file starts."""
    from launch.actions import SetEnvironmentVariable

    wanted = transport_environment(os.environ)
    return [SetEnvironmentVariable(n, v) for n, v in sorted(wanted.items()) if os.environ.get(n) != v]


def argument_actions(arguments: Arguments, choices: Choices | None = None) -> list[Any]:
    """Declare launch arguments, given as name to (default, description)."""
    from launch.actions import DeclareLaunchArgument

    return [
        DeclareLaunchArgument(name, default_value=default, description=text, choices=(choices or {}).get(name))
        for name, (default, text) in arguments.items()
    ]


def node_actions(graph: Graph) -> list[Any]:
    """Return one process a node.

    One that may is started anew where it ends; with any other the whole launch ends: a graph with a hole in it drives
    nowhere, and what it left is braked: by the vehicle interface before it ends, or by the car's own timeout.
    """
    from launch.actions import Shutdown
    from launch_ros.actions import Node

    return [
        Node(
            package=PACKAGE,
            executable=node.executable,
            ros_arguments=node.arguments()[1:],
            output="screen",
            **({"respawn": True, "respawn_delay": 1.0} if node.respawns else {}),
            on_exit=None if node.respawns else Shutdown(reason=f"{node.name} ended"),
        )
        for node in graph.nodes
    ]


def evaluated(context: Any, names: Iterable[str]) -> dict[str, str]:
    """Return the values of launch arguments."""
    from launch.substitutions import LaunchConfiguration

    return {name: LaunchConfiguration(name).perform(context) for name in names}


def drive_options(values: dict[str, str], **fixed: Any) -> DriveOptions:
    """Return the options that DRIVE_ARGUMENTS and, over them, fixed give."""
    return DriveOptions(**{**{name: values[name] for name in DRIVE_ARGUMENTS}, **fixed})


def from_arguments(
    make: Callable[[dict[str, str]], list[Any]],
    arguments: Arguments,
    choices: Choices | None = None,
) -> Any:
    """Return a launch description that declares arguments and makes its actions from their values."""
    from launch import LaunchDescription
    from launch.actions import OpaqueFunction

    deferred = OpaqueFunction(function=lambda context: make(evaluated(context, arguments)))
    return LaunchDescription([*argument_actions(arguments, choices), *environment_actions(), deferred])
