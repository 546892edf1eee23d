"""The recording holds the bytes of the wire, is read by others, and survives a kill."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader
from rclpy.serialization import serialize_message

from sim2real_ad.errors import ConfigError
from sim2real_ad.evaluation.mcap_stream import McapStream, MessageDecoder
from sim2real_ad.ros.conversions import image_from_frame, message_from_action
from sim2real_ad.ros.mcap_recording import McapRecording
from sim2real_ad.ros.node import topic_type
from sim2real_ad.ros.node_spec import ALONE, NodeSpec
from sim2real_ad.ros.node_states import READY
from sim2real_ad.ros.qos import publisher_qos
from sim2real_ad.ros.supervisor import node_command
from sim2real_ad.ros.topics import ACTION, IMAGE_RAW, ROUTE, Topic
from sim2real_ad.types import Action, CameraFrame

pytestmark = pytest.mark.ros
TOPICS = (ACTION, IMAGE_RAW)


def recorder(path: Path, topics: tuple[Topic, ...] = TOPICS) -> NodeSpec:
    lines = [f"{t.name} {t.type_name} {t.qos}" for t in topics]
    return NodeSpec("recorder", {"path": str(path), "topics": lines, **ALONE})


def publish_frames(peer, process, count: int) -> list[bytes]:
    """Publish pictures of noise and actions; return the actions' bytes."""
    publishers = {t: peer.node.create_publisher(topic_type(t), t.name, publisher_qos(t.qos)) for t in TOPICS}
    assert peer.until(lambda: READY in process.log_lines()), process.log_lines()
    assert peer.until(lambda: all(p.get_subscription_count() for p in publishers.values()))
    rng = np.random.default_rng(0)
    sent = []
    for number in range(1, count + 1):
        sent.append(serialize_message(message_from_action(Action(number, 0.25, -0.5))))
        publishers[ACTION].publish(sent[-1])
        publishers[IMAGE_RAW].publish(
            image_from_frame(CameraFrame(number, rng.integers(0, 256, (90, 160, 3), np.uint8)))
        )
        peer.spin_for(0.002)
    return sent


def test_a_recorder_that_may_start_again_goes_on_in_the_next_free_file(peer, processes, tmp_path: Path) -> None:
    path = tmp_path / "drive.mcap"
    for name in ("drive.mcap", "drive_1.mcap", "drive_2.mcap"):
        spec = recorder(path)
        again = spec.having(when_exists="next")
        process = processes.start(name, node_command(again))
        sent = publish_frames(peer, process, 20)
        peer.spin_for(0.3)
        process.signal(signal.SIGTERM)
        assert process.wait(time.monotonic() + 20.0)
        recorded = [m for m in McapStream(tmp_path / name) if m.topic == ACTION.name]
        assert [bytes(m.data) for m in recorded] == sent


def test_every_message_is_recorded_as_it_was_on_the_wire(peer, processes, tmp_path: Path) -> None:
    path = tmp_path / "run" / "recording.mcap"
    process = processes.start("recorder", node_command(recorder(path)))
    sent = publish_frames(peer, process, 100)
    peer.spin_for(0.5)
    process.signal(signal.SIGTERM)
    assert process.wait(time.monotonic() + 20.0)
    assert process.exit_status == 0

    with path.open("rb") as file:
        reader = make_reader(file)
        assert reader.get_header().profile == "ros2"
        summary = reader.get_summary()
        schemas = {s.name: s for s in summary.schemas.values()}
        assert {s.encoding for s in schemas.values()} == {"ros2msg"}
        assert all(
            c.message_encoding == "cdr" and "reliable" in c.metadata["offered_qos_profiles"]
            for c in summary.channels.values()
        )
        recorded = [m.data for _, c, m in reader.iter_messages() if c.topic == ACTION.name]
    assert recorded == sent


@pytest.mark.parametrize("count", [8, 200], ids=["less than a chunk", "many chunks"])
def test_a_kill_leaves_a_file_that_lacks_nothing_but_the_last_moment(peer, processes, tmp_path: Path, count) -> None:
    path = tmp_path / "recording.mcap"
    process = processes.start("recorder", node_command(recorder(path)))
    publish_frames(peer, process, count)
    peer.spin_for(1.5)
    process.signal(signal.SIGKILL)
    assert process.wait(time.monotonic() + 10.0)

    stream = McapStream(path)
    decode = MessageDecoder()
    images = [decode(m) for m in stream if m.topic == IMAGE_RAW.name]
    assert stream.cut_short
    assert [i.header.stamp.nanosec for i in images] == list(range(1, count + 1))


def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "recording.mcap"
    path.write_bytes(b"someone's")
    with pytest.raises(ConfigError, match="exists"):
        McapRecording(path, TOPICS, chunk_bytes=4096, flush_period_s=0.5, compression="none")
    assert path.read_bytes() == b"someone's"


def test_the_qos_in_the_file_lets_a_player_latch_again(tmp_path: Path) -> None:
    path = tmp_path / "recording.mcap"
    McapRecording(path, (ROUTE,), chunk_bytes=4096, flush_period_s=0.5, compression="none").close()
    with path.open("rb") as file:
        (channel,) = make_reader(file).get_summary().channels.values()
    assert "durability: transient_local" in channel.metadata["offered_qos_profiles"]
