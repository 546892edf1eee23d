"""The message packages are what Autoware publishes, to the byte."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from sim2real_ad.errors import TransportError
from sim2real_ad.ros import build_interfaces
from sim2real_ad.ros.build_interfaces import PACKAGES, content_hash, ensure_interfaces, interfaces_path
from sim2real_ad.ros.message_definitions import full_definition
from sim2real_ad.ros.node import message_class

pytestmark = pytest.mark.ros

GEARS = [
    "NONE",
    "NEUTRAL",
    "DRIVE",
    *(f"DRIVE_{n}" for n in range(2, 19)),
    "REVERSE",
    "REVERSE_2",
    "PARK",
    "LOW",
    "LOW_2",
]
STAMP = [("stamp", "builtin_interfaces/Time")]
TIMES = [*STAMP, ("control_time", "builtin_interfaces/Time")]
# Written down from the published interface, apart from the .msg files: name -> fields in order.
AUTOWARE = {
    "autoware_control_msgs/msg/Lateral": [
        *TIMES,
        ("steering_tire_angle", "float32"),
        ("steering_tire_rotation_rate", "float32"),
        ("is_defined_steering_tire_rotation_rate", "bool"),
    ],
    "autoware_control_msgs/msg/Longitudinal": [
        *TIMES,
        ("velocity", "float32"),
        ("acceleration", "float32"),
        ("jerk", "float32"),
        ("is_defined_acceleration", "bool"),
        ("is_defined_jerk", "bool"),
    ],
    "autoware_control_msgs/msg/Control": [
        *TIMES,
        ("lateral", "autoware_control_msgs/Lateral"),
        ("longitudinal", "autoware_control_msgs/Longitudinal"),
    ],
    "autoware_control_msgs/msg/ControlHorizon": [
        *TIMES,
        ("time_step_ms", "float32"),
        ("controls", "autoware_control_msgs/Control[]"),
    ],
    "autoware_vehicle_msgs/msg/VelocityReport": [
        ("header", "std_msgs/Header"),
        ("longitudinal_velocity", "float32"),
        ("lateral_velocity", "float32"),
        ("heading_rate", "float32"),
    ],
    "autoware_vehicle_msgs/msg/SteeringReport": [*STAMP, ("steering_tire_angle", "float32")],
    "autoware_vehicle_msgs/msg/GearReport": [*STAMP, ("report", "uint8")],
    "autoware_vehicle_msgs/msg/GearCommand": [*STAMP, ("command", "uint8")],
    "autoware_vehicle_msgs/msg/ControlModeReport": [*STAMP, ("mode", "uint8")],
    "autoware_vehicle_msgs/msg/TurnIndicatorsReport": [*STAMP, ("report", "uint8")],
    "autoware_vehicle_msgs/msg/TurnIndicatorsCommand": [*STAMP, ("command", "uint8")],
    "autoware_vehicle_msgs/msg/HazardLightsReport": [*STAMP, ("report", "uint8")],
    "autoware_vehicle_msgs/msg/HazardLightsCommand": [*STAMP, ("command", "uint8")],
    "autoware_vehicle_msgs/msg/Engage": [*STAMP, ("engage", "bool")],
}
OWN = [f"sim2real_ad_msgs/msg/{p.stem}" for p in sorted((interfaces_path() / "sim2real_ad_msgs/msg").glob("*.msg"))]


def independent_store():
    store = get_typestore(Stores.ROS2_JAZZY)
    types = {}
    for name, fields in AUTOWARE.items():
        types.update(get_types_from_msg("\n".join(f"{kind} {field}" for field, kind in fields), name))
    store.register(types)
    return store


def built_hash(type_name: str) -> str:
    package, _, name = type_name.split("/")
    folder = Path(sys.prefix) / "share" / package / "msg"
    described = json.loads((folder / f"{name}.json").read_text())
    return next(h["hash_string"] for h in described["type_hashes"] if h["type_name"] == type_name)


@pytest.mark.parametrize("type_name", AUTOWARE)
def test_an_autoware_type_has_the_hash_of_an_independent_implementation(type_name: str) -> None:
    assert built_hash(type_name) == independent_store().hash_rihs01(type_name)


@pytest.mark.parametrize("type_name", OWN)
def test_one_of_our_types_has_the_hash_of_an_independent_implementation(type_name: str) -> None:
    store = get_typestore(Stores.ROS2_JAZZY)
    own = dict(get_types_from_msg(full_definition(type_name), type_name))
    store.register({name: fields for name, fields in own.items() if name.startswith("sim2real_ad_msgs/")})
    assert built_hash(type_name) == store.hash_rihs01(type_name)


@pytest.mark.parametrize(
    ("type_name", "names", "first"),
    [
        ("autoware_vehicle_msgs/msg/GearReport", GEARS, 0),
        ("autoware_vehicle_msgs/msg/GearCommand", GEARS, 0),
        (
            "autoware_vehicle_msgs/msg/ControlModeReport",
            [
                "NO_COMMAND",
                "AUTONOMOUS",
                "AUTONOMOUS_STEER_ONLY",
                "AUTONOMOUS_VELOCITY_ONLY",
                "MANUAL",
                "DISENGAGED",
                "NOT_READY",
            ],
            0,
        ),
        ("autoware_vehicle_msgs/msg/TurnIndicatorsReport", ["DISABLE", "ENABLE_LEFT", "ENABLE_RIGHT"], 1),
        ("autoware_vehicle_msgs/msg/HazardLightsCommand", ["NO_COMMAND", "DISABLE", "ENABLE"], 0),
    ],
)
def test_constants_count_up_as_published(type_name: str, names: list[str], first: int) -> None:
    assert [getattr(message_class(type_name), name) for name in names] == list(range(first, first + len(names)))


def test_a_type_travels_under_its_hash(peer) -> None:
    peer.node.create_publisher(message_class("autoware_control_msgs/msg/Control"), "/probe", 1)
    assert peer.until(lambda: peer.node.get_publishers_info_by_topic("/probe"))
    (info,) = peer.node.get_publishers_info_by_topic("/probe")
    hashed = "RIHS01_" + bytes(info.topic_type_hash.value).hex()
    assert hashed == independent_store().hash_rihs01("autoware_control_msgs/msg/Control")


def test_built_packages_are_reused() -> None:
    assert ensure_interfaces() is False


def test_a_changed_definition_changes_the_content_hash(tmp_path: Path) -> None:
    package = tmp_path / "some_msgs"
    (package / "msg").mkdir(parents=True)
    (package / "msg" / "A.msg").write_text("int32 a\n")
    before = content_hash(package)
    (package / "msg" / "A.msg").write_text("int64 a\n")
    assert content_hash(package) != before


def test_a_missing_compiler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_interfaces, "TOOLS", ("no-such-compiler",))
    (tmp_path / "share" / PACKAGES[0]).mkdir(parents=True)
    with pytest.raises(TransportError, match="no-such-compiler"):
        ensure_interfaces(prefix=tmp_path)


def test_every_definition_is_complete_for_readers_without_ros() -> None:
    text = full_definition("sim2real_ad_msgs/msg/Route")
    held = {line.removeprefix("MSG: ") for line in text.splitlines() if line.startswith("MSG: ")}
    assert {"nav_msgs/Path", "std_msgs/Header", "geometry_msgs/PoseStamped", "geometry_msgs/Quaternion"} <= held
