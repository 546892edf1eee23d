"""What `s2r bench tracking` measures: a car that is truly identified, and errors that mean what they say."""

import numpy as np
import pytest

from sim2real_ad.evaluation import benchmark_tracking
from sim2real_ad.evaluation.benchmark_tracking import (
    AIDS,
    AT_ONCE,
    DELAY_ALONE,
    PLANTS,
    TRUTH,
    Drive,
    error_of,
    follow,
    identify,
    measure_tracking,
    profile_of,
)
from sim2real_ad.evaluation.benchmark_tracking_manoeuvres import Manoeuvre, expert_drives, made_up_manoeuvres
from sim2real_ad.vehicle.profile import load_vehicle

COMMANDED = {"steering": AT_ONCE, "acceleration": AT_ONCE}
VAN = profile_of(COMMANDED, TRUTH, "none")
FRAMES = np.arange(0.0, 10.0, 0.05)
TICKS = 0.01 * (np.arange(1000) + 1.0)


def waves(times):
    return 0.1 * np.sin(times), 2.0 * np.sin(times)


SLALOM = Manoeuvre("waves", *waves(FRAMES), np.full_like(FRAMES, 8.0))


def test_calibration_finds_the_vans_actuators_through_the_noise():
    found = identify(np.random.default_rng(3))
    for kind, true in TRUTH.items():
        assert found[kind].delay_s == pytest.approx(true.delay_s, abs=0.01)
        assert found[kind].lag_s == pytest.approx(true.lag_s, abs=0.01)


def test_a_car_that_does_what_is_commanded_has_no_error():
    angle, acceleration = waves(TICKS)
    for kind in ("steering", "acceleration"):
        assert error_of(kind, Drive(angle, acceleration), SLALOM, VAN) < 2e-3


def test_an_error_is_a_share_of_the_references_range():
    angle, acceleration = waves(TICKS)
    off = Drive(angle, acceleration + 0.4)
    assert error_of("acceleration", off, SLALOM, VAN) == pytest.approx(0.1, rel=0.01)


def test_a_manoeuvre_that_hardly_moves_says_nothing():
    still = Manoeuvre("still", 0.0 * FRAMES, 0.1 * np.sin(FRAMES), np.full_like(FRAMES, 8.0))
    drive = Drive(0.0 * TICKS, 0.0 * TICKS)
    assert error_of("steering", drive, still, VAN) is None
    assert error_of("acceleration", drive, still, VAN) is None


def test_a_plant_is_off_by_what_its_name_says():
    still = Manoeuvre("one command", 0.0 * FRAMES + 0.1, 0.0 * FRAMES + 1.0, np.full_like(FRAMES, 8.0))
    drive = follow(VAN, PLANTS[1], still, np.random.default_rng(0))
    assert drive.steering[-1] == pytest.approx(0.9 * 0.1 + 0.01745, abs=1e-4)
    assert drive.acceleration[-1] == pytest.approx(0.9 * 1.0 - 0.03 * 9.81, abs=1e-3)


def test_a_lag_adds_to_what_the_delay_alone_makes_wrong():
    drives = [follow(VAN, plant, SLALOM, np.random.default_rng(0)) for plant in (DELAY_ALONE, PLANTS[0], PLANTS[3])]
    for kind in ("steering", "acceleration"):
        errors = [error_of(kind, drive, SLALOM, VAN) for drive in drives]
        assert errors == sorted(errors)
        assert errors[0] > 0.02


def test_the_made_up_manoeuvres_stay_within_the_vans_limits():
    limits = load_vehicle("e_transit").limits
    for manoeuvre in made_up_manoeuvres():
        assert manoeuvre.angle.shape == manoeuvre.acceleration.shape == manoeuvre.speed.shape
        assert np.abs(manoeuvre.angle * manoeuvre.speed**2).max() / 3.3 <= limits.max_lateral_acceleration
        assert -limits.max_deceleration <= manoeuvre.acceleration.min()
        assert manoeuvre.acceleration.max() <= limits.max_acceleration
        assert manoeuvre.speed.min() >= 0.0


def test_the_experts_drives_hold_bends_and_stops():
    drives = {drive.name: drive for drive in expert_drives()}
    assert np.ptp(drives["expert, obstacle avoidance"].angle) > 0.05
    assert drives["expert, stop sign"].acceleration.min() < -1.5
    assert drives["expert, stop sign"].speed.min() < 0.1


def test_the_target_is_of_feedback_alone_and_is_reached_in_a_slalom(monkeypatch):
    monkeypatch.setattr(
        benchmark_tracking, "all_manoeuvres", lambda: (made_up_manoeuvres()[0], made_up_manoeuvres()[3])
    )
    monkeypatch.setattr(benchmark_tracking, "PLANTS", PLANTS[:2])
    figures = [figure for figure in measure_tracking() if figure.name.startswith("curvature against the command")]
    assert len(figures) == 1 + 2 * len(AIDS)
    for figure in figures:
        assert (figure.target is not None) == (AIDS[-1] in figure.name)
        assert figure.note.startswith("slalom ")
    by_aid = {aid: [figure.value for figure in figures if f", {aid}, " in figure.name] for aid in AIDS[1:]}
    assert max(by_aid["feed-forward and feedback"]) < 5.0
    assert by_aid["feed-forward"][1] > 5.0
    assert (
        min(figure.value for figure in figures if "the van as it is, " in figure.name and "pure" not in figure.name)
        > 15.0
    )
