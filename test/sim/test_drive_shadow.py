"""Shadow mode on a driving video: every frame through the graph, a recording, and nothing for a car to hear."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from sim2real_ad.evaluation.mcap_stream import McapStream, MessageDecoder

from .conftest import command_line, wait_until

pytestmark = [pytest.mark.ros, pytest.mark.sim]
FRAMES = 40


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A small video of a grey road that narrows under a blue sky, with markings that move."""
    path = tmp_path / "road.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25.0, (320, 180))
    for number in range(FRAMES):
        picture = np.full((180, 320, 3), (200, 160, 120), np.uint8)
        road = np.array([[150, 90], [170, 90], [320, 180], [0, 180]])
        cv2.fillPoly(picture, [road], (90, 90, 90))
        cv2.line(picture, (160, 100 + number % 20), (160, 120 + number % 20), (255, 255, 255), 3)
        writer.write(picture)
    writer.release()
    return path


def test_a_video_goes_through_the_graph_frame_by_frame_and_is_recorded(s2r, video: Path, tmp_path: Path) -> None:
    command = s2r("shadow", "--video", str(video), "--out", "run", "--speed", "12")
    status, out, err = command.finish()
    assert status == 0, out + err
    (line,) = (tmp_path / "run" / "result.jsonl").read_text().splitlines()
    result = json.loads(line)
    assert (result["frames_sent"], result["frames_lost"], result["error"]) == (FRAMES, 0, None)
    assert len(result["latencies_ms"]) == FRAMES
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000
    counts, decode, engaged = Counter(), MessageDecoder(), set()
    for message in McapStream(tmp_path / "run" / "recording.mcap"):
        counts[message.topic] += 1
        if message.topic == "/sim2real_ad/gate_status":
            engaged.add(decode(message).engaged)
    assert counts["/sim2real_ad/shadow/control/command/control_cmd"] == FRAMES
    assert counts["/sim2real_ad/camera/image"] == FRAMES
    assert counts["/control/command/control_cmd"] == 0
    assert engaged == {False}


def test_a_camera_of_another_shape_ends_the_drive_with_both_sizes(s2r, video: Path, tmp_path: Path) -> None:
    camera = tmp_path / "square.yaml"
    camera.write_text(
        "{width: 300, height: 300, fx: 200.0, fy: 200.0, cx: 150.0, cy: 150.0, mount: {x: 1.5, z: 1.4}}\n"
    )
    command = s2r("shadow", "--video", str(video), "--camera", str(camera), "--out", "run")
    status, _, err = command.finish()
    assert status == 2
    assert "300x300" in err
    assert "320x180" in err
    assert wait_until(lambda: not [p for p in Path("/proc").glob("[0-9]*") if str(camera) in command_line(int(p.name))])
