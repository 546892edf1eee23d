"""Captions say what is true, in words that training and evaluation do not share."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.reward.goals import load_goals
from sim2real_ad.reward.lit.evaluation import VLM_RL
from sim2real_ad.reward.lit.facts import UNSAFE_S, Facts
from sim2real_ad.reward.lit.held_out import CHOOSING, HELD_OUT
from sim2real_ad.reward.lit.patterns import all_sentences, some_sentences
from sim2real_ad.reward.lit.phrases import TRAINING
from sim2real_ad.reward.lit.sentences import plain, training_sentences
from sim2real_ad.reward.lit.statements import KEYS, OPPOSED, RULES, truth_table
from sim2real_ad.reward.lit.unrelated import CHOOSING_PAIRS, HELD_OUT_PAIRS, NEAR_DOMAIN_PAIRS

CALM = Facts(
    speed=6.0,
    curvature=0.0,
    lateral_offset=0.0,
    heading_error=0.0,
    gap=math.inf,
    ahead="",
    meets_s=math.inf,
    leaves_road_s=math.inf,
    corners_off=0,
    line_distance=math.inf,
    runs_line=False,
    bend=0.0,
    vehicles=0,
    pedestrians=0,
    obstacles=0,
    pedestrian_distance=math.inf,
)

any_facts = st.builds(
    Facts,
    speed=st.floats(0.0, 10.0),
    curvature=st.floats(-0.2, 0.2),
    lateral_offset=st.floats(-4.0, 4.0),
    heading_error=st.floats(-0.5, 0.5),
    gap=st.one_of(st.floats(0.0, 30.0), st.just(math.inf)),
    ahead=st.sampled_from(["", "vehicle", "pedestrian", "obstacle"]),
    meets_s=st.one_of(st.floats(0.0, 2.0), st.just(math.inf)),
    leaves_road_s=st.one_of(st.floats(0.0, 2.0), st.just(math.inf)),
    corners_off=st.integers(0, 4),
    line_distance=st.one_of(st.floats(-5.0, 26.0), st.just(math.inf)),
    runs_line=st.sampled_from([True, False, None]),
    bend=st.floats(-0.03, 0.03),
    vehicles=st.integers(0, 5),
    pedestrians=st.integers(0, 3),
    obstacles=st.integers(0, 3),
    pedestrian_distance=st.one_of(st.floats(0.0, 30.0), st.just(math.inf)),
).map(lambda facts: replace(facts, leaves_road_s=0.0) if facts.corners_off else facts)


def test_no_sentence_of_an_evaluation_is_in_any_training() -> None:
    contrasts = (*load_goals("driving").contrasts, VLM_RL)
    evaluated = [text for found in (*HELD_OUT.values(), *CHOOSING.values()) for text in found]
    evaluated += [text for contrast in contrasts for text in (contrast.positive, contrast.negative)]
    evaluated += [text for pair in (*HELD_OUT_PAIRS, *CHOOSING_PAIRS, *NEAR_DOMAIN_PAIRS) for text in pair]
    table = truth_table([CALM])
    trained = training_sentences(np.random.default_rng(0), table, per_pattern=1000, captions=0, unrelated=1000)
    assert len(trained.texts) > 5000
    assert not {plain(text) for text in evaluated} & {plain(text) for text in (*trained.texts, *trained.unrelated)}


def test_choosing_and_published_figures_share_only_the_pair_that_is_asked_for() -> None:
    shared = {text for pair in HELD_OUT_PAIRS for text in pair} & {text for pair in CHOOSING_PAIRS for text in pair}
    assert shared == {"a dog on a sofa", "a bowl of soup"}
    assert not {t for found in HELD_OUT.values() for t in found} & {t for found in CHOOSING.values() for t in found}


def test_every_statement_can_be_said_and_every_held_out_phrase_belongs_to_one() -> None:
    assert set(TRAINING) == set(RULES) == set(KEYS)
    assert {*HELD_OUT, *CHOOSING} <= set(KEYS)
    assert {key for pair in OPPOSED for key in pair} <= set(KEYS)


@given(facts=any_facts)
@settings(max_examples=60, deadline=None)
def test_opposed_statements_never_hold_at_the_same_time(facts: Facts) -> None:
    for bad, good in OPPOSED:
        assert not (RULES[bad](facts) is True and RULES[good](facts) is True), (bad, good)


@given(facts=any_facts)
@settings(max_examples=60, deadline=None)
def test_a_moment_is_unsafe_exactly_where_one_of_its_dangers_is_there(facts: Facts) -> None:
    dangers = [RULES[key](facts) for key in ("collision", "leaving_road", "line_run")]
    if True in dangers:
        assert RULES["unsafe"](facts) is True
        assert RULES["safe"](facts) is False
    elif None not in dangers:
        assert RULES["unsafe"](facts) is False
        assert RULES["safe"](facts) is True


@pytest.mark.parametrize(
    ("change", "said", "not_said"),
    [
        ({}, {"way_clear", "lane_middle", "on_road", "nothing_ahead", "safe", "line_none"}, {"collision", "unsafe"}),
        ({"meets_s": UNSAFE_S - 0.1, "gap": 4.0}, {"collision", "too_close", "unsafe"}, {"way_clear", "safe"}),
        ({"lateral_offset": 1.0}, {"lane_left"}, {"lane_middle", "lane_right"}),
        ({"leaves_road_s": 0.0, "corners_off": 2}, {"off_road", "leaving_road"}, {"on_road", "lane_kept"}),
        ({"runs_line": True, "line_distance": 1.0}, {"line_run", "unsafe"}, {"line_obeyed", "line_halting"}),
        ({"speed": 0.0, "line_distance": 2.0}, {"line_stood", "line_halting", "standing"}, {"line_run", "fast"}),
        ({"pedestrians": 1, "pedestrian_distance": 6.0}, {"pedestrian_near"}, {"pedestrians_none"}),
    ],
)
def test_captions_follow_the_facts(change: dict[str, float], said: set[str], not_said: set[str]) -> None:
    row = truth_table([replace(CALM, **change)])[0]
    assert said <= {key for key, holds in zip(KEYS, row, strict=True) if holds == 1}
    assert not_said <= {key for key, holds in zip(KEYS, row, strict=True) if holds == 0}


def test_alternatives_of_a_pattern_are_all_said_and_nested_ones_too() -> None:
    assert set(all_sentences("a [b|c [d|e]|] f")) == {"a b f", "a c d f", "a c e f", "a f"}


def test_the_same_number_draws_the_same_sentences() -> None:
    pattern = "{car} [drives|goes] [left|right|on]"
    first, again = (some_sentences(pattern, 5, np.random.default_rng(7)) for _ in range(2))
    assert first == again
    assert len(set(first)) == 5


@given(facts=st.lists(any_facts, min_size=3, max_size=8), seed=st.integers(0, 99))
@settings(max_examples=8, deadline=None)
def test_a_caption_of_several_parts_holds_only_where_each_part_does(facts: list[Facts], seed: int) -> None:
    table = truth_table(facts)
    sentences = training_sentences(np.random.default_rng(seed), table, per_pattern=1, captions=6, unrelated=1)
    chosen = np.arange(len(sentences.texts) - 6, len(sentences.texts))
    found = sentences.holds(table, chosen)
    for row, moment in enumerate(table):
        for column, caption in enumerate(chosen):
            parts = [moment[part] for part in sentences.parts[caption] if part >= 0]
            expected = 0 if 0 in parts else -1 if -1 in parts else 1
            assert found[row, column] == expected
    assert (found == 1).any()  # each describes one of these moments
