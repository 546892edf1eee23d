import numpy as np
import pytest
from experiments import small_spec

from sim2real_ad.errors import TrainingError
from sim2real_ad.evaluation.statistics import root_mean_square
from sim2real_ad.training.experiment.drives import DRIVES_FILE, Drive, read_drives
from sim2real_ad.training.experiment.judging import judge_drive, judge_run
from sim2real_ad.training.teacher.environment import TeacherEnv, TeacherEnvSettings
from sim2real_ad.training.teacher.imitation import NoReward


@pytest.fixture(scope="module")
def env():
    env = TeacherEnv(TeacherEnvSettings(scenarios=("stop_sign", "car_following")), NoReward())
    yield env
    env.close()


def full_throttle(state):
    return np.array((0.0, 1.0), np.float32)


def test_the_expert_succeeds_in_comfort_and_recklessness_does_not(env):
    good = judge_drive(lambda state: env.expert_action(), env, "stop_sign", 5000)
    assert (good.success, good.infractions, good.key) == (True, (), ("stop_sign", 5000))
    assert 1.0 < good.mean_speed < 10.0
    assert good.rms_lateral_jerk < 1.5
    bad = judge_drive(full_throttle, env, "stop_sign", 5000)
    assert not bad.success
    assert len(bad.infractions) == 1
    assert bad.mean_speed > good.mean_speed


def test_the_same_policy_gets_the_same_judgement(env):
    assert judge_drive(full_throttle, env, "stop_sign", 5001) == judge_drive(full_throttle, env, "stop_sign", 5001)


def test_lateral_jerk_is_that_of_the_driven_ticks(env):
    """Held against what the moments say, with a policy that swerves."""
    count = 0

    def swerve(state):
        nonlocal count
        count += 1
        return np.array((0.3 if count // 10 % 2 else -0.3, 0.3), np.float32)

    drive = judge_drive(swerve, env, "car_following", 5000)
    count, jerks, over = 0, [], False
    state, _ = env.reset(options={"scenario": "car_following", "episode_seed": 5000})
    while not over:
        state, _, terminated, truncated, info = env.step(swerve(state))
        jerks.append(info["moment"].lateral_jerk)
        over = terminated or truncated
    assert drive.rms_lateral_jerk == pytest.approx(np.sqrt(np.mean(np.square(jerks))), abs=1e-5)
    assert drive.ticks == len(jerks)
    assert drive.rms_lateral_jerk > 0.1


def test_judging_goes_on_behind_a_line_that_was_cut_off(env, tmp_path):
    run = small_spec().runs()[1].model_copy(update={"episodes": 2, "first_seed": 5000})
    judge_run(run, tmp_path, full_throttle, env)
    whole = (tmp_path / DRIVES_FILE).read_bytes()
    (tmp_path / DRIVES_FILE).write_bytes(whole[: len(whole) * 2 // 3])
    assert 0 < len(read_drives(tmp_path)) < 4
    judge_run(run, tmp_path, full_throttle, env)
    assert (tmp_path / DRIVES_FILE).read_bytes() == whole
    assert [drive.key for drive in read_drives(tmp_path)] == list(run.trials)


def test_a_damaged_line_is_named_and_nothing_is_written_over_it(tmp_path):
    line = Drive(scenario="a", seed=0, success=True, infractions=(), ticks=1, mean_speed=1.0, rms_lateral_jerk=0.0)
    (tmp_path / DRIVES_FILE).write_text("nonsense\n" + line.model_dump_json() + "\n")
    with pytest.raises(TrainingError, match=r"drives\.jsonl holds a line"):
        read_drives(tmp_path)


def test_a_root_mean_square_weighs_by_ticks():
    assert root_mean_square([3.0, 4.0]) == pytest.approx(np.sqrt(12.5))
    assert root_mean_square([3.0, 4.0], [1, 0]) == 3.0
    assert np.isnan(root_mean_square([]))
