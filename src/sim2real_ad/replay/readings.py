"""What a bag's messages say of the car, as the readings that the ego state is made of.

Where a bag lacks a source it is worked out from the others, and that is told: acceleration from the speed, the tyre
angle from yaw rate and speed (kinematic bicycle), speed from the odometry's twist.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from sim2real_ad.replay.roles import Role, Roles
from sim2real_ad.ros.conversions import ns_from_time, reading_from_message, yaw_from_quaternion
from sim2real_ad.ros.ego_tracker import EgoSource, Reading
from sim2real_ad.types import seconds_from_ns
from sim2real_ad.vehicle.profile import VehicleProfile

SMOOTHING_S = 0.3
"""Over which a speed's slope is taken."""
SLOWEST = 1.0
"""m/s below which yaw rate and speed say nothing of the tyre angle."""


class CarReader:
    """Makes readings of messages. derived: by source, what it is worked out from."""

    def __init__(self, roles: Roles, profile: VehicleProfile) -> None:
        self._profile = profile
        status = "vehicle_status" in roles
        self.derived: dict[EgoSource, str] = {}
        if not status:
            if "velocity" not in roles:
                self.derived["velocity"] = "the odometry's twist"
            if "acceleration" not in roles:
                self.derived["acceleration"] = "the slope of the speed"
            if "steering" not in roles:
                self.derived["steering"] = "yaw rate and speed"
        self._speeds: deque[tuple[int, float]] = deque()

    def read(self, role: Role, message: Any) -> list[tuple[EgoSource, Reading]]:
        """Return the readings of one message, none where it says nothing of the car."""
        if role == "vehicle_status":
            return self._of_status(message)
        if role not in ("odometry", "acceleration", "velocity", "steering"):
            return []
        reading = reading_from_message(role, message)
        found: list[tuple[EgoSource, Reading]] = [(role, reading)]
        if role == "odometry":
            found += self._from_odometry(reading)
        speed_source = "odometry" if "velocity" in self.derived else "velocity"
        if role == speed_source and "acceleration" in self.derived:
            speed = reading.values[-1]
            found.append(("acceleration", Reading(reading.stamp_ns, (self._slope(reading.stamp_ns, speed),))))
        return found

    def _from_odometry(self, reading: Reading) -> list[tuple[EgoSource, Reading]]:
        yaw_rate, speed = reading.values[3], reading.values[4]
        found: list[tuple[EgoSource, Reading]] = []
        if "velocity" in self.derived:
            found.append(("velocity", Reading(reading.stamp_ns, (speed,))))
        if "steering" in self.derived:
            angle = math.atan(self._profile.wheelbase * yaw_rate / speed) if speed > SLOWEST else 0.0
            found.append(("steering", Reading(reading.stamp_ns, (angle,))))
        return found

    def _of_status(self, message: Any) -> list[tuple[EgoSource, Reading]]:
        """CARLA's steering is a share of the greatest angle, right positive; its acceleration is in the map frame."""
        stamp_ns = ns_from_time(message.header.stamp)
        yaw, accel = yaw_from_quaternion(message.orientation), message.acceleration.linear
        angle = -message.control.steer * self._profile.max_steering_tire_angle
        return [
            ("velocity", Reading(stamp_ns, (message.velocity,))),
            ("acceleration", Reading(stamp_ns, (accel.x * math.cos(yaw) + accel.y * math.sin(yaw),))),
            ("steering", Reading(stamp_ns, (angle,))),
        ]

    def _slope(self, stamp_ns: int, speed: float) -> float:
        """Return the acceleration in m/s^2 over the last SMOOTHING_S."""
        if self._speeds and stamp_ns <= self._speeds[-1][0]:
            self._speeds.clear()
        self._speeds.append((stamp_ns, speed))
        while len(self._speeds) > 2 and seconds_from_ns(stamp_ns - self._speeds[1][0]) >= SMOOTHING_S:
            self._speeds.popleft()
        first_ns, first = self._speeds[0]
        return (speed - first) / seconds_from_ns(stamp_ns - first_ns) if stamp_ns > first_ns else 0.0
