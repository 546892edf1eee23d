"""A piece of a bag holds what lies in it, and what was latched before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim2real_ad.bag.cut import cut_bag, moment_ns
from sim2real_ad.bag.messages import blank
from sim2real_ad.bag.source import BagTopic, open_bag
from sim2real_ad.bag.write import BagWriter, offered_qos
from sim2real_ad.errors import ConfigError
from sim2real_ad.evaluation.mcap_stream import RawMessage

from .making import MS, START_NS, BagMaker, content, raw, stamped

ROUTE = "/planning/route"


def cut(path: Path, out: Path, *, topics: tuple[str, ...] = (), **moments: int) -> list[RawMessage]:
    with open_bag(path) as source:
        cut_bag(source, out, topics=topics, **{key: START_NS + at for key, at in moments.items()})
    with open_bag(out) as source:
        assert source.problems == []
        return list(source.messages())


def test_a_cut_holds_what_lies_in_it_and_the_route_at_its_start(bags: BagMaker, drive, tmp_path: Path) -> None:
    found = cut(bags.rosbag2(drive), tmp_path / "cut", from_ns=500 * MS, to_ns=1000 * MS)
    within = [m for m in drive if START_NS + 500 * MS <= m.log_time_ns < START_NS + 1000 * MS]
    route = replace(drive[0], log_time_ns=START_NS + 500 * MS)
    assert drive[0].topic == ROUTE
    assert content(found) == content([route, *within])


def test_without_moments_a_cut_is_the_whole(bags: BagMaker, drive, tmp_path: Path) -> None:
    assert content(cut(bags.rosbag2(drive), tmp_path / "cut")) == content(drive)


def test_only_the_topics_asked_for_are_kept(bags: BagMaker, drive, tmp_path: Path) -> None:
    velocity = "/vehicle/status/velocity_status"
    found = cut(bags.rosbag2(drive), tmp_path / "cut", topics=(velocity,), from_ns=500 * MS)
    assert content(found) == content(m for m in drive if m.topic == velocity and m.log_time_ns > START_NS + 500 * MS)
    with open_bag(tmp_path / "cut") as source:
        assert list(source.topics) == [velocity]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, 1950), length=st.integers(1, 2000))
def test_two_cuts_side_by_side_share_only_what_was_latched(bags: BagMaker, drive, start: int, length: int) -> None:
    path, number = bags.folder / "bag", len(list(bags.folder.iterdir()))
    if not path.exists():
        bags.rosbag2(drive)
    middle = min(start + length, 1953) * MS
    first = cut(path, bags.folder / f"first{number}", from_ns=start * MS, to_ns=middle)
    second = cut(path, bags.folder / f"second{number}", from_ns=middle)
    both = content(m for m in [*first, *second] if m.topic != ROUTE)
    assert both == content(m for m in drive if m.topic != ROUTE and m.log_time_ns >= START_NS + start * MS)
    assert [m.topic for m in second].count(ROUTE) == 1


def latched_bag(path: Path) -> None:
    """Static transforms by two nodes, a map sent twice, and a command that everybody may have missed."""
    transform = raw("/tf_static", "tf2_msgs/msg/TFMessage", 0, blank("tf2_msgs/msg/TFMessage"))
    command = stamped("/command", "autoware_vehicle_msgs/msg/GearCommand", 0)
    with BagWriter(path) as writer:
        for m in (transform, command):
            writer.add_topic(BagTopic(m.topic, m.type_name, 0, m.definition, offered_qos(latched=True)))
        for n, at in enumerate((0, 10, 20, 30)):
            writer.write(replace(transform, log_time_ns=START_NS + at, data=transform.data + bytes([n] * 4)))
            writer.write(replace(command, log_time_ns=START_NS + at + 1, data=command.data[:-1] + bytes([n])))
            writer.write(stamped("/odometry", "nav_msgs/msg/Odometry", START_NS + at + 2))


def test_of_latched_topics_the_last_message_is_kept_and_of_static_transforms_all(tmp_path: Path) -> None:
    latched_bag(tmp_path / "bag")
    found = cut(tmp_path / "bag", tmp_path / "cut", from_ns=25)
    before = [(m.topic, m.data[-1]) for m in found if m.log_time_ns == START_NS + 25]
    assert before == [("/tf_static", 0), ("/tf_static", 1), ("/tf_static", 2), ("/command", 2)]
    assert [m.topic for m in found[4:]] == ["/tf_static", "/command", "/odometry"]
    with open_bag(tmp_path / "cut") as source:
        assert source.topics["/command"].latched


def test_a_cut_tells_what_it_took_along(tmp_path: Path) -> None:
    latched_bag(tmp_path / "bag")
    with open_bag(tmp_path / "bag") as source:
        made = cut_bag(source, tmp_path / "cut", from_ns=START_NS + 25)
    assert made.latched == ("/command", "/tf_static")
    assert made.counts == {"/command": 2, "/odometry": 1, "/tf_static": 4}


@pytest.mark.parametrize(
    ("moments", "reason"),
    [
        ({"from_ns": 3000 * MS}, r"from 3\.000 s to .* holds nothing.* to 1\.954 s"),
        ({"from_ns": -10, "to_ns": -5}, "holds nothing"),
        ({"from_ns": 500 * MS, "to_ns": 500 * MS}, r"to 0\.500 s that begins at 0\.500 s"),
    ],
)
def test_an_impossible_cut_is_a_clear_error(bags: BagMaker, drive, tmp_path: Path, moments: dict, reason: str) -> None:
    path = bags.rosbag2(drive)
    with pytest.raises(ConfigError, match=reason):
        cut(path, tmp_path / "cut", **moments)
    assert not (tmp_path / "cut").exists()


def test_an_unknown_topic_is_named_with_those_there_are(bags: BagMaker, drive, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no topic /wrong; it has /localization/kinematic_state"):
        cut(bags.rosbag2(drive), tmp_path / "cut", topics=("/wrong",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", START_NS),
        ("1.5", START_NS + 1_500_000_000),
        ("0.000000001", START_NS + 1),
        ("1700000001.000000001", START_NS + 1_000_000_001),
        ("2023-11-14T22:13:21", START_NS + 1_000_000_000),
        ("2023-11-14T22:13:21.500Z", START_NS + 1_500_000_000),
        ("2023-11-14T23:13:21+01:00", START_NS + 1_000_000_000),
    ],
)
def test_a_moment_is_relative_absolute_or_a_date(bags: BagMaker, drive, text: str, expected: int) -> None:
    with open_bag(bags.rosbag2(drive[:3])) as source:
        assert moment_ns(text, source) == expected


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", "", "2023-13-01"])
def test_what_is_no_moment_is_a_clear_error(bags: BagMaker, drive, text: str) -> None:
    with open_bag(bags.rosbag2(drive[:3])) as source, pytest.raises(ConfigError, match=f"'{text}' is no moment"):
        moment_ns(text, source)
