"""Training of the head: every caption against every picture of a batch, since the truth of each is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.lit.drives import Moments
from sim2real_ad.reward.lit.head import RELATED_EXEMPLARS, UNRELATED_EXEMPLARS, LitHead
from sim2real_ad.reward.lit.runtime import open_pictures_network, run_in_batches
from sim2real_ad.reward.lit.sentences import Sentences, training_sentences
from sim2real_ad.reward.lit.statements import KEYS, OPPOSED, truth_table
from sim2real_ad.reward.lit.towers import ImageTower, text_tower
from sim2real_ad.reward.view import paint_scene

Report = Callable[[str, float], None]

TOWER_BATCH = 16
CONTRAST_SCALE = 12.0


@dataclass(frozen=True)
class LitSettings:
    """How a head is trained. captions, unrelated: sentences a batch; contrasts: pairs a batch for each of OPPOSED;
    per_pattern: sentences of a pattern; compound: captions of several parts in all; noise: length of the random step
    added to a sentence's embedding, so that the words of the patterns are not learned by heart.
    """

    epochs: int = 7
    batch: int = 128
    captions: int = 256
    unrelated: int = 128
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    noise: float = 0.7
    contrasts: int = 4
    contrast_weight: float = 2.0
    per_pattern: int = 10
    compound: int = 1500
    seed: int = 10_000


@dataclass(frozen=True, eq=False)
class Features:
    """Frozen maps of N pictures, float16: fine (N, 40, H/8, W/8), coarse (N, 112, H/16, W/16)."""

    fine: NDArray[np.float16] = field(repr=False)
    coarse: NDArray[np.float16] = field(repr=False)


def extract_features(moments: Moments, spec: BevSpec, report: Report) -> Features:
    """Paint all moments and run the frozen image tower over them."""
    session = open_pictures_network(ImageTower(), ["fine", "coarse"])
    fine: list[NDArray[np.float16]] = []
    coarse: list[NDArray[np.float16]] = []
    for start in range(0, len(moments), TOWER_BATCH):
        indices = range(start, min(start + TOWER_BATCH, len(moments)))
        pictures = np.stack([paint_scene(moments.scene(index, spec), spec) for index in indices])
        near, far = run_in_batches(session, pictures)
        fine.append(near.astype(np.float16))
        coarse.append(far.astype(np.float16))
        report(f"frozen features of {indices.stop} of {len(moments)} pictures", indices.stop / len(moments))
    return Features(np.concatenate(fine), np.concatenate(coarse))


def train_head(features: Features, moments: Moments, settings: LitSettings, report: Report) -> LitHead:
    """Train the head on moments and their frozen features. Deterministic for one machine and number of threads."""
    torch.manual_seed(settings.seed)
    random = np.random.default_rng(settings.seed)
    table = truth_table(moments.facts)
    sentences = training_sentences(random, table, settings.per_pattern, settings.compound, settings.per_pattern)
    report(f"embedding {len(sentences.texts) + len(sentences.unrelated)} sentences", 0.0)
    texts = torch.from_numpy(text_tower().embed(sentences.texts))
    unrelated = torch.from_numpy(text_tower().embed(sentences.unrelated))
    head = LitHead().train()
    head.text.remember(*_exemplars(sentences, texts, unrelated, random))
    optimizer = torch.optim.AdamW(head.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    steps = max(settings.epochs * (len(moments) // settings.batch), 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=steps, pct_start=0.1)
    batches = _Batches(sentences, table, texts, unrelated, settings, random)
    for step in range(steps):
        chosen = random.integers(len(moments), size=settings.batch)
        fine, coarse = (torch.from_numpy(part[chosen]).float() for part in (features.fine, features.coarse))
        loss = batches.loss(head, head.image(fine, coarse), chosen)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        report(f"training step {step + 1} of {steps}, loss {loss.item():.3f}", (step + 1) / steps)
    return head.eval()


class _Batches:
    """Draws captions for a batch of pictures and says what they should score."""

    def __init__(
        self,
        sentences: Sentences,
        table: NDArray[np.int8],
        texts: torch.Tensor,
        unrelated: torch.Tensor,
        settings: LitSettings,
        random: np.random.Generator,
    ) -> None:
        self._sentences, self._table, self._settings, self._random = sentences, table, settings, random
        self._texts, self._unrelated = texts, unrelated
        self._by_key = {key: sentences.of(key) for pair in OPPOSED for key in pair}

    def loss(self, head: LitHead, images: torch.Tensor, chosen: NDArray[np.int64]) -> torch.Tensor:
        """Captions true or false (sigmoid loss, Zhai et al. 2023), opposed pairs by their margin, relevance."""
        table = self._table[chosen]
        captions = self._random.integers(len(self._sentences.texts), size=self._settings.captions)
        meaning, relevant = head.text(self._noisy(self._texts[captions]))
        matching = _balanced_loss(
            head.scale.exp() * images @ meaning.T + head.offset, self._sentences.holds(table, captions)
        )
        contrast = self._contrast_loss(head, images, table)
        others = self._random.integers(len(self._unrelated), size=self._settings.unrelated)
        neutral, irrelevant = head.text(self._noisy(self._unrelated[others]))
        relevance = functional.softplus(-relevant).mean() + functional.softplus(irrelevant).mean()
        # Cosines to unrelated sentences shall not depend on the picture, also where the relevance errs.
        indifference = (images @ neutral.T).var(dim=0).mean()
        return matching + self._settings.contrast_weight * contrast + relevance + indifference

    def _contrast_loss(self, head: LitHead, images: torch.Tensor, table: NDArray[np.int8]) -> torch.Tensor:
        pairs = OPPOSED * self._settings.contrasts
        bad = [int(self._random.choice(self._by_key[key])) for key, _ in pairs]
        good = [int(self._random.choice(self._by_key[key])) for _, key in pairs]
        meaning, _ = head.text(self._noisy(self._texts[bad + good]))
        against, favour = meaning.split(len(pairs))
        is_bad, is_good = (table[:, [KEYS.index(pair[side]) for pair in pairs]] for side in (0, 1))
        # Where nothing speaks against the good sentence it shall win, also where it is empty: a stop line that is not
        # there is not being run.
        wanted = np.where(is_bad == 1, 0, np.where((is_bad == 0) & (is_good != 0), 1, -1)).astype(np.int8)
        return _balanced_loss(CONTRAST_SCALE * images @ (favour - against).T, wanted)

    def _noisy(self, embedded: torch.Tensor) -> torch.Tensor:
        step = torch.randn_like(embedded) * (self._settings.noise / embedded.shape[1] ** 0.5)
        return functional.normalize(embedded + step, dim=1)


def _exemplars(
    sentences: Sentences, texts: torch.Tensor, unrelated: torch.Tensor, random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw embeddings of single statements and of unrelated sentences for the head to remember."""
    single = np.flatnonzero(sentences.parts[:, 1] < 0)
    related = random.permutation(single)[:RELATED_EXEMPLARS]
    others = random.permutation(len(unrelated))[:UNRELATED_EXEMPLARS]
    return texts[related], unrelated[others]


def _balanced_loss(logits: torch.Tensor, wanted: NDArray[np.int8]) -> torch.Tensor:
    """Cross-entropy (N, M) where 1 or 0 is wanted; true and false weigh the same for every sentence (column)."""
    target = torch.from_numpy(wanted)
    loss = functional.binary_cross_entropy_with_logits(logits, (target == 1).float(), reduction="none")
    total = logits.new_zeros(())
    for value in (0, 1):
        mask = (target == value).float()
        count = mask.sum(0)
        total = total + ((loss * mask).sum(0) / count.clamp(min=1.0))[count > 0].mean()
    return total / 2.0
