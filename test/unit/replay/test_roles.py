"""Which topic of a bag plays which part."""

import pytest

from sim2real_ad.errors import ConfigError, SourceError
from sim2real_ad.replay.roles import OURS, assign_roles
from sim2real_ad.ros.topics import CONTROL, IMAGE_RAW, ODOMETRY

IMAGE, INFO, STATUS = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo", "carla_msgs/msg/CarlaEgoVehicleStatus"
ODOMETRY_TYPE = "nav_msgs/msg/Odometry"
CARLA = {
    "/carla/ego_vehicle/odometry": ODOMETRY_TYPE,
    "/carla/ego_vehicle/vehicle_status": STATUS,
    "/carla/ego_vehicle/waypoints": "nav_msgs/msg/Path",
    "/carla/ego_vehicle/rgb_front/image": IMAGE,
    "/carla/ego_vehicle/rgb_front/camera_info": INFO,
    "/carla/ego_vehicle/lidar": "sensor_msgs/msg/PointCloud2",
}


def ours() -> dict[str, str]:
    return {topic.name: topic.type_name for topic in OURS.values()}


def test_our_own_names_and_autowares_need_no_telling():
    roles = assign_roles(ours(), {})
    assert roles.topic_of["odometry"] == ODOMETRY.name
    assert roles.topic_of["control"] == CONTROL.name
    assert set(roles.topic_of) == set(OURS) - {"compressed"}


def test_raw_pictures_are_taken_where_both_are_there_unless_told_otherwise():
    assert "compressed" not in assign_roles(ours(), {})
    told = assign_roles(ours(), {"compressed": OURS["compressed"].name})
    assert "image" not in told
    assert "compressed" in told


def test_a_bag_of_carlas_bridge_is_known_by_its_names():
    roles = assign_roles(CARLA, {}).topic_of
    assert roles["vehicle_status"] == "/carla/ego_vehicle/vehicle_status"
    assert roles["path"] == "/carla/ego_vehicle/waypoints"
    assert roles["image"] == "/carla/ego_vehicle/rgb_front/image"
    assert roles["camera_info"] == "/carla/ego_vehicle/rgb_front/camera_info"


def test_two_cameras_where_one_is_expected_are_refused_by_name_unless_one_is_chosen():
    two = {**CARLA, "/carla/ego_vehicle/rgb_left/image": IMAGE}
    with pytest.raises(SourceError, match=r"2 cameras.*rgb_front/image, .*rgb_left/image"):
        assign_roles(two, {})
    chosen = assign_roles(two, {"image": "/carla/ego_vehicle/rgb_left/image"})
    assert chosen.topic_of["image"] == "/carla/ego_vehicle/rgb_left/image"


def test_the_only_camera_of_a_bag_is_it_whatever_it_is_called():
    types = {"/dash/picture": IMAGE, "/dash/camera_info": INFO, ODOMETRY.name: ODOMETRY_TYPE}
    roles = assign_roles(types, {})
    assert (roles.topic_of["image"], roles.topic_of["camera_info"]) == ("/dash/picture", "/dash/camera_info")


def test_a_raw_and_a_compressed_stream_of_one_camera_are_one_camera():
    types = {"/dash/image_raw": IMAGE, "/dash/image_raw/compressed": "sensor_msgs/msg/CompressedImage"}
    assert assign_roles(types, {}).topic_of["image"] == "/dash/image_raw"


@pytest.mark.parametrize(
    ("chosen", "error", "message"),
    [
        ({"imag": IMAGE_RAW.name}, ConfigError, "no role 'imag'"),
        ({"image": "/nowhere"}, ConfigError, "no such topic in the bag"),
        ({"image": ODOMETRY.name}, SourceError, "as image it would be sensor_msgs/msg/Image"),
    ],
)
def test_a_wrong_choice_is_refused_with_what_there_is(chosen, error, message):
    with pytest.raises(error, match=message):
        assign_roles(ours(), chosen)
