"""CARLA's left-handed frame and the project's right-handed one: every sign is turned here and nowhere else.

CARLA: x forward, y right, z up, angles in degrees, yaw clockwise from above, pitch nose up, roll right side down,
steer positive to the right. The project: x forward, y left, z up, rad, yaw counter-clockwise, pitch nose down, roll
right side down, steer positive to the left. A transform is (x, y, z, pitch, yaw, roll) in CARLA's frame, m and deg.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from sim2real_ad.geometry.camera import CameraMount
from sim2real_ad.geometry.frames import wrap_angle
from sim2real_ad.types import Pose2

Vector: TypeAlias = tuple[float, float, float]
Transform: TypeAlias = tuple[float, float, float, float, float, float]


def pose_from_carla(transform: Transform) -> Pose2:
    """Return the map pose of a CARLA transform; height, pitch and roll are dropped."""
    return Pose2(transform[0], -transform[1], wrap_angle(-math.radians(transform[4])))


def carla_from_pose(pose: Pose2, z: float = 0.0) -> Transform:
    """Return the CARLA transform of a map pose at a height z in m."""
    return pose.x, -pose.y, z, 0.0, -math.degrees(pose.yaw), 0.0


def vector_from_carla(vector: Vector) -> Vector:
    """Mirror a position, velocity, acceleration or force. It is its own inverse."""
    return vector[0], -vector[1], vector[2]


def yaw_rate_from_carla(angular_velocity_z: float) -> float:
    """Return the yaw rate in rad/s, counter-clockwise, of CARLA's in deg/s, clockwise."""
    return -math.radians(angular_velocity_z)


def carla_from_yaw_rate(yaw_rate: float) -> float:
    """Return CARLA's angular velocity about z in deg/s of a yaw rate in rad/s."""
    return -math.degrees(yaw_rate)


def tire_angle_from_carla(degrees: float) -> float:
    """Return a tyre's angle in rad, left positive, of CARLA's in deg, right positive."""
    return -math.radians(degrees)


def carla_from_tire_angle(angle: float) -> float:
    """Return CARLA's tyre angle in deg, right positive, of one in rad, left positive."""
    return -math.degrees(angle)


def steer_from_carla(steer: float) -> float:
    """Turn the share of full lock, -1..1, from right positive to left positive. It is its own inverse."""
    return -steer


def carla_from_mount(mount: CameraMount, base_x: float) -> Transform:
    """Return a camera's transform in a vehicle actor whose rear axle (base_link) lies at base_x, m."""
    return mount.x + base_x, -mount.y, mount.z, -mount.pitch_deg, -mount.yaw_deg, mount.roll_deg


def mount_from_carla(transform: Transform, base_x: float) -> CameraMount:
    """Return the mount in base_link of a camera in a vehicle actor whose rear axle lies at base_x, m.

    A camera may hang anywhere in CARLA, so the limits of a real car's mount are not enforced.
    """
    x, y, z, pitch, yaw, roll = transform
    return CameraMount.model_construct(x=x - base_x, y=-y, z=z, roll_deg=roll, pitch_deg=-pitch, yaw_deg=-yaw)


def moved_along(pose: Pose2, distance: float) -> Pose2:
    """Return the pose `distance` m ahead of another on its heading."""
    return Pose2(pose.x + distance * math.cos(pose.yaw), pose.y + distance * math.sin(pose.yaw), pose.yaw)


def composed(parent: Transform, child: Transform) -> Transform:
    """Return the world transform of a child given in the frame of a parent that stands upright."""
    yaw = math.radians(parent[4])
    cos, sin = math.cos(yaw), math.sin(yaw)
    x, y = parent[0] + cos * child[0] - sin * child[1], parent[1] + sin * child[0] + cos * child[1]
    return x, y, parent[2] + child[2], child[3], parent[4] + child[4], child[5]
