"""The relay as a node in real time: whom it obeys, when it brakes by itself, and what it says of that."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from carla_msgs.msg import CarlaEgoVehicleControl, CarlaEgoVehicleInfo, CarlaEgoVehicleInfoWheel, CarlaEgoVehicleStatus
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from nav_msgs.msg import Path as PathMessage
from sensor_msgs.msg import Imu, NavSatFix
from std_msgs.msg import Bool

from sim2real_ad.ros.conversions import message_from_command, ns_from_time, set_time
from sim2real_ad.ros.graph import DriveOptions, relay_graph
from sim2real_ad.ros.node import message_class, topic_type
from sim2real_ad.ros.node_spec import ALONE
from sim2real_ad.ros.node_states import READY
from sim2real_ad.ros.qos import publisher_qos, recorder_qos
from sim2real_ad.ros.supervisor import node_command
from sim2real_ad.ros.topics import (
    CARLA_BRIDGE_PORTS,
    CARLA_CONTROL,
    CARLA_NATIVE_PORTS,
    CARLA_WAYPOINTS,
    CONTROL,
    CONTROL_MODE,
    GEAR_COMMAND,
    ROUTE,
    VELOCITY,
)
from sim2real_ad.types import ControlCommand

pytestmark = pytest.mark.ros
SECOND = 10**9
MODES = message_class(CONTROL_MODE.type_name)
LIMIT = 8.0


class Harness:
    """A relay between a bridge and a gate, both played by the test."""

    def __init__(
        self, peer, processes, tmp_path: Path, bridge="carla_ros_bridge", mode="realtime", with_route=True, **options
    ) -> None:
        self.peer = peer
        (tmp_path / "route.csv").write_text("x,y\n0,0\n50,0\n")
        route = str(tmp_path / "route.csv") if with_route else ""
        options = {"route": route, "speed_limit": LIMIT, **options}
        spec = relay_graph(DriveOptions(mode=mode), bridge, **options).node("carla_relay")
        self.process = processes.start("carla_relay", node_command(spec.having(**ALONE)))
        self.heard: dict[str, list] = {t.name: [] for t in (CARLA_CONTROL, CONTROL_MODE, VELOCITY, ROUTE)}
        for topic in (CARLA_CONTROL, CONTROL_MODE, VELOCITY, ROUTE):
            into = self.heard[topic.name].append
            peer.node.create_subscription(topic_type(topic), topic.name, into, recorder_qos(topic.qos))
        ports = CARLA_BRIDGE_PORTS if bridge == "carla_ros_bridge" else CARLA_NATIVE_PORTS
        waypoints = {} if with_route else {"waypoints": CARLA_WAYPOINTS}
        topics = {**ports, **waypoints, "control": CONTROL, "gear": GEAR_COMMAND}
        self.out = {
            p: peer.node.create_publisher(topic_type(t), t.name, publisher_qos(t.qos)) for p, t in topics.items()
        }

    @property
    def controls(self) -> list[CarlaEgoVehicleControl]:
        return self.heard[CARLA_CONTROL.name]

    @property
    def mode(self) -> int | None:
        modes = self.heard[CONTROL_MODE.name]
        return modes[-1].mode if modes else None

    @property
    def told_ns(self) -> int | None:
        """Stamp of the newest control mode."""
        modes = self.heard[CONTROL_MODE.name]
        return ns_from_time(modes[-1].stamp) if modes else None

    def until_ready(self) -> None:
        assert self.peer.until(lambda: READY in self.process.log_lines()), self.process.log_lines()
        assert self.peer.until(lambda: all(out.get_subscription_count() for out in self.out.values()))

    def tell_shape(self, angle: float = 0.6) -> None:
        info = CarlaEgoVehicleInfo(wheels=[CarlaEgoVehicleInfoWheel(max_steer_angle=a) for a in (angle, 0.0)])
        info.wheels[0].position.x, info.wheels[1].position.x = 1.5, -1.25
        self.out["info"].publish(info)

    def tell_motion(self, stamp_ns: int, speed: float = 5.0) -> None:
        odometry, status = Odometry(), CarlaEgoVehicleStatus(velocity=speed)
        odometry.twist.twist.linear.x = speed
        for port, message in (("odometry", odometry), ("status", status)):
            set_time(message.header.stamp, stamp_ns)
            self.out[port].publish(message)

    def command(self, stamp_ns: int, angle: float = 0.0, acceleration: float = 1.0) -> None:
        self.out["control"].publish(message_from_command(ControlCommand(stamp_ns, angle, acceleration)))

    def tell_until(self, condition: Callable[[], Any], tell: Callable[[], None] | None = None) -> bool:
        """Tell something, the first motion by default, until a condition holds; return whether it came to hold.

        A writer that has found its reader need not have been found by it yet: what is told so early can be lost.
        """
        for _ in range(30):
            tell() if tell else self.tell_motion(100 * SECOND)
            if self.peer.until(condition, 1.0):
                return True
        return False

    def warns_of(self, text: str) -> Callable[[], bool]:
        return lambda: any(text in line for line in self.process.log_lines())

    def tell_sensors(self, tick: int, imu: Imu) -> None:
        """What the native bridge's sensors say in a tick of 50 ms, from one to the next of which the car goes 0.3 m."""
        metre = 0.0008986747539842821 / 100.0  # deg of longitude on the shipped map's meridian, by the carla client
        for port, message in (("imu", imu), ("gnss", NavSatFix(longitude=0.3 * tick * metre))):
            set_time(message.header.stamp, 100 * SECOND + tick * SECOND // 20)
            self.out[port].publish(message)

    def until_driving(self) -> None:
        """Wait until the relay follows a command."""
        self.until_ready()
        self.tell_shape()
        assert self.tell_until(lambda: self.mode == MODES.AUTONOMOUS)
        self.command(100 * SECOND)
        assert self.peer.until(lambda: self.controls)


@pytest.fixture
def relay(peer, processes, tmp_path: Path) -> Harness:
    return Harness(peer, processes, tmp_path)


def test_nothing_is_reported_before_vehicle_info_says_where_the_rear_axle_is(relay: Harness) -> None:
    relay.until_ready()
    assert relay.tell_until(relay.warns_of("vehicle_info yet"))
    assert relay.heard[VELOCITY.name] == []
    relay.tell_shape()
    assert relay.peer.until(lambda: relay.heard[VELOCITY.name])
    assert ns_from_time(relay.heard[VELOCITY.name][0].header.stamp) == 100 * SECOND


def test_a_command_becomes_pedals_and_a_share_of_the_vehicles_own_lock(relay: Harness) -> None:
    relay.until_driving()
    first = relay.controls[-1]
    assert first.throttle > 0.0
    assert (first.brake, first.hand_brake, first.reverse) == (0.0, False, False)
    relay.command(100 * SECOND, angle=0.3, acceleration=-2.0)
    assert relay.peer.until(lambda: relay.controls[-1].steer == pytest.approx(-0.5)), "left is negative in CARLA"
    braking = relay.controls[-1]
    assert braking.throttle == 0.0
    assert braking.brake > 0.05
    (route,) = relay.heard[ROUTE.name]
    assert (len(route.path.poses), route.speed_limit) == (51, LIMIT)


def test_when_commands_cease_the_relay_brakes_holds_the_wheel_and_says_that_it_follows_no_more(relay: Harness) -> None:
    relay.until_driving()
    relay.command(100 * SECOND, angle=0.12)
    assert relay.peer.until(lambda: relay.mode == MODES.DISENGAGED, 2.0)
    assert relay.peer.until(lambda: relay.controls[-1].brake > 0.3, 2.0)
    assert relay.controls[-1].steer == pytest.approx(-0.2)
    said = len(relay.controls)
    relay.tell_motion(101 * SECOND)
    assert relay.peer.until(lambda: len(relay.controls) > said), "at every tick again, for as long as nobody commands"
    relay.command(101 * SECOND)
    assert relay.peer.until(lambda: relay.mode == MODES.AUTONOMOUS and relay.controls[-1].throttle > 0.0)


def test_a_command_from_before_the_drive_and_one_that_is_no_number_are_not_obeyed(relay: Harness) -> None:
    relay.until_driving()
    relay.peer.spin_for(0.3)
    said = len(relay.controls)
    relay.command(99 * SECOND)
    relay.command(100 * SECOND, acceleration=float("nan"))
    relay.peer.spin_for(0.3)
    assert len(relay.controls) == said


def test_a_simulator_that_starts_again_is_another_mission(relay: Harness) -> None:
    relay.until_driving()
    assert relay.peer.until(lambda: relay.mode == MODES.DISENGAGED)
    relay.tell_motion(5 * SECOND)
    assert relay.peer.until(lambda: len(relay.heard[ROUTE.name]) == 2 and relay.told_ns == 5 * SECOND)
    assert [ns_from_time(route.path.header.stamp) for route in relay.heard[ROUTE.name]] == [100 * SECOND, 5 * SECOND]
    assert relay.mode == MODES.AUTONOMOUS
    relay.command(6 * SECOND, angle=-0.3)
    assert relay.peer.until(lambda: relay.controls[-1].steer == pytest.approx(0.5))


def test_in_lock_step_only_the_command_for_the_last_frame_counts_and_none_is_late(peer, processes, tmp_path) -> None:
    relay = Harness(peer, processes, tmp_path, mode="lockstep")
    relay.until_driving()
    relay.tell_motion(101 * SECOND)
    assert peer.until(lambda: relay.told_ns == 101 * SECOND)
    relay.command(100 * SECOND, angle=0.3)
    peer.spin_for(0.3)
    assert len(relay.controls) == 1
    assert relay.mode == MODES.AUTONOMOUS
    relay.command(101 * SECOND, angle=-0.3)
    assert peer.until(lambda: relay.controls[-1].steer == pytest.approx(0.5))
    assert len(relay.controls) == 2


def test_the_bridges_waypoints_are_a_mission_and_the_same_again_is_not_another_one(peer, processes, tmp_path) -> None:
    relay = Harness(peer, processes, tmp_path, with_route=False)
    relay.until_ready()
    assert relay.tell_until(relay.warns_of("vehicle_info yet"))
    relay.tell_shape()
    assert peer.until(relay.warns_of("no route yet: none was given, and nothing came on /carla/ego_vehicle/waypoints"))
    for end in (30.0, 30.0, 40.0):
        relay.out["waypoints"].publish(waypoints((0.0, 0.0), (end / 2, 0.0), (end / 2, 0.0), (end, 0.0)))
        peer.spin_for(0.2)
    assert peer.until(lambda: len(relay.heard[ROUTE.name]) == 2)
    assert [len(route.path.poses) for route in relay.heard[ROUTE.name]] == [31, 41]


def waypoints(*points: tuple[float, float]) -> PathMessage:
    path = PathMessage()
    for x, y in points:
        path.poses.append(PoseStamped())
        path.poses[-1].pose.position.x, path.poses[-1].pose.position.y = x, y
    return path


def test_whoever_takes_over_by_hand_disengages(peer, processes, tmp_path: Path) -> None:
    relay = Harness(peer, processes, tmp_path, mode="lockstep")  # where no command is late
    relay.until_driving()
    for second, (by_hand, mode) in enumerate(((True, MODES.DISENGAGED), (False, MODES.AUTONOMOUS)), start=101):
        relay.out["override"].publish(Bool(data=by_hand))
        peer.spin_for(0.2)
        relay.tell_motion(second * SECOND)
        assert peer.until(lambda stamp=second * SECOND: relay.told_ns == stamp)
        assert relay.mode == mode


def test_park_puts_the_hand_brake_on(relay: Harness) -> None:
    relay.until_driving()
    gears = topic_type(GEAR_COMMAND)
    relay.out["gear"].publish(gears(command=gears.PARK))
    relay.peer.spin_for(0.1)
    relay.command(100 * SECOND)
    assert relay.peer.until(lambda: relay.controls[-1].hand_brake)


@pytest.mark.parametrize(
    ("angle", "speed", "reason"), [(70.0, 5.0, "70.0 rad at full lock"), (0.6, float("nan"), "not finite")]
)
def test_what_cannot_be_a_cars_ends_the_node_with_the_value(relay: Harness, angle: float, speed: float, reason) -> None:
    relay.until_ready()
    relay.tell_shape(angle)
    assert relay.tell_until(
        lambda: relay.process.exit_status is not None, partial(relay.tell_motion, 100 * SECOND, speed)
    )
    assert relay.process.exit_status == 2
    assert reason in relay.process.describe_end()


def test_the_native_bridge_needs_the_driven_map(peer, processes, tmp_path: Path) -> None:
    relay = Harness(peer, processes, tmp_path, "native")
    assert peer.until(lambda: relay.process.exit_status is not None)
    assert "map: the native bridge's GNSS needs the driven map" in relay.process.describe_end()


def test_the_native_bridges_sensors_give_the_speed_and_an_imu_of_another_version_brakes_and_ends(
    peer, processes, tmp_path: Path
) -> None:
    relay = Harness(peer, processes, tmp_path, "native", map_path="curved_road")
    relay.until_ready()
    east = Imu()
    east.orientation.z, east.orientation.w = -0.3826834323650898, 0.9238795325112867  # 45 degrees off, as 0.9.16 has it
    assert relay.tell_until(lambda: relay.heard[VELOCITY.name], partial(relay.tell_sensors, 0, east))
    relay.tell_sensors(1, east)
    assert peer.until(lambda: relay.heard[VELOCITY.name][-1].longitudinal_velocity == pytest.approx(6.0, abs=0.02))
    relay.command(100 * SECOND + SECOND // 20)
    assert peer.until(lambda: relay.controls)
    relay.tell_sensors(2, Imu())
    assert peer.until(lambda: relay.process.exit_status is not None)
    assert "0.79 rad apart" in relay.process.describe_end()
    assert relay.controls[-1].brake > 0.3
