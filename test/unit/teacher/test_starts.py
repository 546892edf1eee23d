"""Where a training begins."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from rich.console import Console

from sim2real_ad.errors import CheckpointError, TrainingError
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.teacher import starts
from sim2real_ad.training.teacher.environment import TeacherEnvSettings
from sim2real_ad.training.teacher.imitation import ImitationSettings
from sim2real_ad.training.teacher.starts import start_policy
from sim2real_ad.training.teacher.state import STATE_SIZE

QUIET = Progress(Console(quiet=True))
STATES = np.random.default_rng(0).normal(size=(4, STATE_SIZE)).astype(np.float32)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    tiny = ImitationSettings(rounds=1, episodes=1, final_epochs=2, hidden=(8,))
    monkeypatch.setitem(starts.IMITATIONS, "cloned", tiny)


def test_from_scratch_there_is_no_policy(tmp_path):
    assert start_policy("scratch", TeacherEnvSettings(), tmp_path, QUIET) is None
    assert not any(tmp_path.iterdir())


def test_an_imitation_is_made_once_and_kept_with_its_record(tmp_path):
    first = start_policy("cloned", TeacherEnvSettings(), tmp_path, QUIET)
    made = (tmp_path / "start.npz").stat().st_mtime_ns
    again = start_policy("cloned", TeacherEnvSettings(), tmp_path, QUIET)
    assert (tmp_path / "start.npz").stat().st_mtime_ns == made
    assert np.array_equal(first.act(STATES), again.act(STATES))
    record = json.loads((tmp_path / "start.json").read_text())
    assert record["start"] == "cloned"
    assert record["rounds"][0]["samples"] > 0


def test_a_policy_file_can_be_the_start(tmp_path):
    kept = start_policy("cloned", TeacherEnvSettings(), tmp_path, QUIET)
    given = start_policy(str(tmp_path / "start.npz"), TeacherEnvSettings(), tmp_path / "other", QUIET)
    assert np.array_equal(kept.act(STATES), given.act(STATES))


def test_an_unknown_start_names_those_there_are(tmp_path):
    with pytest.raises(TrainingError, match="cloned, imitated"):
        start_policy("copied", TeacherEnvSettings(), tmp_path, QUIET)
    with pytest.raises(CheckpointError, match=r"gone\.npz"):
        start_policy("gone.npz", TeacherEnvSettings(), tmp_path, QUIET)
