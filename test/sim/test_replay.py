"""A recorded drive, replayed without a graph and through one: the commands are those that were driven, to the bit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sim2real_ad.bag.cut import cut_bag
from sim2real_ad.bag.source import open_bag
from sim2real_ad.policy.checkpoint import SHIPPED, STUDENT_FILE, load_checkpoint, seal_checkpoint
from sim2real_ad.replay.many import BagTask, judge_bag
from sim2real_ad.replay.reference import compare_with_reference
from sim2real_ad.replay.results import FRAMES_FILE, ReplayFrame, read_frames
from sim2real_ad.replay.run import ReplayJob, replay_bag
from sim2real_ad.types import ns_from_seconds

from .conftest import run_graph

pytestmark = [pytest.mark.ros, pytest.mark.sim, pytest.mark.render]
SCENARIO, SEEDS = "car_following", (3, 4)
PIECE_S = 6.0


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recording of two episodes in lock-step."""
    out = tmp_path_factory.mktemp("driven")
    for graph in run_graph(out):
        for seed in SEEDS:
            graph.client.run(SCENARIO, seed, lambda: None)
    return out / "recording.mcap"


@pytest.fixture(scope="module")
def piece(driven: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first seconds of it."""
    out = tmp_path_factory.mktemp("piece") / "bag"
    with open_bag(driven) as bag:
        cut_bag(bag, out, to_ns=bag.start_ns + ns_from_seconds(PIECE_S))
    return out


@pytest.fixture(scope="module")
def replayed(driven: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replayed")
    summary = replay_bag(ReplayJob(driven, folder))
    assert (summary.error, summary.problems, summary.left_out) == ("", (), ())
    return folder


def frames_of(folder: Path) -> list[ReplayFrame]:
    return read_frames(folder / FRAMES_FILE)


def test_every_frame_is_replayed_to_exactly_the_action_and_the_command_that_were_driven(replayed):
    frames = frames_of(replayed)
    answered = [f for f in frames if f.recorded_command is not None]
    assert len(answered) >= len(frames) - len(SEEDS), "only an episode's last frame may lack its answer"
    assert len(answered) > 200
    assert [f.command for f in answered] == [f.recorded_command for f in answered]
    assert [f.action for f in answered] == [f.recorded_action for f in answered]


def test_twice_the_same_bag_gives_the_same_bytes_and_a_piece_of_it_the_same_lines(driven, replayed, piece, tmp_path):
    for name in ("once", "again"):
        replay_bag(ReplayJob(piece, tmp_path / name))
    once = (tmp_path / "once" / FRAMES_FILE).read_bytes()
    assert len(once.splitlines()) > 40
    assert (tmp_path / "again" / FRAMES_FILE).read_bytes() == once
    commands = [frame.command for frame in frames_of(tmp_path / "once")]
    assert commands == [frame.command for frame in frames_of(replayed)][: len(commands)]


def test_a_changed_weight_is_found_by_the_reference_with_field_and_time(piece, tmp_path):
    onnx = pytest.importorskip("onnx", reason="needs the train extra")
    changed = tmp_path / "changed"
    shutil.copytree(SHIPPED, changed)
    model = onnx.load(changed / STUDENT_FILE)
    bias = next(t for t in model.graph.initializer if list(t.dims) == [2])
    values = onnx.numpy_helper.to_array(bias).copy()
    values[0] += 0.01
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(model, changed / STUDENT_FILE)
    config = load_checkpoint().config
    seal_checkpoint(changed, config.observation, config.image, config.corridor, config.action)
    replay_bag(ReplayJob(piece, tmp_path / "reference"))
    replay_bag(ReplayJob(piece, tmp_path / "other", checkpoint=changed))
    comparison = compare_with_reference(tmp_path / "other" / FRAMES_FILE, tmp_path / "reference" / FRAMES_FILE)
    assert not comparison.equal
    assert comparison.first is not None
    assert (comparison.first.index, comparison.first.time_s) == (0, 0.0)
    assert comparison.first.field == "action.curvature"
    assert comparison.differing > 0.9 * comparison.frames


def test_the_report_shows_the_drive_and_its_answers(piece, tmp_path):
    judged = judge_bag(BagTask(ReplayJob(piece, tmp_path / "out"), conditions="default", goals="driving"))
    assert judged.outcome in ("passed", "failed")
    assert judged.summary.goals
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "data:image/jpeg" in page
    assert len(page) < 15_000_000


def test_the_live_nodes_command_what_the_pipeline_does(piece, tmp_path, monkeypatch):
    from sim2real_ad.replay.through_graph import judge_through_graph
    from sim2real_ad.ros.graph import DriveOptions

    monkeypatch.delenv("ROS_DOMAIN_ID", raising=False)
    judged = judge_through_graph(BagTask(ReplayJob(piece, tmp_path / "out")), DriveOptions())
    assert judged.summary.error == ""
    assert "graph" not in " ".join(judged.summary.left_out)
