"""Between a bridge that someone else runs beside CARLA and the graph: their topics above, Autoware's below.

carla_ros_bridge: odometry, vehicle_status and vehicle_info, as carla-ros-bridge publishes them and CARLA's development
branch does by itself. native: the GNSS and IMU sensors of a CARLA 0.9.16 server that was started with `--ros2`.
Either way the car is commanded on vehicle_control_cmd, and `/clock` is the simulator's.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sim2real_ad.control.command_hold import CommandHold
from sim2real_ad.errors import ConfigError, WorldError
from sim2real_ad.ros.bridge_outputs import BridgeOutputs
from sim2real_ad.ros.carla_messages import (
    actor_motion,
    applied_steer,
    control_from_pedals,
    gnss_fix,
    imu_reading,
    wheels_of,
)
from sim2real_ad.ros.conversions import command_from_message, ego_messages, message_from_route, ns_from_time
from sim2real_ad.ros.node import GraphNode, NodeParameters, message_class, run_node
from sim2real_ad.types import ControlCommand, EgoState, Route
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.carla.relay import ActorShape, RelayedCar, StampJoiner
from sim2real_ad.world.carla.relay_route import even_points, load_route
from sim2real_ad.world.carla.relay_sensors import MapProjection, SensorOdometry

HOLD_PERIOD_S = 0.005
"""In real time, from one look at the command's age to the next."""
WARNING_PERIOD_S = 5.0
"""Between two warnings from one line of this file: rclpy counts by the line, so each warning needs its own."""
SOURCES = {"carla_ros_bridge": ("odometry", "status"), "native": ("imu", "gnss")}
"""Ports whose messages of one stamp make a motion, by bridge."""


class CarlaRelayParameters(NodeParameters):
    """bridge: whose topics; vehicle: name or path; map: OpenDRIVE, name or path, for the native GNSS alone.

    route: file of points, empty for the bridge's waypoints; speed_limit: m/s on it; command_hold_s: wall time that a
    command holds in real time, after which the car brakes by itself, as drive-by-wire hardware does.
    """

    bridge: Literal["carla_ros_bridge", "native"]
    vehicle: str
    map: str
    route: str
    speed_limit: float = Field(gt=0.0, le=60.0)
    lockstep: bool
    command_hold_s: float = Field(gt=0.0)


class CarlaRelayNode(GraphNode[CarlaRelayParameters]):
    """Passes pictures on as they are, reports the car's state, and turns commands into pedals."""

    kind = "carla_relay"
    model = CarlaRelayParameters

    def __init__(self) -> None:
        """Raises ConfigError or MapError where vehicle, route or map cannot be read."""
        super().__init__()
        p = self.parameters
        self._told = BridgeOutputs(self)
        self._car = RelayedCar(load_vehicle(p.vehicle))
        self._hold = CommandHold(None if p.lockstep else p.command_hold_s)
        self._points = load_route(Path(p.route)) if p.route else None
        self._sensors = self._sensor_odometry()
        self._shaped = self._sensors is not None
        self._joiner = StampJoiner(*SOURCES[p.bridge])
        self._unread: dict[str, Any] | None = None
        self._ego: EgoState | None = None
        self._sent_steer = 0.0
        self._began_ns = 0
        self._routed = self._overridden = self._parked = False
        self._listen()

    def _sensor_odometry(self) -> SensorOdometry | None:
        p = self.parameters
        if p.bridge != "native":
            return None
        if not p.map:
            raise ConfigError(f"parameters of node {self.kind}: map: the native bridge's GNSS needs the driven map")
        return SensorOdometry(MapProjection(p.map))

    def _listen(self) -> None:
        p = self.parameters
        for port in ("image", "camera_info"):
            self.subscribe(port, self._outputs[port].publish, lossless=p.lockstep, raw=True)
        for port in SOURCES[p.bridge]:
            self.subscribe(port, partial(self._on_part, port))
        if p.bridge == "carla_ros_bridge":
            self.subscribe("info", self._on_info)
            self.subscribe("override", self._on_override)
        if self._points is None:
            self.subscribe("waypoints", self._on_waypoints)
        self.subscribe("control", self._on_control)
        self.subscribe("gear_command", self._on_gear)
        if not p.lockstep:
            self.every(HOLD_PERIOD_S, self._check_command)

    def _on_part(self, port: str, message: Any) -> None:
        parts = self._joiner.add(port, ns_from_time(message.header.stamp), message)
        if parts is not None:
            self._unread = parts
            self._read()

    def _on_info(self, message: Any) -> None:
        self._car.shape = ActorShape.from_wheels(wheels_of(message), self._car.profile)
        self._shaped = True
        self._read()

    def _read(self) -> None:
        """Report the newest instant, once it is known where the actor's wheels are: vehicle_info is latched."""
        if self._unread is None:
            return
        if not self._shaped:
            text = f"nothing came on {self._inputs['info'].topic_name} yet"
            self.get_logger().warning(text, throttle_duration_sec=WARNING_PERIOD_S)
            return
        parts, self._unread = self._unread, None
        stamp_ns = ns_from_time(next(iter(parts.values())).header.stamp)
        self._begin_anew_before(stamp_ns)
        try:
            self._report(self._ego_of(parts, stamp_ns))
        except WorldError:
            self._brake()  # CARLA keeps the last pedals for ever, and this node ends now
            raise

    def _ego_of(self, parts: dict[str, Any], stamp_ns: int) -> EgoState:
        if self._sensors is None:
            return self._car.ego(actor_motion(parts["odometry"], parts["status"]), applied_steer(parts["status"]))
        motion = self._sensors.motion(stamp_ns, gnss_fix(parts["gnss"]), imu_reading(parts["imu"]))
        return self._car.ego(motion, self._sent_steer)

    def _begin_anew_before(self, stamp_ns: int) -> None:
        """Begin a drive with the first instant, and where time has gone back: the simulator was started again."""
        if self._ego is not None and stamp_ns > self._ego.stamp_ns:
            return
        self._hold.reset()
        self._began_ns, self._routed, self._sent_steer = stamp_ns, False, 0.0
        if self._sensors is not None:
            self._sensors.reset()

    def _report(self, ego: EgoState) -> None:
        """Publish what a car and its localization would, and the route before the first of it."""
        self._ego = ego
        self._publish_route(ego.stamp_ns)
        for port, message in ego_messages(ego).items():
            self._outputs[port].publish(message)
        self._told.authority(engaged=self._follows, stamp_ns=ego.stamp_ns)
        if not self._hold.follows(time.monotonic()):
            self._brake()

    @property
    def _follows(self) -> bool:
        """Whether the car takes commands."""
        return not self._overridden and self._hold.follows(time.monotonic())

    def _publish_route(self, stamp_ns: int) -> None:
        if self._points is None:
            text = f"no route yet: none was given, and nothing came on {self._inputs['waypoints'].topic_name}"
            self.get_logger().warning(text, throttle_duration_sec=WARNING_PERIOD_S)
        elif not self._routed:
            route = Route(stamp_ns, self._points, self.parameters.speed_limit)
            self._outputs["route"].publish(message_from_route(route))
            self._routed = True

    def _on_waypoints(self, message: Any) -> None:
        positions = [pose.pose.position for pose in message.poses]
        given: NDArray[np.float64] = np.array([(p.x, p.y) for p in positions], np.float64).reshape(-1, 2)
        points = even_points(given, self._inputs["waypoints"].topic_name)
        if self._points is not None and np.array_equal(points, self._points):
            return  # the same mission, said again
        self._points, self._routed = points, False
        if self._ego is not None:
            self._publish_route(self._ego.stamp_ns)

    def _on_override(self, message: Any) -> None:
        self._overridden = bool(message.data)

    def _on_gear(self, message: Any) -> None:
        self._parked = message.command == message.PARK

    def _on_control(self, message: Any) -> None:
        """A command is worth something only if it descends from a frame of this drive; in lock-step, from the last."""
        command = command_from_message(message)
        if self._ego is None or command.stamp_ns < self._began_ns or not command.is_finite:
            return
        if self.parameters.lockstep and command.stamp_ns != self._ego.stamp_ns:
            return
        self._hold.take(command, time.monotonic())
        self._send(command)

    def _check_command(self) -> None:
        """Brake where no command has come for too long, and say so at once; take over again where one comes."""
        if self._ego is None or self._hold.command is None or self._follows == self._told.engaged:
            return
        self._told.authority(engaged=self._follows, stamp_ns=self._ego.stamp_ns)
        if not self._hold.follows(time.monotonic()):
            self._brake()

    def _brake(self) -> None:
        if self._ego is not None and self._hold.command is not None:
            self._send(self._car.braking(self._ego.stamp_ns, self._hold.command.steering_tire_angle))

    def _send(self, command: ControlCommand) -> None:
        assert self._ego is not None
        pedals = self._car.pedals(command, self._ego.speed)
        self._sent_steer = pedals.steer
        control = message_class(self.ports.outputs["vehicle_control"].type_name)()
        self._outputs["vehicle_control"].publish(control_from_pedals(control, pedals, command.stamp_ns, self._parked))


def main() -> None:
    """Run the node."""
    run_node(CarlaRelayNode)


if __name__ == "__main__":
    main()
