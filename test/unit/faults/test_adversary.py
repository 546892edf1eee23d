"""No policy that a search comes up with gets a command outside of the envelope past the gate."""

import numpy as np
import pytest

from sim2real_ad.faults.adversary import ADVERSARIES, LIAR, OPEN_LOOP, least_room, search
from sim2real_ad.faults.closed_loop import drive
from sim2real_ad.faults.oracle import Envelope
from sim2real_ad.safety.gate import GateConfig
from sim2real_ad.types import Action
from sim2real_ad.vehicle.profile import load_vehicle

pytest.importorskip("scipy", reason="the search needs the packages of 'sim'")

SALOON = load_vehicle("saloon")
CONFIG = GateConfig(auto_engage=True)


@pytest.mark.parametrize("adversary", ADVERSARIES, ids=lambda a: a.name)
@pytest.mark.parametrize("vehicle", ["saloon", "e_transit"])
def test_no_adversary_leaves_the_envelope(adversary, vehicle):
    found = search(adversary, load_vehicle(vehicle), CONFIG, drives=64, seed=1)
    assert found.broken == ()
    assert found.drives >= 64
    assert found.changed > 0.05 * found.steps, "an adversary that never meets the gate proves nothing"


def test_the_search_gets_better_at_what_it_is_after():
    few, many = (search(OPEN_LOOP, SALOON, CONFIG, drives=n, seed=2).objective for n in (16, 96))
    assert many > few


def test_the_search_finds_the_way_out_of_a_gate_that_has_one(monkeypatch):
    """The search is no decoration: with a limit left out of the gate, it finds what the oracle still asks for."""
    monkeypatch.setattr("sim2real_ad.safety.envelope.lateral_steering", lambda speed, profile: (-1.0, 1.0))
    monkeypatch.setattr("sim2real_ad.safety.envelope.lateral_jerk_reach", lambda *_: (-1.0, 1.0))
    found = search(LIAR, SALOON, CONFIG, drives=32, seed=3)
    assert {"lateral_acceleration", "lateral_jerk"} & set(found.broken)


def test_a_quiet_drive_leaves_room_and_a_hard_swerve_does_not():
    envelope = Envelope(SALOON, CONFIG.limits)
    quiet = list(drive(lambda ego, time_s: Action(0, 0.0, 0.0), SALOON, CONFIG, 5.0, 2.0))
    swerve = list(
        drive(lambda ego, time_s: Action(0, np.sign(np.sin(6.0 * time_s)) or 1.0, 0.2), SALOON, CONFIG, 9.0, 4.0)
    )
    assert least_room(quiet, envelope) < 0.4
    assert least_room(swerve, envelope) > 0.8
