"""`s2r bag`: what it prints, what it leaves, and its exit status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from sim2real_ad.bag.source import open_bag
from sim2real_ad.cli import main

from .making import BagMaker, content


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def bag(*arguments: object) -> int:
    return main.run(["bag", *map(str, arguments)])


def test_help_names_the_command_and_its_sub_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--help"]) == 0
    assert "Look into recorded drives" in capsys.readouterr().out
    assert bag("--help") == 0
    shown = capsys.readouterr().out
    for name in ("info", "check", "recover", "cut", "from-video"):
        assert name in shown


def test_info_shows_topics_types_counts_and_times(bags: BagMaker, drive, capsys) -> None:
    assert bag("info", bags.rosbag2(drive)) == 0
    shown = capsys.readouterr().out
    assert "201 messages in 1.954 s, from 2023-11-14 22:13:20+00:00" in shown
    (line,) = (line for line in shown.splitlines() if "/localization/kinematic_state" in line)
    assert "nav_msgs/msg/Odometry" in line
    assert "40" in line.split()
    assert "20.0" in line.split()


def test_info_shows_what_is_wrong_and_an_empty_bag(bags: BagMaker, drive, carla, capsys) -> None:
    path = bags.mcap(drive)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert bag("info", path) == 0
    assert "drive.mcap ends in the middle" in capsys.readouterr().out
    assert bag("info", bags.humble_database(carla)) == 0
    assert "unknown type" in capsys.readouterr().out
    assert bag("info", bags.rosbag2([], name="empty")) == 0
    assert "no messages" in capsys.readouterr().out


def test_check_passes_a_good_bag_and_fails_a_bad_one(bags: BagMaker, drive, capsys) -> None:
    assert bag("check", bags.rosbag2(drive), "--rate", "/localization/kinematic_state=20") == 0
    assert "\nfit for use" in capsys.readouterr().out
    gap = [m for m in drive if not 0.5 < (m.log_time_ns - drive[0].log_time_ns) / 1e9 < 1.2]
    assert (
        bag("check", bags.rosbag2(gap, name="gap"), "--rate", "/localization/kinematic_state=20", "--rate", "/x=1") == 1
    )
    shown = capsys.readouterr().out
    assert "error: /localization/kinematic_state: a gap of 0.7" in shown
    assert "[gap, 1.201 s]" in shown
    assert "error: /x: expected at 1 Hz, not in the bag" in shown
    assert "not fit for use" in shown


def test_check_passes_a_bag_with_warnings_only(bags: BagMaker, drive, capsys) -> None:
    without = [m for m in drive if not m.topic.endswith("camera_info")]
    assert bag("check", bags.rosbag2(without)) == 0
    assert "warning: /sensing/camera/front/image_raw/compressed: no " in capsys.readouterr().out


@pytest.mark.parametrize("rate", ["/x", "/x=", "/x=fast", "/x=0", "=5", "/x=-1", "/x=nan"])
def test_a_rate_that_is_none_is_a_clear_error(bags: BagMaker, drive, capsys, rate: str) -> None:
    assert bag("check", bags.rosbag2(drive[:3]), "--rate", rate) == 2
    assert f"--rate '{rate}' is not TOPIC=HZ" in capsys.readouterr().err


def test_recover_leaves_a_whole_bag_and_tells_what_was_saved(bags: BagMaker, drive, capsys, tmp_path: Path) -> None:
    path = bags.mcap(drive)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert bag("recover", path, "--out", tmp_path / "whole") == 0
    shown = capsys.readouterr().out
    assert "1  /planning/route" in shown
    assert "messages saved, up to 0.9" in shown
    assert "ends in the middle" in shown
    assert bag("check", tmp_path / "whole") == 0
    assert bag("recover", path, "--out", tmp_path / "whole") == 2
    assert "exists; name a new folder" in capsys.readouterr().err


def test_recovering_a_whole_bag_says_so(bags: BagMaker, drive, capsys, tmp_path: Path) -> None:
    assert bag("recover", bags.rosbag2(drive), "--out", tmp_path / "whole") == 0
    assert "the bag was whole" in capsys.readouterr().out


def test_cut_leaves_a_piece(bags: BagMaker, drive, capsys, tmp_path: Path) -> None:
    arguments = ["--from", "0.5", "--to", "1", "--topic", "/planning/route", "--topic", "/localization/kinematic_state"]
    assert bag("cut", bags.rosbag2(drive), "--out", tmp_path / "cut", *arguments) == 0
    shown = capsys.readouterr().out
    assert "11 messages of 2 topics" in shown
    assert "taken along from before: /planning/route" in shown
    with open_bag(tmp_path / "cut") as source:
        assert source.message_count == 11
    assert bag("cut", tmp_path / "cut", "--out", tmp_path / "again") == 0
    with open_bag(tmp_path / "again") as again, open_bag(tmp_path / "cut") as cut:
        assert content(again.messages()) == content(cut.messages())


def test_from_video_leaves_a_bag(capsys, tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "v.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25.0, (320, 180))
    for _ in range(12):
        writer.write(np.full((180, 320, 3), 90, np.uint8))
    writer.release()
    arguments = ("--camera", "default", "--out", tmp_path / "bag", "--speed", 8, "--every", 2, "--frames", 5)
    assert bag("from-video", tmp_path / "v.mp4", *arguments) == 0
    assert "5 frames; bag in" in capsys.readouterr().out
    assert bag("check", tmp_path / "bag") == 0


def test_a_missing_bag_is_one_line_and_status_2(tmp_path: Path, capsys) -> None:
    for command in (("info",), ("check",), ("recover", "--out", tmp_path / "x"), ("cut", "--out", tmp_path / "x")):
        assert bag(command[0], tmp_path / "nowhere", *command[1:]) == 2
        assert "error: no bag at" in capsys.readouterr().err


def test_reading_bags_needs_neither_ros_nor_torch() -> None:
    code = (
        "import sys, sim2real_ad.bag.check, sim2real_ad.bag.cut, sim2real_ad.bag.images, sim2real_ad.bag.recover,"
        " sim2real_ad.bag.video; print([m for m in ('rclpy', 'torch', 'carla') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
