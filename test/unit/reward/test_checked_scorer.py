import numpy as np
import pytest

from sim2real_ad.errors import ScorerError
from sim2real_ad.reward.scorer import Contrast
from sim2real_ad.reward.scorers.checked import CheckedScorer

CONTRASTS = (Contrast("good", "bad"), Contrast("fine", "poor"))
PICTURES = [np.zeros((4, 4, 3), np.uint8)] * 3
GOOD = np.zeros((3, 2), np.float32)


class Backend:
    """Answers what it was given."""

    name = "given"
    dimension = 2

    def __init__(self, answer):
        self.answer = answer

    def embed_images(self, images):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    embed_texts = embed_images

    def score(self, images, contrasts):
        return self.embed_images(images)


def checked(answer):
    return CheckedScorer(Backend(answer))


@pytest.mark.parametrize(
    "answer",
    [GOOD.T, GOOD[:2], GOOD[0], GOOD[None], GOOD.astype(np.float64), GOOD.astype(int), GOOD.tolist(), None, 0.5],
)
def test_margins_of_another_shape_or_type_are_refused(answer):
    with pytest.raises(ScorerError, match=r"scorer 'given' gave .* for margins, expected \(3, 2\) float32"):
        checked(answer).score(PICTURES, CONTRASTS)


def test_what_is_no_margin_is_no_answer_and_is_counted():
    answer = np.array([[np.nan, np.inf], [-np.inf, 2.5], [2.0004, -2.0]], np.float32)
    scorer = checked(answer)
    margins = scorer.score(PICTURES, CONTRASTS)
    assert np.isnan(margins[:2]).all()
    assert margins[2].tolist() == [2.0, -2.0]
    assert scorer.record() == {"margins_asked": 6, "margins_unanswered": 4}


@pytest.mark.parametrize("fault", [ValueError("odd"), RuntimeError("out of memory"), KeyError("x")])
def test_whatever_a_backend_raises_becomes_one_kind_of_error_that_names_it(fault):
    scorer = checked(fault)
    for call in (
        lambda: scorer.score(PICTURES, CONTRASTS),
        lambda: scorer.embed_images(PICTURES),
        lambda: scorer.embed_texts(["good"]),
    ):
        with pytest.raises(ScorerError, match=rf"scorer 'given' failed on .*{type(fault).__name__}"):
            call()


def test_ctrl_c_is_not_taken_for_a_fault_of_the_backend():
    scorer = checked(GOOD)
    scorer.backend.score = lambda images, contrasts: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        scorer.score(PICTURES, CONTRASTS)


@pytest.mark.parametrize("value", [0.0, 3.0, np.nan])
def test_embeddings_that_are_not_of_length_1_are_refused(value):
    rows = np.full((3, 2), value, np.float32)
    rows[0] = (1.0, 0.0)
    with pytest.raises(ScorerError, match=r"2 of 3 pictures have embeddings of length"):
        checked(rows).embed_images(PICTURES)


def test_embeddings_of_another_width_are_refused():
    with pytest.raises(ScorerError, match=r"gave \(3, 5\) float32 for sentences, expected \(3, 2\)"):
        checked(np.zeros((3, 5), np.float32)).embed_texts(["a", "b", "c"])
