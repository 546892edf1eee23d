"""Small bags in every form that ROS 2 writes, made by other writers than the project's own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from mcap.writer import CompressionType
from mcap.writer import Writer as McapLibraryWriter
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from sim2real_ad.bag.definitions import installed_definition, type_hash
from sim2real_ad.bag.messages import blank, serialized, set_stamp
from sim2real_ad.evaluation.mcap_stream import RawMessage

START_NS = 1_700_000_000_000_000_000
MS = 1_000_000
CARLA_STATUS = "carla_msgs/msg/CarlaVehicleStatus"
CARLA_STATUS_DEFINITION = """std_msgs/Header header
float32 velocity
================================================================================
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
================================================================================
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
"""

IDL_HEADER = """================================================================================
IDL: std_msgs/msg/Header
#include "builtin_interfaces/msg/Time.idl"
module std_msgs {
  module msg {
    struct Header {
      builtin_interfaces::msg::Time stamp;
      string frame_id;
    };
  };
};
================================================================================
IDL: builtin_interfaces/msg/Time
module builtin_interfaces {
  module msg {
    struct Time {
      int32 sec;
      uint32 nanosec;
    };
  };
};
"""
"""A header in IDL, as rosbag2 writes it into a bag."""


def raw(topic: str, type_name: str, log_ns: int, message: Any, definition: str | None = None) -> RawMessage:
    text = installed_definition(type_name) if definition is None else definition
    return RawMessage(topic, type_name, text, log_ns, serialized(message, type_name))


def stamped(topic: str, type_name: str, log_ns: int, stamp_ns: int | None = None, **fields: Any) -> RawMessage:
    """A message of a type with a header or a stamp; the stamp is the log time where none is given."""
    message = blank(type_name)
    stamp_ns = log_ns if stamp_ns is None else stamp_ns
    set_stamp(message.header.stamp if hasattr(message, "header") else message.stamp, stamp_ns)
    for name, value in fields.items():
        setattr(message, name, value)
    return raw(topic, type_name, log_ns, message)


def jpeg(seed: int = 0) -> np.ndarray:
    picture = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), np.uint8)
    return cv2.imencode(".jpg", cv2.resize(picture, (64, 48)))[1].reshape(-1)


def image(topic: str, log_ns: int, **fields: Any) -> RawMessage:
    return stamped(topic, "sensor_msgs/msg/CompressedImage", log_ns, format="jpeg", data=jpeg(), **fields)


def route(log_ns: int) -> RawMessage:
    message = blank("sim2real_ad_msgs/msg/Route")
    set_stamp(message.path.header.stamp, log_ns)
    return raw("/planning/route", "sim2real_ad_msgs/msg/Route", log_ns, message)


def autoware_drive(seconds: float = 2.0, start_ns: int = START_NS, step_ns: int = 50 * MS) -> list[RawMessage]:
    """What a car with Autoware's interface records: camera and calibration, localization, reports, a route."""
    messages = [route(start_ns)]
    for log_ns in range(start_ns, start_ns + round(seconds * 1e9), step_ns):
        messages += [
            stamped("/sensing/camera/front/camera_info", "sensor_msgs/msg/CameraInfo", log_ns, width=64, height=48),
            stamped("/localization/kinematic_state", "nav_msgs/msg/Odometry", log_ns + MS),
            stamped("/vehicle/status/velocity_status", "autoware_vehicle_msgs/msg/VelocityReport", log_ns + 2 * MS),
            stamped("/vehicle/status/steering_status", "autoware_vehicle_msgs/msg/SteeringReport", log_ns + 3 * MS),
            image("/sensing/camera/front/image_raw/compressed", log_ns + 4 * MS),
        ]
    return messages


def carla_drive(seconds: float = 1.0, start_ns: int = START_NS) -> list[RawMessage]:
    """What the CARLA bridge gives: topics below the role's name, a raw bgra8 picture, a status of its own type."""
    messages, store = [], _store_with_carla()
    space = "/carla/ego_vehicle"
    pixels = {"encoding": "bgra8", "width": 8, "height": 6, "step": 32, "data": np.zeros(192, np.uint8)}
    for log_ns in range(start_ns, start_ns + round(seconds * 1e9), 50 * MS):
        status = store.types[CARLA_STATUS](header=blank("std_msgs/msg/Header"), velocity=3.0)
        set_stamp(status.header.stamp, log_ns)
        data = bytes(store.serialize_cdr(status, CARLA_STATUS))
        messages += [
            stamped(f"{space}/rgb_front/image", "sensor_msgs/msg/Image", log_ns, **pixels),
            stamped(f"{space}/rgb_front/camera_info", "sensor_msgs/msg/CameraInfo", log_ns),
            stamped(f"{space}/odometry", "nav_msgs/msg/Odometry", log_ns),
            RawMessage(f"{space}/vehicle_status", CARLA_STATUS, CARLA_STATUS_DEFINITION, log_ns, data),
            raw(f"{space}/speedometer", "std_msgs/msg/Float32", log_ns, blank("std_msgs/msg/Float32")),
        ]
    return messages


def _store_with_carla() -> Any:
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg(CARLA_STATUS_DEFINITION, CARLA_STATUS))
    return store


@dataclass
class BagMaker:
    """Writes messages, in the order given, in the forms that recorders use; returns what is to be opened."""

    folder: Path

    def rosbag2(
        self,
        messages: Iterable[RawMessage],
        storage: str = "mcap",
        compression: str = "none",
        name: str = "bag",
        qos: Sequence[Any] = (),
    ) -> Path:
        """A folder as rosbag2 writes it. compression: none, file, message or storage (chunks)."""
        path = self.folder / name
        writer = Writer(path, version=9, storage_plugin=StoragePlugin[storage.upper()])
        writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
        with writer:
            connections: dict[str, Any] = {}
            for m in messages:
                if m.topic not in connections:
                    connections[m.topic] = writer.add_connection(
                        m.topic,
                        m.type_name,
                        msgdef=m.definition,
                        rihs01=type_hash(m.definition, m.type_name),
                        offered_qos_profiles=qos,
                    )
                writer.write(connections[m.topic], m.log_time_ns, m.data)
        return path

    def mcap(
        self,
        messages: Iterable[RawMessage],
        name: str = "drive.mcap",
        compression: CompressionType = CompressionType.NONE,
        chunk_bytes: int = 4000,
        **options: Any,
    ) -> Path:
        """A single file of small chunks, by another library."""
        path = self.folder / name
        with path.open("wb") as file:
            writer = McapLibraryWriter(file, chunk_size=chunk_bytes, compression=compression, **options)
            writer.start(profile="ros2", library="test")
            channels: dict[str, int] = {}
            for m in messages:
                if m.topic not in channels:
                    schema = writer.register_schema(m.type_name, "ros2msg", m.definition.encode())
                    channels[m.topic] = writer.register_channel(m.topic, "cdr", schema)
                writer.add_message(channels[m.topic], m.log_time_ns, m.data, m.log_time_ns)
            writer.finish()
        return path

    def split(self, messages: Sequence[RawMessage], storage: str = "mcap", pieces: int = 3) -> Path:
        """A folder with several files and one metadata.yaml, as rosbag2 splits by size or time."""
        whole = self.rosbag2(messages, storage, name="whole")
        path = self.folder / "split"
        path.mkdir()
        names, suffix = [], ".mcap" if storage == "mcap" else ".db3"
        for piece in range(pieces):
            part = messages[piece * len(messages) // pieces : (piece + 1) * len(messages) // pieces]
            written = self.rosbag2(part, storage, name=f"piece{piece}")
            names.append(f"split_{piece}{suffix}")
            (written / f"piece{piece}{suffix}").rename(path / names[-1])
        metadata = yaml.safe_load((whole / "metadata.yaml").read_text())
        metadata["rosbag2_bagfile_information"]["relative_file_paths"] = names
        (path / "metadata.yaml").write_text(yaml.safe_dump(metadata))
        return path

    def humble_database(self, messages: Sequence[RawMessage], name: str = "old.db3") -> Path:
        """A database as ROS 2 Humble writes it: no message definitions in it."""
        path = self.folder / name
        database = sqlite3.connect(path)
        database.executescript(
            "CREATE TABLE schema(schema_version INTEGER PRIMARY KEY, ros_distro TEXT NOT NULL);"
            "CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,"
            " serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL);"
            "CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, timestamp INTEGER NOT NULL,"
            " data BLOB NOT NULL);"
            "CREATE INDEX timestamp_idx ON messages (timestamp ASC);"
            "INSERT INTO schema VALUES (3, 'humble');"
        )
        rows = {name: row for row, name in enumerate(dict.fromkeys(m.topic for m in messages), 1)}
        types = {m.topic: m.type_name for m in messages}
        database.executemany("INSERT INTO topics VALUES (?, ?, ?, 'cdr', '')", [(rows[n], n, types[n]) for n in rows])
        database.executemany(
            "INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)",
            [(rows[m.topic], m.log_time_ns, m.data) for m in messages],
        )
        database.commit()
        database.close()
        return path


def content(messages: Iterable[RawMessage]) -> list[tuple[str, int, bytes]]:
    """What two bags of the same drive have in common."""
    return [(m.topic, m.log_time_ns, m.data) for m in messages]


def in_order(messages: Iterable[RawMessage]) -> list[tuple[str, int, bytes]]:
    return content(sorted(messages, key=lambda m: m.log_time_ns))
