"""What watches a training: judgements, rolling rates, the alarm and the audit."""

import json

import numpy as np
import pytest
from rich.console import Console
from worlds_by_script import moment_of

from sim2real_ad.reward.guidance import Scene
from sim2real_ad.reward.rewards import load_reward
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.teacher.environment import TeacherEnv, TeacherEnvSettings
from sim2real_ad.training.teacher.evaluation import Evaluation, ScenarioScore, evaluate
from sim2real_ad.training.teacher.fill import HeldScore, Transition
from sim2real_ad.training.teacher.imitation import NoReward
from sim2real_ad.training.teacher.monitor import Monitor
from sim2real_ad.training.teacher.watch import GuidanceAudit


def transition(
    world=0, step=0, *, done=False, success=False, reward=1.0, scenario="a", held=None, scene=None, **moment
):
    return Transition(
        world=world,
        position=0,
        moments=(moment_of(world, step, success=success, **moment),),
        held=held or HeldScore(),
        scene=scene,
        terms={"base": reward},
        reward=reward,
        done=done,
        scenario=scenario,
        episode_seed=1,
        success=success,
        infractions=() if success or not done else ("collision",),
    )


def monitor(window=3):
    return Monitor(Progress(Console(quiet=True)), 100, window, None)


def test_returns_are_summed_world_by_world_and_rates_forget_old_episodes():
    watched = monitor()
    for step in range(4):
        watched.hear([transition(0, step), transition(1, step, reward=5.0)])
    watched.hear([transition(0, 4, done=True), transition(1, 4, reward=5.0, done=True, success=True)])
    assert [e.total for e in watched.episodes["a"]] == [5.0, 25.0]
    assert watched.success_rate == 0.5
    for _ in range(3):
        watched.hear([transition(done=True, success=True)])
    assert watched.success_rate == 1.0


def test_scenarios_count_alike_however_often_they_are_driven():
    watched = monitor(window=50)
    watched.hear([transition(done=True, success=True, scenario="often") for _ in range(30)])
    watched.hear([transition(done=True, scenario="seldom")])
    assert watched.success_rate == 0.5


def test_what_the_monitor_remembers_survives_a_process():
    watched = monitor()
    watched.hear([transition(done=True, success=True, reward=3.0), transition(done=True)])
    again = monitor()
    again.load(json.loads(json.dumps(watched.state())))
    assert list(again.episodes["a"]) == list(watched.episodes["a"])
    assert again.alarm.state() == watched.alarm.state()


def test_the_alarm_rings_where_the_return_rises_while_success_falls():
    watched, random = monitor(), np.random.default_rng(2)
    for episode in range(600):
        share = episode / 600
        watched.hear([transition(done=True, success=bool(random.random() > share), reward=10.0 * share)])
    assert watched.alarm.worst.state == "alarm"
    assert "pay for something else" in watched.alarm.worst.reason


def scored(step, value, **moment):
    scene = Scene(np.zeros((6, 96, 64), np.uint8), 5.0, 0.0)
    return transition(0, step, held=HeldScore(value, value), scene=scene, time_s=0.2 * step, speed=5.0, **moment)


def drive(audit, honest, ends_badly):
    """Forty scored ticks; a bad one drifts off the road in its last second and a half."""
    for step in range(40):
        off = 2.0 if ends_badly and step > 34 else 0.0
        audit.hear([scored(step, (0.1 if off else 0.9) if honest else (0.9 if off else 0.1), lateral_offset=off)])
    end = transition(
        0, 40, done=True, success=not ends_badly, time_s=8.0, infraction="off_road" if ends_badly else "", speed=5.0
    )
    audit.hear([end])


@pytest.mark.parametrize(("honest", "verdict"), [(True, "trusted"), (False, "untrusted")])
def test_guidance_that_lies_is_caught_and_guidance_that_does_not_is_trusted(tmp_path, honest, verdict):
    audit = GuidanceAudit(seed=1)
    for number in range(12):
        drive(audit, honest, ends_badly=number % 2 == 0)
    audit.save(tmp_path)
    resumed = GuidanceAudit(seed=1)
    resumed.take_up(tmp_path)
    for number in range(12):
        drive(resumed, honest, ends_badly=number % 2 == 0)
    found = resumed.conclude(tmp_path, "test")
    assert found["verdict"] == verdict
    assert found["figures"]["unsafe_episodes"] == 12
    assert (tmp_path / "audit.html").is_file()


def score_of(successes, n=10):
    return ScenarioScore(
        successes=successes,
        n=n,
        interval=(0.0, 1.0),
        infractions={},
        mean_return=0.0,
        mean_seconds=1.0,
        rms_lateral_jerk=0.0,
        rms_jerk=0.0,
    )


def judged(*successes, jerk=1.0):
    scores = {str(number): score_of(count) for number, count in enumerate(successes)}
    return Evaluation(steps=1, seconds=1.0, scenarios=scores, rms_lateral_jerk=jerk)


def test_the_best_has_the_most_strict_successes_and_of_equals_the_least_jerk():
    assert judged(1, 1).beats(None)
    assert judged(9, 9, jerk=9.0).beats(judged(9, 8, jerk=0.1))
    assert judged(9, 8, jerk=0.5).beats(judged(8, 9, jerk=0.6))
    assert not judged(9, 8).beats(judged(9, 8))


@pytest.fixture(scope="module")
def env():
    env = TeacherEnv(TeacherEnvSettings(scenarios=("stop_sign", "car_following")), NoReward())
    yield env
    env.close()


def test_an_evaluation_drives_every_scenario_over_its_seeds_and_counts_what_went_wrong(env):
    def hard_left(_state):
        return np.array((1.0, 0.5), np.float32)

    found = evaluate(env, hard_left, range(5_000, 5_003), steps=7, seconds=1.5)
    assert set(found.scenarios) == {"stop_sign", "car_following"}
    for score in found.scenarios.values():
        assert (score.n, score.successes) == (3, 0)
        assert score.infractions == {"off_road": 3}
        assert score.rms_lateral_jerk > 1.0
    assert found.success_rate == 0.0


def test_the_expert_s_own_actions_succeed_under_the_same_judgement(env):
    found = evaluate(env, lambda _state: env.expert_action(), range(5_000, 5_002), steps=0, seconds=0.0)
    assert found.successes == 4
    assert found.rms_lateral_jerk < 1.5


def test_the_lateral_jerk_of_an_evaluation_is_the_root_mean_square_over_all_ticks(env):
    seen = []

    def expert(_state):
        return env.expert_action()

    state, _ = env.reset(options={"scenario": "stop_sign", "episode_seed": 5_007})
    done = False
    while not done:
        state, _, terminated, truncated, info = env.step(expert(state))
        seen += [moment.lateral_jerk for moment in info["moments"]]
        done = terminated or truncated
    score = evaluate(env, expert, [5_007], 0, 0.0).scenarios["stop_sign"]
    assert score.rms_lateral_jerk == pytest.approx(float(np.sqrt(np.mean(np.square(seen)))))
    assert score.mean_seconds == pytest.approx(0.05 * len(seen))


def test_no_praise_makes_the_tick_of_an_infraction_pay():
    reward = load_reward("vlm")
    for kind in ("collision", "off_road", "stop_line_run"):
        moment = moment_of(0, 5, infraction=kind)
        assert reward.total(reward.terms(moment, 1.0)) == reward.total(reward.terms(moment, None)) < 0.0
