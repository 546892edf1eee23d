"""The embedded world behind the topics of carla-ros-bridge, or of CARLA 0.9.16 itself, as a test's own node."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import carla
import numpy as np
import rclpy
from carla_msgs.msg import CarlaEgoVehicleControl, CarlaEgoVehicleInfo, CarlaEgoVehicleInfoWheel, CarlaEgoVehicleStatus
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry, Path
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, Imu, NavSatFix

from sim2real_ad.control.pedal_map import PedalMap
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.ros.conversions import bytes_array, camera_info_from_model, ns_from_time, set_time
from sim2real_ad.ros.graph import CarlaFlavour
from sim2real_ad.types import NANOSECONDS, CameraFrame, ControlCommand, EgoState
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.carla.conversions import moved_along
from sim2real_ad.world.carla.vehicle import base_x
from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.protocol import WorldTick
from sim2real_ad.world.scenarios import load_scenario

LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
START_NS = 100 * NANOSECONDS
"""A simulator that has run for a while."""


class RelayedWorld:
    """Publishes an episode's ticks and applies the pedals that come; waits for them as the bridge's lock-step does."""

    def __init__(self, bridge: CarlaFlavour, role: str, scenario: str, seed: int) -> None:
        self.profile, self.bridge, self.role = load_vehicle("saloon"), bridge, role
        self.world = EmbeddedWorld(self.profile, load_camera("default"))
        self.last: WorldTick = self.world.reset(load_scenario(scenario), seed)
        self.stamps_of_commands: list[int] = []
        self.controls: list[CarlaEgoVehicleControl] = []
        self._pedal_map = PedalMap.load(self.profile)
        self._applied = CarlaEgoVehicleControl()
        self.context: rclpy.Context | None = None
        self._map = carla.Map("driven", self.world.network.xodr)

    def open(self) -> None:
        """Join the graph, as its environment says."""
        self.context = rclpy.Context()
        rclpy.init(context=self.context, signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node("carla_stand_in", context=self.context, start_parameter_services=False)
        self.executor = rclpy.executors.SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        types = {
            "rgb_front/image": (Image, 10),
            "rgb_front/camera_info": (CameraInfo, 10),
            **(
                {"imu": (Imu, 10), "gnss": (NavSatFix, 10)}
                if self.bridge == "native"
                else {
                    "odometry": (Odometry, 10),
                    "vehicle_status": (CarlaEgoVehicleStatus, 10),
                    "vehicle_info": (CarlaEgoVehicleInfo, LATCHED),
                    "waypoints": (Path, LATCHED),
                }
            ),
        }
        self._out = {n: self.node.create_publisher(t, f"/carla/{self.role}/{n}", q) for n, (t, q) in types.items()}
        self._clock = self.node.create_publisher(Clock, "/clock", 10)
        topic = f"/carla/{self.role}/vehicle_control_cmd"
        self._commands = self.node.create_subscription(CarlaEgoVehicleControl, topic, self._on_control, 10)
        if self.bridge != "native":
            self._out["vehicle_info"].publish(self._info())
            self._out["waypoints"].publish(self.waypoints())

    def wait_for_relay(self) -> None:
        """Wait until somebody hears every sensor and commands the car."""
        deadline_s = time.monotonic() + 20.0
        while (
            not all(out.get_subscription_count() for out in self._out.values())
            or not self._commands.get_publisher_count()
        ):
            assert time.monotonic() < deadline_s, "nobody relays"
            time.sleep(0.02)

    def close(self) -> None:
        if self.context is not None:
            self.executor.shutdown(timeout_sec=1.0)
            self.node.destroy_node()
            rclpy.try_shutdown(context=self.context)
        self.world.close()

    @property
    def stamp_ns(self) -> int:
        return START_NS + self.last.ego.stamp_ns

    def drive(self, seconds: float, patience_s: float, check: Callable[[], None]) -> list[EgoState]:
        """Tick for so many simulated seconds, each tick after its command has come; return what was driven."""
        driven = [self.last.ego]
        for _ in range(round(seconds / self.world.tick_s)):
            self._publish()
            deadline_s = time.monotonic() + patience_s
            while self.stamp_ns not in self.stamps_of_commands[-1:]:
                check()
                assert time.monotonic() < deadline_s, f"no command for {self.last.ego.stamp_ns / NANOSECONDS:.2f} s"
                self.executor.spin_once(timeout_sec=0.02)
            self._apply()
            self.last = self.world.tick()
            driven.append(self.last.ego)
        return driven

    def waypoints(self) -> Path:
        message = Path()
        for x, y in self.world.plan.route.points[::3].tolist():
            message.poses.append(PoseStamped())
            message.poses[-1].pose.position.x, message.poses[-1].pose.position.y = x, y
        return message

    def _on_control(self, message: CarlaEgoVehicleControl) -> None:
        self.controls.append(message)
        self.stamps_of_commands.append(ns_from_time(message.header.stamp))

    def _apply(self) -> None:
        self._applied = self.controls[-1]
        acceleration = self._pedal_map.acceleration(self._applied.throttle, self._applied.brake, self.last.ego.speed)
        angle = -self._applied.steer * self.profile.max_steering_tire_angle
        self.world.apply(ControlCommand(self.last.ego.stamp_ns, angle, acceleration))

    def _publish(self) -> None:
        ego, frame = self.last.ego, self.last.frame
        assert frame is not None
        messages = self._sensor_messages(ego) if self.bridge == "native" else self._vehicle_messages(ego)
        messages["rgb_front/camera_info"] = camera_info_from_model(self.world.camera, self.stamp_ns)
        messages["rgb_front/image"] = _bgra(frame)
        for name, message in messages.items():
            set_time(message.header.stamp, self.stamp_ns)
            self._out[name].publish(message)
        clock = Clock()
        set_time(clock.clock, self.stamp_ns)
        self._clock.publish(clock)

    def _vehicle_messages(self, ego: EgoState) -> dict[str, Any]:
        origin = moved_along(ego.pose, -base_x(self.profile))
        odometry, status = Odometry(), CarlaEgoVehicleStatus(velocity=ego.speed, control=self._applied)
        odometry.pose.pose.position.x, odometry.pose.pose.position.y = origin.x, origin.y
        _turn(odometry.pose.pose.orientation, origin.yaw)
        odometry.twist.twist.linear.x, odometry.twist.twist.angular.z = ego.speed, ego.yaw_rate
        status.acceleration.linear.x = ego.acceleration * math.cos(origin.yaw)
        status.acceleration.linear.y = ego.acceleration * math.sin(origin.yaw)
        return {"odometry": odometry, "vehicle_status": status}

    def _sensor_messages(self, ego: EgoState) -> dict[str, Any]:
        """As CARLA 0.9.16 does it: the IMU left-handed, its yaw pi/4 - compass, the compass clockwise from north."""
        origin = moved_along(ego.pose, -base_x(self.profile))
        imu, gnss = Imu(), NavSatFix()
        imu.linear_acceleration.x, imu.angular_velocity.z = ego.acceleration, -ego.yaw_rate
        compass = math.pi / 2 - origin.yaw
        _turn(imu.orientation, math.pi / 4 - compass)
        place = self._map.transform_to_geolocation(carla.Location(origin.x, -origin.y, 0.0))
        gnss.latitude, gnss.longitude, gnss.altitude = place.latitude, place.longitude, place.altitude
        return {"imu": imu, "gnss": gnss}

    def _info(self) -> CarlaEgoVehicleInfo:
        info = CarlaEgoVehicleInfo(type=self.profile.blueprint, rolename=self.role)
        rear = base_x(self.profile)
        for x, angle in ((rear + self.profile.wheelbase, self.profile.max_steering_tire_angle), (rear, 0.0)):
            for y in (0.8, -0.8):
                wheel = CarlaEgoVehicleInfoWheel(max_steer_angle=angle)
                wheel.position.x, wheel.position.y = x, y
                info.wheels.append(wheel)
        return info


def _bgra(frame: CameraFrame) -> Image:
    """The picture as CARLA has it."""
    height, width = frame.rgb.shape[:2]
    pixels = np.concatenate((frame.rgb[..., ::-1], np.full((height, width, 1), 255, np.uint8)), axis=2)
    image = Image(height=height, width=width, encoding="bgra8", step=4 * width)
    image.data = bytes_array(pixels)
    return image


def _turn(quaternion: Any, yaw: float) -> None:
    quaternion.z, quaternion.w = math.sin(yaw / 2), math.cos(yaw / 2)
