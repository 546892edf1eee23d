"""Topics and ports, declared once: what each kind of node reads and writes, of which type and quality of service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sim2real_ad.vehicle.profile import TopicNames

QosKind = Literal["sensor", "stream", "state", "command", "latched", "clock"]
"""What the quality of service of a topic depends on; see `qos`, which this file stays clear of, for it needs ROS."""


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
DRIVER = Topic("/vehicle/status/driver_input", "sim2real_ad_msgs/msg/DriverInput", "state")
DIAGNOSTICS = Topic("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", "stream")
START = Topic("/sim2real_ad/start", "std_msgs/msg/Empty", "latched")
"""A supervisor's word that every node is connected, so that a video may begin and none of its frames is lost."""
START_EPISODE = "/simulation/start_episode"
ACTUATION = Topic("/simulation/vehicle/actuation", "autoware_control_msgs/msg/Control", "command")
"""What the simulated modules of a drive-by-wire let the world's car do."""
UPSET = Topic("/simulation/vehicle/upset", "std_msgs/msg/String", "state")
"""What shall go wrong with them."""
ENGAGE_SERVICE = "/sim2real_ad/engage"

EGO_PORTS = {"odometry": ODOMETRY, "acceleration": ACCELERATION, "velocity": VELOCITY, "steering": STEERING}
VEHICLE_PORTS = {
    "velocity": VELOCITY,
    "steering": STEERING,
    "gear": GEAR,
    "control_mode": CONTROL_MODE,
    "driver": DRIVER,
}
"""What a car says of itself."""
CAR_PORTS = {"image": IMAGE_RAW, "camera_info": CAMERA_INFO_RAW, **EGO_PORTS, **VEHICLE_PORTS, "route": ROUTE}
"""What comes from a car with its camera, localization and navigation."""
BOUNDARY = {
    "compressed": IMAGE_COMPRESSED,
    **CAR_PORTS,
    "control": CONTROL,
    "gear_command": GEAR_COMMAND,
    "engage": ENGAGE,
}
"""All that may have another name on a car, see `vehicle.profile.TopicNames`."""
CARLA_EGO, CARLA_CAMERA = "/carla/ego_vehicle", "rgb_front"
"""Role and camera as CARLA's bridges name their topics by default; a graph names others."""
CARLA_CAMERA_PORTS = {
    "image": Topic(f"{CARLA_EGO}/{CARLA_CAMERA}/image", "sensor_msgs/msg/Image", "sensor"),
    "camera_info": Topic(f"{CARLA_EGO}/{CARLA_CAMERA}/camera_info", "sensor_msgs/msg/CameraInfo", "state"),
}
CARLA_BRIDGE_PORTS = {
    "odometry": Topic(f"{CARLA_EGO}/odometry", "nav_msgs/msg/Odometry", "state"),
    "status": Topic(f"{CARLA_EGO}/vehicle_status", "carla_msgs/msg/CarlaEgoVehicleStatus", "state"),
    "info": Topic(f"{CARLA_EGO}/vehicle_info", "carla_msgs/msg/CarlaEgoVehicleInfo", "latched"),
    "override": Topic(f"{CARLA_EGO}/vehicle_control_manual_override", "std_msgs/msg/Bool", "latched"),
}
CARLA_NATIVE_PORTS = {
    "imu": Topic(f"{CARLA_EGO}/imu", "sensor_msgs/msg/Imu", "state"),
    "gnss": Topic(f"{CARLA_EGO}/gnss", "sensor_msgs/msg/NavSatFix", "state"),
}
CARLA_WAYPOINTS = Topic(f"{CARLA_EGO}/waypoints", "nav_msgs/msg/Path", "latched")
CARLA_CONTROL = Topic(f"{CARLA_EGO}/vehicle_control_cmd", "carla_msgs/msg/CarlaEgoVehicleControl", "stream")
CHAIN = ("camera", "adapter", "policy", "actuation", "safety_gate")
"""The stages that a frame passes, in order; each reports its FrameTiming."""


@dataclass(frozen=True)
class Ports:
    """What a kind of node reads and writes, by the port's name. optional: inputs that nothing need publish."""

    inputs: Mapping[str, Topic]
    outputs: Mapping[str, Topic]
    optional: frozenset[str] = frozenset()


def renamed_on_a_car(names: TopicNames) -> dict[str, str]:
    """Return from topic to topic what a vehicle profile calls otherwise."""
    return {BOUNDARY[port].name: name for port, name in names.given.items()}


PORTS: dict[str, Ports] = {
    "carla_bridge": Ports(
        {"control": CONTROL, "timing": TIMING, "gate_status": GATE_STATUS},
        {"clock": CLOCK, **CAR_PORTS, "episode": EPISODE},
    ),
    "carla_relay": Ports(
        {
            **CARLA_CAMERA_PORTS,
            **CARLA_BRIDGE_PORTS,
            **CARLA_NATIVE_PORTS,
            "waypoints": CARLA_WAYPOINTS,
            "control": CONTROL,
            "gear_command": GEAR_COMMAND,
        },
        {**CAR_PORTS, "vehicle_control": CARLA_CONTROL},
        optional=frozenset({*CARLA_CAMERA_PORTS, *CARLA_BRIDGE_PORTS, *CARLA_NATIVE_PORTS, "waypoints"}),
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
            "start": START,
        },
        {"image": IMAGE, "camera_info": CAMERA_INFO, "timing": TIMING},
        optional=frozenset({"image", "compressed", "camera_info", "gate_status", "start"}),
    ),
    "adapter": Ports({"image": IMAGE, **EGO_PORTS, "route": ROUTE}, {"observation": OBSERVATION, "timing": TIMING}),
    "policy": Ports({"observation": OBSERVATION}, {"action": ACTION, "timing": TIMING}),
    "actuation": Ports({"action": ACTION, **EGO_PORTS}, {"request": REQUEST, "timing": TIMING}),
    "safety_gate": Ports(
        {
            "request": REQUEST,
            "view": OBSERVATION,
            **EGO_PORTS,
            "vehicle": CONTROL_MODE,
            "driver": DRIVER,
            "clock": CLOCK,
            "episode": EPISODE,
            "engage": ENGAGE,
            "timing": TIMING,
        },
        {
            "control": CONTROL,
            "gear": GEAR_COMMAND,
            "gate_status": GATE_STATUS,
            "timing": TIMING,
            "diagnostics": DIAGNOSTICS,
        },
        optional=frozenset({"driver", "clock", "episode", "engage", "timing"}),
    ),
    "vehicle_interface": Ports(
        {"control": CONTROL, "gear_command": GEAR_COMMAND, "gate_status": GATE_STATUS, "clock": CLOCK},
        {**VEHICLE_PORTS, "diagnostics": DIAGNOSTICS},
        optional=frozenset({"control", "gear_command", "clock"}),  # in shadow mode it is to hear no command
    ),
    "simulated_ecu": Ports(
        {"velocity": VELOCITY, "steering": STEERING, "acceleration": ACCELERATION, "upset": UPSET},
        {"actuation": ACTUATION},
        optional=frozenset({"upset"}),
    ),
    "recorder": Ports({}, {}),
    "fault_injector": Ports({"episode": EPISODE}, {"timing": TIMING}),
}
