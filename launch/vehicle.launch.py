"""Drive a car: `ros2 launch sim2real_ad vehicle.launch.py vehicle:=<profile> camera:=<calibration>`.

Below the graph stands whatever speaks Autoware's vehicle interface, or with drive_by_wire:=true our own over CAN. The
gate starts disengaged; publish autoware_vehicle_msgs/Engage on /vehicle/engage to hand it the car. With shadow:=true
everything is computed and nothing actuated.
"""

from sim2real_ad.ros.graph import vehicle_graph
from sim2real_ad.ros.launch_actions import DRIVE_ARGUMENTS, drive_options, from_arguments, node_actions

ARGUMENTS = {
    **DRIVE_ARGUMENTS,
    "source": ("topic", "Where pictures come from: topic, compressed (topics), v4l2 (device) or video (file)."),
    "source_path": ("", "Device or video file; empty for topics."),
    "drive_by_wire": ("false", "true: our own vehicle interface, over the bus of the vehicle profile."),
    "bus": ("profile", "Another bus than the profile's, as socketcan:can1; with drive_by_wire:=true."),
    "shadow": ("false", "true: compute everything, actuate nothing; commands go to /sim2real_ad/shadow/..."),
}
CHOICES = {
    "source": ["topic", "compressed", "v4l2", "video"],
    "drive_by_wire": ["true", "false"],
    "shadow": ["true", "false"],
}


def actions(values):
    options = drive_options(values, bus=values["bus"] if values["drive_by_wire"] == "true" else "")
    shadow = values["shadow"] == "true"
    return node_actions(vehicle_graph(options, values["source"], values["source_path"], shadow=shadow))


def generate_launch_description():
    return from_arguments(actions, ARGUMENTS, CHOICES)
