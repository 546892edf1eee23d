"""Pictures of boards and of drives, for `s2r calibrate camera`."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from sim2real_ad.bag.definitions import BagDecoder
from sim2real_ad.bag.images import rgb_of
from sim2real_ad.bag.source import BagSource, open_bag
from sim2real_ad.calibration.mount import DriveFrame, drives_straight
from sim2real_ad.calibration.signals import Signals
from sim2real_ad.cli._calibration_signals import BagChoice, SignalReader
from sim2real_ad.errors import SourceError
from sim2real_ad.replay.roles import PICTURES, assign_roles
from sim2real_ad.ros.capture import VideoFile
from sim2real_ad.types import UInt8Array, seconds_from_ns

MOST_PAIRS = 80
"""Of pictures of a drive, each a picture and the one after it."""
MOST_BOARDS = 60
VIDEOS = (".mp4", ".avi", ".mkv", ".mov", ".webm")
PHOTOGRAPHS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")


def board_pictures(path: Path, choice: BagChoice) -> Iterator[tuple[str, UInt8Array]]:
    """Yield the pictures of a folder of photographs, or some of a bag's, by name. Raises SourceError."""
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in PHOTOGRAPHS) if path.is_dir() else []
    for file in files:
        bgr = cv2.imread(str(file))
        if bgr is None:
            raise SourceError(f"{file} is no picture that OpenCV can read")
        yield file.name, np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
    if files:
        return
    with open_bag(path) as bag:
        topic = _picture_topic(bag, choice)
        times_ns = [raw.log_time_ns for raw in bag.messages([topic])]
        chosen = times_ns[:: max(1, math.ceil(len(times_ns) / MOST_BOARDS))]
        for log_time_ns, rgb in _decoded(bag, topic, set(chosen)):
            yield f"{path.name} at {bag.seconds(log_time_ns):.2f} s", rgb


def drive_frames(path: Path, choice: BagChoice) -> Iterator[DriveFrame]:
    """Yield pictures of a drive, of a bag those of driving straight, pairs that follow one another. Raises SourceError.

    A video tells nothing of the car.
    """
    if path.suffix.lower() in VIDEOS:
        yield from _video_frames(path)
        return
    with open_bag(path) as bag:
        topic = _picture_topic(bag, choice)
        reader = SignalReader(choice)
        reader.read(bag, topic)
        frames = _located(reader.pictures, reader.signals())
        chosen = {frame[0]: frame[1:] for frame in _pairs(frames)}
        for log_time_ns, rgb in _decoded(bag, topic, chosen.keys()):
            time_s, *state = chosen[log_time_ns]
            yield DriveFrame(time_s, rgb, *state)


def _video_frames(path: Path) -> Iterator[DriveFrame]:
    video = VideoFile(path)
    try:
        apart = max(2, math.ceil(video.frame_count / MOST_PAIRS))
        for frame in video.frames():
            if frame.sequence % apart < 2:
                yield DriveFrame(seconds_from_ns(frame.stamp_ns), frame.rgb)
    finally:
        video.close()


def _picture_topic(bag: BagSource, choice: BagChoice) -> str:
    roles = assign_roles({name: topic.type_name for name, topic in bag.topics.items()}, choice.topics)
    for role in PICTURES:
        if role in roles:
            return roles.topic_of[role]
    raise SourceError(f"{bag.path} has no pictures; it has {', '.join(sorted(bag.topics)) or 'no topics'}")


_Located = tuple[int, float, float, float, float]


def _located(pictures: Sequence[tuple[float, int]], signals: Signals) -> list[_Located]:
    """Return (log time in ns, s, speed, yaw rate, acceleration) of every picture; NaN: unknown."""
    times = np.array([time_s for time_s, _ in pictures])
    states = []
    for name in ("speed", "yaw_rate", "acceleration"):
        series = signals.get(name)
        states.append(np.full(len(times), np.nan) if series is None else series.at(times))
    logs = [log_time_ns for _, log_time_ns in pictures]
    return list(zip(logs, times.tolist(), *(state.tolist() for state in states), strict=True))


def _pairs(frames: Sequence[_Located]) -> list[_Located]:
    """Return at most MOST_PAIRS pairs of neighbours while driving straight, evenly chosen; all where none drives so."""
    starts = [n for n in range(len(frames) - 1) if all(drives_straight(*f[2:]) for f in frames[n : n + 2])]
    starts = (starts or list(range(len(frames) - 1)))[:: max(1, math.ceil(len(starts) / MOST_PAIRS))]
    return [frames[n] for n in sorted({n + later for n in starts for later in (0, 1)})]


def _decoded(bag: BagSource, topic: str, log_times_ns: Collection[int]) -> Iterator[tuple[int, UInt8Array]]:
    """Yield the pictures of these log times; what cannot be decoded is passed over."""
    decode = BagDecoder()
    for raw in bag.messages([topic]):
        if raw.log_time_ns in log_times_ns:
            try:
                yield raw.log_time_ns, rgb_of(decode(raw), raw.type_name)
            except SourceError:
                continue
