"""Drive in CARLA beside a bridge that already runs: `ros2 launch sim2real_ad carla_bridge.launch.py bridge:=native`.

bridge:=carla_ros_bridge listens to odometry, vehicle_status and vehicle_info; for mode:=lockstep start it with
synchronous_mode_wait_for_vehicle_control_command:=True. bridge:=native listens to the imu and gnss sensors of a CARLA
0.9.16 server with --ros2, both at the vehicle's origin, and needs the map that is driven on.
"""

from sim2real_ad.ros.graph import relay_graph
from sim2real_ad.ros.launch_actions import DRIVE_ARGUMENTS, drive_options, from_arguments, node_actions

ARGUMENTS = {
    "bridge": ("carla_ros_bridge", "Whose topics: carla_ros_bridge, or native for CARLA 0.9.16 with --ros2."),
    "role": ("ego_vehicle", "Role name of the vehicle, as in /carla/<role>/vehicle_control_cmd."),
    "sensor": ("rgb_front", "Name of the front camera, as in /carla/<role>/<sensor>/image."),
    "route": ("", "File of the route's points (.csv or .yaml); empty for /carla/<role>/waypoints."),
    "speed_limit": ("8.0", "Speed limit on the route, m/s."),
    "map": ("", "OpenDRIVE map that is driven on, name or path; needed by the native bridge."),
    "mode": ("realtime", "realtime: by the clock; lockstep: the simulator waits for every command."),
    **DRIVE_ARGUMENTS,
}
CHOICES = {"bridge": ["carla_ros_bridge", "native"], "mode": ["lockstep", "realtime"]}


def actions(values):
    graph = relay_graph(
        drive_options(values, mode=values["mode"]),
        values["bridge"],
        values["role"],
        sensor=values["sensor"],
        route=values["route"],
        map_path=values["map"],
        speed_limit=float(values["speed_limit"]),
    )
    return node_actions(graph)


def generate_launch_description():
    return from_arguments(actions, ARGUMENTS, CHOICES)
