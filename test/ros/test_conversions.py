"""What crosses a topic comes out as it went in, to the bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rclpy")
from rclpy.serialization import deserialize_message, serialize_message

from sim2real_ad.errors import SourceError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.ros import conversions as c
from sim2real_ad.ros.ego_tracker import SOURCES, EgoTracker
from sim2real_ad.types import Action, CameraFrame, ControlCommand, EgoState, Observation, Pose2, Route

pytestmark = pytest.mark.ros
STAMPS = st.integers(1, 2**31 * 10**9 - 1)
FLOATS32 = st.floats(-1e3, 1e3, width=32)
FLOATS = st.floats(-1e6, 1e6)


def over_the_wire(message):
    return deserialize_message(serialize_message(message), type(message))


@given(STAMPS, FLOATS32, FLOATS32, st.floats(0, 100, width=32), st.floats(0, 2, width=32))
def test_a_command(stamp: int, angle: float, acceleration: float, velocity: float, rate: float) -> None:
    command = ControlCommand(stamp, angle, acceleration, velocity, rate)
    assert c.command_from_message(over_the_wire(c.message_from_command(command))) == command


@given(STAMPS, st.floats(-1, 1, width=32), st.floats(-1, 1, width=32))
def test_an_action(stamp: int, curvature: float, acceleration: float) -> None:
    action = Action(stamp, curvature, acceleration)
    assert c.action_from_message(over_the_wire(c.message_from_action(action))) == action


@given(STAMPS, FLOATS, FLOATS, st.floats(-math.pi, math.pi, exclude_max=True), FLOATS32, FLOATS, FLOATS, FLOATS32)
def test_an_ego_state(stamp, x, y, yaw, speed, acceleration, yaw_rate, steering) -> None:
    ego = EgoState(stamp, Pose2(x, y, yaw), speed, acceleration, yaw_rate, steering)
    tracker = EgoTracker(exact=True, max_age_s=1.0)
    messages = c.ego_messages(ego)
    for source in SOURCES:
        tracker.add(source, c.reading_from_message(source, over_the_wire(messages[source])))
    joined = tracker.at(stamp)
    assert joined is not None
    assert math.isclose(joined.pose.yaw, yaw, abs_tol=1e-9)
    assert joined == EgoState(stamp, Pose2(x, y, joined.pose.yaw), speed, acceleration, yaw_rate, steering)


@pytest.mark.parametrize(("encoding", "order"), [("rgb8", [0, 1, 2]), ("bgr8", [2, 1, 0]), ("rgba8", [0, 1, 2, 3])])
def test_a_picture_in_every_colour_order_and_with_padded_rows(encoding: str, order: list[int]) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    message = c.image_from_frame(CameraFrame(123, rgb))
    pixels = np.concatenate((rgb, np.full((4, 6, 1), 9, np.uint8)), axis=2)[..., order]
    rows = np.zeros((4, pixels.shape[2] * 6 + 5), np.uint8)
    rows[:, : pixels.shape[2] * 6] = pixels.reshape(4, -1)
    message.encoding, message.step, message.data = encoding, rows.shape[1], c.bytes_array(rows)
    frame = c.frame_from_image(over_the_wire(message))
    frame.validate()
    assert frame.stamp_ns == 123
    assert (frame.rgb == rgb).all()


def test_a_picture_without_colour_is_grey_and_one_with_too_few_bytes_is_refused() -> None:
    message = c.image_from_frame(CameraFrame(1, np.zeros((4, 6, 3), np.uint8)))
    message.encoding, message.step, message.data = "mono8", 6, bytes(range(24))
    assert (c.frame_from_image(over_the_wire(message)).rgb[3, 5] == 23).all()
    message.height = 5
    with pytest.raises(SourceError, match=r"6x5, step 6, 24 bytes, is cut short: it takes 30 bytes"):
        c.frame_from_image(message)
    message.encoding = "32FC1"
    with pytest.raises(SourceError, match="32FC1"):
        c.frame_from_image(message)


def test_an_observation() -> None:
    rng = np.random.default_rng(1)
    bytes_of = lambda *shape: rng.integers(0, 256, shape, np.uint8)  # noqa: E731
    floats_of = lambda *shape: rng.normal(size=shape).astype(np.float32)  # noqa: E731
    sent = Observation(
        7, bytes_of(6, 8, 4), bytes_of(8, 4), bytes_of(2, 6, 8, 4), floats_of(6), floats_of(24, 2), 13.5, 0.25
    )
    message = over_the_wire(c.message_from_observation(sent, "0123456789abcdef"))
    got = c.observation_from_message(message)
    assert message.spec_fingerprint == "0123456789abcdef"
    assert (got.stamp_ns, got.speed_limit, got.ood) == (7, 13.5, 0.25)
    for name in ("bev", "validity", "history", "ego", "route"):
        assert getattr(got, name).dtype == getattr(sent, name).dtype
        assert (getattr(got, name) == getattr(sent, name)).all()


def test_a_route() -> None:
    sent = Route(42, np.random.default_rng(2).normal(size=(30, 2)), 8.25)
    got = c.route_from_message(over_the_wire(c.message_from_route(sent)))
    assert (got.stamp_ns, got.speed_limit) == (42, 8.25)
    assert (got.points == sent.points).all()


def test_a_calibration() -> None:
    camera = load_camera("default")
    message = over_the_wire(c.camera_info_from_model(camera, 5))
    assert (message.k.reshape(3, 3) == camera.matrix()).all()
    assert (message.width, message.height) == (camera.width, camera.height)
