"""Bags of other stacks, bags that lack something, and damaged ones, through the whole replay."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from sim2real_ad.bag.messages import blank, serialized, set_stamp
from sim2real_ad.bag.write import BagWriter
from sim2real_ad.errors import ConfigError
from sim2real_ad.evaluation.mcap_stream import RawMessage
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.replay.many import BagTask, folders_for, judge_bags
from sim2real_ad.replay.results import FRAMES_FILE, ReplaySummary, read_frames
from sim2real_ad.replay.run import ReplayJob, replay_bag
from sim2real_ad.types import NANOSECONDS

CAMERA = load_camera("default")
START = 1_700_000_000 * NANOSECONDS
TICK = NANOSECONDS // 20
FRAMES = 12
SPEED = 4.0
STATUS = "carla_msgs/msg/CarlaEgoVehicleStatus"
RULE = "=" * 80
STATUS_DEFINITION = f"""std_msgs/Header header
float32 velocity
geometry_msgs/Accel acceleration
geometry_msgs/Quaternion orientation
carla_msgs/CarlaEgoVehicleControl control
{RULE}
MSG: carla_msgs/CarlaEgoVehicleControl
std_msgs/Header header
float32 throttle
float32 steer
float32 brake
bool hand_brake
bool reverse
int32 gear
bool manual_gear_shift
{RULE}
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
{RULE}
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
{RULE}
MSG: geometry_msgs/Accel
geometry_msgs/Vector3 linear
geometry_msgs/Vector3 angular
{RULE}
MSG: geometry_msgs/Vector3
float64 x
float64 y
float64 z
{RULE}
MSG: geometry_msgs/Quaternion
float64 x
float64 y
float64 z
float64 w
"""
ODOMETRY, VELOCITY, STEERING = (
    "/localization/kinematic_state",
    "/vehicle/status/velocity_status",
    "/vehicle/status/steering_status",
)
IMAGE = "/sensing/camera/front/image_raw"


def odometry(tick: int):
    message = blank("nav_msgs/msg/Odometry")
    message.pose.pose.position.x = SPEED * tick / 20.0
    message.pose.pose.orientation.w = 1.0
    message.twist.twist.linear.x = SPEED
    return message


def velocity(tick: int):
    message = blank("autoware_vehicle_msgs/msg/VelocityReport")
    message.longitudinal_velocity = SPEED
    return message


def picture(tick: int, encoding: str = "rgb8"):
    message = blank("sensor_msgs/msg/Image")
    rgb = np.full((CAMERA.height, CAMERA.width, 3), 90, np.uint8)
    rgb[CAMERA.height // 2 :] += np.uint8(tick)
    data = rgb if encoding == "rgb8" else np.ascontiguousarray(rgb[..., 0])
    message.height, message.width, message.encoding = CAMERA.height, CAMERA.width, encoding
    message.step, message.data = data.strides[0], data.ravel()
    return message


def jpeg(tick: int):
    message = blank("sensor_msgs/msg/CompressedImage")
    rgb = picture(tick).data.reshape(CAMERA.height, CAMERA.width, 3)
    message.format, message.data = "jpeg", cv2.imencode(".jpg", rgb)[1].ravel()
    return message


def steering(tick: int):
    return blank("autoware_vehicle_msgs/msg/SteeringReport")


AUTOWARE = {
    ODOMETRY: ("nav_msgs/msg/Odometry", odometry),
    VELOCITY: ("autoware_vehicle_msgs/msg/VelocityReport", velocity),
    STEERING: ("autoware_vehicle_msgs/msg/SteeringReport", steering),
    IMAGE: ("sensor_msgs/msg/Image", picture),
}


def write(path: Path, topics, frames: int = FRAMES, first_stamp: int = START) -> Path:
    """At each tick one message of every topic, in their order, with its stamp."""
    with BagWriter(path) as bag:
        for tick in range(frames):
            for name, (type_name, make) in topics.items():
                message = make(tick)
                header = getattr(message, "header", None)
                set_stamp(message.stamp if header is None else header.stamp, first_stamp + tick * TICK)
                bag.write_new(name, type_name, message, START + tick * TICK)
    return path


def replayed(bag: Path, tmp_path: Path, **job) -> ReplaySummary:
    return replay_bag(ReplayJob(bag, tmp_path / "out", **job))


def test_an_autoware_bag_is_replayed_along_the_way_that_was_driven_and_says_what_it_lacks(tmp_path):
    summary = replayed(write(tmp_path / "bag", AUTOWARE, frames=30), tmp_path)
    assert (summary.error, summary.frames, summary.recorded_frames) == ("", 30, 30)
    told = "; ".join(summary.left_out)
    for expected in ("acceleration is not in the bag", "the way that was driven", "not driven by the stack"):
        assert expected in told
    assert "driven.steering_tire_angle" in summary.differences


@pytest.mark.parametrize("encoding", ["rgb8", "mono8"])
def test_pictures_of_other_encodings_are_replayed(tmp_path, encoding):
    topics = {**AUTOWARE, IMAGE: ("sensor_msgs/msg/Image", lambda tick: picture(tick, encoding))}
    assert replayed(write(tmp_path / "bag", topics, frames=30), tmp_path).frames == 30


def test_compressed_pictures_are_replayed(tmp_path):
    topics = {**AUTOWARE, f"{IMAGE}/compressed": ("sensor_msgs/msg/CompressedImage", jpeg)}
    del topics[IMAGE]
    assert replayed(write(tmp_path / "bag", topics, frames=30), tmp_path).frames == 30


def test_a_bag_of_carlas_bridge_is_replayed_with_its_status_and_path(tmp_path):
    path = tmp_path / "bag"
    with BagWriter(path) as bag:
        way = blank("nav_msgs/msg/Path")
        for x in range(60):
            pose = blank("geometry_msgs/msg/PoseStamped")
            pose.pose.position.x = float(x)
            way.poses.append(pose)
        set_stamp(way.header.stamp, START)
        bag.write_new("/carla/ego_vehicle/waypoints", "nav_msgs/msg/Path", way, START)
        for tick in range(FRAMES):
            stamp = START + tick * TICK
            for name, type_name, message in (
                ("/carla/ego_vehicle/odometry", "nav_msgs/msg/Odometry", odometry(tick)),
                ("/carla/ego_vehicle/rgb_front/image", "sensor_msgs/msg/Image", picture(tick)),
            ):
                set_stamp(message.header.stamp, stamp)
                bag.write_new(name, type_name, message, stamp)
            bag.write(RawMessage("/carla/ego_vehicle/vehicle_status", STATUS, STATUS_DEFINITION, stamp, status(stamp)))
    summary = replayed(path, tmp_path)
    assert (summary.error, summary.frames) == ("", FRAMES)
    frames = read_frames(tmp_path / "out" / FRAMES_FILE)
    assert frames[0].speed == SPEED
    assert frames[0].driven is not None
    assert frames[0].driven.steering_tire_angle > 0.0, "CARLA's steering is right positive, ours left"


def status(stamp_ns: int) -> bytes:
    """CDR of a CarlaEgoVehicleStatus: SPEED, steering -0.25."""
    import struct

    sec, nanosec = divmod(stamp_ns, NANOSECONDS)
    header = struct.pack("<iII", sec, nanosec, 1) + b"\0"
    body = header + b"\0" * (-len(header) % 4) + struct.pack("<f", SPEED)
    body += b"\0" * (-len(body) % 8) + struct.pack("<10d", *[0.0] * 9, 1.0)
    body += header + b"\0" * (-(len(body) + len(header)) % 4) + struct.pack("<fff??", 0.0, -0.25, 0.0, False, False)
    body += b"\0" * (-len(body) % 4) + struct.pack("<i?", 1, False)
    return b"\0\1\0\0" + body


def test_a_bag_without_odometry_pictures_or_any_message_names_what_it_lacks(tmp_path):
    for name, missing, message in (
        ("blind", IMAGE, "no camera picture, observation or request"),
        ("lost", ODOMETRY, "nothing says where the car is"),
    ):
        bag = write(tmp_path / name, {k: v for k, v in AUTOWARE.items() if k != missing}, frames=3)
        assert message in replay_bag(ReplayJob(bag, tmp_path / f"out-{name}")).error
    with BagWriter(tmp_path / "empty"):
        pass
    assert "it has no topics" in replay_bag(ReplayJob(tmp_path / "empty", tmp_path / "out-empty")).error


def test_pictures_in_another_epoch_than_the_car_are_counted_with_what_they_lacked(tmp_path):
    other = {IMAGE: AUTOWARE[IMAGE]}
    path = tmp_path / "bag"
    with BagWriter(path) as bag:
        for tick in range(30):
            for topics, first in ((AUTOWARE, START), (other, START // 2)):
                for name, (type_name, make) in topics.items():
                    if topics is AUTOWARE and name == IMAGE:
                        continue
                    message = make(tick)
                    header = getattr(message, "header", None)
                    set_stamp(message.stamp if header is None else header.stamp, first + tick * TICK)
                    bag.write_new(name, type_name, message, START + tick * TICK)
    summary = replayed(path, tmp_path)
    assert summary.frames == 0
    assert any(
        "30 of 30 pictures not replayed" in p or "pictures not replayed: no odometry" in p for p in summary.problems
    )


def test_a_folder_that_holds_a_replay_is_not_overwritten(tmp_path):
    bag = write(tmp_path / "bag", AUTOWARE, frames=25)
    replayed(bag, tmp_path)
    with pytest.raises(ConfigError, match="another replay"):
        replayed(bag, tmp_path)


def test_of_many_bags_one_that_fails_is_told_and_the_others_finish(tmp_path):
    good = write(tmp_path / "good", AUTOWARE, frames=25)
    bad = tmp_path / "bad.mcap"
    bad.write_bytes(b"no bag at all")
    folders = folders_for([good, bad], tmp_path / "out")
    tasks = [BagTask(ReplayJob(bag, folder)) for bag, folder in zip([good, bad], folders, strict=True)]
    judged = {done.summary.bag: done for done in judge_bags(tasks, "local", 2)}
    assert (judged["good"].summary.error, judged["good"].summary.frames) == ("", 25)
    assert "bad.mcap" in judged["bad.mcap"].summary.error
    assert (tmp_path / "out" / "good" / "report.html").is_file()


def test_bags_of_one_name_get_folders_of_their_own():
    bags = [Path("a/drive.mcap"), Path("b/drive.mcap"), Path("c/other")]
    assert [f.name for f in folders_for(bags, Path("out"))] == ["drive", "drive-2", "other"]
    assert folders_for(bags[:1], Path("out")) == [Path("out")]


def test_serialized_pictures_are_what_the_replay_reads():
    assert len(serialized(picture(0), "sensor_msgs/msg/Image")) > 3 * CAMERA.width * CAMERA.height
