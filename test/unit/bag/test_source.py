"""Every form of a bag gives the same messages, in order of log time."""

from __future__ import annotations

import sqlite3
import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcap.writer import CompressionType, IndexType
from mcap.writer import Writer as McapLibraryWriter
from rosbags.rosbag2 import StoragePlugin, Writer

from sim2real_ad.bag.definitions import BagDecoder, installed_definition
from sim2real_ad.bag.messages import blank, serialized
from sim2real_ad.bag.source import open_bag
from sim2real_ad.bag.storage import Part, merged
from sim2real_ad.bag.write import offered_qos
from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.mcap_stream import RawMessage

from .making import CARLA_STATUS, IDL_HEADER, START_NS, BagMaker, content, in_order, stamped

ROSBAG2_FORMS = [
    ("mcap", "none"),
    ("mcap", "file"),
    ("mcap", "message"),
    ("mcap", "storage"),
    ("sqlite3", "none"),
    ("sqlite3", "file"),
    ("sqlite3", "message"),
]


def messages_of(path: Path, topics: set[str] | None = None) -> list[RawMessage]:
    with open_bag(path) as source:
        messages = list(source.messages(topics))
        assert source.problems == []
    return messages


@pytest.mark.parametrize(("storage", "compression"), ROSBAG2_FORMS)
def test_a_rosbag2_folder_gives_what_was_recorded(bags: BagMaker, drive, storage: str, compression: str) -> None:
    path = bags.rosbag2(drive, storage, compression)
    with open_bag(path) as source:
        assert content(source.messages()) == content(drive)
        assert (source.start_ns, source.end_ns) == (drive[0].log_time_ns, drive[-1].log_time_ns)
        assert source.problems == []
        assert source.topics["/localization/kinematic_state"].count == 40
        assert source.message_count == len(drive)


@pytest.mark.parametrize(("storage", "compression"), ROSBAG2_FORMS)
def test_a_folder_without_metadata_gives_the_same(bags: BagMaker, drive, storage: str, compression: str) -> None:
    path = bags.rosbag2(drive, storage, compression)
    (path / "metadata.yaml").unlink()
    assert content(messages_of(path)) == content(drive)


@pytest.mark.parametrize("compression", CompressionType)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_chunking": False},
        {"use_statistics": False},
        {"repeat_channels": False},
        {"repeat_schemas": False},
        {"index_types": IndexType.CHUNK},
        {"index_types": IndexType.NONE},
    ],
)
def test_an_mcap_file_needs_neither_index_nor_chunks(bags: BagMaker, drive, compression, options: dict) -> None:
    path = bags.mcap(drive, compression=compression, **options)
    with open_bag(path) as source:
        assert content(source.messages()) == content(drive)
        assert source.message_count == len(drive)
        assert source.problems == []
        assert (source.start_ns, source.end_ns) == (drive[0].log_time_ns, drive[-1].log_time_ns)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_split_bag_is_one(bags: BagMaker, drive, storage: str) -> None:
    path = bags.split(drive, storage)
    assert content(messages_of(path)) == content(drive)
    (path / "metadata.yaml").unlink()
    assert content(messages_of(path)) == content(drive)
    with open_bag(path) as source:
        assert source.topics["/vehicle/status/velocity_status"].count == 40


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_single_file_is_a_bag(bags: BagMaker, drive, storage: str) -> None:
    folder = bags.rosbag2(drive, storage)
    (file,) = (f for f in folder.iterdir() if f.name != "metadata.yaml")
    assert content(messages_of(file)) == content(drive)


@pytest.mark.parametrize("options", [{}, {"use_chunking": False}])
def test_messages_recorded_out_of_order_come_in_order(bags: BagMaker, drive, options: dict) -> None:
    shuffled = [drive[i] for i in np.random.default_rng(1).permutation(len(drive))]
    path = bags.mcap(shuffled, chunk_bytes=500, **options)
    times = [m.log_time_ns for m in messages_of(path)]
    assert times == sorted(times)
    assert sorted(content(messages_of(path))) == sorted(content(drive))


def test_messages_of_the_same_time_keep_the_order_of_recording(bags: BagMaker) -> None:
    messages = [stamped("/odometry", "nav_msgs/msg/Odometry", START_NS, stamp_ns=n) for n in range(50)]
    assert content(messages_of(bags.mcap(messages, chunk_bytes=1500))) == content(messages)
    assert content(messages_of(bags.rosbag2(messages, "sqlite3"))) == content(messages)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_only_the_topics_asked_for_are_read(bags: BagMaker, drive, storage: str) -> None:
    path, wanted = bags.rosbag2(drive, storage), {"/planning/route", "/vehicle/status/steering_status"}
    assert content(messages_of(path, wanted)) == content(m for m in drive if m.topic in wanted)
    assert messages_of(path, {"/not/there"}) == []


def test_a_bag_is_read_again_and_in_two_places_at_once(bags: BagMaker, drive) -> None:
    with open_bag(bags.rosbag2(drive, "sqlite3", "file")) as source:
        first, second = source.messages(), source.messages()
        assert content(a for pair in zip(first, second, strict=True) for a in pair[:1]) == content(drive)
        assert content(source.messages()) == content(drive)


def test_decompressed_files_are_deleted_in_the_end(bags: BagMaker, drive, monkeypatch, tmp_path) -> None:
    path, room = bags.rosbag2(drive, "mcap", "file"), tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(room))
    with open_bag(path):
        assert list(room.iterdir())
    assert not list(room.iterdir())


def test_carla_bridge_topics_keep_their_own_definition(bags: BagMaker, carla) -> None:
    with open_bag(bags.rosbag2(carla, "sqlite3")) as source:
        assert source.topics["/carla/ego_vehicle/vehicle_status"].type_name == CARLA_STATUS
        (first, *_) = source.messages({"/carla/ego_vehicle/vehicle_status"})
        assert BagDecoder()(first).velocity == 3.0
        assert first.leading_stamp_ns() == START_NS


def test_the_definitions_of_carlas_bridge_are_known_to_old_databases_too() -> None:
    text = installed_definition("carla_msgs/msg/CarlaEgoVehicleStatus")
    assert "MSG: carla_msgs/CarlaEgoVehicleControl" in text
    assert [line for line in text.splitlines() if line == "float32 velocity"]


def test_an_old_database_without_definitions_is_understood(bags: BagMaker, drive, carla) -> None:
    with open_bag(bags.humble_database([*drive, *carla])) as source:
        assert content(source.messages()) == in_order([*drive, *carla])
        decode, topics = BagDecoder(), source.topics
        for message in source.messages(topics.keys() - {"/carla/ego_vehicle/vehicle_status"}):
            decode(message)
        (unknown, *_) = source.messages({"/carla/ego_vehicle/vehicle_status"})
        with pytest.raises(SourceError, match=r"/carla/ego_vehicle/vehicle_status.*CarlaVehicleStatus is not known"):
            decode(unknown)


def test_definitions_in_the_other_language_of_ros_are_understood(bags: BagMaker, drive) -> None:
    path, idl = bags.folder / "idl.mcap", IDL_HEADER.encode()
    writer = McapLibraryWriter(str(path))
    writer.start()
    channel = writer.register_channel("/header", "cdr", writer.register_schema("std_msgs/msg/Header", "ros2idl", idl))
    writer.add_message(channel, 5, serialized(blank("std_msgs/msg/Header"), "std_msgs/msg/Header"), 5)
    writer.finish()
    (message,) = messages_of(path)
    assert BagDecoder()(message).stamp.sec == 0
    assert "int32 sec" in message.definition


def test_a_long_bag_takes_no_more_memory_than_a_short_one(bags: BagMaker) -> None:
    big = [RawMessage("/x", "std_msgs/msg/Empty", "", START_NS + n, bytes(10_000)) for n in range(2000)]
    path = bags.mcap(big, chunk_bytes=500_000)
    del big
    with open_bag(path) as source:
        tracemalloc.start()
        count = sum(1 for _ in source.messages())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert count == 2000
    assert peak < 5_000_000 < path.stat().st_size / 3


def test_offered_quality_of_service_is_known(bags: BagMaker, drive) -> None:
    for storage in ("mcap", "sqlite3"):
        path = bags.rosbag2(drive[:10], storage, name=storage, qos=offered_qos(latched=True))
        with open_bag(path) as source:
            assert all(topic.latched for topic in source.topics.values())
    with open_bag(bags.rosbag2(drive[:10])) as source:
        assert not any(topic.latched for topic in source.topics.values())


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_an_empty_bag_opens(bags: BagMaker, storage: str) -> None:
    with open_bag(bags.rosbag2([], storage)) as source:
        assert list(source.messages()) == []
        assert (source.topics, source.start_ns, source.end_ns, source.problems) == ({}, 0, 0, [])


def test_topics_without_messages_are_listed(bags: BagMaker, drive) -> None:
    path = bags.folder / "silent"
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        writer.add_connection("/silent", "std_msgs/msg/Empty", msgdef="", rihs01="RIHS01_0")
    with open_bag(path) as source:
        assert source.topics["/silent"].count == 0
        assert list(source.messages()) == []
        assert (source.start_ns, source.end_ns) == (0, 0)


def test_no_bag_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no bag at .*nowhere"):
        open_bag(tmp_path / "nowhere")
    with pytest.raises(SourceError, match=r"no metadata\.yaml, \.mcap or \.db3"):
        open_bag(tmp_path)
    (tmp_path / "empty.mcap").write_bytes(b"")
    with pytest.raises(SourceError, match=r"empty\.mcap is empty"):
        open_bag(tmp_path)
    (tmp_path / "text.db3").write_text("a text, not a database")
    with pytest.raises(SourceError, match=r"text\.db3 is no bag"):
        open_bag(tmp_path / "text.db3")
    (tmp_path / "old.bag").write_bytes(b"#ROSBAG V2.0\n")
    with pytest.raises(SourceError, match=r"ROS 1 bag.*rosbags-convert"):
        open_bag(tmp_path / "old.bag")


def test_a_database_of_something_else_is_a_clear_error(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "other.db3")
    database.execute("CREATE TABLE birds(name TEXT)")
    database.commit()
    database.close()
    with pytest.raises(SourceError, match="no such table"):
        open_bag(tmp_path / "other.db3")


times = st.lists(st.lists(st.integers(0, 60), max_size=8).map(sorted), max_size=6)


@given(times)
def test_merging_gives_all_in_order_and_opens_no_part_early(parts: list[list[int]]) -> None:
    opened: list[int] = []

    def part(number: int, stamps: list[int]) -> Part:
        def read():
            opened.append(stamps[0])
            yield from (RawMessage(str(number), "", "", t, b"") for t in stamps)

        return Part(stamps[0], read)

    seen: list[int] = []
    for message in merged(part(n, stamps) for n, stamps in enumerate(parts) if stamps):
        seen.append(message.log_time_ns)
        assert max(opened) <= message.log_time_ns
    assert seen == sorted(t for stamps in parts for t in stamps)
    assert all(a <= b for a, b in pairwise(opened))
