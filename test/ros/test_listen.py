"""What the doctor hears of a graph, from a process of its own and over the real transport."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest

from sim2real_ad.doctor.finding import Status
from sim2real_ad.doctor.gate import judge_gate
from sim2real_ad.errors import TransportError
from sim2real_ad.ros.conversions import set_time
from sim2real_ad.ros.listen import TOPICS, described, heard_from, listen
from sim2real_ad.ros.node import topic_type
from sim2real_ad.ros.qos import publisher_qos
from sim2real_ad.ros.topics import CAMERA_INFO_RAW, GATE_STATUS, IMAGE_COMPRESSED, IMAGE_RAW
from sim2real_ad.ros.transport import MIN_SEGMENT_BYTES

pytestmark = pytest.mark.ros


def heard_beside(peer, what: str, publish, *more: str) -> Any:
    """Publish by a timer while another process listens; return what it heard."""
    command = [sys.executable, "-m", "sim2real_ad.ros.listen", "--what", what, "--seconds", "1.0", *more]
    peer.node.create_timer(0.05, publish)
    with subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.PIPE, text=True) as process:
        peer.until(lambda: process.poll() is not None)
        assert process.stdout is not None
        return heard_from(json.loads(process.stdout.read()))


def test_a_node_of_the_doctor_has_the_shared_memory_transport(ros_environment: dict[str, str]) -> None:
    assert listen("nothing", 0.0).segment_bytes >= MIN_SEGMENT_BYTES


def test_a_broken_ros_is_told_with_its_last_words(
    ros_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", "many")
    with pytest.raises(TransportError, match="a ROS node does not come up: "):
        listen("nothing", 0.0)


def test_pictures_of_a_driver_are_heard_with_size_stamp_and_calibration(peer) -> None:
    images = peer.node.create_publisher(topic_type(IMAGE_RAW), IMAGE_RAW.name, publisher_qos("sensor"))
    infos = peer.node.create_publisher(topic_type(CAMERA_INFO_RAW), CAMERA_INFO_RAW.name, publisher_qos("state"))

    def publish() -> None:
        image = topic_type(IMAGE_RAW)(width=320, height=180, data=bytes(320 * 180 * 3))
        set_time(image.header.stamp, time.time_ns())
        images.publish(image)
        infos.publish(topic_type(CAMERA_INFO_RAW)(width=320, height=180, k=[160.0, 0, 160, 0, 160, 90, 0, 0, 1]))

    heard = heard_beside(peer, "topic", publish)
    stamps = [picture.stamp_ns for picture in heard.pictures]
    assert len(stamps) >= 10
    assert stamps == sorted(set(stamps))
    assert {(p.width, p.height) for p in heard.pictures} == {(320, 180)}
    assert all(0 <= p.received_ns - p.stamp_ns < 1e9 for p in heard.pictures)
    assert heard.calibrations[0].matrix[0] == 160.0


def test_a_car_that_calls_a_topic_otherwise_is_listened_to_under_its_own_name(peer) -> None:
    gate = peer.node.create_publisher(topic_type(GATE_STATUS), "/car/gate", publisher_qos("state"))
    status = topic_type(GATE_STATUS)(state="engaged", age=0.05)
    named = ("--names", json.dumps({GATE_STATUS.name: "/car/gate"}))
    heard = heard_beside(peer, "gate", lambda: gate.publish(status), *named)
    assert {word.state for word in heard.gate} == {"engaged"}


def test_the_gate_s_word_is_heard(peer) -> None:
    gate = peer.node.create_publisher(topic_type(GATE_STATUS), GATE_STATUS.name, publisher_qos("state"))
    status = topic_type(GATE_STATUS)(state="fault", reasons=["stop_failed"], age=0.05)
    finding = judge_gate(heard_beside(peer, "gate", lambda: gate.publish(status)), {})
    assert finding.status is Status.failed
    assert "stop_failed" in finding.found


def test_a_compressed_picture_s_size_is_that_of_its_pixels() -> None:
    import cv2
    import numpy as np

    jpeg = cv2.imencode(".jpg", np.zeros((36, 64, 3), np.uint8))[1].tobytes()
    message = topic_type(IMAGE_COMPRESSED)(format="jpeg", data=list(jpeg))
    assert described(IMAGE_COMPRESSED, message)[2:] == [64, 36]


def test_everything_that_can_be_asked_for_has_its_topics() -> None:
    assert TOPICS["compressed"] == (IMAGE_COMPRESSED, CAMERA_INFO_RAW)
    assert TOPICS["nothing"] == ()
