"""Drive a car: `ros2 launch sim2real_ad vehicle.launch.py vehicle:=<profile> camera:=<calibration>`.

Below the graph stands whatever speaks Autoware's vehicle interface. The gate starts disengaged; publish
autoware_vehicle_msgs/Engage on /vehicle/engage to hand it the car.
"""

from sim2real_ad.ros.graph import vehicle_graph
from sim2real_ad.ros.launch_actions import DRIVE_ARGUMENTS, drive_options, from_arguments, node_actions

ARGUMENTS = {
    **DRIVE_ARGUMENTS,
    "source": ("topic", "Where pictures come from: topic, compressed (topics), v4l2 (device) or video (file)."),
    "source_path": ("", "Device or video file; empty for topics."),
}
CHOICES = {"source": ["topic", "compressed", "v4l2", "video"]}


def actions(values):
    return node_actions(vehicle_graph(drive_options(values), values["source"], values["source_path"]))


def generate_launch_description():
    return from_arguments(actions, ARGUMENTS, CHOICES)
