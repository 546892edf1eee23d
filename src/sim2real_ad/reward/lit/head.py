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
IRRELEVANT, RELEVANT = 0.35, 0.75
"""Relevance up to which a sentence is neutral, and from which on it counts in full."""


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

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(TEXT_DIMENSION, 320), nn.GELU(), nn.Dropout(0.2))
        self.out = nn.Linear(320, DIMENSION)
        self.relevance = nn.Sequential(
            nn.Linear(TEXT_DIMENSION, 64), nn.GELU(), nn.Dropout(0.3), nn.Linear(64, 1), nn.Flatten(0)
        )

    def forward(self, embedded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (meaning, relevance logit), before the neutral point is mixed in."""
        return functional.normalize(self.out(self.body(embedded)), dim=1), self.relevance(embedded)


class LitHead(nn.Module):
    """Both heads, and the scale and offset that turn cosines into logits in training."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.text = ImageHead(), TextHead()
        self.scale = nn.Parameter(torch.tensor(2.3))
        self.offset = nn.Parameter(torch.tensor(-1.0))

    def embed_texts(self, embedded: torch.Tensor) -> torch.Tensor:
        """Return unit vectors (M, DIMENSION); irrelevant sentences all get the same one."""
        meaning, logits = self.text(embedded)
        share = ((torch.sigmoid(logits) - IRRELEVANT) / (RELEVANT - IRRELEVANT)).clamp(0.0, 1.0)[:, None]
        neutral = torch.zeros_like(meaning)
        neutral[:, 0] = 1.0
        return functional.normalize(share * meaning + (1.0 - share) * neutral, dim=1)

    def relevance(self, embedded: torch.Tensor) -> torch.Tensor:
        """Return how sure the head is (M,), 0..1, that a sentence speaks of what the picture shows."""
        return torch.sigmoid(self.text(embedded)[1])

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
