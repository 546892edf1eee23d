"""Oriented boxes on the ground: the ego's, the others', and whether two touch."""

from __future__ import annotations

import math
from collections.abc import Iterable

from sim2real_ad.types import Pose2
from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.protocol import ActorState


def ego_centre(base: Pose2, profile: VehicleProfile) -> tuple[float, float]:
    """Return the centre (x, y) of the ego's box from the pose of its base_link."""
    ahead = (profile.front_overhang - profile.rear_overhang) / 2.0
    return base.x + ahead * math.cos(base.yaw), base.y + ahead * math.sin(base.yaw)


def ego_corners(base: Pose2, profile: VehicleProfile) -> list[tuple[float, float]]:
    """Return the corners of the ego's box in the map frame: front left, front right, rear right, rear left."""
    cos, sin, half = math.cos(base.yaw), math.sin(base.yaw), profile.width / 2.0
    front, rear = profile.front_overhang, -profile.rear_overhang
    corners = ((front, half), (front, -half), (rear, -half), (rear, half))
    return [(base.x + cos * x - sin * y, base.y + sin * x + cos * y) for x, y in corners]


def touched_actor(base: Pose2, profile: VehicleProfile, actors: Iterable[ActorState]) -> int | None:
    """Return the id of the first actor whose box overlaps the ego's, or None."""
    x, y = ego_centre(base, profile)
    half_length, half_width = profile.length / 2.0, profile.width / 2.0
    reach = math.hypot(half_length, half_width)
    for actor in actors:
        length, width, _ = actor.size
        dx, dy = actor.pose.x - x, actor.pose.y - y
        if dx * dx + dy * dy > (reach + (length + width) / 2.0) ** 2:
            continue
        if boxes_overlap(dx, dy, base.yaw, half_length, half_width, actor.pose.yaw, length / 2.0, width / 2.0):
            return actor.actor_id
    return None


def boxes_overlap(
    dx: float,
    dy: float,
    yaw_a: float,
    half_length_a: float,
    half_width_a: float,
    yaw_b: float,
    half_length_b: float,
    half_width_b: float,
) -> bool:
    """Tell whether box b, centred (dx, dy) from box a, overlaps it (separating axis theorem)."""
    turn = yaw_b - yaw_a
    cos, sin = abs(math.cos(turn)), abs(math.sin(turn))
    along_a = abs(dx * math.cos(yaw_a) + dy * math.sin(yaw_a))
    across_a = abs(dy * math.cos(yaw_a) - dx * math.sin(yaw_a))
    along_b = abs(dx * math.cos(yaw_b) + dy * math.sin(yaw_b))
    across_b = abs(dy * math.cos(yaw_b) - dx * math.sin(yaw_b))
    return (
        along_a <= half_length_a + half_length_b * cos + half_width_b * sin
        and across_a <= half_width_a + half_length_b * sin + half_width_b * cos
        and along_b <= half_length_b + half_length_a * cos + half_width_a * sin
        and across_b <= half_width_b + half_length_a * sin + half_width_a * cos
    )
