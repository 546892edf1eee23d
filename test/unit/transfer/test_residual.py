"""What the bound's constants and the hidden terms are estimated from: real drives, the same every time."""

from __future__ import annotations

import pytest

pytest.importorskip("carla", reason="needs the sim extra")

from sim2real_ad.training.seeds import VALIDATION_SEEDS
from sim2real_ad.training.transfer_residual import (
    LEVELS,
    Disturbed,
    ResidualJob,
    disturbed_jobs,
    drive_disturbed,
    estimate_sensitivity,
    measure_residual,
)


def test_the_teacher_is_off_by_about_the_level_and_drives_the_same_every_time() -> None:
    calm, pushed = (drive_disturbed("stop_sign", 5000, level) for level in (0.0, 0.2))
    assert (calm.deviation, calm.success) == (0.0, True)
    assert 0.1 < pushed.deviation <= 0.2
    assert drive_disturbed("stop_sign", 5000, 0.2) == pushed


def test_constants_come_from_validation_seeds() -> None:
    jobs = list(disturbed_jobs(("stop_sign", "car_following"), 3))
    assert len(jobs) == 2 * 3 * (1 + len(LEVELS))
    assert all(seed in VALIDATION_SEEDS for _, seed, _ in jobs)
    assert {level for _, _, level in jobs} == {0.0, *LEVELS}


def test_sensitivity_is_what_the_disturbed_drives_lose() -> None:
    def drives(level: float, successes: int) -> list[Disturbed]:
        return [
            Disturbed(scenario="stop_sign", seed=k, level=level, deviation=0.9 * level, success=k < successes)
            for k in range(10)
        ]

    assert estimate_sensitivity([*drives(0.0, 10), *drives(0.1, 8), *drives(0.4, 4)]) == pytest.approx(0.2 / 0.09)
    with pytest.raises(ValueError, match="undisturbed"):
        estimate_sensitivity(drives(0.1, 8))


@pytest.mark.render
def test_a_drive_in_a_target_domain_is_measured_against_the_truth() -> None:
    pytest.importorskip("panda3d", reason="needs the sim extra")
    drive = measure_residual(ResidualJob("another_body", "stop_sign", 0, teacher="expert"))
    assert drive.ticks > 20
    assert drive.whole.cells > drive.near.cells > 0
    road = drive.near.overlaps["drivable"].iou
    assert road is not None
    assert 0.5 < road <= 1.0
    assert 0.0 < drive.whole.mean_error < 0.5
    assert drive.policy > 0.0
    assert drive.lipschitz * drive.whole.mean_error > 0.0
