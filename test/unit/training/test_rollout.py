from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("carla", reason="driving needs the sim extra")

from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.policy.checkpoint import SHIPPED, STUDENT_FILE
from sim2real_ad.policy.corridor import LINE_FEATURES
from sim2real_ad.training.config import TrainingConfig
from sim2real_ad.training.evaluate import Judgement, scores
from sim2real_ad.training.rollout import Job, roll_out
from sim2real_ad.world.randomization import sample_camera

CONFIG = TrainingConfig(teacher="shipped")
TEACHER_DRIVES = Job(CONFIG, "stop_sign", 20_000, teacher_share=1.0, keep_every=4)


@pytest.fixture(scope="module")
def expert_roll():
    return roll_out(TEACHER_DRIVES)


def test_an_expert_drive_succeeds_and_gives_a_sample_every_few_ticks(expert_roll):
    assert expert_roll.success
    assert expert_roll.infractions == ()
    ticks = expert_roll.seconds / 0.05
    assert ticks / 4 < len(expert_roll.samples.actions) < ticks / 1.5, (
        "every fourth tick, and each one where it is slow"
    )
    assert len(expert_roll.samples.corridors) == len(expert_roll.samples.features) == len(expert_roll.samples.actions)
    assert np.abs(expert_roll.samples.actions).max() <= 1.0


def test_the_stop_line_is_seen_and_the_car_stands_before_it(expert_roll):
    config = TEACHER_DRIVES.config
    stop_line = expert_roll.samples.corridors[:, config.observation.bev.index("stop_line")]
    standing = expert_roll.samples.features[:, config.observation.ego_features.index("standstill_time")] > 0.1
    assert standing.any()
    nearest = [np.flatnonzero(layer.max(axis=1) > 100)[:1] for layer in stop_line[standing]]
    distances = [float(rows[0]) * config.corridor.resolution for rows in nearest if len(rows)]
    assert 0.5 < np.median(distances) < 4.0, "from the bumper, where the corridor begins"


def test_the_same_job_gives_the_same_samples(expert_roll):
    again = roll_out(TEACHER_DRIVES)
    assert np.array_equal(again.samples.corridors, expert_roll.samples.corridors)
    assert np.array_equal(again.samples.actions, expert_roll.samples.actions)


def test_pushes_lead_the_car_off_the_experts_path_but_not_the_labels_astray(expert_roll):
    pushed = roll_out(replace(TEACHER_DRIVES, push_rate=0.5))
    route = slice(len(TEACHER_DRIVES.config.observation.ego_features) + 6 + LINE_FEATURES, None)
    assert (
        np.abs(pushed.samples.features[:, route][:, 0]).max()
        > 1.5 * np.abs(expert_roll.samples.features[:, route][:, 0]).max()
    )


def test_a_student_is_really_at_the_wheel():
    job = Job(CONFIG, "obstacle_avoidance", 20_001, student=SHIPPED / STUDENT_FILE)
    expert = roll_out(replace(job, student=None, teacher_share=1.0))
    assert roll_out(job).seconds != expert.seconds


def test_a_drive_under_randomization_sees_other_cells_and_loses_frames():
    nominal = load_camera(CONFIG.camera)
    seed = next(s for s in range(20_000, 20_050) if sample_camera(nominal, s) != nominal)
    calm = replace(TEACHER_DRIVES, seed=seed, student=SHIPPED / STUDENT_FILE, keep_every=1)
    first, again = (roll_out(replace(calm, strength=1.0)) for _ in range(2))
    assert np.array_equal(first.samples.corridors, again.samples.corridors)
    validity = len(CONFIG.observation.bev.channels)
    usual = roll_out(calm)
    assert not np.array_equal(first.samples.corridors[0, validity], usual.samples.corridors[0, validity])
    assert len(usual.samples.actions) == round(usual.seconds / 0.05)
    assert len(first.samples.actions) < round(first.seconds / 0.05), "lost frames give no sample"


def test_scores_count_by_scenario_and_name_each_failure():
    def judgement(scenario: str, seed: int, infraction: str = "") -> Judgement:
        reasons = {"rss_distance": 2, "speed_limit": 1} if infraction else {}
        return Judgement(
            domain="", scenario=scenario, seed=seed, infraction=infraction, seconds=1.0, trajectory_hash="", ood=0.0,
            interventions=reasons, intervened=2 * bool(reasons), frames=20,
        )  # fmt: skip

    first, second = scores([judgement("a", 1), judgement("a", 2, "collision at 1.0 s"), judgement("b", 1)])
    assert (first.scenario, first.successes, first.trials) == ("a", 1, 2)
    assert first.interval[0] < 0.5 < first.interval[1]
    assert "seed 2: collision at 1.0 s" in str(first)
    assert "the gate stepped in at 5.00% of the frames: rss_distance 2, speed_limit 1;" in str(first)
    assert (second.successes, second.failures, second.intervened) == (1, (), 0.0)
