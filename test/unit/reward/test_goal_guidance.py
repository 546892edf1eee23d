import logging
from itertools import chain

import numpy as np
import pytest
import yaml

from sim2real_ad.errors import ConfigError, ScorerError
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.calibration import Calibration, Ramp, save_calibration
from sim2real_ad.reward.goal_guidance import GoalGuidance, load_guidance
from sim2real_ad.reward.goals import load_goals
from sim2real_ad.reward.guidance import NEUTRAL, Scene
from sim2real_ad.reward.view import paint_scene

GOALS = load_goals("driving")
SPEC = BevSpec()
EVEN = Calibration(scorer="x", default=Ramp(low=-1.0, high=1.0))


class Judge:
    """A scorer without embeddings that likes bright pictures, and can be told to fail."""

    name = "judge"
    dimension = 0

    def __init__(self):
        self.batches = []
        self.fault = None

    def embed_images(self, images):
        raise ScorerError("no embeddings")

    embed_texts = embed_images

    def score(self, images, contrasts):
        self.batches.append([image.copy() for image in images])
        if self.fault is not None:
            raise self.fault
        brightness = np.float32([image.mean() / 255.0 for image in images])
        return np.repeat(2 * brightness[:, None] - 1, len(contrasts), axis=1)


def scene(seed=0, speed=5.0, rgb=None):
    random = np.random.default_rng(seed)
    bev = (random.random(SPEC.shape) < 0.2).astype(np.uint8) * 255
    return Scene(bev, speed, 0.01, rgb)


def guidance(judge=None, goals=GOALS, **settings):
    return GoalGuidance(judge or Judge(), goals, EVEN, SPEC, **settings)


def test_scenes_are_painted_and_scored_in_order_in_batches_of_any_size():
    scenes = [scene(seed) for seed in range(7)]
    judge = Judge()
    scores = guidance(judge, batch_size=3).score(scenes)
    assert [len(batch) for batch in judge.batches] == [3, 3, 1]
    shown = [paint_scene(one, SPEC) for one in scenes]
    assert all(np.array_equal(a, b) for a, b in zip(chain(*judge.batches), shown, strict=True))
    assert scores.values == pytest.approx([image.mean() / 255.0 for image in shown], abs=1e-5)
    assert not scores.abstained.any()
    assert np.array_equal(guidance(batch_size=32).score(scenes).values, scores.values)


def test_a_camera_view_shows_the_cameras_picture():
    judge = Judge()
    rgb = np.full((9, 16, 3), 200, np.uint8)
    looking = guidance(judge, GOALS.model_copy(update={"view": "camera"}))
    looking.score([scene(rgb=rgb)])
    assert np.array_equal(judge.batches[0][0], rgb)
    with pytest.raises(ScorerError, match="this run renders none"):
        looking.score([scene()])


def test_scenes_of_another_spec_are_a_fault_of_the_set_up_and_not_hours_of_abstention():
    with pytest.raises(ScorerError, match="cannot be painted for scorer 'judge'"):
        guidance().score([Scene(np.zeros((6, 10, 10), np.uint8), 1.0, 0.0)])


@pytest.mark.parametrize("fault", [ScorerError("gone"), RuntimeError("out of memory")])
def test_a_scorer_that_fails_at_work_costs_its_batch_and_is_counted(fault, caplog):
    judge = Judge()
    working = guidance(judge, batch_size=2)
    judge.fault = fault
    with caplog.at_level(logging.WARNING):
        scores = working.score([scene(seed) for seed in range(5)])
    assert scores.abstained.all()
    assert (scores.values == NEUTRAL).all()
    judge.fault = None
    assert not working.score([scene()]).abstained.any()
    record = working.record()
    assert (record["scored"], record["abstained"], record["failures"]) == (6, 5, 3)
    assert str(fault) in record["last_failure"]
    assert len([r for r in caplog.records if "abstains where the scorer fails" in r.message]) == 1


@pytest.mark.parametrize("wrong", [np.zeros((1, 2), np.float32), np.zeros((1, 9)), None])
def test_a_scorer_that_answers_in_another_form_abstains(wrong):
    judge = Judge()
    working = guidance(judge)
    judge.score = lambda images, contrasts: wrong
    assert working.score([scene()]).abstained.all()
    assert "expected (1, 9) float32" in working.record()["last_failure"]


def test_a_scorer_that_says_nan_abstains_and_is_counted():
    judge = Judge()
    working = guidance(judge)
    judge.score = lambda images, contrasts: np.full((len(images), len(contrasts)), np.nan, np.float32)
    scores = working.score([scene(), scene()])
    assert scores.abstained.all()
    assert not np.isnan(scores.values).any()
    assert working.record()["margins_unanswered"] == 18


def test_each_goal_can_be_asked_for_by_itself():
    judge = Judge()
    working = guidance(judge)
    margins = np.float32([[0.9, 0.9, 0.8, -0.5, -0.6, -0.7, 1.0, -1.0, 1.0]])
    judge.score = lambda images, contrasts: np.repeat(margins, len(images), axis=0)
    per_goal = working.per_goal([scene()])
    assert per_goal.names == GOALS.names
    assert per_goal.values[0] == pytest.approx([0.95, 0.2, NEUTRAL])
    assert per_goal.abstained[0].tolist() == [False, False, True]
    assert working.margins([scene()])[0] == pytest.approx(margins[0])
    assert working.score([scene()]).values[0] == pytest.approx(0.2)


def test_no_scenes_are_no_scores():
    assert guidance().score([]).values.shape == (0,)


class Blind(Judge):
    """A scorer with embeddings, all NaN: a model that was never loaded right."""

    dimension = 4

    def embed_images(self, images):
        return np.full((len(images), 4), np.nan, np.float32)

    embed_texts = embed_images


def test_a_scorer_that_cannot_embed_is_refused_at_the_start():
    with pytest.raises(ScorerError, match="have embeddings of length nan"):
        guidance(Blind())


def test_a_batch_size_below_1_is_refused():
    with pytest.raises(ScorerError, match="batch size must be at least 1, got 0"):
        guidance(batch_size=0)


def test_unknown_scorers_and_goals_are_errors_that_name_them():
    with pytest.raises(ScorerError, match="no scorer 'gpt'"):
        load_guidance("gpt", "driving")
    with pytest.raises(ConfigError, match="no 'flying'"):
        load_guidance("lit-minilm", "flying")


def test_a_calibration_beside_a_model_is_used_and_one_of_another_kind_refused(chat_yaml, caplog):
    path = chat_yaml()
    name = f"chat:{path}"
    uncalibrated = load_guidance(name, "driving", SPEC)
    assert uncalibrated.record()["calibrated"] == 0
    assert "not calibrated for clear_road, lane_keeping, stop_line" in caplog.text
    beside = path.with_suffix(".calibration.yaml")
    save_calibration(EVEN.model_copy(update={"scorer": name}), beside)
    calibrated = load_guidance(name, "driving", SPEC)
    assert calibrated.calibration.scorer == name
    beside.write_text(yaml.safe_dump(EVEN.model_copy(update={"scorer": "clip:x"}).model_dump(mode="json")))
    with pytest.raises(ScorerError, match=r"fitted to scorer 'clip:x', this is 'chat:"):
        load_guidance(name, "driving", SPEC)
    for made in (uncalibrated, calibrated):
        made.scorer.backend.close()


def test_a_chat_endpoint_that_is_down_abstains_and_holds_nothing_up(chat_yaml):
    made = load_guidance(f"chat:{chat_yaml(base_url='http://127.0.0.1:9/v1', failures_to_pause=2)}", "driving", SPEC)
    scores = made.score([scene(seed) for seed in range(50)])
    assert scores.abstained.all()
    record = made.record()
    assert (record["chat_calls"], record["chat_refused_in_pause"]) == (2, 48)
    made.scorer.backend.close()


def test_a_chat_model_that_answers_guides(chat_yaml, stub):
    made = load_guidance(f"chat:{chat_yaml()}", "driving", SPEC)
    stub.behave = lambda request: [0.9 if k % 2 == 0 else 0.1 for k in range(9)]
    scores = made.score([scene(0), scene(1)])
    assert scores.values == pytest.approx([0.9, 0.9], abs=1e-6)
    stub.behave = lambda request: [0.9] * 9  # the same to every question, whichever way round it is put
    assert made.score([scene(2)]).abstained.all()
    made.scorer.backend.close()
