"""A teacher's policy file, and the imitated start."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rich.console import Console  # noqa: E402

from sim2real_ad.errors import CheckpointError  # noqa: E402
from sim2real_ad.training.progress import Progress  # noqa: E402
from sim2real_ad.training.teacher import policy as policy_module  # noqa: E402
from sim2real_ad.training.teacher.environment import TeacherEnvSettings  # noqa: E402
from sim2real_ad.training.teacher.imitation import (  # noqa: E402
    ImitationSettings,
    imitate_expert,
    make_network,
    policy_from_network,
)
from sim2real_ad.training.teacher.policy import TeacherPolicy  # noqa: E402
from sim2real_ad.training.teacher.state import STATE_SIZE  # noqa: E402


@pytest.fixture
def network():
    torch.manual_seed(0)
    return make_network((16, 12))


def states(count=5):
    return np.random.default_rng(0).normal(size=(count, STATE_SIZE)).astype(np.float32)


def test_the_numpy_policy_acts_as_the_network_it_was_copied_from(network):
    with torch.no_grad():
        expected = network(torch.from_numpy(states())).numpy()
    assert policy_from_network(network).act(states()) == pytest.approx(expected, abs=1e-5)


def test_one_state_gives_one_action(network):
    policy = policy_from_network(network)
    assert policy.act(states()[0]) == pytest.approx(policy.act(states())[0], abs=1e-6)
    assert policy.hidden == (16, 12)


def test_a_saved_policy_acts_the_same_when_loaded(network, tmp_path):
    policy = policy_from_network(network)
    policy.save(tmp_path / "teacher.npz")
    assert np.array_equal(TeacherPolicy.load(tmp_path / "teacher.npz").act(states()), policy.act(states()))
    assert [p.name for p in tmp_path.iterdir()] == ["teacher.npz"]


def test_a_policy_of_another_state_is_refused_by_fingerprint(network, tmp_path, monkeypatch):
    policy_from_network(network).save(tmp_path / "teacher.npz")
    monkeypatch.setattr(policy_module, "STATE_FINGERPRINT", "0123456789abcdef")
    with pytest.raises(CheckpointError, match="0123456789abcdef"):
        TeacherPolicy.load(tmp_path / "teacher.npz")


@pytest.mark.parametrize("content", [b"", b"not a zip file"])
def test_a_broken_policy_file_is_named(tmp_path, content):
    (tmp_path / "teacher.npz").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"teacher\.npz"):
        TeacherPolicy.load(tmp_path / "teacher.npz")


def test_a_missing_policy_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="nowhere"):
        TeacherPolicy.load(tmp_path / "nowhere.npz")


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="layer 0"):
        TeacherPolicy([(np.zeros((STATE_SIZE + 1, 2)), np.zeros(2))])
    with pytest.raises(ValueError, match="2 values"):
        TeacherPolicy([(np.zeros((STATE_SIZE, 3)), np.zeros(3))])


def test_a_short_imitation_comes_near_the_expert_and_repeats_itself():
    settings = ImitationSettings(rounds=2, episodes=3, epochs=3, final_epochs=30, hidden=(64, 64), batch_size=64)
    quiet = Progress(Console(quiet=True))
    first, record = imitate_expert(settings, TeacherEnvSettings(), quiet)
    again, _ = imitate_expert(settings, TeacherEnvSettings(), quiet)
    assert record["rounds"][-1]["loss"] < 0.04
    assert record["rounds"][1]["samples"] > record["rounds"][0]["samples"]
    assert np.array_equal(first.act(states()), again.act(states()))
