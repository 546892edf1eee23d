"""Pictures are handed out by frame number; none is mixed up with another."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from sim2real_ad.errors import WorldError
from sim2real_ad.world.carla.inbox import CollisionInbox, FrameInbox


def image(frame):
    pixels = np.full((2, 3, 4), frame, np.uint8)
    pixels[..., 0], pixels[..., 2] = 7, 9
    return SimpleNamespace(frame=frame, width=3, height=2, raw_data=pixels.tobytes())


def test_earlier_pictures_are_discarded_and_colours_are_rgb():
    inbox = FrameInbox()
    for frame in (3, 4, 5):
        inbox.put(image(frame))
    picture = inbox.take(5, 0.1, "server")
    assert picture.shape == (2, 3, 3)
    assert picture[0, 0].tolist() == [9, 5, 7]


def test_a_picture_that_was_lost_is_an_error_and_not_the_next_one():
    inbox = FrameInbox()
    inbox.put(image(6))
    with pytest.raises(WorldError, match="server: the picture of frame 5 was lost; the next is of frame 6"):
        inbox.take(5, 0.1, "server")


def test_a_picture_that_does_not_come_is_an_error_in_time():
    inbox = FrameInbox()
    inbox.put(image(4))
    started = time.monotonic()
    with pytest.raises(WorldError, match=r"no picture of frame 5 within 0\.05 s, only of 4"):
        inbox.take(5, 0.05, "server")
    assert time.monotonic() - started < 5.0


def test_a_picture_is_waited_for():
    inbox = FrameInbox()
    threading.Timer(0.05, inbox.put, [image(5)]).start()
    assert inbox.take(5, 10.0, "server")[0, 0, 1] == 5


def test_a_collision_counts_for_its_frame_and_the_next():
    inbox = CollisionInbox()
    assert inbox.during(1) is None
    inbox.put(SimpleNamespace(frame=10, other_actor=SimpleNamespace(id=44)))
    assert [inbox.during(frame) for frame in (10, 11, 12)] == [44, 44, None]
