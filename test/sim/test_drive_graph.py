"""The graph drives: deterministic in lock-step, judged, recorded; and says so when a stage falls silent."""

from __future__ import annotations

import os
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.errors import GraphError, ScenarioError
from sim2real_ad.evaluation.mcap_stream import McapStream, MessageDecoder
from sim2real_ad.evaluation.results import EpisodeResult
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.pipeline import DrivingPipeline
from sim2real_ad.policy.checkpoint import load_checkpoint
from sim2real_ad.ros.conversions import (
    action_from_message,
    command_from_message,
    frame_from_image,
    observation_from_message,
    reading_from_message,
    route_from_message,
)
from sim2real_ad.ros.ego_tracker import EgoTracker
from sim2real_ad.ros.topics import (
    ACTION,
    CHAIN,
    CONTROL,
    EGO_PORTS,
    EPISODE,
    IMAGE_RAW,
    OBSERVATION,
    PORTS,
    REQUEST,
    ROUTE,
    TIMING,
)
from sim2real_ad.safety.gate import Gate, GateConfig
from sim2real_ad.vehicle.profile import load_vehicle

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


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, EpisodeResult]:
    """A recording of one episode in a fresh graph, and its result."""
    folder = tmp_path_factory.mktemp("recorded")
    graph = run_graph(folder)
    result = next(graph).client.run(SCENARIO, SEED, nothing)
    graph.close()
    return folder / "recording.mcap", result


def test_everything_that_happened_is_in_the_recording(recorded: tuple[Path, EpisodeResult]) -> None:
    path, result = recorded
    stream = McapStream(path)
    counts = Counter(message.topic for message in stream)
    assert not stream.cut_short
    for topic in (IMAGE_RAW, OBSERVATION, CONTROL):
        assert counts[topic.name] == result.frames_sent
    assert counts[ROUTE.name] == 1
    assert counts[EPISODE.name] == 2
    assert counts[TIMING.name] == len(CHAIN) * result.frames_sent


def test_a_fresh_graph_drives_the_same_trajectory_as_one_that_drove_before(
    recorded: tuple[Path, EpisodeResult], lockstep: RunningGraph
) -> None:
    assert recorded[1].trajectory_hash == lockstep.client.run(SCENARIO, SEED, nothing).trajectory_hash


def test_the_graph_and_the_pipeline_agree_to_the_bit(recorded: tuple[Path, EpisodeResult]) -> None:
    """The recorded frames, ego states and route, through the pipeline in process, give the recorded commands."""
    decode, messages = MessageDecoder(), defaultdict(dict)
    for raw in McapStream(recorded[0]):
        messages[raw.topic][raw.leading_stamp_ns()] = decode(raw)
    (route,) = messages[ROUTE.name].values()
    tracker = EgoTracker(exact=True, max_age_s=0.0)
    pipeline = make_pipeline()
    stamps = sorted(messages[IMAGE_RAW.name])
    for stamp_ns in stamps:
        for source, topic in EGO_PORTS.items():
            tracker.add(source, reading_from_message(source, messages[topic.name][stamp_ns]))
        frame = frame_from_image(messages[IMAGE_RAW.name][stamp_ns])
        ego = tracker.at(stamp_ns)
        assert ego is not None
        step = pipeline.step(frame, ego, route_from_message(route), stamp_ns)
        observed = observation_from_message(messages[OBSERVATION.name][stamp_ns])
        assert (step.observation.bev == observed.bev).all()
        assert (step.observation.history == observed.history).all()
        assert step.action == action_from_message(messages[ACTION.name][stamp_ns])
        assert step.requested == command_from_message(messages[REQUEST.name][stamp_ns])
        assert step.command == command_from_message(messages[CONTROL.name][stamp_ns])
    assert len(stamps) == recorded[1].frames_sent


def make_pipeline() -> DrivingPipeline:
    checkpoint, profile = load_checkpoint(), load_vehicle("saloon")
    gate = Gate(profile, GateConfig(auto_engage=True), checkpoint.spec.bev)
    stage = checkpoint.observation_stage(load_camera("default"))
    return DrivingPipeline(stage, checkpoint.policy_stage(profile), ActionMapping(profile), gate)


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
