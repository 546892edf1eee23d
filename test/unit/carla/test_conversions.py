"""Left- and right-handed frames: round trips, known directions, and CARLA's own rotation matrix as the judge."""

import math

import carla
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.geometry.camera import CameraMount
from sim2real_ad.types import Pose2
from sim2real_ad.world.carla import conversions as c

METRES = st.floats(-1e4, 1e4)
YAWS = st.floats(-math.pi, math.pi, exclude_max=True)
MOUNTS = st.builds(
    CameraMount,
    x=st.floats(-5, 10),
    y=st.floats(-3, 3),
    z=st.floats(0.2, 6),
    roll_deg=st.floats(-45, 45),
    pitch_deg=st.floats(-45, 45),
    yaw_deg=st.floats(-90, 90),
)
MIRROR = np.diag([1.0, -1.0, 1.0])


@given(x=METRES, y=METRES, yaw=YAWS)
def test_poses_survive_the_round_trip(x, y, yaw):
    pose = c.pose_from_carla(c.carla_from_pose(Pose2(x, y, yaw)))
    turn = (pose.yaw - yaw + math.pi) % math.tau - math.pi
    assert (pose.x, pose.y) == (x, y)
    assert turn == pytest.approx(0.0, abs=1e-12)


@given(vector=st.tuples(METRES, METRES, METRES))
def test_vectors_survive_the_round_trip(vector):
    assert c.vector_from_carla(c.vector_from_carla(vector)) == vector


@given(value=st.floats(-10, 10))
def test_angles_and_steering_survive_the_round_trip(value):
    assert c.yaw_rate_from_carla(c.carla_from_yaw_rate(value)) == pytest.approx(value)
    assert c.tire_angle_from_carla(c.carla_from_tire_angle(value)) == pytest.approx(value)
    assert c.steer_from_carla(c.steer_from_carla(value)) == value


@given(mount=MOUNTS, base_x=st.floats(-3, 0))
def test_mounts_survive_the_round_trip(mount, base_x):
    back = c.mount_from_carla(c.carla_from_mount(mount, base_x), base_x)
    assert back.model_dump() == pytest.approx(mount.model_dump(), abs=1e-9)


def test_left_in_the_map_is_right_in_carla():
    assert c.carla_from_pose(Pose2(1.0, 2.0, math.pi / 2), 0.5) == (1.0, -2.0, 0.5, 0.0, -90.0, 0.0)
    assert c.steer_from_carla(1.0) == -1.0
    assert c.tire_angle_from_carla(90.0) == pytest.approx(-math.pi / 2)


@given(mount=MOUNTS)
def test_a_mount_looks_the_same_way_through_carlas_own_matrix(mount):
    x, y, z, pitch, yaw, roll = c.carla_from_mount(mount, 0.0)
    theirs = carla.Transform(carla.Location(x, y, z), carla.Rotation(pitch, yaw, roll)).get_matrix()
    ours = MIRROR @ np.array(theirs)[:3, :3] @ MIRROR
    assert ours == pytest.approx(mount.rotation_base_from_body(), abs=1e-5)


@given(x=METRES, y=METRES, yaw=YAWS, ahead=st.floats(-20, 20))
def test_moving_along_and_back_ends_where_it_began(x, y, yaw, ahead):
    back = c.moved_along(c.moved_along(Pose2(x, y, yaw), ahead), -ahead)
    assert (back.x, back.y, back.yaw) == pytest.approx((x, y, yaw), abs=1e-9)


@given(x=METRES, y=METRES, yaw=st.floats(-180, 180), cx=st.floats(-5, 5), cy=st.floats(-5, 5))
def test_a_child_stands_where_carlas_own_transform_puts_it(x, y, yaw, cx, cy):
    parent, child = (x, y, 0.0, 0.0, yaw, 0.0), (cx, cy, 1.5, -4.0, 10.0, 0.0)
    theirs = carla.Transform(carla.Location(x, y, 0.0), carla.Rotation(0.0, yaw, 0.0)).transform(
        carla.Location(cx, cy, 1.5)
    )
    assert c.composed(parent, child)[:3] == pytest.approx((theirs.x, theirs.y, theirs.z), abs=0.02)
    assert c.composed(parent, child)[3:] == (-4.0, yaw + 10.0, 0.0)
