"""Drives for the scorer: good ones are safe, deceived ones are not, and facts are what the world shows."""

from __future__ import annotations

import numpy as np
import pytest

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.lit.drives import TRAINING_MAPS, Moments, collect_moments, jobs, own_map_jobs
from sim2real_ad.reward.lit.facts import along_arc
from sim2real_ad.training.seeds import SCORER_SEEDS, VALIDATION_SEEDS
from sim2real_ad.types import Pose2

SPEC = BevSpec()


def test_the_undisturbed_expert_is_hardly_ever_unsafe() -> None:
    moments = collect_moments(jobs(VALIDATION_SEEDS[400:408], TRAINING_MAPS, faults=False), SPEC)
    assert np.mean([fact.unsafe is True for fact in moments.facts]) < 0.01


def test_deceived_driving_shows_every_kind_of_danger(few_moments: Moments) -> None:
    for danger in ("hits", "leaves", "runs_line"):
        assert sum(getattr(fact, danger) is True for fact in few_moments.facts) >= 5, danger
    assert sum(fact.unsafe is False for fact in few_moments.facts) > len(few_moments) / 3


def test_what_the_facts_count_is_in_the_picture(few_moments: Moments) -> None:
    for index in range(0, len(few_moments), 7):
        fact, scene = few_moments.facts[index], few_moments.scene(index, SPEC)
        if fact.ahead and 3.0 < fact.gap < 25.0:
            assert scene.bev[SPEC.index(fact.ahead)].any()
        if fact.vehicles == fact.pedestrians == fact.obstacles == 0:
            rows, columns = (
                slice(40, -2),
                slice(14, 50),
            )  # 1 to 28 m ahead: a turned body behind shows a corner; 9 m aside
            actors = [SPEC.index(name) for name in ("vehicle", "pedestrian", "obstacle")]
            assert not scene.bev[actors, rows, columns].any()


def test_scenes_come_back_as_they_were_kept(few_moments: Moments) -> None:
    again = collect_moments(jobs(SCORER_SEEDS[:1], TRAINING_MAPS), SPEC)
    assert np.array_equal(again.scene(3, SPEC).bev, few_moments.scene(3, SPEC).bev)
    assert set(np.unique(again.scene(3, SPEC).bev)) <= {0, 255}


def test_own_map_jobs_drive_where_the_scenario_says_and_some_without_faults() -> None:
    found = own_map_jobs(VALIDATION_SEEDS[:20])
    assert {job.map_name for job in found if job.scenario == "stop_sign"} == {"urban_block"}
    assert 0 < sum(not job.faults for job in found) < len(found)


@pytest.mark.parametrize("curvature", [0.0, 1e-12, 0.05, -0.1])
def test_an_arc_is_as_long_as_asked_and_turns_with_its_curvature(curvature: float) -> None:
    pose, pieces = Pose2(1.0, 2.0, 0.3), 1000
    whole = along_arc(pose, 8.0, curvature)
    for _ in range(pieces):
        pose = along_arc(pose, 8.0 / pieces, curvature)
    assert (whole.x, whole.y) == pytest.approx((pose.x, pose.y), abs=1e-6)
    assert whole.yaw == pytest.approx(0.3 + 8.0 * curvature)
