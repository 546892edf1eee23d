"""Close the loop over a simulated world: `ros2 launch sim2real_ad sim.launch.py scenario:=stop_sign`."""

from launch.actions import ExecuteProcess, Shutdown
from launch_ros.actions import Node
from launch_ros.substitutions import ExecutableInPackage

from sim2real_ad.ros.graph import sim_graph
from sim2real_ad.ros.launch_actions import DRIVE_ARGUMENTS, drive_options, from_arguments, node_actions
from sim2real_ad.ros.node_spec import PACKAGE

ARGUMENTS = {
    "world": ("embedded", "embedded: our own world, started here; carla: a CARLA 0.9.16 server at host and port."),
    "host": ("127.0.0.1", "Host of the CARLA server."),
    "port": ("2000", "Port of the world; the streams take the next one."),
    "mode": ("lockstep", "lockstep: time waits for the command, deterministic; realtime: deadlines count."),
    "scenario": ("all", "Scenario to drive: a name in config/scenarios, a path, 'all', or 'none' to only wait."),
    "episodes": ("1", "Episodes of each scenario."),
    "seed": ("0", "Seed of the first episode."),
    "out": ("", "Folder of the results; empty for out/launch-<time>."),
    "bus": ("", "Reach the car over CAN, by its simulated modules: as socketcan:vcan0; needs mode:=realtime."),
    **DRIVE_ARGUMENTS,
}
CHOICES = {"world": ["embedded", "carla"], "mode": ["lockstep", "realtime"]}


def actions(values):
    options = drive_options(values, mode=values["mode"], bus=values["bus"])
    graph = sim_graph(options, values["host"], int(values["port"]))
    made = node_actions(graph)
    if values["world"] == "embedded":
        arguments = ["world", "--host", values["host"], "--port", values["port"], "--exit-with-parent"]
        made.append(
            ExecuteProcess(  # no ROS process: a Node would be handed --ros-args
                cmd=[ExecutableInPackage(package=PACKAGE, executable="s2r"), *arguments],
                name="world",
                output="screen",
                on_exit=Shutdown(reason="the world ended"),
            )
        )
    if values["scenario"] != "none":
        asked = [f"--{name}={values[name]}" for name in ("scenario", "episodes", "seed", "out")]
        made.append(
            Node(
                package=PACKAGE,
                executable="episodes_node",
                arguments=asked,
                output="screen",
                on_exit=Shutdown(reason="every episode is done"),
            )
        )
    return made


def generate_launch_description():
    return from_arguments(actions, ARGUMENTS, CHOICES)
