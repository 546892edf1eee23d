"""The parts of the chat scorer by themselves: prompt and answer, cache, ledger, budget, breaker, settings."""

import json
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.config import find_config, load_config
from sim2real_ad.errors import ConfigError, ScorerError
from sim2real_ad.reward.goals import load_goals
from sim2real_ad.reward.scorer import Contrast
from sim2real_ad.reward.scorers.chat.breaker import Breaker
from sim2real_ad.reward.scorers.chat.budget import Budget
from sim2real_ad.reward.scorers.chat.cache import AnswerCache
from sim2real_ad.reward.scorers.chat.config import BudgetLimits, ChatConfig
from sim2real_ad.reward.scorers.chat.ledger import Entry, Ledger
from sim2real_ad.reward.scorers.chat.prompt import NonsenseError, cache_key, make_prompt, margins_of, parse_answer

CONTRASTS = (Contrast("clear", "crash"), Contrast("in lane", "off road"), Contrast("halts", "runs on"))
PROMPT = make_prompt(CONTRASTS, "a road")
ENTRY = Entry(time="t", model="m", outcome="ok", key="k", seconds=1.0, prompt_tokens=10, completion_tokens=5, money=0.2)


def entry(**changes):
    return ENTRY.model_copy(update=changes)


def test_every_second_question_is_put_the_other_way_round_and_its_answer_turned_back():
    assert "Question 1. A: clear. B: crash." in PROMPT.text
    assert "Question 2. A: off road. B: in lane." in PROMPT.text
    answer = parse_answer('{"probabilities": [0.9, 0.2, 1]}', PROMPT)
    assert answer == pytest.approx([0.9, 0.8, 1.0])
    assert margins_of(answer) == pytest.approx([0.8, 0.6, 1.0])


@given(st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3))
def test_any_answer_of_the_form_gives_margins_within_1(probabilities):
    margins = margins_of(parse_answer(json.dumps({"probabilities": probabilities}), PROMPT))
    assert margins.dtype == np.float32
    assert (np.abs(margins) <= 1.0).all()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0.9, 0.8, 0.7",
        "[0.9, 0.8, 0.7]",
        '{"probabilities": [0.9, 0.8]}',
        '{"probabilities": [0.9, 0.8, 0.7, 0.6]}',
        '{"probabilities": [0.9, 0.8, 1.1]}',
        '{"probabilities": [0.9, 0.8, -0.1]}',
        '{"probabilities": [0.9, 0.8, NaN]}',
        '{"probabilities": [0.9, 0.8, null]}',
        '{"probabilities": [0.9, 0.8, "0.7"]}',
        '{"probabilities": [0.9, 0.8, true]}',
        '{"probabilities": [0.9, 0.8, 0.7], "note": "surely"}',
        'Here it is: {"probabilities": [0.9, 0.8, 0.7]}',
        '{"probabilities": [0.9, 0.8, 0.7',
        "{}",
    ],
)
def test_anything_but_the_json_that_was_asked_for_is_nonsense(text):
    with pytest.raises(NonsenseError):
        parse_answer(text, PROMPT)


def test_a_key_changes_with_the_picture_its_shape_the_scale_the_prompt_and_the_model():
    picture = np.zeros((4, 6, 3), np.uint8)
    other = picture.copy()
    other[3, 5, 2] = 1
    keys = {
        cache_key(picture, 1, PROMPT, "m"),
        cache_key(other, 1, PROMPT, "m"),
        cache_key(picture.reshape(6, 4, 3), 1, PROMPT, "m"),
        cache_key(picture, 2, PROMPT, "m"),
        cache_key(picture, 1, make_prompt(CONTRASTS[:2], "a road"), "m"),
        cache_key(picture, 1, make_prompt(CONTRASTS, "a street"), "m"),
        cache_key(picture, 1, PROMPT, "n"),
    }
    assert len(keys) == 7
    assert cache_key(picture[:, ::1], 1, PROMPT, "m") in keys


def test_the_shipped_example_is_valid_and_its_legend_tells_of_the_painted_colours():
    config = load_config(find_config("chat_example", "scorers"), ChatConfig)
    assert config.api_key_env == "OPENAI_API_KEY"
    for word in ("stop line", "vehicle", "pedestrian", "obstacle", "lane markings"):
        assert word in config.picture
    assert len(make_prompt(load_goals("driving").contrasts, config.picture).swapped) == 9


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"base_url": "localhost:8000"}, "base_url"),
        ({"timeout_s": 0.0}, "timeout_s"),
        ({"retries": -1}, "retries"),
        ({"budget": {"money": -1.0}}, "budget.money"),
        ({"budget": {"money": 1.0}, "prices": {"prompt_per_million": 0, "completion_per_million": 0}}, "needs prices"),
        ({"api_key": "secret"}, "api_key"),
        ({"model": ""}, "model"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_by_name(chat_yaml, change, said):
    with pytest.raises(ConfigError, match=rf"chat\.yaml: .*{said}"):
        load_config(chat_yaml(**change), ChatConfig)


def test_prices_are_required(chat_yaml):
    path = chat_yaml()
    settings = yaml.safe_load(path.read_text())
    del settings["prices"]
    path.write_text(yaml.safe_dump(settings))
    with pytest.raises(ConfigError, match="prices: Field required"):
        load_config(path, ChatConfig)


def test_a_key_that_is_not_in_the_environment_is_named(chat_yaml, monkeypatch):
    config = load_config(chat_yaml(api_key_env="S2R_TEST_KEY"), ChatConfig)
    monkeypatch.delenv("S2R_TEST_KEY", raising=False)
    with pytest.raises(ScorerError, match="S2R_TEST_KEY holds no key"):
        config.api_key()
    monkeypatch.setenv("S2R_TEST_KEY", " abc ")
    assert config.api_key() == "abc"


def test_what_was_put_in_the_cache_is_there_for_the_next_process(tmp_path):
    first = AnswerCache(tmp_path / "a" / "answers.sqlite3")
    first.put("key", [0.25, 1.0])
    second = AnswerCache(tmp_path / "a" / "answers.sqlite3")  # the first is still open, as after a kill
    assert second.get("key") == [0.25, 1.0]
    assert second.get("other") is None


FILL = """
import sys
from pathlib import Path
from sim2real_ad.reward.scorers.chat.cache import AnswerCache
cache = AnswerCache(Path(sys.argv[1]))
for k in range(int(sys.argv[2]), int(sys.argv[2]) + 20):
    cache.put(str(k), [k / 100.0])
sys.exit(cache.faults)
"""


def test_two_processes_fill_one_cache_without_losing_an_answer(tmp_path):
    path = tmp_path / "answers.sqlite3"
    writers = [subprocess.Popen([sys.executable, "-c", FILL, str(path), str(first)]) for first in (0, 10)]
    assert [writer.wait() for writer in writers] == [0, 0]
    cache = AnswerCache(path)
    assert [cache.get(str(k)) for k in range(30)] == [[k / 100.0] for k in range(30)]


def test_a_cache_file_that_is_no_database_is_refused_by_name(tmp_path):
    (tmp_path / "answers.sqlite3").write_text("not a database, but long enough to look like a page" * 100)
    with pytest.raises(ScorerError, match=r"answers\.sqlite3.*move it away"):
        AnswerCache(tmp_path / "answers.sqlite3")


def test_a_cache_entry_that_cannot_be_read_is_a_miss_and_is_counted(tmp_path):
    cache = AnswerCache(tmp_path / "answers.sqlite3")
    with sqlite3.connect(tmp_path / "answers.sqlite3") as connection:
        connection.execute("INSERT INTO answers VALUES ('k', '[0.1, oh')")
    assert cache.get("k") is None
    assert cache.faults == 1


def test_a_ledger_sums_what_this_and_other_processes_wrote(tmp_path):
    one, other = Ledger(tmp_path / "ledger.jsonl"), Ledger(tmp_path / "ledger.jsonl")
    one.append(entry())
    assert other.spent().calls == 1
    other.append(entry(money=0.3, outcome="nonsense"))
    one.append(entry(money=0.0, prompt_tokens=0, completion_tokens=0, outcome="timeout"))
    for ledger in (one, other, Ledger(tmp_path / "ledger.jsonl")):
        spent = ledger.spent()
        assert (spent.calls, spent.prompt_tokens, spent.completion_tokens) == (3, 20, 10)
        assert spent.money == pytest.approx(0.5)


def test_a_line_that_a_kill_cut_short_counts_as_a_call_and_spoils_no_other(tmp_path):
    path = tmp_path / "ledger.jsonl"
    Ledger(path).append(entry())
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    ledger = Ledger(path)
    ledger.append(entry())
    spent = ledger.spent()
    assert (spent.calls, spent.damaged) == (3, 1)
    assert spent.money == pytest.approx(0.4)


def test_a_ledger_that_cannot_be_written_is_an_error_before_any_money_is_spent(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ScorerError, match=r"cannot write the ledger .*ledger\.jsonl"):
        Ledger(tmp_path / "file" / "ledger.jsonl")
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.close()
    with pytest.raises(ScorerError, match="cannot write the ledger"):
        ledger.append(entry())


def test_a_budget_of_calls_grants_exactly_so_many_counting_those_under_way(tmp_path, caplog):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    budget = Budget(BudgetLimits(calls=3), ledger, reserve=0.0)
    assert [budget.take() for _ in range(5)] == [True, True, True, False, False]
    for _ in range(3):
        ledger.append(entry())
        budget.settle()
    assert not budget.take()
    assert budget.refused == 3
    assert [record.message for record in caplog.records if "budget is spent" in record.message] == [
        "chat scorer: the budget is spent (0 of 3 calls made, 3 under way); what is not in the cache abstains"
    ]


@given(
    st.lists(st.floats(0.0, 0.1), max_size=20),
    st.floats(0.0, 1.0),
)
def test_a_budget_of_money_is_never_overrun_where_no_call_costs_more_than_its_reserve(tmp_path_factory, costs, limit):
    ledger = Ledger(tmp_path_factory.mktemp("budget") / "ledger.jsonl")
    budget = Budget(BudgetLimits(money=limit), ledger, reserve=0.1)
    under_way = []
    for cost in costs:
        if budget.take():
            under_way.append(cost)
        if len(under_way) > 2:
            ledger.append(entry(money=under_way.pop(0)))
            budget.settle()
    for cost in under_way:
        ledger.append(entry(money=cost))
    assert ledger.spent().money <= limit + 1e-9
    ledger.close()


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_breaker_opens_after_failures_in_a_row_lets_one_try_and_closes_on_success():
    clock = Clock()
    breaker = Breaker(3, 60.0, clock)
    for outcome in (breaker.failed, breaker.failed):
        outcome("down")
    breaker.succeeded()  # in a row is what counts
    for _ in range(3):
        assert breaker.allows()
        breaker.failed("down")
    assert not breaker.allows()
    clock.now = 59.9
    assert not breaker.allows()
    clock.now = 60.0
    assert breaker.allows()
    assert not breaker.allows()  # one at a time
    breaker.succeeded()
    assert breaker.allows()
    assert breaker.allows()
    assert (breaker.pauses, breaker.refused) == (1, 3)


def test_pauses_double_up_to_eightfold_and_begin_anew_after_a_success():
    clock = Clock()
    breaker = Breaker(1, 10.0, clock)
    assert [pause_after_a_failure(breaker, clock) for _ in range(6)] == [10.0, 20.0, 40.0, 80.0, 80.0, 80.0]
    breaker.succeeded()
    assert pause_after_a_failure(breaker, clock) == 10.0


def pause_after_a_failure(breaker, clock):
    breaker.failed("down")
    started = clock.now
    while not breaker.allows():
        clock.now += 5.0
    return clock.now - started


def test_calls_that_were_under_way_when_it_opened_do_not_lengthen_the_pause():
    clock = Clock()
    breaker = Breaker(2, 10.0, clock)
    for _ in range(5):
        breaker.failed("down")
    clock.now = 10.0
    assert breaker.allows()
    assert breaker.pauses == 1
