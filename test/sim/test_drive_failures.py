"""Whatever breaks: one clear message, a non-zero exit, a readable recording and no process left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from sim2real_ad.evaluation.mcap_stream import McapStream

from .conftest import Command, children_of, is_running, wait_until

pytestmark = [pytest.mark.ros, pytest.mark.sim, pytest.mark.render]
DRIVE = ("drive", "--scenario", "car_following", "--episodes", "50")


def driving(s2r, out: Path) -> tuple[Command, set[int]]:
    """Start a long drive and return it, with all its children, once it records frames."""
    command = s2r(*DRIVE, "--out", str(out))
    recording = out / "recording.mcap"
    assert wait_until(lambda: recording.is_file() and recording.stat().st_size > 2_000_000, 120.0), command.popen.poll()
    return command, children_of(command.popen.pid)


def assert_gone(pids: set[int]) -> None:
    assert wait_until(lambda: not any(map(is_running, pids)), 60.0), {p for p in pids if is_running(p)}


def frames_in(path: Path) -> int:
    return sum(message.topic == "/sensing/camera/front/image_raw" for message in McapStream(path))


@pytest.mark.parametrize("name", ["policy_node", "recorder_node", "world"])
def test_a_process_that_dies_ends_the_drive_with_its_name(s2r, tmp_path: Path, name: str) -> None:
    command, children = driving(s2r, tmp_path / "out")
    victim = command.child(tmp_path / "out" / "logs", name)
    os.kill(victim, signal.SIGKILL)
    status, _, err = command.finish()
    assert status == 2
    assert len(children) == 8
    node = name.removesuffix("_node")
    assert f"node '{node}' ended with signal SIGKILL" in err or (name == "world" and "CARLA server" in err), err
    assert_gone(children)
    assert frames_in(tmp_path / "out" / "recording.mcap") > 0
    lines = (tmp_path / "out" / "result.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["error"]


def test_ctrl_c_leaves_a_finished_recording_and_no_process(s2r, tmp_path: Path) -> None:
    command, children = driving(s2r, tmp_path / "out")
    command.popen.send_signal(signal.SIGINT)
    status, _, _ = command.finish()
    assert status == 130
    assert_gone(children)
    stream = McapStream(tmp_path / "out" / "recording.mcap")
    assert sum(1 for _ in stream) > 0
    assert not stream.cut_short


def test_a_killed_supervisor_takes_every_process_with_it(s2r, tmp_path: Path) -> None:
    command, children = driving(s2r, tmp_path / "out")
    command.popen.kill()
    command.finish()
    assert_gone(children)
    assert frames_in(tmp_path / "out" / "recording.mcap") > 0


def complaint_of(command: Command) -> str:
    """Return the one line that a command which must fail says."""
    status, _, err = command.finish()
    lines = [line for line in err.strip().splitlines() if line.startswith("error: ")]
    assert status == 2, err
    assert len(lines) == 1, err
    assert "Traceback" not in err
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("drive", "--scenario", "no_such"), "no_such"),
        (("drive", "--scenario", "missing.yaml"), "missing.yaml"),
        (("drive", "--checkpoint", "nowhere"), "nowhere"),
        (("drive", "--camera", "no_such"), "no_such"),
        (("drive", "--vehicle", "no_such"), "no_such"),
        (("shadow", "--video", "missing.mp4"), "missing.mp4"),
        (("shadow", "--video", "text.mp4"), "text.mp4"),
    ],
)
def test_a_bad_input_is_one_clear_line_before_anything_starts(s2r, tmp_path: Path, arguments, complaint: str) -> None:
    (tmp_path / "text.mp4").write_text("this is no video")
    started_s = time.monotonic()
    assert complaint in complaint_of(s2r(*arguments))
    assert not (tmp_path / "out").exists(), f"results of nothing, after {time.monotonic() - started_s:.1f} s"


def test_a_busy_port_is_named(s2r, tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        line = complaint_of(s2r("drive", "--scenario", "car_following", "--port", str(port), "--out", "run"))
    assert str(port) in line
    assert "world" in line


def test_a_carla_server_that_is_not_there_is_named(s2r) -> None:
    command = s2r("drive", "--world", "carla", "--port", "1", "--scenario", "car_following", "--out", "run")
    assert "127.0.0.1:1" in complaint_of(command)


def test_results_of_another_run_are_not_written_over(s2r, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "result.jsonl").write_text("someone's\n")
    assert str(out) in complaint_of(s2r(*DRIVE, "--out", str(out)))
    assert (out / "result.jsonl").read_text() == "someone's\n"
