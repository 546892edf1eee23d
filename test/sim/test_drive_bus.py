"""`s2r drive --vehicle-bus`: camera, policy, gate, vehicle interface, CAN, the car's modules, the world and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("can", reason="needs the can extra")

from sim2real_ad.evaluation.mcap_stream import McapStream, MessageDecoder
from sim2real_ad.ros.topics import ACTUATION, CONTROL_MODE, DIAGNOSTICS

pytestmark = [pytest.mark.ros, pytest.mark.sim, pytest.mark.render]


def test_an_episode_is_driven_over_the_bus_and_the_car_is_moved_by_its_modules_alone(s2r, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = s2r("drive", "--scenario", "stop_sign", "--vehicle-bus", "--vehicle", "e_transit", "--out", str(out))
    status, _, errors = command.finish(240.0)
    assert status == 0, errors
    (result,) = map(json.loads, (out / "result.jsonl").read_text().splitlines())
    assert result["progress"] > 0.0, "nothing but the modules' actuation moves the car"
    assert result["duration_s"] > 5.0
    decode, kinds = MessageDecoder(), (ACTUATION.name, CONTROL_MODE.name, DIAGNOSTICS.name)
    heard = [(m.topic, decode(m)) for m in McapStream(out / "recording.mcap") if m.topic in kinds]
    modes = {message.mode for topic, message in heard if topic == CONTROL_MODE.name}
    assert any(message.AUTONOMOUS in modes for topic, message in heard if topic == CONTROL_MODE.name)
    assert sum(topic == ACTUATION.name for topic, _ in heard) > 50 * result["duration_s"]
    told = [s for topic, m in heard if topic == DIAGNOSTICS.name for s in m.status if "drive_by_wire" in s.name]
    assert any(status.message == "engaged" for status in told)
    assert {"command_period_error_p99", "reasons", "faults"} <= {value.key for value in told[-1].values}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--vehicle-bus", "--mode", "lockstep"), "needs --mode realtime"),
        (("--bus", "socketcan:vcan0"), "of no use without --vehicle-bus"),
        (("--vehicle-bus", "--bus", "vcan0"), "is none of socketcan:CHANNEL"),
        (("--vehicle-bus", "--vehicle", "sprinter"), "action scale|drive_by_wire section"),
    ],
)
def test_what_cannot_be_driven_over_a_bus_is_refused_before_anything_starts(s2r, tmp_path, arguments, why) -> None:
    status, _, errors = s2r("drive", *arguments, "--out", str(tmp_path / "no")).finish(60.0)
    assert status == 2
    assert any(reason in errors for reason in why.split("|"))
    assert not (tmp_path / "no").exists()
