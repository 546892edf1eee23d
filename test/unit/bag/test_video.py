"""A driving video becomes a bag that a replay can drive on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sim2real_ad.bag import video as video_bag
from sim2real_ad.bag.check import check_bag
from sim2real_ad.bag.definitions import BagDecoder
from sim2real_ad.bag.images import COMPRESSED_IMAGE, rgb_of
from sim2real_ad.bag.source import open_bag
from sim2real_ad.bag.video import AssumedDrive, bag_from_video
from sim2real_ad.errors import CalibrationError, ConfigError, SourceError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.ros import topics

FRAMES, FPS, SIZE = 30, 25.0, (320, 180)
STEP_NS = 40_000_000


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a video whose grey grows lighter from frame to frame, of the default camera's aspect ratio."""
    path = tmp_path_factory.mktemp("video") / "grey.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), FPS, SIZE)
    for number in range(FRAMES):
        writer.write(np.full((SIZE[1], SIZE[0], 3), 20 + 6 * number, np.uint8))
    writer.release()
    return path


def messages_by_topic(path: Path) -> dict[str, list]:
    decode, found = BagDecoder(), {}
    with open_bag(path) as source:
        for message in source.messages():
            found.setdefault(message.topic, []).append((message.log_time_ns, decode(message)))
    return found


def test_topics_and_types_are_those_of_the_graph() -> None:
    declared = [
        topics.IMAGE_COMPRESSED,
        topics.CAMERA_INFO_RAW,
        topics.ODOMETRY,
        topics.ACCELERATION,
        topics.VELOCITY,
        topics.STEERING,
        topics.CONTROL_MODE,
        topics.ROUTE,
    ]
    assert {t.name: t.type_name for t in declared} == video_bag.TYPES


def test_every_frame_is_there_with_what_the_car_reports(video: Path, tmp_path: Path) -> None:
    assert bag_from_video(video, "default", tmp_path / "bag", AssumedDrive(speed=10.0)) == FRAMES
    found = messages_by_topic(tmp_path / "bag")
    pictures = [rgb_of(m, COMPRESSED_IMAGE) for _, m in found[video_bag.IMAGE_TOPIC]]
    assert [p.shape for p in pictures] == [(180, 320, 3)] * FRAMES
    np.testing.assert_allclose([p.mean() for p in pictures], 20 + 6 * np.arange(FRAMES), atol=4)
    stamps = [at for at, _ in found[video_bag.IMAGE_TOPIC]]
    assert stamps == [10**9 + n * STEP_NS for n in range(FRAMES)]
    for topic in video_bag.TYPES.keys() - {video_bag.ROUTE_TOPIC}:
        assert [at for at, _ in found[topic]] == stamps
        headers = [m.header.stamp if hasattr(m, "header") else m.stamp for _, m in found[topic]]
        assert [h.sec * 10**9 + h.nanosec for h in headers] == stamps


def test_the_car_drives_straight_ahead_at_the_assumed_speed(video: Path, tmp_path: Path) -> None:
    bag_from_video(video, "default", tmp_path / "bag", AssumedDrive(speed=10.0, speed_limit=12.5))
    found = messages_by_topic(tmp_path / "bag")
    odometry = [m for _, m in found[video_bag.ODOMETRY_TOPIC]]
    np.testing.assert_allclose([m.pose.pose.position.x for m in odometry], 0.4 * np.arange(FRAMES), atol=1e-9)
    assert {(m.pose.pose.position.y, m.pose.pose.orientation.w, m.twist.twist.linear.x) for m in odometry} == {
        (0, 1, 10)
    }
    assert {m.longitudinal_velocity for _, m in found[video_bag.VELOCITY_TOPIC]} == {10.0}
    assert {m.steering_tire_angle for _, m in found[video_bag.STEERING_TOPIC]} == {0.0}
    assert {m.mode for _, m in found[video_bag.CONTROL_MODE_TOPIC]} == {4}
    ((at, route),) = found[video_bag.ROUTE_TOPIC]
    assert (at, route.speed_limit) == (10**9, 12.5)
    points = np.array([(p.pose.position.x, p.pose.position.y) for p in route.path.poses])
    np.testing.assert_array_equal(points[:, 0], np.arange(len(points)))
    assert points[-1, 0] >= odometry[-1].pose.pose.position.x + 190.0


def test_the_calibration_is_scaled_to_the_video(video: Path, tmp_path: Path) -> None:
    bag_from_video(video, "dashcam_1280x720", tmp_path / "bag", AssumedDrive(frames=1))
    ((_, info),) = messages_by_topic(tmp_path / "bag")[video_bag.CAMERA_INFO_TOPIC]
    camera = load_camera("dashcam_1280x720").scaled(*SIZE)
    assert (info.width, info.height, info.distortion_model) == (320, 180, "plumb_bob")
    np.testing.assert_allclose(info.k.reshape(3, 3), camera.matrix())
    np.testing.assert_allclose(info.d, camera.distortion)
    np.testing.assert_allclose(info.p.reshape(3, 4)[:, :3], camera.matrix())


def test_the_bag_is_fit_for_use_and_the_route_is_latched(video: Path, tmp_path: Path) -> None:
    bag_from_video(video, "default", tmp_path / "bag", AssumedDrive())
    with open_bag(tmp_path / "bag") as source:
        assert check_bag(source, {video_bag.IMAGE_TOPIC: FPS}).findings == ()
        assert [topic.name for topic in source.topics.values() if topic.latched] == [video_bag.ROUTE_TOPIC]


def test_the_picture_comes_after_what_is_known_of_the_car_at_its_time(video: Path, tmp_path: Path) -> None:
    bag_from_video(video, "default", tmp_path / "bag", AssumedDrive(frames=3))
    with open_bag(tmp_path / "bag") as source:
        order = [m.topic for m in source.messages()]
    assert order[0] == video_bag.ROUTE_TOPIC
    assert [n for n, topic in enumerate(order) if topic == video_bag.IMAGE_TOPIC] == [7, 14, 21]


def test_the_same_video_gives_the_same_bytes(video: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        bag_from_video(video, "default", tmp_path / name / "bag", AssumedDrive())
    for file in ("bag.mcap", "metadata.yaml"):
        assert (tmp_path / "one" / "bag" / file).read_bytes() == (tmp_path / "two" / "bag" / file).read_bytes()


@pytest.mark.parametrize(("options", "taken"), [({"frames": 4}, [0, 1, 2, 3]), ({"every": 10}, [0, 10, 20])])
def test_some_frames_can_be_taken_at_their_own_times(video: Path, tmp_path: Path, options: dict, taken: list) -> None:
    assert bag_from_video(video, "default", tmp_path / "bag", AssumedDrive(**options)) == len(taken)
    images = messages_by_topic(tmp_path / "bag")[video_bag.IMAGE_TOPIC]
    assert [at for at, _ in images] == [10**9 + n * STEP_NS for n in taken]
    brightness = [rgb_of(m, COMPRESSED_IMAGE).mean() for _, m in images]
    np.testing.assert_allclose(brightness, 20 + 6 * np.array(taken), atol=4)


def test_a_lower_quality_takes_fewer_bytes(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), FPS, SIZE)
    writer.write(np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8))
    writer.release()
    sizes = []
    for quality in (90, 30):
        bag_from_video(path, "default", tmp_path / f"bag{quality}", AssumedDrive(quality=quality))
        sizes.append(len(messages_by_topic(tmp_path / f"bag{quality}")[video_bag.IMAGE_TOPIC][0][1].data))
    assert sizes[0] > 1.5 * sizes[1]


def test_a_camera_of_another_shape_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "square.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), FPS, (240, 240))
    writer.write(np.zeros((240, 240, 3), np.uint8))
    writer.release()
    with pytest.raises(CalibrationError, match="the image is 240x240: the aspect ratio differs"):
        bag_from_video(path, "default", tmp_path / "bag", AssumedDrive())
    assert not (tmp_path / "bag").exists()


def test_bad_arguments_are_clear_errors(video: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no video at"):
        bag_from_video(tmp_path / "none.mp4", "default", tmp_path / "bag", AssumedDrive())
    with pytest.raises(CalibrationError, match="no 'periscope'"):
        bag_from_video(video, "periscope", tmp_path / "bag", AssumedDrive())
    (tmp_path / "bag").mkdir()
    with pytest.raises(ConfigError, match="exists"):
        bag_from_video(video, "default", tmp_path / "bag", AssumedDrive())
