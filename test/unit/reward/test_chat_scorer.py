"""The chat scorer against an endpoint on the loopback that is good, slow, down, or talks nonsense."""

import base64
import json
import threading
import time

import cv2
import numpy as np
import pytest
from chat_stub import USAGE, completion, likes, questions

from sim2real_ad.errors import ScorerError
from sim2real_ad.reward.scorer import Contrast

CONTRASTS = (Contrast("clear road", "a crash"), Contrast("all is clear", "too close"))
PAST = 1e-4


def picture(shade):
    return np.full((6, 4, 3), shade, np.uint8)


def pictures(*shades):
    return [picture(shade) for shade in shades]


def lines(scorer, name="ledger.jsonl"):
    return [json.loads(line) for line in (scorer._config.folder / name).read_text().splitlines()]


def test_probabilities_become_margins_whichever_way_round_a_question_was_put(open_chat, stub):
    margins = open_chat().score(pictures(1, 2), CONTRASTS)
    assert margins == pytest.approx(np.full((2, 2), 0.8))
    assert questions(stub.requests[0][0]) == [("clear road", "a crash"), ("too close", "all is clear")]


def test_a_model_that_always_says_yes_contradicts_itself(open_chat, stub):
    stub.behave = lambda request: [0.9] * len(questions(request))
    assert open_chat().score(pictures(1), CONTRASTS)[0] == pytest.approx([0.8, -0.8])


def test_the_request_shows_the_picture_as_it_is_asks_for_json_and_carries_the_key(open_chat, stub, monkeypatch):
    monkeypatch.setenv("S2R_TEST_KEY", "abc")
    image = np.random.default_rng(0).integers(0, 256, (6, 4, 3), dtype=np.uint8)
    open_chat(api_key_env="S2R_TEST_KEY", enlarge=2).score([image], CONTRASTS)
    request, headers = stub.requests[0]
    assert headers["authorization"] == "Bearer abc"
    assert (request["model"], request["temperature"]) == ("stub", 0.0)
    assert request["response_format"]["json_schema"]["strict"] is True
    url = request["messages"][1]["content"][1]["image_url"]["url"]
    shown = cv2.imdecode(np.frombuffer(decoded(url), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert shown.shape == (12, 8, 3)
    assert np.array_equal(shown[::2, ::2], image)


def decoded(url):
    return base64.b64decode(url.removeprefix("data:image/png;base64,"))


def test_nothing_is_asked_twice_not_in_a_batch_nor_by_a_later_run(open_chat, stub):
    first = open_chat().score(pictures(1, 2, 1), CONTRASTS)
    assert len(stub.requests) == 2
    later = open_chat()
    assert np.array_equal(later.score(pictures(1, 2, 1), CONTRASTS), first)
    assert len(stub.requests) == 2
    assert later.record()["chat_cache_hits"] == 3
    later.score(pictures(1), CONTRASTS[:1])  # other questions about a known picture
    assert len(stub.requests) == 3


def test_every_call_is_a_line_in_the_ledger_with_tokens_and_money(open_chat):
    scorer = open_chat()
    scorer.score(pictures(1, 2), CONTRASTS)
    entries = lines(scorer)
    assert [(e["outcome"], e["prompt_tokens"], e["completion_tokens"]) for e in entries] == [("ok", 1000, 100)] * 2
    assert sum(e["money"] for e in entries) == pytest.approx(2 * (1000 * 1.0 + 100 * 10.0) / 1e6)
    record = scorer.record()
    assert (record["ledger_calls"], record["ledger_money"]) == (2, pytest.approx(0.004))


@pytest.mark.parametrize(
    ("told", "outcome", "billed"),
    [
        ((200, completion("I cannot see pictures.")), "nonsense", "usage"),
        ((200, completion('{"probabilities": [0.5]}')), "nonsense", "usage"),
        ((200, completion('{"probabilities": [0.5, 7.0]}')), "nonsense", "usage"),
        ((200, completion(None)), "nonsense", "reserve"),
        ((200, '{"choices": []}'), "nonsense", "reserve"),
        ((200, "<html>It works!</html>"), "nonsense", "reserve"),
        ((200, ""), "nonsense", "reserve"),
        ((200, "x" * 1_100_000), "nonsense", "reserve"),
        ((500, "{}"), "http_500", "nothing"),
        ((503, "no"), "http_503", "nothing"),
        ((429, '{"error": {"message": "slow down"}}'), "http_429", "nothing"),
        ((401, '{"error": {"message": "wrong key"}}'), "http_401", "nothing"),
        ((404, "{}"), "http_404", "nothing"),
    ],
)
def test_whatever_is_no_answer_is_nan_and_is_counted_and_booked(open_chat, stub, told, outcome, billed):
    stub.behave = lambda request: told
    scorer = open_chat()
    assert np.isnan(scorer.score(pictures(1), CONTRASTS)).all()
    assert scorer.record()["chat_failures"] == 1
    (entry,) = lines(scorer)
    assert (entry["outcome"], entry["billed"]) == (outcome, billed)
    # What failed is not kept: asked again, it is answered.
    stub.behave = likes("clear")
    assert np.isfinite(scorer.score(pictures(1), CONTRASTS)).all()


def test_an_answer_without_usage_is_booked_at_its_reserve(open_chat, stub):
    stub.usage = None
    scorer = open_chat(reserve_prompt_tokens=3000, max_completion_tokens=200)
    assert np.isfinite(scorer.score(pictures(1), CONTRASTS)).all()
    assert lines(scorer)[0]["money"] == pytest.approx((3000 * 1.0 + 200 * 10.0) / 1e6)


@pytest.mark.parametrize(("status", "calls"), [(500, 3), (429, 3), (401, 1), (400, 1)])
def test_retries_are_bounded_and_only_where_they_may_help(open_chat, stub, status, calls):
    stub.behave = lambda request: (status, "{}")
    scorer = open_chat(retries=2)
    assert np.isnan(scorer.score(pictures(1), CONTRASTS)).all()
    assert len(stub.requests) == calls
    assert len(lines(scorer)) == calls


def test_a_retry_that_succeeds_gives_the_answer(open_chat, stub):
    honest = likes("clear")
    stub.behave = lambda request: (503, "") if len(stub.requests) == 1 else honest(request)
    scorer = open_chat(retries=1)
    assert np.isfinite(scorer.score(pictures(1), CONTRASTS)).all()
    assert [e["outcome"] for e in lines(scorer)] == ["http_503", "ok"]


def test_a_slow_endpoint_is_not_waited_for_longer_than_the_limit_and_may_have_cost_money(open_chat, stub):
    stub.delay_s = 3.0
    scorer = open_chat(timeout_s=0.2)
    started = time.monotonic()
    assert np.isnan(scorer.score(pictures(1), CONTRASTS)).all()
    assert time.monotonic() - started < 2.5
    (entry,) = lines(scorer)
    assert (entry["outcome"], entry["billed"]) == ("timeout", "reserve")


def test_an_answer_that_trickles_is_given_up_at_the_limit_for_the_whole_of_it(open_chat, stub):
    stub.chunk, stub.trickle_s = 2, 0.1
    scorer = open_chat(timeout_s=0.4)
    started = time.monotonic()
    assert np.isnan(scorer.score(pictures(1), CONTRASTS)).all()
    assert time.monotonic() - started < 2.5
    assert lines(scorer)[0]["outcome"] == "timeout"


def test_an_endpoint_that_is_down_pauses_the_asking_and_costs_nothing(open_chat, stub, caplog):
    scorer = open_chat(base_url="http://127.0.0.1:9/v1", failures_to_pause=3, pause_s=600.0)
    margins = scorer.score(pictures(*range(40)), CONTRASTS)
    assert np.isnan(margins).all()
    record = scorer.record()
    assert (record["chat_calls"], record["chat_refused_in_pause"], record["chat_pauses"]) == (3, 37, 1)
    assert record["ledger_money"] == 0.0
    assert {e["outcome"] for e in lines(scorer)} == {"unreachable"}
    told = [r.message for r in caplog.records]
    assert sum("no answer from http://127.0.0.1:9/v1" in m for m in told) == 1
    assert sum("asking again in 600 s" in m for m in told) == 1


def test_after_a_pause_one_call_tries_and_an_answer_brings_everything_back(open_chat, stub):
    stub.behave = lambda request: (500, "")
    scorer = open_chat(failures_to_pause=2, pause_s=0.3)
    scorer.score(pictures(*range(5)), CONTRASTS)
    assert len(stub.requests) == 2
    stub.behave = likes("clear")
    time.sleep(0.35)
    assert np.isfinite(scorer.score(pictures(*range(5)), CONTRASTS)).all()


def test_a_budget_of_calls_is_kept_to_the_call_with_many_under_way_and_over_runs(open_chat, stub, caplog):
    budget = {"calls": 5, "money": None}
    scorer = open_chat(budget=budget, parallel=4)
    margins = scorer.score(pictures(*range(12)), CONTRASTS)
    assert len(stub.requests) == 5
    assert np.isfinite(margins).all(axis=1).sum() == 5
    later = open_chat(budget=budget)
    again = later.score(pictures(*range(12)), CONTRASTS)
    assert len(stub.requests) == 5
    assert np.array_equal(again, margins, equal_nan=True)  # what is in the cache is still answered
    assert later.record()["chat_refused_by_budget"] == 7
    later.score(pictures(*range(12)), CONTRASTS)
    assert sum("the budget is spent" in r.message for r in caplog.records) == 2  # once a run


def test_a_budget_of_money_stops_before_it_is_exceeded(open_chat, stub):
    cost = (USAGE["prompt_tokens"] * 1.0 + USAGE["completion_tokens"] * 10.0) / 1e6
    reserve = (1000 * 1.0 + 100 * 10.0) / 1e6
    assert cost == reserve
    scorer = open_chat(
        budget={"calls": None, "money": 3.5 * cost}, reserve_prompt_tokens=1000, max_completion_tokens=100, parallel=4
    )
    scorer.score(pictures(*range(10)), CONTRASTS)
    assert len(stub.requests) == 3
    assert scorer.record()["ledger_money"] == pytest.approx(3 * cost)


def test_calls_go_side_by_side_and_answers_stay_with_their_pictures(open_chat, stub):
    here, most, lock = [0], [0], threading.Lock()

    def behave(request):
        with lock:
            here[0] += 1
            most[0] = max(most[0], here[0])
        time.sleep(0.05)
        with lock:
            here[0] -= 1
        shade = int(cv2.imdecode(np.frombuffer(decoded(image_of(request)), np.uint8), 0)[0, 0])
        return [shade / 100.0, 0.5]

    stub.behave = behave
    margins = open_chat(parallel=3).score(pictures(10, 20, 30, 40, 50, 60), CONTRASTS)
    assert margins[:, 0] == pytest.approx([-0.8, -0.6, -0.4, -0.2, 0.0, 0.2], abs=PAST)
    assert most[0] == 3


def image_of(request):
    return request["messages"][1]["content"][1]["image_url"]["url"]


def test_without_a_ledger_no_money_is_spent(open_chat, stub):
    scorer = open_chat()
    scorer._ledger.close()
    with pytest.raises(ScorerError, match="ledger"):
        scorer.score(pictures(1), CONTRASTS)
    assert stub.requests == []
    scorer._ledger.close = lambda: None  # closed already
