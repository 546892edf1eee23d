"""Pose and speed out of what CARLA 0.9.16 itself publishes with `--ros2`: a GNSS sensor and an IMU, no odometry.

Both sensors are spawned at the vehicle actor's origin, with the same rate as the camera. The GNSS's projection is the
map's own, undone by the `carla` client, so that whatever the map's georeference says is undone as it was done.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

from sim2real_ad.config import find_config
from sim2real_ad.errors import MapError, WorldError
from sim2real_ad.geometry.frames import wrap_angle
from sim2real_ad.types import Pose2, seconds_from_ns
from sim2real_ad.world.carla.conversions import vector_from_carla
from sim2real_ad.world.carla.relay import ActorMotion
from sim2real_ad.world.embedded.opendrive import read_roads

IMU_YAW_OFFSET = math.pi / 4
"""rad that CARLA 0.9.16 takes off the yaw: it publishes pi/4 - compass, where pi/2 - compass is the yaw from east."""
COURSE_SPEED = 3.0
"""m/s from which the course over ground tells the heading."""
JUMP_SPEED = 100.0
"""m/s above which the car was not driven but put somewhere else."""
COURSE_TOLERANCE = 0.35
"""rad between course and heading: tyres slip by less than half of it, another version's offset is twice of it."""


@dataclass(frozen=True)
class GnssFix:
    """Latitude and longitude in deg, altitude in m."""

    latitude: float
    longitude: float
    altitude: float


@dataclass(frozen=True)
class ImuReading:
    """As CARLA 0.9.16 publishes it. yaw: of the message's orientation, rad; gyro_z: rad/s, clockwise from above;
    acceleration_x: m/s^2, forward."""

    yaw: float
    gyro_z: float
    acceleration_x: float


class Projection(Protocol):
    """From the globe to the map."""

    def point(self, fix: GnssFix) -> tuple[float, float]:
        """Return x and y, m, in the right-handed map frame."""
        ...


class MapProjection:
    """The projection of an OpenDRIVE map's georeference, by the `carla` client."""

    def __init__(self, name_or_path: str) -> None:
        """Load a map by name (config/maps) or path. Raises ConfigError, MapError."""
        import carla

        path = find_config(name_or_path, "maps", ".xodr")
        try:
            text = path.read_text(encoding="utf-8")
            read_roads(path.stem, text)  # carla.Map ends the process over a broken map
            self._map: Any = carla.Map(path.stem, text)
        except (RuntimeError, OSError, UnicodeDecodeError) as error:
            raise MapError(f"map '{name_or_path}': {error}") from error
        self._geolocation: Any = carla.GeoLocation

    def point(self, fix: GnssFix) -> tuple[float, float]:
        """Return x and y, m, in the right-handed map frame."""
        place = self._map.geolocation_to_transform(self._geolocation(fix.latitude, fix.longitude, fix.altitude))
        x, y, _ = vector_from_carla((place.x, place.y, place.z))
        return x, y


class SensorOdometry:
    """Heading from the IMU, position from the GNSS, speed from how far the position came along the heading.

    A drive begins standing: of the first position alone no speed is known, and 0 is said.
    """

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self._last: tuple[int, float, float] | None = None

    def reset(self) -> None:
        """Forget the last position: another drive begins."""
        self._last = None

    def motion(self, stamp_ns: int, fix: GnssFix, imu: ImuReading) -> ActorMotion:
        """Return the vehicle actor's motion at an instant.

        Raises WorldError where the car does not drive where it heads: then the IMU is not as CARLA 0.9.16 has it.
        """
        x, y = self._projection.point(fix)
        yaw = wrap_angle(imu.yaw + IMU_YAW_OFFSET)
        speed = self._speed(stamp_ns, x, y, yaw, imu)
        self._last = stamp_ns, x, y
        return ActorMotion(stamp_ns, Pose2(x, y, yaw), speed, imu.acceleration_x, -imu.gyro_z)

    def _speed(self, stamp_ns: int, x: float, y: float, yaw: float, imu: ImuReading) -> float:
        if self._last is None or stamp_ns <= self._last[0]:
            return 0.0
        elapsed_s = seconds_from_ns(stamp_ns - self._last[0])
        dx, dy = x - self._last[1], y - self._last[2]
        moved = math.hypot(dx, dy) / elapsed_s
        if moved > JUMP_SPEED:
            return 0.0
        if moved > COURSE_SPEED:
            _check_course(math.atan2(dy, dx), yaw)
        forward = (dx * math.cos(yaw) + dy * math.sin(yaw)) / elapsed_s
        speed = forward + imu.acceleration_x * elapsed_s / 2.0  # from the mean since the last position to now
        return speed if forward < 0.0 else max(speed, 0.0)


def _check_course(course: float, heading: float) -> None:
    apart = abs(wrap_angle(course - heading))
    if apart > COURSE_TOLERANCE:
        raise WorldError(
            f"the car drives on a course of {course:.2f} rad by its GNSS and heads {heading:.2f} rad by its IMU: "
            f"{apart:.2f} rad apart, the limit is {COURSE_TOLERANCE}; the native topics must be those of CARLA 0.9.16, "
            "and the map the one that is driven on"
        )
