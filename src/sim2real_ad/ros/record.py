"""`s2r record`: the recorder node on its own, beside a graph that somebody else runs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import rclpy
from rclpy.signals import SignalHandlerOptions

from sim2real_ad.errors import ConfigError
from sim2real_ad.ros import topics as known
from sim2real_ad.ros.mcap_recording import COMPRESSIONS
from sim2real_ad.ros.node_spec import ALONE, NodeSpec
from sim2real_ad.ros.supervisor import node_command
from sim2real_ad.ros.topics import Topic
from sim2real_ad.ros.transport import transport_environment

LOOKED_FOR_S = 5.0
"""How long topics that are not ours are looked for in the graph."""
END_S = 40.0
"""How long the recorder may take to write what waits."""
PICTURES = (known.IMAGE_RAW, known.IMAGE_COMPRESSED, known.IMAGE)
LEFT_OUT = (known.CLOCK, known.IMAGE, known.START)
"""Every message has its stamp; pictures are recorded where they enter the graph."""


def our_topics() -> dict[str, Topic]:
    """Return every topic of the graph that is worth recording, by name."""
    topics = [value for value in vars(known).values() if isinstance(value, Topic)]
    return {topic.name: topic for topic in topics if topic not in LEFT_OUT}


def found_topics(names: Sequence[str], *, pictures: bool) -> list[Topic]:
    """Return the topics to record: those named, or all of ours. Others than ours are looked up in the running graph.

    Raises ConfigError where nobody publishes one of them.
    """
    ours = our_topics()
    if not names:
        return [t for t in ours.values() if pictures or t not in PICTURES]
    unknown = [name for name in names if name not in ours]
    types = _types_of(unknown) if unknown else {}
    missing = [name for name in unknown if name not in types]
    if missing:
        raise ConfigError(f"--topic {missing[0]}: nobody publishes it, so its type is not known")
    return [ours[name] if name in ours else Topic(name, types[name], "state") for name in names]


def run_recorder(out: Path, topics: Sequence[Topic], duration_s: float, compression: str) -> int:
    """Run the recorder node until it is interrupted, or for a time in s (0: no end); return its exit status.

    Raises ConfigError where the file exists or the compression is unknown.
    """
    if compression not in COMPRESSIONS:
        raise ConfigError(f"--compression {compression}: there are {', '.join(COMPRESSIONS)}")
    if out.exists():
        raise ConfigError(f"recording {out} exists; name a new file")
    lines = [f"{t.name} {t.type_name} {t.qos}" for t in topics]
    spec = NodeSpec(
        "recorder",
        {"path": str(out), "topics": lines, "compression": compression, **ALONE},
    )
    environment = os.environ | transport_environment(os.environ)
    # A group of its own: Ctrl-C comes to this process alone, which hands it on once.
    with subprocess.Popen(node_command(spec), env=environment, start_new_session=True) as process:
        try:
            return process.wait(duration_s or None)
        except (KeyboardInterrupt, SystemExit, subprocess.TimeoutExpired):
            process.send_signal(signal.SIGINT)
            return process.wait(END_S)


def recorded_counts(path: Path) -> dict[str, int]:
    """Return the messages of each topic in a finished file; empty where it is not finished."""
    from mcap.exceptions import McapError
    from mcap.reader import make_reader

    try:
        with path.open("rb") as file:
            summary = make_reader(file).get_summary()
    except (OSError, McapError):
        return {}
    if summary is None or summary.statistics is None:
        return {}
    counts = summary.statistics.channel_message_counts
    return {channel.topic: counts.get(number, 0) for number, channel in sorted(summary.channels.items())}


def _types_of(names: Sequence[str]) -> dict[str, str]:
    """Look topics up in the running graph."""
    context = rclpy.Context()
    os.environ.update(transport_environment(os.environ))
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("topic_finder", context=context, start_parameter_services=False)
    found: dict[str, str] = {}
    until_s = time.monotonic() + LOOKED_FOR_S
    try:
        while len(found) < len(names) and time.monotonic() < until_s:
            time.sleep(0.1)
            found = {name: types[0] for name, types in node.get_topic_names_and_types() if name in names and types}
    finally:
        node.destroy_node()
        rclpy.try_shutdown(context=context)
    return found
