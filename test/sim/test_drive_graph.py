"""The graph drives: deterministic in lock-step, judged, recorded; and says so when a stage falls silent."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim2real_ad.errors import GraphError, ScenarioError
from sim2real_ad.evaluation.mcap_stream import McapStream
from sim2real_ad.ros.topics import PORTS

from .conftest import RunningGraph, run_graph

pytestmark = [pytest.mark.ros, pytest.mark.sim, pytest.mark.render]
SCENARIO, SEED = "car_following", 3


def nothing() -> None:
    """Nobody watches the start of the episode."""


@pytest.fixture(scope="module")
def lockstep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGraph]:
    yield from run_graph(tmp_path_factory.mktemp("lockstep"))


def test_the_same_seed_twice_gives_the_same_trajectory_to_the_bit_and_loses_no_frame(lockstep: RunningGraph) -> None:
    first = lockstep.client.run(SCENARIO, SEED, nothing)
    other = lockstep.client.run(SCENARIO, SEED + 1, nothing)
    again = lockstep.client.run(SCENARIO, SEED, nothing)
    assert first.trajectory_hash == again.trajectory_hash
    assert first.trajectory_hash != other.trajectory_hash
    assert (first.success, first.infractions, first.gate_interventions) == (
        again.success,
        again.infractions,
        again.gate_interventions,
    )
    for result in (first, other, again):
        assert result.frames_lost == 0
        assert result.frames_sent == len(result.latencies_ms) == round(result.duration_s / 0.05)


def test_an_unknown_scenario_is_refused_and_the_graph_goes_on(lockstep: RunningGraph) -> None:
    with pytest.raises(ScenarioError, match="no_such_scenario"):
        lockstep.client.run("no_such_scenario", 0, nothing)
    assert lockstep.client.run(SCENARIO, SEED, nothing).frames_sent > 0


def test_topics_carry_the_types_and_the_quality_of_service_that_the_graph_declares(lockstep: RunningGraph) -> None:
    node = lockstep.client._node
    found = {}
    for spec in lockstep.graph.nodes:
        for topic in PORTS[spec.name].outputs.values():
            infos = [i for i in node.get_publishers_info_by_topic(topic.name) if i.node_name == spec.name]
            assert len(infos) == 1, f"{spec.name} on {topic.name}"
            assert infos[0].topic_type == topic.type_name
            found[topic] = infos[0].qos_profile
    for topic, qos in found.items():
        assert qos.durability.name == ("TRANSIENT_LOCAL" if topic.qos in ("command", "latched") else "VOLATILE")
        assert qos.reliability.name == ("BEST_EFFORT" if topic.qos == "clock" else "RELIABLE")


def test_everything_that_happened_is_in_the_recording(tmp_path: Path) -> None:
    graph = run_graph(tmp_path)
    running = next(graph)
    result = running.client.run(SCENARIO, SEED, nothing)
    graph.close()
    stream = McapStream(tmp_path / "recording.mcap")
    counts = Counter(message.topic for message in stream)
    assert not stream.cut_short
    for topic in ("/sensing/camera/front/image_raw", "/sim2real_ad/observation", "/control/command/control_cmd"):
        assert counts[topic] == result.frames_sent
    assert counts["/planning/route"] == 1
    assert counts["/simulation/episode"] == 2
    assert counts["/sim2real_ad/frame_timing"] == 5 * result.frames_sent


def test_a_stage_that_hangs_is_named_by_the_watchdog(tmp_path: Path) -> None:
    graph = run_graph(tmp_path, command_timeout_s=1.0)
    running = next(graph)
    pid = running.pid("policy")
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(GraphError, match=r"no command for the frame of .* no output of node 'policy'"):
            running.client.run(SCENARIO, SEED, nothing)
    finally:
        os.kill(pid, signal.SIGCONT)
        graph.close()


def test_in_real_time_the_world_does_not_wait(tmp_path: Path) -> None:
    graph = run_graph(tmp_path, mode="realtime")
    running = next(graph)
    try:
        result = running.client.run(SCENARIO, SEED, nothing)
    finally:
        graph.close()
    assert result.frames_sent > 20
    assert result.real_time_factor <= 1.1
