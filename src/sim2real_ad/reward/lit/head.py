"""The small trained part: two heads that bring frozen picture maps and frozen sentence embeddings into one space.

Sentences that have nothing to do with driving are recognised by the text head's relevance and go to one neutral point:
between two of them every picture is exactly undecided.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from sim2real_ad.errors import ScorerError
from sim2real_ad.reward.lit.towers import COARSE, FINE, TEXT_DIMENSION
from sim2real_ad.reward.view import VIEW_HEIGHT, VIEW_WIDTH

DIMENSION = 128
"""Of the common space."""
IRRELEVANT, RELEVANT = 0.6, 0.9
"""Relevance up to which a sentence is neutral, and from which on it counts in full."""
RELATED_EXEMPLARS, UNRELATED_EXEMPLARS, NEIGHBOURS = 640, 320, 16
"""Sentences that the head remembers, and how many of them a new one is compared with."""
KINSHIP_NONE, KINSHIP_FULL = 0.13, 0.20
"""Difference of the mean cosines to the nearest related and unrelated exemplars, below and above which it settles."""


class ImageHead(nn.Module):
    """Frozen maps to a unit vector (N, DIMENSION)."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        rows, columns = VIEW_HEIGHT // 16, VIEW_WIDTH // 16
        self.fine = nn.Sequential(
            nn.Conv2d(FINE, 32, 1), nn.GELU(), nn.Conv2d(32, width, 3, stride=2, padding=1), nn.GELU()
        )
        self.coarse = nn.Sequential(nn.Conv2d(COARSE, width, 1), nn.GELU())
        self.mix = nn.Sequential(nn.Conv2d(2 * width, width, 3, padding=1), nn.GELU())
        self.shrink = nn.Sequential(nn.Conv2d(2 * width, 64, 3, stride=2, padding=1), nn.GELU())
        self.out = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(64 * (rows // 2) * (columns // 2), 256),
            nn.GELU(),
            nn.Linear(256, DIMENSION),
        )

    def forward(self, fine: torch.Tensor, coarse: torch.Tensor) -> torch.Tensor:
        """fine (N, 40, H/8, W/8), coarse (N, 112, H/16, W/16) float32."""
        near = self.fine(fine)
        both = self.mix(torch.cat((near, self.coarse(coarse)), 1))
        return functional.normalize(self.out(self.shrink(torch.cat((both, near), 1))), dim=1)


class TextHead(nn.Module):
    """Frozen sentence embeddings (M, 384) to a unit vector (M, DIMENSION) and relevance logits (M,)."""

    related: torch.Tensor
    unrelated: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        # Linear: with more layers the patterns' words are learned by heart, and new words are understood no better.
        self.meaning = nn.Sequential(nn.Dropout(0.1), nn.Linear(TEXT_DIMENSION, DIMENSION))
        self.relevance = nn.Sequential(
            nn.Linear(TEXT_DIMENSION, 64), nn.GELU(), nn.Dropout(0.3), nn.Linear(64, 1), nn.Flatten(0)
        )
        self.register_buffer("related", torch.zeros(RELATED_EXEMPLARS, TEXT_DIMENSION))
        self.register_buffer("unrelated", torch.zeros(UNRELATED_EXEMPLARS, TEXT_DIMENSION))

    def forward(self, embedded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (meaning, relevance logit), before the neutral point is mixed in."""
        return functional.normalize(self.meaning(embedded), dim=1), self.relevance(embedded)

    def remember(self, related: torch.Tensor, unrelated: torch.Tensor) -> None:
        """Keep embedded sentences as exemplars; fewer than there is room for are repeated."""
        for kept, found in ((self.related, related), (self.unrelated, unrelated)):
            kept.copy_(found[torch.arange(len(kept)) % len(found)])

    def share(self, embedded: torch.Tensor) -> torch.Tensor:
        """Return how much of a sentence counts (M,), 0..1: a trained classifier and its neighbours both have to say so.

        The classifier knows what is near the road and yet not in the picture; the neighbours know what is like nothing
        that was ever trained, where a classifier may say anything.
        """
        trained = _ramp(torch.sigmoid(self.relevance(embedded)), IRRELEVANT, RELEVANT)
        near, far = (
            (embedded @ kept.T).topk(NEIGHBOURS, dim=1).values.mean(1) for kept in (self.related, self.unrelated)
        )
        return trained * _ramp(near - far, KINSHIP_NONE, KINSHIP_FULL)


class LitHead(nn.Module):
    """Both heads, and the scale and offset that turn cosines into logits in training."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.text = ImageHead(), TextHead()
        self.scale = nn.Parameter(torch.tensor(2.3))
        self.offset = nn.Parameter(torch.tensor(-1.0))

    def embed_texts(self, embedded: torch.Tensor) -> torch.Tensor:
        """Return unit vectors (M, DIMENSION); irrelevant sentences all get the same one."""
        meaning, _ = self.text(embedded)
        share = self.text.share(embedded)[:, None]
        neutral = torch.zeros_like(meaning)
        neutral[:, 0] = 1.0
        return functional.normalize(share * meaning + (1.0 - share) * neutral, dim=1)

    def relevance(self, embedded: torch.Tensor) -> torch.Tensor:
        """Return how much of a sentence counts (M,), 0..1: 0 where it speaks of nothing that the picture shows."""
        return self.text.share(embedded)

    def save(self, path: Path) -> None:
        """Write the weights, halved to 16 bits."""
        save_file({name: value.detach().half().contiguous() for name, value in self.state_dict().items()}, str(path))

    @classmethod
    def load(cls, path: Path) -> LitHead:
        """Read weights. Raises ScorerError naming the file where it is missing or of another shape."""
        head = cls()
        try:
            head.load_state_dict({name: value.float() for name, value in load_file(str(path)).items()})
        except (OSError, RuntimeError, ValueError) as error:
            raise ScorerError(f"cannot load the head {path}: {error}") from error
        return head.eval()


def _ramp(value: torch.Tensor, low: float, high: float) -> torch.Tensor:
    return ((value - low) / (high - low)).clamp(0.0, 1.0)
