"""`s2r transfer`: domains side by side, each in a graph of its own, and what was driven is not driven again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="measuring against the ground truth needs the train extra")

pytestmark = [pytest.mark.ros, pytest.mark.sim, pytest.mark.render]

NAMES = ("training", "another_feel")
A_SHELLS_DOMAIN = "102"
"""Set by whoever starts the command; no graph claims it by itself."""


def test_two_domains_are_driven_at_once_as_they_are_one_after_the_other_and_once(s2r, tmp_path: Path) -> None:
    def transfer(folder: str, workers: int, *more: str) -> str:
        asked = ("--domains", "another_feel", "--scenarios", "stop_sign", "--episodes", "1", "--measured", "0")
        arguments = ("transfer", "--out", str(tmp_path / folder), *asked, "--workers", str(workers), *more)
        command = s2r(*arguments, ROS_DOMAIN_ID=A_SHELLS_DOMAIN)
        status, printed, errors = command.finish(300.0)
        assert status == 0, errors
        return printed

    printed = transfer("together", 2)
    assert "2 of 2 drives judged: training 1, another_feel 1" in printed
    together = {name: _results(tmp_path / "together", name) for name in NAMES}
    assert f"| another_feel | {int(together['another_feel']['success'])} of 1" in printed
    printed = transfer("together", 2, "--no-training")
    assert "1 of 1 drives judged: another_feel 1" in printed
    assert {name: _results(tmp_path / "together", name) for name in NAMES} == together
    transfer("alone", 1)
    for name in NAMES:
        assert _results(tmp_path / "alone", name)["trajectory_hash"] == together[name]["trajectory_hash"]


def _results(out: Path, name: str) -> dict:
    """Return the one result there must be."""
    lines = [path.read_text() for path in sorted((out / "domains" / name).glob("part-*/result.jsonl"))]
    (line,) = "".join(lines).splitlines()
    return json.loads(line)
