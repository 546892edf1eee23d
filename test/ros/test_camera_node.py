"""The camera node passes on what may enter, with its own stamp, and drops or refuses the rest."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.ros.conversions import (
    bytes_array,
    camera_info_from_model,
    frame_from_image,
    image_from_frame,
    ns_from_time,
    set_time,
)
from sim2real_ad.ros.graph import DriveOptions, vehicle_graph
from sim2real_ad.ros.node import topic_type
from sim2real_ad.ros.node_spec import NodeSpec
from sim2real_ad.ros.node_states import UP
from sim2real_ad.ros.qos import publisher_qos, recorder_qos
from sim2real_ad.ros.supervisor import node_command
from sim2real_ad.ros.topics import CAMERA_INFO, CAMERA_INFO_RAW, IMAGE, IMAGE_COMPRESSED, IMAGE_RAW, TIMING
from sim2real_ad.types import CameraFrame

pytestmark = pytest.mark.ros
PICTURE = np.repeat(np.arange(180, dtype=np.uint8)[:, None, None], 320, axis=1).repeat(3, axis=2)


class Harness:
    """A camera node between a driver and an adapter, both played by the test."""

    def __init__(self, peer, processes, source: str, source_path: str = "") -> None:
        self.peer = peer
        self.heard = (CAMERA_INFO_RAW, IMAGE_RAW if source == "topic" else IMAGE_COMPRESSED)
        spec: NodeSpec = vehicle_graph(DriveOptions(), source, source_path).node("camera")
        self.process = processes.start("camera", node_command(spec))
        self.images: list = []
        self.infos: list = []
        self.timings: list = []
        for topic, into in ((IMAGE, self.images), (CAMERA_INFO, self.infos), (TIMING, self.timings)):
            peer.node.create_subscription(topic_type(topic), topic.name, into.append, recorder_qos(topic.qos))
        self.driver = {
            t: peer.node.create_publisher(topic_type(t), t.name, publisher_qos(t.qos))
            for t in (IMAGE_RAW, IMAGE_COMPRESSED, CAMERA_INFO_RAW)
        }

    def until_up(self) -> None:
        assert self.peer.until(lambda: UP in self.process.log_lines()), self.process.log_lines()
        assert self.peer.until(lambda: all(self.driver[t].get_subscription_count() for t in self.heard))

    def until_ended(self) -> str:
        assert self.peer.until(lambda: self.process.exit_status is not None)
        assert self.process.exit_status == 2
        return self.process.describe_end()


def raw(stamp_ns: int):
    return image_from_frame(CameraFrame(stamp_ns, PICTURE))


def compressed(stamp_ns: int):
    message = topic_type(IMAGE_COMPRESSED)(format="png")
    message.data = bytes_array(cv2.imencode(".png", PICTURE[..., ::-1])[1].ravel())
    set_time(message.header.stamp, stamp_ns)
    return message


def sent_until_heard(camera: Harness, topic, make) -> list[int]:
    """Send fresh frames until one has come through; best effort loses what it sends before both sides are matched."""
    sent: list[int] = []
    while not (camera.images and camera.infos and camera.timings) and len(sent) < 300:
        sent.append(time.time_ns())
        camera.driver[topic].publish(make(sent[-1]))
        camera.peer.spin_for(0.1)
    return sent


@pytest.mark.parametrize(
    ("source", "topic", "make"), [("topic", IMAGE_RAW, raw), ("compressed", IMAGE_COMPRESSED, compressed)]
)
def test_a_frame_is_passed_on_with_its_stamp_its_picture_and_its_calibration(
    peer, processes, source, topic, make
) -> None:
    camera = Harness(peer, processes, source)
    camera.until_up()
    sent = sent_until_heard(camera, topic, make)
    frame = frame_from_image(camera.images[-1])
    stamps = [camera.images[-1].header.stamp, camera.infos[-1].header.stamp, camera.timings[-1].stamp]
    assert {ns_from_time(stamp) for stamp in stamps} == {frame.stamp_ns}
    assert frame.stamp_ns in sent
    assert (frame.rgb == PICTURE).all()
    assert camera.infos[-1].k[0] == load_camera("default").fx
    assert camera.timings[-1].received_ns <= camera.timings[-1].published_ns


def test_a_frame_in_an_encoding_without_colours_enters_as_rgb(peer, processes) -> None:
    def mosaic(stamp_ns: int):
        message = raw(stamp_ns)
        message.encoding, message.step = "bayer_rggb8", 320
        message.data = bytes_array(np.full((180, 320), 93, np.uint8))
        return message

    camera = Harness(peer, processes, "topic")
    camera.until_up()
    sent_until_heard(camera, IMAGE_RAW, mosaic)
    assert camera.images[-1].encoding == "rgb8"
    assert (frame_from_image(camera.images[-1]).rgb == 93).all()


def test_a_stale_frame_and_one_out_of_order_are_dropped(peer, processes) -> None:
    camera = Harness(peer, processes, "topic")
    camera.until_up()
    sent_until_heard(camera, IMAGE_RAW, raw)
    camera.images.clear()
    first_ns = time.time_ns()
    for age_ns in (10**10, 0, 2 * 10**8, 0):
        camera.driver[IMAGE_RAW].publish(raw(time.time_ns() - age_ns))
        peer.spin_for(0.1)
    assert len(camera.images) == 2
    assert all(ns_from_time(m.header.stamp) > first_ns for m in camera.images)
    assert camera.timings[-1].dropped == 2


def test_a_picture_that_cannot_be_the_calibrated_cameras_ends_the_node(peer, processes) -> None:
    camera = Harness(peer, processes, "topic")
    camera.until_up()
    sent_until_heard(camera, IMAGE_RAW, raw)
    square = np.zeros((240, 240, 3), np.uint8)
    camera.driver[IMAGE_RAW].publish(image_from_frame(CameraFrame(time.time_ns(), square)))
    assert "240x240" in camera.until_ended()


def test_a_driver_with_another_calibration_ends_the_node(peer, processes) -> None:
    camera = Harness(peer, processes, "topic")
    camera.until_up()
    other = load_camera("default").model_copy(update={"fx": 250.0})
    camera.driver[CAMERA_INFO_RAW].publish(camera_info_from_model(other, time.time_ns()))
    assert "250.0" in camera.until_ended()


def test_a_broken_jpeg_ends_the_node(peer, processes) -> None:
    camera = Harness(peer, processes, "compressed")
    camera.until_up()
    sent_until_heard(camera, IMAGE_COMPRESSED, compressed)
    camera.driver[IMAGE_COMPRESSED].publish(topic_type(IMAGE_COMPRESSED)(format="jpeg", data=b"no picture"))
    assert "cannot be decoded" in camera.until_ended()


def test_a_device_that_is_not_there_is_named(peer, processes) -> None:
    assert "/dev/no_such_camera" in Harness(peer, processes, "v4l2", "/dev/no_such_camera").until_ended()
