"""Messages to stage-boundary data and back. Nothing is computed here: values pass as they are, to the bit.

The message classes are imported where they are used, so that the functions over plain attributes work without ROS.
"""

from __future__ import annotations

import array
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.ros.ego_tracker import EgoSource, Reading
from sim2real_ad.types import (
    NANOSECONDS,
    Action,
    CameraFrame,
    ControlCommand,
    EgoState,
    FloatArray,
    Observation,
    Route,
    UInt8Array,
)

if TYPE_CHECKING:
    from sim2real_ad.geometry.camera import CameraModel

BASE_FRAME, MAP_FRAME, CAMERA_FRAME = "base_link", "map", "camera_front_optical"


def ns_from_time(time: Any) -> int:
    """Convert builtin_interfaces/Time to ns."""
    return int(time.sec) * NANOSECONDS + int(time.nanosec)


def set_time(time: Any, stamp_ns: int) -> None:
    """Write ns into a builtin_interfaces/Time."""
    time.sec, time.nanosec = divmod(stamp_ns, NANOSECONDS)


def bytes_array(values: UInt8Array) -> array.array[int]:
    """Return uint8 values as what a message field takes without a copy by element."""
    data = array.array("B")
    data.frombytes(np.ascontiguousarray(values).data.cast("B"))
    return data


def floats_array(values: FloatArray) -> array.array[float]:
    """Return float32 values as what a message field takes without a copy by element."""
    return array.array("f", np.ascontiguousarray(values, np.float32).tobytes())


def image_from_frame(frame: CameraFrame) -> Any:
    """Make a sensor_msgs/Image, rgb8."""
    from sensor_msgs.msg import Image

    message = Image()
    set_time(message.header.stamp, frame.stamp_ns)
    message.header.frame_id = CAMERA_FRAME
    message.height, message.width = frame.rgb.shape[:2]
    message.encoding = "rgb8"
    message.step = 3 * message.width
    message.data = bytes_array(frame.rgb)
    return message


def frame_from_image(message: Any, sequence: int = 0) -> CameraFrame:
    """Read a sensor_msgs/Image of any encoding that shows colour or brightness. rgb8 is a view of the message's data.

    Raises SourceError where the encoding is unknown, or the data are shorter than the size says.
    """
    from sim2real_ad.bag.images import IMAGE, rgb_of  # here, for most nodes see no picture and need no OpenCV

    return CameraFrame(ns_from_time(message.header.stamp), rgb_of(message, IMAGE), sequence)


def frame_from_compressed(message: Any, sequence: int = 0) -> CameraFrame:
    """Read a sensor_msgs/CompressedImage, JPEG or PNG. Raises SourceError where it is cut short or none of them."""
    from sim2real_ad.bag.images import COMPRESSED_IMAGE, rgb_of

    return CameraFrame(ns_from_time(message.header.stamp), rgb_of(message, COMPRESSED_IMAGE), sequence)


def camera_info_from_model(camera: CameraModel, stamp_ns: int) -> Any:
    """Make a sensor_msgs/CameraInfo."""
    from sensor_msgs.msg import CameraInfo

    message = CameraInfo()
    set_time(message.header.stamp, stamp_ns)
    message.header.frame_id = CAMERA_FRAME
    message.width, message.height = camera.width, camera.height
    message.distortion_model = "plumb_bob"
    message.d = list(camera.distortion)
    matrix = camera.matrix()
    message.k = matrix.ravel()
    message.r = np.eye(3).ravel()
    message.p = np.hstack((matrix, np.zeros((3, 1)))).ravel()
    return message


def ego_messages(ego: EgoState) -> dict[EgoSource, Any]:
    """Make the four messages that carry an ego state: what a car and its localization publish."""
    from autoware_vehicle_msgs.msg import SteeringReport, VelocityReport
    from geometry_msgs.msg import AccelWithCovarianceStamped
    from nav_msgs.msg import Odometry

    odometry = Odometry()
    set_time(odometry.header.stamp, ego.stamp_ns)
    odometry.header.frame_id, odometry.child_frame_id = MAP_FRAME, BASE_FRAME
    odometry.pose.pose.position.x, odometry.pose.pose.position.y = ego.pose.x, ego.pose.y
    odometry.pose.pose.orientation.z = math.sin(ego.pose.yaw / 2.0)
    odometry.pose.pose.orientation.w = math.cos(ego.pose.yaw / 2.0)
    odometry.twist.twist.linear.x = ego.speed
    odometry.twist.twist.angular.z = ego.yaw_rate

    acceleration = AccelWithCovarianceStamped()
    set_time(acceleration.header.stamp, ego.stamp_ns)
    acceleration.header.frame_id = BASE_FRAME
    acceleration.accel.accel.linear.x = ego.acceleration

    velocity = VelocityReport()
    set_time(velocity.header.stamp, ego.stamp_ns)
    velocity.header.frame_id = BASE_FRAME
    velocity.longitudinal_velocity, velocity.heading_rate = ego.speed, ego.yaw_rate

    steering = SteeringReport(steering_tire_angle=ego.steering_tire_angle)
    set_time(steering.stamp, ego.stamp_ns)
    return {"odometry": odometry, "acceleration": acceleration, "velocity": velocity, "steering": steering}


def yaw_from_quaternion(q: Any) -> float:
    """Return the heading in rad of a geometry_msgs/Quaternion."""
    return math.atan2(2.0 * (q.w * q.z + q.x * q.y), 1.0 - 2.0 * (q.y * q.y + q.z * q.z))


def reading_from_message(source: EgoSource, message: Any) -> Reading:
    """Read one of the four messages of an ego state."""
    if source == "steering":
        return Reading(ns_from_time(message.stamp), (message.steering_tire_angle,))
    stamp_ns = ns_from_time(message.header.stamp)
    if source == "velocity":
        return Reading(stamp_ns, (message.longitudinal_velocity,))
    if source == "acceleration":
        return Reading(stamp_ns, (message.accel.accel.linear.x,))
    position, yaw = message.pose.pose.position, yaw_from_quaternion(message.pose.pose.orientation)
    twist = message.twist.twist
    return Reading(stamp_ns, (position.x, position.y, yaw, twist.angular.z, twist.linear.x))


def message_from_route(route: Route) -> Any:
    """Make a sim2real_ad_msgs/Route."""
    from geometry_msgs.msg import PoseStamped
    from sim2real_ad_msgs.msg import Route as RouteMessage

    message = RouteMessage(speed_limit=route.speed_limit)
    set_time(message.path.header.stamp, route.stamp_ns)
    message.path.header.frame_id = MAP_FRAME
    for x, y in route.points.tolist():
        pose = PoseStamped()
        pose.pose.position.x, pose.pose.position.y = x, y
        message.path.poses.append(pose)
    return message


def route_from_message(message: Any) -> Route:
    """Read a sim2real_ad_msgs/Route."""
    return route_from_path(message.path, message.speed_limit)


def route_from_path(message: Any, speed_limit: float) -> Route:
    """Read a nav_msgs/Path, which says nothing of speed. speed_limit: m/s."""
    positions = [p.pose.position for p in message.poses]
    points: NDArray[np.float64] = np.array([(p.x, p.y) for p in positions], np.float64).reshape(-1, 2)
    return Route(ns_from_time(message.header.stamp), points, speed_limit)


def message_from_observation(observation: Observation, fingerprint: str) -> Any:
    """Make a sim2real_ad_msgs/Observation. fingerprint: of the spec that shaped the observation."""
    from sim2real_ad_msgs.msg import Observation as ObservationMessage

    message = ObservationMessage(spec_fingerprint=fingerprint)
    set_time(message.header.stamp, observation.stamp_ns)
    message.header.frame_id = BASE_FRAME
    message.channels, message.height, message.width = observation.bev.shape
    message.history_length = len(observation.history)
    message.bev = bytes_array(observation.bev)
    message.validity = bytes_array(observation.validity)
    message.history = bytes_array(observation.history)
    message.ego = floats_array(observation.ego)
    message.route = floats_array(observation.route)
    message.speed_limit, message.ood = observation.speed_limit, observation.ood
    return message


def observation_from_message(message: Any) -> Observation:
    """Read a sim2real_ad_msgs/Observation; the arrays are views of the message's data."""
    shape = (message.channels, message.height, message.width)
    return Observation(
        stamp_ns=ns_from_time(message.header.stamp),
        bev=np.frombuffer(message.bev, np.uint8).reshape(shape),
        validity=np.frombuffer(message.validity, np.uint8).reshape(shape[1:]),
        history=np.frombuffer(message.history, np.uint8).reshape(message.history_length, *shape),
        ego=np.frombuffer(message.ego, np.float32),
        route=np.frombuffer(message.route, np.float32).reshape(-1, 2),
        speed_limit=message.speed_limit,
        ood=message.ood,
    )


def message_from_action(action: Action) -> Any:
    """Make a sim2real_ad_msgs/PolicyAction."""
    from sim2real_ad_msgs.msg import PolicyAction

    message = PolicyAction(curvature=action.curvature, acceleration=action.acceleration)
    set_time(message.header.stamp, action.stamp_ns)
    message.header.frame_id = BASE_FRAME
    return message


def action_from_message(message: Any) -> Action:
    """Read a sim2real_ad_msgs/PolicyAction."""
    return Action(ns_from_time(message.header.stamp), message.curvature, message.acceleration)


def message_from_command(command: ControlCommand) -> Any:
    """Make an autoware_control_msgs/Control. A steering rate of 0 is left undefined; jerk always is."""
    from autoware_control_msgs.msg import Control

    message = Control()
    for part in (message, message.lateral, message.longitudinal):
        set_time(part.stamp, command.stamp_ns)
    message.lateral.steering_tire_angle = command.steering_tire_angle
    message.lateral.steering_tire_rotation_rate = command.steering_tire_rotation_rate
    message.lateral.is_defined_steering_tire_rotation_rate = command.steering_tire_rotation_rate > 0.0
    message.longitudinal.velocity = command.velocity
    message.longitudinal.acceleration = command.acceleration
    message.longitudinal.is_defined_acceleration = True
    return message


def command_from_message(message: Any) -> ControlCommand:
    """Read an autoware_control_msgs/Control."""
    lateral, longitudinal = message.lateral, message.longitudinal
    rate = lateral.steering_tire_rotation_rate if lateral.is_defined_steering_tire_rotation_rate else 0.0
    return ControlCommand(
        stamp_ns=ns_from_time(message.stamp),
        steering_tire_angle=lateral.steering_tire_angle,
        acceleration=longitudinal.acceleration,
        velocity=longitudinal.velocity,
        steering_tire_rotation_rate=rate,
    )
