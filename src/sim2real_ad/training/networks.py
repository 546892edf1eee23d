"""The two networks: camera-to-BEV adapter and student policy. Scaling of inputs and outputs is part of the graph."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from sim2real_ad.observation.spec import BevSpec, ObservationSpec
from sim2real_ad.policy.corridor import CorridorSpec
from sim2real_ad.training.picture_labels import SEGMENTS

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


class ImageEncoder(nn.Module):
    """A small U-Net: picture to features at half and quarter size, with context from a sixteenth."""

    def __init__(self, fine: int = 16, coarse: int = 24) -> None:
        super().__init__()
        self.at_half = Block(3, fine, stride=2)
        self.at_quarter = nn.Sequential(Block(fine, 24, stride=2), Block(24, 24))
        self.at_eighth = nn.Sequential(Block(24, 40, stride=2), Block(40, 40))
        self.at_sixteenth = nn.Sequential(Block(40, 64, stride=2), Block(64, 64), Block(64, 64, dilation=2))
        self.up_eighth = Block(64 + 40, 40, kernel=1)
        self.up_quarter = Block(40 + 24, coarse)

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(N, 3, H, W) in 0..1 to half-size, quarter-size and deep features, these of a sixteenth of the size."""
        half = self.at_half(picture * 4.0 - 2.0)
        quarter = self.at_quarter(half)
        eighth = self.at_eighth(quarter)
        deep = self.at_sixteenth(eighth)
        eighth = self.up_eighth(torch.cat((_like(deep, eighth), eighth), 1))
        quarter = self.up_quarter(torch.cat((_like(eighth, quarter), quarter), 1))
        return half, quarter, deep


class BevDecoder(nn.Module):
    """Convolutions in the bird's-eye view: things smear away from the camera behind their foot points; how far they
    really reach is learned, with a receptive field of some 40 m."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.at_full = Block(inputs, 16)
        self.at_half = nn.Sequential(Block(16, 48, stride=2), Block(48, 48))
        self.at_quarter = nn.Sequential(Block(48, 64, stride=2), Block(64, 64, dilation=2), Block(64, 64, dilation=3))
        self.up_half = Block(64 + 48, 32, kernel=1)
        self.up_full = Block(32 + 16, 16)
        self.head = nn.Conv2d(16, outputs, 1)
        # Most cells are empty; starting from that saves the first steps for what matters.
        nn.init.constant_(self.head.bias, -4.0)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) to logits (N, outputs, H, W)."""
        full = self.at_full(features)
        half = self.at_half(full)
        quarter = self.at_quarter(half)
        half = self.up_half(torch.cat((_like(quarter, half), half), 1))
        logits: torch.Tensor = self.head(self.up_full(torch.cat((_like(half, full), full), 1)))
        return logits


class Levelling(nn.Module):
    """Finds how far the picture is from where the calibration says: the body pitches and rolls, mounts are imprecise.

    A wrong pitch moves everything up or down by the same number of pixels, a wrong yaw sideways, a wrong roll turns it;
    a profile of the picture's features by row tells where the horizon is.
    """

    def __init__(self, features: int, rows: int, reach: float = 0.15) -> None:
        """reach: the greatest shift, in half pictures."""
        super().__init__()
        self.reach = reach
        self.estimate = nn.Sequential(
            nn.Flatten(), nn.Linear(2 * features * rows, 48), nn.ReLU(inplace=True), nn.Linear(48, 3)
        )
        nn.init.zeros_(self.estimate[-1].weight)
        nn.init.zeros_(self.estimate[-1].bias)

    def forward(self, deep: torch.Tensor) -> torch.Tensor:
        """Deep features (N, F, rows, columns) to (right, down, turn) (N, 3) in half pictures."""
        half = deep.shape[3] // 2
        profile = torch.stack((deep[..., :half].mean(3), deep[..., half:].mean(3)), 1)
        return self.reach * torch.tanh(self.estimate(profile.float()))


def levelled(grid: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
    """Move a ground grid (N, H, W, 2) by (right, down, turn) (N, 3)."""
    right, down, turn = (part[..., None] for part in level.split(1, dim=1))
    x, y = grid[..., 0], grid[..., 1]
    return torch.stack((x + right, y + down + turn * x), -1)


class AdapterOutput(NamedTuple):
    """logits: of the BEV (N, C, H, W); pooled: features (N, 64); segments: logits (N, S, h / 4, w / 4) of what the
    picture's parts show; level: (N, 3)."""

    logits: torch.Tensor
    pooled: torch.Tensor
    segments: torch.Tensor
    level: torch.Tensor


class AdapterNetwork(nn.Module):
    """Picture and ground grid to BEV logits, and how far the picture's features lie from those of training."""

    feature_mean: torch.Tensor
    whitening: torch.Tensor
    familiar_distance: torch.Tensor

    def __init__(self, spec: BevSpec, picture_height: int = 180, fine: int = 16, coarse: int = 24) -> None:
        super().__init__()
        channels = len(spec.channels)
        self.encoder = ImageEncoder(fine, coarse)
        self.levelling = Levelling(64, -(-picture_height // 16))
        self.segments = nn.Conv2d(coarse, len(SEGMENTS), 1)
        self.decoder = BevDecoder(3 + fine + coarse + len(SEGMENTS) + 3, channels)
        centres = torch.from_numpy(spec.cell_centres()).float()
        place = (centres - centres.mean((0, 1))) / centres.std((0, 1))
        self.register_buffer("place", place.permute(2, 0, 1)[None], persistent=False)
        self.register_buffer("feature_mean", torch.zeros(64))
        self.register_buffer("whitening", torch.eye(64))
        self.register_buffer("familiar_distance", torch.ones(()))

    def forward(self, picture: torch.Tensor, grid: torch.Tensor, validity: torch.Tensor) -> AdapterOutput:
        """picture (N, 3, h, w) in 0..1; grid (N, H, W, 2); validity (N, 1, H, W) 0 or 1."""
        half, quarter, deep = self.encoder(picture)
        level, segments = self.levelling(deep), self.segments(quarter)
        grid = levelled(grid, level)
        shown = torch.softmax(segments.float(), 1)
        layers = [_look_up(features, grid) for features in (picture - 0.5, half, quarter, shown)]
        place = self.place.expand(len(picture), -1, -1, -1)
        logits = self.decoder(torch.cat((*layers, validity, place), 1))
        return AdapterOutput(logits, self.pooled(deep), segments, level)

    @staticmethod
    def pooled(deep: torch.Tensor) -> torch.Tensor:
        """Deep features (N, 64, rows, columns) averaged over the picture."""
        return deep.float().mean((2, 3))

    def distance(self, pooled: torch.Tensor) -> torch.Tensor:
        """Mahalanobis distance (N,) of pooled features from the training pictures', per dimension."""
        return ((pooled - self.feature_mean) @ self.whitening).square().mean(1).sqrt()

    def fit_familiarity(self, pooled: torch.Tensor, held_out: torch.Tensor) -> float:
        """Fit the feature statistics on training pictures, the scale on held-out ones. Returns the scale.

        The scale is the distance that 99.9 % of the held-out pictures stay under; they score below 0.5.
        """
        centred = pooled.double() - pooled.double().mean(0)
        values, vectors = torch.linalg.eigh(centred.T @ centred / len(pooled))
        self.feature_mean.copy_(pooled.mean(0))
        self.whitening.copy_(vectors / (values + 1e-3 * values.max()).sqrt())
        self.familiar_distance.copy_(torch.quantile(self.distance(held_out), 0.999))
        return float(self.familiar_distance)


class AdapterExport(nn.Module):
    """The adapter as deployed: uint8 picture in, uint8 BEV and score out."""

    def __init__(self, network: AdapterNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, image: torch.Tensor, grid: torch.Tensor, validity: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """image (1, h, w, 3) uint8 to BEV (1, C, H, W) uint8, zero where unseen, and score (1,) 0..1."""
        picture = image.permute(0, 3, 1, 2).float() / 255.0
        logits, pooled, _, _ = self.network(picture, grid, validity)
        bev = (torch.sigmoid(logits) * validity * 255.0).round().to(torch.uint8)
        score = 0.5 * self.network.distance(pooled) / self.network.familiar_distance
        return bev, score.clamp(0.0, 1.0)


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
        scaled = corridor.float() / 255.0
        in_lane = scaled[:, :, :, self.lane].amax(3)
        return torch.tanh(self.head(torch.cat((self.eyes(scaled), self.ruler(in_lane), features), 1)))


def count_parameters(network: nn.Module) -> int:
    """Number of trainable numbers."""
    return sum(int(np.prod(p.shape)) for p in network.parameters())


def _look_up(features: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """Sample features (N, C, h, w) at a ground grid (N, H, W, 2); zero where unseen."""
    return functional.grid_sample(features.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _like(features: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Resize features to another's height and width."""
    size: Any = other.shape[2:]
    return functional.interpolate(features, size=size, mode="nearest")
