"""Bags that are written here are rosbag2 bags, and survive errors and kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from rosbags.rosbag2 import Reader

from sim2real_ad.bag.definitions import BagDecoder, installed_definition
from sim2real_ad.bag.messages import blank, constant, serialized, set_stamp
from sim2real_ad.bag.source import BagTopic, open_bag
from sim2real_ad.bag.write import BagWriter, offered_qos
from sim2real_ad.errors import ConfigError, SourceError
from sim2real_ad.evaluation.mcap_stream import RawMessage

from .making import START_NS, content


@pytest.mark.parametrize("compressed", [True, False])
def test_what_is_written_is_read_byte_by_byte(tmp_path: Path, drive, carla, compressed: bool) -> None:
    messages = [*drive, *carla]
    with BagWriter(tmp_path / "bag", compressed=compressed) as writer:
        for message in messages:
            writer.write(message)
    assert writer.counts.total() == len(messages)
    with open_bag(tmp_path / "bag") as source:
        assert sorted(content(source.messages())) == sorted(content(messages))
        decode = BagDecoder()
        assert all(decode(message) for message in source.messages())
        assert source.problems == []


def test_the_independent_reader_reads_it_with_types_hashes_and_quality_of_service(tmp_path: Path, drive) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic(
            BagTopic("/planning/route", drive[0].type_name, 0, drive[0].definition, offered_qos(latched=True))
        )
        for message in drive:
            writer.write(message)
    with Reader(tmp_path / "bag") as reader:
        assert [(c.topic, t, d) for c, t, d in reader.messages()] == content(drive)
        route = reader.topics["/planning/route"].connections[0]
        assert [q.durability.name for q in route.ext.offered_qos_profiles] == ["TRANSIENT_LOCAL"]
        odometry = reader.topics["/localization/kinematic_state"].connections[0]
        assert odometry.digest == "RIHS01_3cc97dc7fb7502f8714462c526d369e35b603cfc34d946e3f2eda2766dfec6e0"
    metadata = yaml.safe_load((tmp_path / "bag" / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert (metadata["version"], metadata["storage_identifier"]) == (9, "mcap")
    assert (tmp_path / "bag" / "bag.mcap").read_bytes()[17:25].startswith(b"\x04\0\0\0ros2")


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bag").mkdir()
    with pytest.raises(ConfigError, match="bag exists; name a new folder"):
        BagWriter(tmp_path / "bag")
    assert not list((tmp_path / "bag").iterdir())


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        BagWriter(tmp_path / "file" / "bag")


def test_an_error_in_the_middle_keeps_what_was_written_and_marks_it_as_unfinished(tmp_path: Path, drive) -> None:
    def interrupted() -> None:
        with BagWriter(tmp_path / "bag") as writer:
            for message in drive[:50]:
                writer.write(message)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with open_bag(tmp_path / "bag") as source:
        assert content(source.messages()) == content(drive[:50])
        assert len(source.problems) == 1
        assert "ends in the middle" in source.problems[0]


def test_a_full_disk_is_a_clear_error(tmp_path: Path, drive, monkeypatch) -> None:
    writer = BagWriter(tmp_path / "bag")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer._writer, "write", full)
    with pytest.raises(SourceError, match=r"bag .*bag cannot be written: No space left on device"), writer:
        writer.write(drive[0])


KILLED = """
import sys, time
from pathlib import Path
from sim2real_ad.bag.write import BagWriter
from sim2real_ad.evaluation.mcap_stream import RawMessage
with BagWriter(Path(sys.argv[1]), compressed=False) as writer:
    for n in range(3000):
        writer.write(RawMessage("/x", "std_msgs/msg/Empty", "", 10**9 + n, bytes(1000)))
    print("written", flush=True)
    time.sleep(60)
"""


def test_a_kill_loses_less_than_a_chunk(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "bag")], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        os.kill(process.pid, signal.SIGKILL)
    with open_bag(tmp_path / "bag") as source:
        times = [m.log_time_ns for m in source.messages()]
    assert times == list(range(10**9, 10**9 + len(times)))
    assert len(times) > 3000 - 1100


def test_messages_of_an_unknown_type_pass_through(tmp_path: Path) -> None:
    message = RawMessage("/radar", "vendor_msgs/msg/Radar", "", START_NS, b"\0\1\0\0abcd")
    with BagWriter(tmp_path / "bag") as writer:
        writer.write(message)
    with open_bag(tmp_path / "bag") as source:
        assert list(source.messages()) == [message]
        assert source.topics["/radar"] == BagTopic("/radar", "vendor_msgs/msg/Radar", 1, "")


def test_made_up_messages_are_of_ros_and_of_the_project(tmp_path: Path) -> None:
    control = blank("autoware_control_msgs/msg/Control")
    control.lateral.steering_tire_angle = 0.25
    set_stamp(control.stamp, START_NS + 5)
    with BagWriter(tmp_path / "bag") as writer:
        writer.write_new("/control", "autoware_control_msgs/msg/Control", control, START_NS)
    with open_bag(tmp_path / "bag") as source:
        (message,) = source.messages()
    decoded = BagDecoder()(message)
    assert (decoded.lateral.steering_tire_angle, message.leading_stamp_ns()) == (0.25, START_NS + 5)
    assert constant("autoware_vehicle_msgs/msg/ControlModeReport", "MANUAL") == 4


@pytest.mark.parametrize(
    "type_name",
    [
        "sensor_msgs/msg/CameraInfo",
        "sensor_msgs/msg/PointCloud2",
        "tf2_msgs/msg/TFMessage",
        "sim2real_ad_msgs/msg/Observation",
        "rcl_interfaces/msg/ParameterDescriptor",
    ],
)
def test_an_empty_message_of_any_type_can_be_made_and_read(type_name: str) -> None:
    message = blank(type_name)
    raw = RawMessage("/any", type_name, installed_definition(type_name), 0, serialized(message, type_name))
    assert serialized(BagDecoder()(raw), type_name) == raw.data


def test_what_cannot_be_made_is_a_clear_error() -> None:
    with pytest.raises(SourceError, match="vendor_msgs/msg/Radar is not installed"):
        blank("vendor_msgs/msg/Radar")
    odometry = blank("nav_msgs/msg/Odometry")
    odometry.pose = "here"
    with pytest.raises(SourceError, match="a nav_msgs/msg/Odometry cannot be serialized"):
        serialized(odometry, "nav_msgs/msg/Odometry")
