"""Nothing starts where the transport would lose camera frames."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sim2real_ad.errors import TransportError
from sim2real_ad.ros.transport import (
    MIN_SEGMENT_BYTES,
    PROFILE,
    PROFILE_VARIABLE,
    check_profile,
    mapped_segments,
    remove_abandoned_segments,
    require_profile,
    transport_environment,
)

pytestmark = pytest.mark.ros


def test_the_shipped_profile_passes() -> None:
    check_profile(PROFILE)
    require_profile(transport_environment({}))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("<useBuiltinTransports>false", "<useBuiltinTransports>true", "useBuiltinTransports"),
        ("67108864", "524288", "segment_size is '524288', must be at least 67108864"),
        ("16777216", "65500", "maxMessageSize is '65500', must be at least 16777216"),
        ('is_default_profile="true"', "", "no participant profile is the default"),
        ("<transport_id>sim2real_ad_shm</transport_id>\n        <tr", "<tr", "uses no SHM transport"),
        ("</profiles>", "", "cannot be read"),
    ],
)
def test_a_profile_that_loses_frames_is_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    text = PROFILE.read_text()
    assert old in text
    changed = tmp_path / "profile.xml"
    changed.write_text(text.replace(old, new))
    with pytest.raises(TransportError, match=complaint):
        check_profile(changed)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        (PROFILE_VARIABLE, "", f"{PROFILE_VARIABLE} is not set"),
        (PROFILE_VARIABLE, "/no/such/file.xml", "/no/such/file.xml cannot be read"),
    ],
)
def test_a_node_refuses_to_start_without_the_profile(
    ros_environment: dict[str, str], name: str, value: str, complaint: str
) -> None:
    command = [sys.executable, "-m", "sim2real_ad.ros.policy_node"]
    done = subprocess.run(command, env=ros_environment | {name: value}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert complaint in line


def test_another_middleware_is_refused() -> None:
    with pytest.raises(TransportError, match="rmw_cyclonedds_cpp"):
        require_profile(transport_environment({}) | {"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"})


def test_the_environment_keeps_a_discovery_range_that_the_user_has_set() -> None:
    assert transport_environment({})["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    given = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}
    assert transport_environment(given)["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "SUBNET"


def test_a_process_keeps_to_one_numeric_thread_unless_the_user_says_otherwise() -> None:
    def threads(given: dict[str, str]) -> str:
        code = "import cv2; print(cv2.getNumThreads())"
        environment = transport_environment(given)
        return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True).stdout

    assert threads({}) == "1\n"
    assert threads({"OPENCV_FOR_THREADS_NUM": "2"}) == "2\n"


def test_fast_dds_really_maps_a_segment_of_the_profiles_size(peer) -> None:
    import os

    assert peer.node.get_name() == "peer"
    assert max(size for _, size in mapped_segments(os.getpid())) >= MIN_SEGMENT_BYTES


def test_without_the_profile_the_mapped_segment_is_found_too_small(ros_environment: dict[str, str]) -> None:
    code = (
        "import rclpy; rclpy.init(); n = rclpy.create_node('probe')\n"
        "from sim2real_ad.ros.transport import require_in_force; require_in_force()"
    )
    environment = {k: v for k, v in ros_environment.items() if k != PROFILE_VARIABLE}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "shared-memory transport is not in force" in done.stderr


def test_shared_memory_of_the_dead_is_removed_and_that_of_the_living_is_kept(peer) -> None:
    import os
    import signal
    import time

    code = "import rclpy, time; rclpy.init(); n = rclpy.create_node('victim'); print('up', flush=True); time.sleep(60)"
    victim = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert victim.stdout is not None
    assert victim.stdout.readline() == "up\n"
    orphan = {path for path, _ in mapped_segments(victim.pid)} - {path for path, _ in mapped_segments(os.getpid())}
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    own = [path for path, _ in mapped_segments(os.getpid()) if path.exists()]
    assert own
    assert any(path.exists() for path in orphan)
    for path in orphan:
        lock = path.with_name(f"{path.name}_el")
        os.utime(lock, (time.time() - 60.0,) * 2)
    removed = remove_abandoned_segments()
    assert orphan <= set(removed)
    assert not any(path.exists() for path in orphan)
    assert peer.node.get_name() == "peer"
    assert [path for path in own if path in removed and path not in orphan] == []


def test_large_frames_all_arrive(peer) -> None:
    from sensor_msgs.msg import Image

    from sim2real_ad.ros.qos import publisher_qos, subscriber_qos

    got: list[int] = []
    publisher = peer.node.create_publisher(Image, "/probe_image", publisher_qos("sensor"))
    peer.node.create_subscription(
        Image, "/probe_image", lambda m: got.append(m.height), subscriber_qos("sensor", lossless=False)
    )
    assert peer.until(publisher.get_subscription_count)
    for number in range(60):
        publisher.publish(Image(height=number, width=1280, data=bytes(1280 * 720 * 3)))
        peer.until(lambda wanted=number: wanted in got, 1.0)
    assert got == list(range(60))
