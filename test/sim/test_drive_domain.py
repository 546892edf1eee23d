"""`s2r drive --domain`: the same graph in a world that no training saw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim2real_ad.evaluation.mcap_stream import McapStream, MessageDecoder
from sim2real_ad.evaluation.results import read_results
from sim2real_ad.evaluation.transfer_folder import DomainFolder, Identity
from sim2real_ad.evaluation.transfer_recording import online_terms
from sim2real_ad.ros.topics import IMAGE_RAW
from sim2real_ad.world.target_domain import load_target_domain

pytestmark = [pytest.mark.ros, pytest.mark.sim, pytest.mark.render]


def test_one_episode_with_everything_held_out_is_driven_judged_and_tells_its_online_terms(s2r, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = s2r("drive", "--domain", "all_at_once", "--scenario", "stop_sign", "--out", str(out))
    status, _, errors = command.finish(240.0)
    assert status == 0, errors
    summary = json.loads((out / "summary.json").read_text())
    assert Path(summary["domain"]).stem == "all_at_once"
    assert (summary["episodes"], summary["errors"], summary["frames_lost"]) == (1, 0, 0)
    target = load_target_domain("all_at_once")
    decode, camera = MessageDecoder(), target.load_camera()
    image = decode(next(m for m in McapStream(out / "recording.mcap") if m.topic == IMAGE_RAW.name))
    assert (image.width, image.height) == (camera.width, camera.height)
    (terms,) = online_terms([out / "recording.mcap"], target.load_vehicle())
    folder = DomainFolder(tmp_path, target.name, Identity(checkpoint="", teacher="", limits="", domain=""))
    (driven,) = read_results(out)
    assert len(driven.latencies_ms) == driven.frames_sent
    out.rename(folder.new_part())
    folder.harvest(target.load_vehicle(), keep_recordings=False)
    assert list(folder.online().values()) == [terms]
    assert folder.results() == {("stop_sign", 0): driven.model_copy(update={"latencies_ms": ()})}
    assert not (folder.parts()[0] / "recording.mcap").exists()
    assert (terms.scenario, terms.seed) == ("stop_sign", 0)
    assert terms.actuation.ticks > 50
    assert terms.actuation.action > 0.0
    assert terms.ood_mean is not None
    assert 0.0 <= terms.ood_mean <= 1.0


def test_a_domain_with_another_camera_or_another_simulator_is_refused(s2r, tmp_path: Path) -> None:
    for extra in (("--camera", "dashcam_960x540"), ("--vehicle", "sprinter"), ("--world", "carla")):
        status, _, errors = s2r("drive", "--domain", "another_look", *extra, "--out", str(tmp_path / "no")).finish(60.0)
        assert status == 2
        assert "--domain another_look" in errors
