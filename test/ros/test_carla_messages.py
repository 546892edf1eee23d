"""carla_msgs as CARLA's bridges have them, to the byte, and their signs turned once."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("carla_msgs", reason="needs the message packages: make setup")
from carla_msgs.msg import CarlaEgoVehicleControl, CarlaEgoVehicleInfo, CarlaEgoVehicleInfoWheel, CarlaEgoVehicleStatus
from nav_msgs.msg import Odometry
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from sensor_msgs.msg import Imu, NavSatFix

from sim2real_ad.control.pedal_map import Pedals
from sim2real_ad.errors import TransportError
from sim2real_ad.ros import build_interfaces
from sim2real_ad.ros import carla_messages as c
from sim2real_ad.types import Pose2
from sim2real_ad.world.carla.relay import ActorMotion, Wheel
from sim2real_ad.world.carla.relay_sensors import GnssFix, ImuReading

pytestmark = pytest.mark.ros
# Written down from the published interface (carla_msgs 1.3), apart from the .msg files.
FIELDS = {
    "CarlaEgoVehicleControl": [
        ("header", "std_msgs/Header"),
        ("throttle", "float32"),
        ("steer", "float32"),
        ("brake", "float32"),
        ("hand_brake", "bool"),
        ("reverse", "bool"),
        ("gear", "int32"),
        ("manual_gear_shift", "bool"),
    ],
    "CarlaEgoVehicleStatus": [
        ("header", "std_msgs/Header"),
        ("velocity", "float32"),
        ("acceleration", "geometry_msgs/Accel"),
        ("orientation", "geometry_msgs/Quaternion"),
        ("control", "carla_msgs/CarlaEgoVehicleControl"),
    ],
    "CarlaEgoVehicleInfoWheel": [
        *((name, "float32") for name in ("tire_friction", "damping_rate", "max_steer_angle", "radius")),
        ("max_brake_torque", "float32"),
        ("max_handbrake_torque", "float32"),
        ("position", "geometry_msgs/Vector3"),
    ],
    "CarlaEgoVehicleInfo": [
        ("id", "uint32"),
        ("type", "string"),
        ("rolename", "string"),
        ("wheels", "carla_msgs/CarlaEgoVehicleInfoWheel[]"),
        ("max_rpm", "float32"),
        ("moi", "float32"),
        ("damping_rate_full_throttle", "float32"),
        ("damping_rate_zero_throttle_clutch_engaged", "float32"),
        ("damping_rate_zero_throttle_clutch_disengaged", "float32"),
        ("use_gear_autobox", "bool"),
        ("gear_switch_time", "float32"),
        ("clutch_strength", "float32"),
        ("mass", "float32"),
        ("drag_coefficient", "float32"),
        ("center_of_mass", "geometry_msgs/Vector3"),
    ],
}
FLOATS = st.floats(-100, 100)


@pytest.mark.parametrize("name", FIELDS)
def test_a_carla_type_has_the_hash_of_an_independent_implementation(name: str) -> None:
    store, types = get_typestore(Stores.ROS2_JAZZY), {}
    for each, fields in FIELDS.items():
        text = "\n".join(f"{kind} {field}" for field, kind in fields)
        types.update(get_types_from_msg(text, f"carla_msgs/msg/{each}"))
    store.register(types)
    described = json.loads((Path(sys.prefix) / "share" / "carla_msgs" / "msg" / f"{name}.json").read_text())
    full_name = f"carla_msgs/msg/{name}"
    built = next(h["hash_string"] for h in described["type_hashes"] if h["type_name"] == full_name)
    assert built == store.hash_rihs01(full_name)


@given(FLOATS, FLOATS, st.floats(-3.1, 3.1), st.floats(0, 30), st.floats(-6, 6), st.floats(-6, 6), st.floats(-1, 1))
def test_an_actors_motion_has_its_acceleration_along_its_heading(x, y, yaw, speed, along, across, yaw_rate) -> None:
    odometry, status = Odometry(), CarlaEgoVehicleStatus()
    odometry.header.stamp.sec = 7
    odometry.pose.pose.position.x, odometry.pose.pose.position.y = x, y
    odometry.pose.pose.orientation.z, odometry.pose.pose.orientation.w = math.sin(yaw / 2), math.cos(yaw / 2)
    odometry.twist.twist.linear.x, odometry.twist.twist.angular.z = speed, yaw_rate
    status.acceleration.linear.x = along * math.cos(yaw) - across * math.sin(yaw)
    status.acceleration.linear.y = along * math.sin(yaw) + across * math.cos(yaw)
    motion = c.actor_motion(odometry, status)
    assert motion.pose.yaw == pytest.approx(yaw)
    assert motion.acceleration == pytest.approx(along, abs=1e-9)
    assert motion == ActorMotion(7 * 10**9, Pose2(x, y, motion.pose.yaw), speed, motion.acceleration, yaw_rate)


@given(st.floats(0, 1, width=32), st.floats(0, 1, width=32), st.floats(-1, 1, width=32), st.booleans())
def test_pedals_are_sent_with_carlas_sign_of_the_steering_and_read_back_with_ours(
    throttle, brake, steer, parked
) -> None:
    control = c.control_from_pedals(CarlaEgoVehicleControl(), Pedals(throttle, brake, steer), 3, parked)
    assert (control.throttle, control.brake, control.steer) == (throttle, brake, -steer)
    assert (control.hand_brake, control.reverse, control.manual_gear_shift) == (parked, False, False)
    assert control.header.stamp.nanosec == 3
    assert c.applied_steer(CarlaEgoVehicleStatus(control=control)) == steer


def test_wheels_and_sensors_are_read_as_they_are() -> None:
    wheel = CarlaEgoVehicleInfoWheel(max_steer_angle=0.5)
    wheel.position.x = -1.25
    assert c.wheels_of(CarlaEgoVehicleInfo(wheels=[wheel])) == [Wheel(-1.25, 0.5)]
    assert c.gnss_fix(NavSatFix(latitude=1.0, longitude=2.0, altitude=3.0)) == GnssFix(1.0, 2.0, 3.0)
    imu = Imu()
    imu.orientation.z = imu.orientation.w = math.sqrt(0.5)
    imu.angular_velocity.z, imu.linear_acceleration.x = 0.25, -1.5
    reading = c.imu_reading(imu)
    assert (reading.gyro_z, reading.acceleration_x) == (0.25, -1.5)
    assert reading == ImuReading(pytest.approx(math.pi / 2), 0.25, -1.5)


def test_a_message_package_from_the_users_own_workspace_is_left_alone(tmp_path: Path, monkeypatch) -> None:
    package, prefix = tmp_path / "workspace" / "some_bridge_msgs", tmp_path / "prefix"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (prefix / "share" / "some_bridge_msgs").mkdir(parents=True)
    monkeypatch.setattr(build_interfaces, "PACKAGES", ("some_bridge_msgs",))
    monkeypatch.setattr(build_interfaces, "TOOLS", ("no-such-compiler",))
    with pytest.raises(TransportError, match="no-such-compiler"):
        build_interfaces.ensure_interfaces(prefix=prefix)
    monkeypatch.syspath_prepend(str(package.parent))
    assert build_interfaces.ensure_interfaces(prefix=prefix) is False
