"""Rewards by name: bounded, without memory, and never paying for an infraction whatever the guidance says."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.config import share_path
from sim2real_ad.errors import ConfigError
from sim2real_ad.reward.moment import Moment
from sim2real_ad.reward.rewards import LEAST_PENALTY, TERM_NAMES, load_reward, usable_score

MomentFactory = Callable[..., Moment]
NAMES = ("vlm", "surrogate", "hand-crafted", "sparse")
DENSE = ("vlm", "surrogate", "hand-crafted")
ANY_SCORE = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.floats(0.0, 1.0))
ANY = st.floats(allow_nan=True, allow_infinity=True)
ANY_MOMENT: dict[str, Any] = {
    "speed": ANY,
    "lateral_offset": ANY,
    "lateral_jerk": ANY,
    "distance": ANY,
    "gap": ANY,
    "closing_speed": ANY,
    "stop_distance": ANY,
    "success": st.booleans(),
}


def value(name: str, tick: Moment, score: float | None = None) -> float:
    reward = load_reward(name)
    return reward.total(reward.terms(tick, score))


@given(
    name=st.sampled_from(NAMES),
    kind=st.sampled_from(("collision", "off_road", "stop_line_run", "standing_still", "timeout")),
    score=ANY_SCORE,
    numbers=st.fixed_dictionaries(ANY_MOMENT),
)
def test_an_infraction_never_earns_whatever_the_guidance_says(
    moment: MomentFactory, name: str, kind: str, score: float | None, numbers: dict[str, Any]
) -> None:
    assert value(name, moment(infraction=kind, **numbers), score) <= -LEAST_PENALTY


def test_an_infraction_counts_alone_however_the_other_terms_are_weighed(tmp_path: Path, moment: MomentFactory) -> None:
    reward = load_reward(write(tmp_path, weights={"driving": 1.0, "progress": 1.0, "goal": 100.0, "infraction": -1.0}))
    assert reward.total(reward.terms(moment(infraction="collision", success=True), 1.0)) == -1.0


@given(name=st.sampled_from(NAMES), score=ANY_SCORE, numbers=st.fixed_dictionaries(ANY_MOMENT))
def test_a_tick_stays_within_the_stated_bound(
    moment: MomentFactory, name: str, score: float | None, numbers: dict[str, Any]
) -> None:
    assert abs(value(name, moment(**numbers), score)) <= load_reward(name).bound


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, None])
def test_guidance_without_a_usable_score_leaves_the_hand_crafted_rules(
    moment: MomentFactory, score: float | None
) -> None:
    near = moment(gap=6.0, closing_speed=5.0)
    assert value("vlm", near, score) == value("hand-crafted", near)


@pytest.mark.parametrize(("score", "end"), [(7.0, 1.0), (-3.0, 0.0)])
def test_a_score_out_of_range_counts_as_the_nearer_end(moment: MomentFactory, score: float, end: float) -> None:
    assert usable_score(score) == end
    assert value("vlm", moment(), score) == value("vlm", moment(), end)


@given(gap=st.floats(0.0, 4.0), speed=st.floats(7.0, 15.0))
def test_no_praise_makes_rushing_at_what_is_close_ahead_pay(moment: MomentFactory, gap: float, speed: float) -> None:
    rushing = moment(speed=speed, gap=gap, closing_speed=speed, distance=0.05 * speed)
    assert value("vlm", rushing, 1.0) < value("vlm", moment(speed=0.0, distance=0.0, gap=gap), 1.0)


@pytest.mark.parametrize("score", [0.0, 0.3, 1.0, None])
@pytest.mark.parametrize("name", DENSE)
def test_standing_for_no_reason_costs_and_stopping_for_one_does_not(
    moment: MomentFactory, name: str, score: float | None
) -> None:
    still = {"speed": 0.0, "distance": 0.0}
    assert value(name, moment(**still), score) < 0.0
    assert value(name, moment(**still, stop_distance=2.0), score) > 0.0
    assert value(name, moment(**still, gap=3.0), score) > 0.0


@pytest.mark.parametrize("name", DENSE)
def test_waiting_at_a_line_for_ever_earns_less_than_driving_on(moment: MomentFactory, name: str) -> None:
    waiting = moment(speed=0.0, distance=0.0, stop_distance=2.0)
    assert value(name, waiting, 1.0) < 0.5 * value(name, moment(), 1.0)


@pytest.mark.parametrize("name", DENSE)
def test_passing_an_obstacle_on_the_shifted_line_earns_more_than_parking_behind_it(
    moment: MomentFactory, name: str
) -> None:
    assert value(name, moment(speed=4.0, distance=0.2), 0.6) > 0.0 > value(name, moment(speed=0.0, distance=0.0), 0.6)


def test_only_guided_rewards_change_with_the_score(moment: MomentFactory) -> None:
    for name in NAMES:
        reward, tick = load_reward(name), moment()
        assert reward.uses_guidance == (name in {"vlm", "surrogate"})
        assert (value(name, tick, 0.1) != value(name, tick, 0.9)) == reward.uses_guidance


def test_a_higher_score_asks_for_more_speed_up_to_the_limit(moment: MomentFactory) -> None:
    reward, tick = load_reward("vlm"), moment()
    speeds = [reward.desired_speed(tick, score) for score in (0.0, 0.25, 0.5, 1.0)]
    assert speeds == pytest.approx([0.0, 2.5, 5.0, 10.0])


@pytest.mark.parametrize("name", NAMES)
def test_every_term_has_a_weight_and_asking_twice_changes_nothing(moment: MomentFactory, name: str) -> None:
    reward, tick = load_reward(name), moment(speed=5.0, lateral_offset=0.4)
    first = reward.terms(tick, 0.7)
    reward.terms(moment(infraction="collision"), 0.1)
    assert set(first) == set(TERM_NAMES) == set(reward.weights)
    assert reward.terms(tick, 0.7) == first
    assert reward.total(first) == pytest.approx(sum(reward.weights[n] * first[n] for n in TERM_NAMES))


def test_a_reward_cannot_be_changed_in_use() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_reward("vlm").config = load_reward("sparse").config  # type: ignore[misc]


def test_sparse_sees_the_goal_and_infractions_only(moment: MomentFactory) -> None:
    assert value("sparse", moment(speed=3.0, lateral_jerk=9.0)) == 0.0
    assert value("sparse", moment(success=True)) > 0.0


def write(folder: Path, **changes: Any) -> Path:
    data = yaml.safe_load((share_path() / "config" / "rewards" / "vlm.yaml").read_text())
    weights = {**data["weights"], **changes.pop("weights", {})}
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump({**data, **changes, "weights": weights}))
    return path


def test_weights_can_be_overridden_by_a_file(tmp_path: Path, moment: MomentFactory) -> None:
    path = write(tmp_path, name="mine", weights={"driving": 0.5})
    reward = load_reward(path)
    assert reward.name == "mine"
    assert reward.total(reward.terms(moment(), 1.0)) > value("vlm", moment(), 1.0)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"weights": {"colour": 1.0}}, "weights.colour"),
        ({"weights": {"infraction": -0.5}}, "weights.infraction"),
        ({"weights": {"infraction": 5.0}}, "weights.infraction"),
        ({"weights": {"driving": math.nan}}, "weights.driving"),
        ({"weights": {"action_rate": 0.1}}, "weights.action_rate"),
        ({"desired_speed": "none"}, "desired_speed"),
        ({"desired_speed": "wish"}, "desired_speed"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_by_name(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(ConfigError, match=named) as caught:
        load_reward(path)
    assert str(path) in str(caught.value)


def test_an_unknown_reward_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="hand-crafted, sparse, surrogate, vlm"):
        load_reward("clip")
