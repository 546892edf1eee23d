"""Features learned from real pictures: EfficientNet-lite0 (ImageNet, Apache-2.0) down to a sixteenth of the picture.

What lies deeper tells kinds of object apart, costs as much again, and is not needed to tell road from car.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from sim2real_ad.reward.lit.towers import image_network

HALF, QUARTER, EIGHTH, SIXTEENTH = 16, 24, 40, 112
"""Channels of the maps at a half, a quarter, an eighth and a sixteenth of the picture's size."""
_LAST_HALF, _LAST_QUARTER, _LAST_EIGHTH, _LAST_SIXTEENTH = 0, 2, 4, 8
"""Blocks after which these maps are taken."""


class Maps(NamedTuple):
    """half (N, HALF, H/2, W/2), quarter (N, QUARTER, H/4, W/4), eighth and sixteenth likewise."""

    half: torch.Tensor
    quarter: torch.Tensor
    eighth: torch.Tensor
    sixteenth: torch.Tensor


class Backbone(nn.Module):
    """Pictures to feature maps. Its batch statistics stay those of its own training, also where it is tuned."""

    def __init__(self) -> None:
        """Load the packaged weights. Raises ScorerError where the packages are missing."""
        super().__init__()
        network = image_network()
        self.stem = nn.Sequential(network._conv_stem, network._bn0, nn.ReLU6())
        self.blocks = nn.ModuleList(network._blocks[: _LAST_SIXTEENTH + 1])

    def forward(self, picture: torch.Tensor) -> Maps:
        """Look at pictures (N, 3, H, W) in -1..1, as the network was trained on ImageNet."""
        x = self.stem(picture)
        maps = []
        for index, block in enumerate(self.blocks):
            x = block(x, 0.0)
            if index in (_LAST_HALF, _LAST_QUARTER, _LAST_EIGHTH, _LAST_SIXTEENTH):
                maps.append(x)
        return Maps(*maps)

    def tune(self) -> None:
        """Let the deeper blocks learn. The first, at up to a quarter of the picture's size, see edges and colours,
        which are the same everywhere, and would take most of the time."""
        for block in self.blocks[_LAST_QUARTER + 1 :]:
            block.requires_grad_(True)

    def train(self, mode: bool = True) -> Backbone:
        """Stay in evaluation mode: a few hundred frames know less of pictures than ImageNet's statistics do."""
        return super().train(False)
