"""Message definitions: found where the bag has none, and understood in both languages of ROS 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim2real_ad.bag.definitions import (
    NO_HASH,
    BagDecoder,
    begins_with_stamp,
    definition_text,
    installed_definition,
    type_hash,
)
from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.mcap_stream import RawMessage

from .making import CARLA_STATUS, CARLA_STATUS_DEFINITION, IDL_HEADER, START_NS, stamped

IDL = (
    """================================================================================
IDL: vendor_msgs/msg/Wheel
#include "std_msgs/msg/Header.idl"
module vendor_msgs {
  module msg {
    struct Wheel {
      std_msgs::msg::Header header;
      float speed;
    };
  };
};
"""
    + IDL_HEADER
)


@pytest.mark.parametrize(
    "type_name",
    ["nav_msgs/msg/Odometry", "autoware_control_msgs/msg/Control", "sim2real_ad_msgs/msg/Route", "std_msgs/msg/Empty"],
)
def test_types_of_ros_autoware_and_the_project_are_known(type_name: str) -> None:
    assert installed_definition(type_name) or type_name == "std_msgs/msg/Empty"
    assert type_hash(installed_definition(type_name), type_name) != NO_HASH


def test_definitions_of_a_sourced_workspace_are_found(tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "share" / "lab_msgs" / "msg"
    folder.mkdir(parents=True)
    (folder / "Rig.msg").write_text("# A rig.\nstd_msgs/Header header\nBolt[] bolts\n")
    (folder / "Bolt.msg").write_text("float32 torque  # N m\n")
    (folder / "Lost.msg").write_text("elsewhere_msgs/Thing thing\n")
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/nowhere:{tmp_path}")
    assert "float32 torque" in installed_definition("lab_msgs/msg/Rig")
    assert begins_with_stamp(installed_definition("lab_msgs/msg/Rig"), "lab_msgs/msg/Rig")
    assert installed_definition("lab_msgs/msg/Lost") == ""
    assert installed_definition("lab_msgs/msg/Other") == ""


def test_idl_becomes_msg() -> None:
    text = definition_text("vendor_msgs/msg/Wheel", "ros2idl", IDL)
    assert "float32 speed" in text
    assert begins_with_stamp(text, "vendor_msgs/msg/Wheel")
    assert type_hash(text, "vendor_msgs/msg/Wheel") != NO_HASH


def test_what_cannot_be_parsed_is_looked_up_or_unknown() -> None:
    assert definition_text("vendor_msgs/msg/Wheel", "ros2idl", "no idl") == ""
    assert definition_text("nav_msgs/msg/Odometry", "ros2idl", "no idl") == installed_definition(
        "nav_msgs/msg/Odometry"
    )
    assert definition_text("nav_msgs/msg/Odometry", "", "") == installed_definition("nav_msgs/msg/Odometry")
    assert type_hash("no msg !", "vendor_msgs/msg/Wheel") == NO_HASH
    assert not begins_with_stamp("no msg !", "vendor_msgs/msg/Wheel")


@pytest.mark.parametrize(
    ("type_name", "leads"),
    [
        ("nav_msgs/msg/Odometry", True),
        ("sim2real_ad_msgs/msg/Route", True),
        ("autoware_vehicle_msgs/msg/SteeringReport", True),
        ("rosgraph_msgs/msg/Clock", True),
        ("tf2_msgs/msg/TFMessage", False),
        ("geometry_msgs/msg/Twist", False),
        ("std_msgs/msg/Float32", False),
        ("std_msgs/msg/Empty", False),
    ],
)
def test_it_is_known_which_types_begin_with_a_stamp(type_name: str, leads: bool) -> None:
    assert begins_with_stamp(installed_definition(type_name), type_name) is leads


def test_data_that_do_not_match_their_type_are_a_clear_error() -> None:
    whole = stamped("/odometry", "nav_msgs/msg/Odometry", START_NS)
    decode = BagDecoder()
    assert decode(whole).pose.pose.position.x == 0.0
    for data in (whole.data[:-40], whole.data[:3], b"", b"\x07" + whole.data[1:]):
        with pytest.raises(SourceError, match="/odometry: not a readable nav_msgs/msg/Odometry"):
            decode(RawMessage(whole.topic, whole.type_name, whole.definition, START_NS, data))
    with pytest.raises(SourceError, match=r"/status: not a readable carla_msgs"):
        decode(RawMessage("/status", CARLA_STATUS, CARLA_STATUS_DEFINITION.replace("float32", "floaty"), 0, whole.data))
