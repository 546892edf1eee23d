"""Run the graph beside a bag: `ros2 launch sim2real_ad replay.launch.py`, then `ros2 bag play BAG --clock`.

What the gate commands goes to /sim2real_ad/shadow/..., which no car listens to.
"""

from sim2real_ad.ros.graph import replay_graph
from sim2real_ad.ros.launch_actions import DRIVE_ARGUMENTS, drive_options, from_arguments, node_actions

ARGUMENTS = {
    **DRIVE_ARGUMENTS,
    "source": ("topic", "Which topic of the bag holds pictures: topic (raw) or compressed."),
}
CHOICES = {"source": ["topic", "compressed"]}


def actions(values):
    return node_actions(replay_graph(drive_options(values), values["source"]))


def generate_launch_description():
    return from_arguments(actions, ARGUMENTS, CHOICES)
