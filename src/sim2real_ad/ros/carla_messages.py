"""Messages of CARLA's bridges to plain data and back; every sign that their topics do not have as ROS has it.

Works on plain attributes, so that it can be tried without ROS.
"""

from __future__ import annotations

import math
from typing import Any

from sim2real_ad.control.pedal_map import Pedals
from sim2real_ad.ros.conversions import ns_from_time, set_time, yaw_from_quaternion
from sim2real_ad.types import Pose2
from sim2real_ad.world.carla.conversions import steer_from_carla
from sim2real_ad.world.carla.relay import ActorMotion, Wheel
from sim2real_ad.world.carla.relay_sensors import GnssFix, ImuReading


def actor_motion(odometry: Any, status: Any) -> ActorMotion:
    """Read nav_msgs/Odometry and carla_msgs/CarlaEgoVehicleStatus of one instant.

    The twist is in the vehicle's frame, the status's acceleration along the axes of the map.
    """
    position, twist, acceleration = odometry.pose.pose.position, odometry.twist.twist, status.acceleration.linear
    yaw = yaw_from_quaternion(odometry.pose.pose.orientation)
    return ActorMotion(
        ns_from_time(odometry.header.stamp),
        Pose2(position.x, position.y, yaw),
        twist.linear.x,
        acceleration.x * math.cos(yaw) + acceleration.y * math.sin(yaw),
        twist.angular.z,
    )


def applied_steer(status: Any) -> float:
    """Return the share of full lock, left positive, that a carla_msgs/CarlaEgoVehicleStatus says was applied."""
    return steer_from_carla(status.control.steer)


def wheels_of(info: Any) -> list[Wheel]:
    """Read the wheels of a carla_msgs/CarlaEgoVehicleInfo."""
    return [Wheel(wheel.position.x, wheel.max_steer_angle) for wheel in info.wheels]


def gnss_fix(message: Any) -> GnssFix:
    """Read a sensor_msgs/NavSatFix."""
    return GnssFix(message.latitude, message.longitude, message.altitude)


def imu_reading(message: Any) -> ImuReading:
    """Read a sensor_msgs/Imu as CARLA 0.9.16 publishes it, in its own left-handed frame."""
    yaw = yaw_from_quaternion(message.orientation)
    return ImuReading(yaw, message.angular_velocity.z, message.linear_acceleration.x)


def control_from_pedals(message: Any, pedals: Pedals, stamp_ns: int, parked: bool) -> Any:
    """Fill a carla_msgs/CarlaEgoVehicleControl. parked: with the hand brake on."""
    set_time(message.header.stamp, stamp_ns)
    message.throttle, message.brake = pedals.throttle, pedals.brake
    message.steer = steer_from_carla(pedals.steer)
    message.hand_brake = parked
    return message
