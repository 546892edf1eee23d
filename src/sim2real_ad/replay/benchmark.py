"""How fast bags are replayed, against playing them by the clock."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sim2real_ad.bag.messages import blank, set_stamp
from sim2real_ad.bag.write import BagWriter
from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.benchmark import Measurement, figure
from sim2real_ad.replay.run import ReplayJob, replay_bag
from sim2real_ad.replay.stepping import Stepped
from sim2real_ad.replay.watchers import Watcher
from sim2real_ad.ros.topics import (
    ACCELERATION,
    IMAGE_COMPRESSED,
    ODOMETRY,
    REQUEST,
    ROUTE,
    STEERING,
    VELOCITY,
    Topic,
)
from sim2real_ad.types import ns_from_seconds

STATE_S, PICTURES_S = 120.0, 12.0
STATE_HZ, FRAME_HZ = 100.0, 20.0
WIDTH, HEIGHT = 1280, 720
CAMERA = "dashcam_1280x720"
SPEED = 6.0
START_NS = 1_700_000_000_000_000_000
FASTER_STATE, FASTER_PICTURES = 50.0, 3.0
"""Than the road."""
PACED_S = 4.0
"""Of the paced replay: by the clock, the rest takes as long as the bag is."""


class _Pace:
    """A watcher that waits until it is time for a frame, as players of bags do."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None

    def see(self, stepped: Stepped) -> None:
        if self._first is None:
            self._first = stepped.log_time_ns, time.perf_counter()
        log_ns, began_s = self._first
        time.sleep(max(0.0, began_s + (stepped.log_time_ns - log_ns) / 1e9 - time.perf_counter()))

    def facts(self) -> dict[str, Any]:
        return {}

    def left_out(self) -> list[str]:
        return []


def measure_replay() -> list[Measurement]:
    """Replay made-up bags of a car that drives straight on. Raises SourceError where they do not replay whole."""
    with tempfile.TemporaryDirectory(prefix="s2r-bench-") as name:
        folder = Path(name)
        state = write_bag(folder / "state", STATE_S, pictures=False)
        pictures = write_bag(folder / "pictures", PICTURES_S, pictures=True)
        short = write_bag(folder / "short", PACED_S, pictures=True)
        paced_s = replay_whole(short, folder / "paced", (_Pace(),))
        by_clock = PACED_S / paced_s
        of_state = STATE_S / replay_whole(state, folder / "of-state")
        of_pictures = PICTURES_S / replay_whole(pictures, folder / "of-pictures")
    frames = f"{WIDTH}x{HEIGHT} JPEG at {FRAME_HZ:.0f} Hz, adapter, policy and gate, one thread"
    reports = f"four reports at {STATE_HZ:.0f} Hz and requests at {FRAME_HZ:.0f} Hz, the gate at 50 Hz"
    return [
        figure("replay of state", "x", "higher", FASTER_STATE, (of_state,), reports),
        figure("replay of pictures", "x", "higher", FASTER_PICTURES, (of_pictures,), frames),
        figure("paced replay of pictures", "x", "higher", None, (by_clock,), frames),
        figure("replay over paced replay", "x", "higher", None, (of_pictures / by_clock,), frames),
    ]


def replay_whole(bag: Path, out: Path, watchers: tuple[Watcher, ...] = ()) -> float:
    """Replay one of these bags; return the s that it took. Raises SourceError where it does not replay whole."""
    began_s = time.perf_counter()
    summary = replay_bag(ReplayJob(bag, out, camera=CAMERA), watchers)
    if summary.error or summary.frames < summary.recorded_frames:
        raise SourceError(f"{bag.name}: {summary.frames} of {summary.recorded_frames} replayed; {summary.error}")
    return time.perf_counter() - began_s


def write_bag(path: Path, seconds: float, *, pictures: bool) -> Path:
    """Write a bag of a straight drive at a constant speed. Returns its path."""
    road = np.random.default_rng(0).integers(90, 130, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    jpeg = cv2.imencode(".jpg", road, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    with BagWriter(path, compressed=False) as bag:
        _put(bag, ROUTE, START_NS, _route())
        for tick in range(round(seconds * STATE_HZ)):
            stamp_ns = START_NS + ns_from_seconds((tick + 1) / STATE_HZ)
            for topic in (ODOMETRY, ACCELERATION, VELOCITY, STEERING):
                _put(bag, topic, stamp_ns, _report(topic, tick / STATE_HZ))
            if tick % round(STATE_HZ / FRAME_HZ) == 0:
                _put(bag, IMAGE_COMPRESSED if pictures else REQUEST, stamp_ns, _entry(jpeg if pictures else None))
    return path


def _put(bag: BagWriter, topic: Topic, stamp_ns: int, message: Any) -> None:
    header = getattr(message, "header", None) or getattr(getattr(message, "path", None), "header", None)
    set_stamp(message.stamp if header is None else header.stamp, stamp_ns)
    bag.write_new(topic.name, topic.type_name, message, stamp_ns)


def _report(topic: Topic, time_s: float) -> Any:
    message = blank(topic.type_name)
    if topic is ODOMETRY:
        message.pose.pose.position.x, message.pose.pose.orientation.w = SPEED * time_s, 1.0
        message.twist.twist.linear.x = SPEED
    elif topic is VELOCITY:
        message.longitudinal_velocity = SPEED
    return message


def _entry(jpeg: Any) -> Any:
    if jpeg is None:
        request = blank(REQUEST.type_name)
        request.longitudinal.velocity = SPEED
        return request
    picture = blank(IMAGE_COMPRESSED.type_name)
    picture.format, picture.data = "jpeg", np.asarray(jpeg, np.uint8).ravel()
    return picture


def _route() -> Any:
    route = blank(ROUTE.type_name)
    for x in range(1000):
        pose = blank("geometry_msgs/msg/PoseStamped")
        pose.pose.position.x = float(x)
        route.path.poses.append(pose)
    route.speed_limit = 8.0
    return route
