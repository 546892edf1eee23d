"""The student policy, and what networks here are made of. Scaling of inputs and outputs is part of the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.policy.corridor import CorridorSpec

LANE_HALF_WIDTH = 1.5
"""m to either side of the route that count as in the lane."""


class Block(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dilation: int = 1, kernel: int = 3) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False)
        self.normalisation = nn.BatchNorm2d(outputs)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        return functional.relu(self.normalisation(self.convolution(features)), inplace=True)


class Separable(nn.Module):
    """A convolution of each channel by itself, then one across the channels of each cell: nearly what a whole one gives
    at a tenth of its cost (MobileNet, arXiv:1704.04861). Adds its input where the shapes are the same."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.around = nn.Conv2d(inputs, inputs, 3, stride, dilation, dilation, groups=inputs, bias=False)
        self.across = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.normalisation = nn.BatchNorm2d(outputs)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        found = self.linear(features)
        return functional.relu(found + features if self.adds else found)

    def linear(self, features: torch.Tensor) -> torch.Tensor:
        """What the convolutions give, before anything is added or cut."""
        normalised: torch.Tensor = self.normalisation(self.across(self.around(features)))
        return normalised


class Joined(nn.Module):
    """Brings coarse features to the size of fine ones and mixes both.

    A convolution of one cell and the enlarging may change places: the coarse ones are mixed while they are few.
    """

    def __init__(self, coarse: int, fine: int, outputs: int) -> None:
        super().__init__()
        self.coarse, self.fine = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
            for inputs in (coarse, fine)
        )

    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        """(N, coarse, h, w) and (N, fine, H, W) to (N, outputs, H, W)."""
        fine = self.fine(fine)
        return functional.relu(like(self.coarse(coarse), fine) + fine)


class StudentNetwork(nn.Module):
    """Corridor and scalar features to curvature and acceleration in [-1, 1].

    Two views of the corridor: convolutions over all of it, and what stands in the lane by distance, cell by cell, from
    which distances to a stop line or a car can be read to half a metre.
    """

    def __init__(self, corridor: CorridorSpec, spec: ObservationSpec) -> None:
        super().__init__()
        rows, columns = corridor.size
        channels = corridor.channels(spec)
        lane = round(LANE_HALF_WIDTH / corridor.resolution)
        self.lane = slice(columns // 2 - lane, columns // 2 + lane)
        self.eyes = nn.Sequential(
            nn.Conv2d(channels, 24, 3, 2, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(24, 32, 3, 2, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 32, 3, 2, 1),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(32 * -(-rows // 8) * -(-columns // 8), 96),
            nn.ReLU(inplace=True),
        )
        self.ruler = nn.Sequential(nn.Flatten(), nn.Linear(channels * rows, 96), nn.ReLU(inplace=True))
        self.head = nn.Sequential(
            nn.Linear(96 + 96 + corridor.features(spec), 160),
            nn.ReLU(inplace=True),
            nn.Linear(160, 128),
            nn.ReLU(inplace=True),
            nn.Linear(128, 2),
        )

    def forward(self, corridor: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """corridor (N, C, rows, columns) uint8, features (N, K) float32 to action (N, 2)."""
        scaled = corridor.float().mul_(1.0 / 255.0)
        in_lane = scaled[:, :, :, self.lane].amax(3)
        return torch.tanh(self.head(torch.cat((self.eyes(scaled), self.ruler(in_lane), features), 1)))


def count_parameters(network: nn.Module) -> int:
    """Number of trainable numbers."""
    return sum(int(np.prod(p.shape)) for p in network.parameters())


def like(features: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Resize features to another's height and width."""
    size: Any = other.shape[2:]
    return functional.interpolate(features, size=size, mode="nearest")
