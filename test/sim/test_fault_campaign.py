"""A campaign of faults, driven: what is broken stops the car, whoever has to stop it, and nothing else does harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.sim, pytest.mark.render]

PATIENCE_MS = 500.0
"""What a reaction may take here, on a machine that may be busy; the figures are the campaign's own business."""


def test_a_black_picture_and_a_killed_gate_stop_the_car_within_its_distance(s2r, tmp_path: Path) -> None:
    out = tmp_path / "out"
    faults = ("black picture", "gate killed")
    command = s2r(
        "faults",
        "--scenario",
        "car_following",
        "--seed",
        "40",
        "--out",
        str(out),
        *(w for f in faults for w in ("--fault", f)),
    )
    status, printed, err = command.finish()
    assert status in (0, 1), err
    results = [json.loads(line) for line in (out / "faults.jsonl").read_text().splitlines()]
    assert tuple(r["fault"] for r in results) == faults
    for result in results:
        assert not result["error"]
        assert result["speed"] > 1.0, "it drove when it was struck"
        assert 0.0 < result["reaction_ms"] < PATIENCE_MS
        assert 0.0 < result["stopped_after"] <= result["allowed"]
        assert not result["collided"]
    black, killed = results
    assert (black["stopped_by"], killed["stopped_by"]) == ("gate", "vehicle")
    assert black["reasons"], "the gate says why"
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["drives"], summary["collisions_caused"], summary["too_far"]) == (2, 0, 0)
    assert (status == 0) == (summary["as_expected"] == 2)
    for name in faults:
        assert name in printed
        assert name in (out / "report.html").read_text()
        assert f"| {name} | stop |" in (out / "table.md").read_text()
