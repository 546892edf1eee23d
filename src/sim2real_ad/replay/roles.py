"""Which topic of a bag plays which part: by our names, by Autoware's, by those of CARLA's bridge, or as told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from sim2real_ad.bag.cameras import namespace_of
from sim2real_ad.errors import ConfigError, SourceError
from sim2real_ad.ros import topics as ours

Role = Literal[
    "image",
    "compressed",
    "camera_info",
    "odometry",
    "acceleration",
    "velocity",
    "steering",
    "vehicle_status",
    "route",
    "path",
    "control_mode",
    "driver",
    "observation",
    "action",
    "request",
    "control",
    "gate_status",
    "timing",
    "episode",
]
"""vehicle_status: of CARLA's bridge, speed, acceleration and steering in one; path: a route without a speed limit;
observation to timing: what the stack that drove said when it was recorded."""
ROLES: tuple[Role, ...] = get_args(Role)

OURS: Mapping[Role, ours.Topic] = {
    "image": ours.IMAGE_RAW,
    "compressed": ours.IMAGE_COMPRESSED,
    "camera_info": ours.CAMERA_INFO_RAW,
    "odometry": ours.ODOMETRY,
    "acceleration": ours.ACCELERATION,
    "velocity": ours.VELOCITY,
    "steering": ours.STEERING,
    "route": ours.ROUTE,
    "control_mode": ours.CONTROL_MODE,
    "driver": ours.DRIVER,
    "observation": ours.OBSERVATION,
    "action": ours.ACTION,
    "request": ours.REQUEST,
    "control": ours.CONTROL,
    "gate_status": ours.GATE_STATUS,
    "timing": ours.TIMING,
    "episode": ours.EPISODE,
}
"""Autoware's names are ours for the car, its localization and its commands."""

TYPES: Mapping[Role, tuple[str, ...]] = {
    "image": ("sensor_msgs/msg/Image",),
    "compressed": ("sensor_msgs/msg/CompressedImage",),
    "camera_info": ("sensor_msgs/msg/CameraInfo",),
    "odometry": ("nav_msgs/msg/Odometry",),
    "acceleration": ("geometry_msgs/msg/AccelWithCovarianceStamped",),
    "velocity": ("autoware_vehicle_msgs/msg/VelocityReport", "autoware_auto_vehicle_msgs/msg/VelocityReport"),
    "steering": ("autoware_vehicle_msgs/msg/SteeringReport", "autoware_auto_vehicle_msgs/msg/SteeringReport"),
    "vehicle_status": ("carla_msgs/msg/CarlaEgoVehicleStatus",),
    "path": ("nav_msgs/msg/Path",),
    "control_mode": ("autoware_vehicle_msgs/msg/ControlModeReport",),
    "control": ("autoware_control_msgs/msg/Control",),
    "route": (ours.ROUTE.type_name,),
    "driver": (ours.DRIVER.type_name,),
    "observation": (ours.OBSERVATION.type_name,),
    "action": (ours.ACTION.type_name,),
    "request": (ours.REQUEST.type_name,),
    "gate_status": (ours.GATE_STATUS.type_name,),
    "timing": (ours.TIMING.type_name,),
    "episode": (ours.EPISODE.type_name,),
}
"""What a topic's messages must be to play a role."""

CARLA = re.compile(r"^/carla/(?P<role>[^/]+)/(?P<rest>.+)$")
CARLA_NAMES: Mapping[str, Role] = {
    "odometry": "odometry",
    "vehicle_status": "vehicle_status",
    "waypoints": "path",
}
"""Below /carla/<role>/, by carla-ros-bridge."""
PICTURES: tuple[Role, ...] = ("image", "compressed")


@dataclass(frozen=True)
class Roles:
    """topic_of: the topic that plays each role that is played."""

    topic_of: Mapping[Role, str]

    @property
    def by_topic(self) -> dict[str, Role]:
        """Return the role of each topic that has one."""
        return {topic: role for role, topic in self.topic_of.items()}

    def __contains__(self, role: object) -> bool:
        return role in self.topic_of


def assign_roles(types: Mapping[str, str], chosen: Mapping[str, str]) -> Roles:
    """Return who plays what in a bag. types: of its topics, by name; chosen: topics by role, as the user said.

    Raises ConfigError for a chosen role or topic that there is not, SourceError where two cameras could be meant or a
    topic has the wrong type, naming topics and types.
    """
    told = _told(types, chosen)
    topic_of = {**_by_our_names(types), **_by_carla(types), **told}
    if not topic_of.keys() & set(PICTURES):
        topic_of |= _only_camera(types)
    _keep_one_picture(topic_of, told)
    if "camera_info" not in told and topic_of.keys() & set(PICTURES):
        picture = next(topic_of[role] for role in PICTURES if role in topic_of)
        topic_of.pop("camera_info", None)
        topic_of |= _info_beside(types, picture)
    for role, topic in topic_of.items():
        if types[topic] not in TYPES[role]:
            raise SourceError(f"topic {topic} is of {types[topic]}, as {role} it would be {' or '.join(TYPES[role])}")
    return Roles(topic_of)


def _told(types: Mapping[str, str], chosen: Mapping[str, str]) -> dict[Role, str]:
    told: dict[Role, str] = {}
    for name, topic in chosen.items():
        if name not in ROLES:
            raise ConfigError(f"--topic {name}={topic}: no role '{name}'; there are {', '.join(ROLES)}")
        if topic not in types:
            raise ConfigError(f"--topic {name}={topic}: no such topic in the bag; it has {', '.join(sorted(types))}")
        told[name] = topic
    return told


def _by_our_names(types: Mapping[str, str]) -> dict[Role, str]:
    return {role: topic.name for role, topic in OURS.items() if types.get(topic.name) in TYPES[role]}


def _by_carla(types: Mapping[str, str]) -> dict[Role, str]:
    """Return the roles below /carla/<role>/ of the first car that plays them."""
    found: dict[Role, str] = {}
    for topic in sorted(types):
        place = CARLA.match(topic)
        role = CARLA_NAMES.get(place["rest"]) if place else None
        if role is not None and types[topic] in TYPES[role]:
            found.setdefault(role, topic)
    return found


def _only_camera(types: Mapping[str, str]) -> dict[Role, str]:
    """Return the camera of a bag that has one, under whatever name. Raises SourceError where there are several."""
    cameras: dict[str, dict[Role, str]] = {}
    for topic, type_name in sorted(types.items()):
        for role in PICTURES:
            if type_name in TYPES[role]:
                cameras.setdefault(namespace_of(topic), {})[role] = topic
    if len(cameras) > 1:
        topics = ", ".join(topic for roles in cameras.values() for topic in roles.values())
        raise SourceError(f"the bag has {len(cameras)} cameras: say which, --topic image=TOPIC, of {topics}")
    return next(iter(cameras.values()), {})


def _keep_one_picture(topic_of: dict[Role, str], told: Mapping[Role, str]) -> None:
    """Of a raw and a compressed stream keep the one that was chosen, else the raw one, which has lost nothing."""
    if all(role in topic_of for role in PICTURES):
        chosen = [role for role in PICTURES if role in told] or ["image"]
        topic_of.pop("compressed" if chosen[0] == "image" else "image")


def _info_beside(types: Mapping[str, str], picture: str) -> dict[Role, str]:
    info = f"{namespace_of(picture).rstrip('/')}/camera_info"
    return {"camera_info": info} if types.get(info) in TYPES["camera_info"] else {}
