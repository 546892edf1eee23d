"""The camera adapter's network: features of the level view, looked up where geometry puts each BEV cell, decoded."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from sim2real_ad.observation.adapter import ImageSpec
from sim2real_ad.observation.segments import SEGMENTS
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.training.backbone import EIGHTH, QUARTER, SIXTEENTH, Backbone
from sim2real_ad.training.networks import Block, like

DEEP, FINE = 64, 16
"""Channels of the deep and the fine features that the neck makes of the backbone's."""
CLUES = 9
"""BEV cells, spread over the ground, whose places in the picture tell a head what the calibration says."""


class Neck(nn.Module):
    """Brings what the deep maps know to a quarter of the picture's size. Channels in sixteens: runtimes pad to them."""

    def __init__(self) -> None:
        super().__init__()
        self.deep = nn.Sequential(Block(SIXTEENTH, DEEP, kernel=1), Block(DEEP, DEEP, dilation=2))
        self.eighth = nn.Sequential(Block(DEEP + EIGHTH, 48, kernel=1), Block(48, 40))
        self.quarter = nn.Sequential(Block(40 + QUARTER, 32, kernel=1), Block(32, FINE))

    def forward(self, maps: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """The backbone's maps to fine (N, FINE, H/4, W/4) and deep features (N, DEEP, H/16, W/16)."""
        quarter, eighth, sixteenth = maps
        deep = self.deep(sixteenth)
        eighth = self.eighth(torch.cat((like(deep, eighth), eighth), 1))
        return self.quarter(torch.cat((like(eighth, quarter), quarter), 1)), deep


class BevDecoder(nn.Module):
    """Convolutions in the bird's-eye view: things smear away from the camera behind their foot points; how far they
    really reach is learned, with a receptive field of some 40 m."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.at_full = nn.Sequential(Block(inputs, 16, kernel=1), Block(16, 16))
        self.at_half = nn.Sequential(Block(16, 48, stride=2), Block(48, 48))
        self.at_quarter = nn.Sequential(Block(48, 64, stride=2), Block(64, 64, dilation=2), Block(64, 64, dilation=3))
        self.up_half = nn.Sequential(Block(64 + 48, 32, kernel=1), Block(32, 32))
        self.up_full = nn.Sequential(Block(32 + 16, 16, kernel=1), Block(16, 16))
        self.head = nn.Conv2d(16, outputs, 1)
        # Most cells are empty; starting from that saves the first steps for what matters.
        nn.init.constant_(self.head.bias, -4.0)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) to logits (N, outputs, H, W)."""
        return self.beyond_first(self.at_full[0](features))

    def beyond_first(self, first: torch.Tensor) -> torch.Tensor:
        """What the first layer gives (N, 16, H, W) to logits (N, outputs, H, W)."""
        full = self.at_full[1](first)
        half = self.at_half(full)
        quarter = self.at_quarter(half)
        half = self.up_half(torch.cat((like(quarter, half), half), 1))
        logits: torch.Tensor = self.head(self.up_full(torch.cat((like(half, full), full), 1)))
        return logits


class Levelling(nn.Module):
    """Finds how far the picture is from where the calibration says: the body pitches and rolls, mounts are imprecise.

    A wrong pitch moves everything up or down by the same number of pixels, a wrong yaw sideways, a wrong roll turns it;
    profiles of the features by row and by column tell where the horizon and the road are.
    """

    def __init__(self, features: int, rows: int, columns: int, reach: float = 0.3) -> None:
        """reach: the greatest shift, in half pictures."""
        super().__init__()
        self.reach = reach
        self.estimate = nn.Sequential(
            nn.Linear(features * (2 * rows + columns), 48), nn.ReLU(inplace=True), nn.Linear(48, 3)
        )
        nn.init.zeros_(self.estimate[-1].weight)
        nn.init.zeros_(self.estimate[-1].bias)

    def forward(self, deep: torch.Tensor) -> torch.Tensor:
        """Deep features (N, F, rows, columns) to (right, down, turn) (N, 3) in half pictures."""
        half = deep.shape[3] // 2
        profiles = (deep[..., :half].mean(3), deep[..., half:].mean(3), deep.mean(2))
        return self.reach * torch.tanh(self.estimate(torch.cat([p.flatten(1) for p in profiles], 1).float()))


def levelled(grid: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
    """Move ground grids (N, Z, H, W, 2) by (right, down, turn) (N, 3)."""
    right, down, turn = (part[:, :, None, None] for part in level.split(1, dim=1))
    x, y = grid[..., 0], grid[..., 1]
    return torch.stack((x + right, y + down + turn * x), -1)


class Familiarity(nn.Module):
    """Two doubts about a picture: that it is spoilt, and that it is not what a camera so calibrated would take.

    The score is 0.5 where one of them is as strong as in one of a thousand held-out pictures of training.
    """

    limits: torch.Tensor

    def __init__(self, deep: int, rows: int, columns: int) -> None:
        super().__init__()
        self.look = nn.Sequential(Block(deep, 32, stride=2), nn.Flatten())
        size = 32 * -(-rows // 2) * -(-columns // 2) + 3 + 2 * CLUES
        self.doubts = nn.Sequential(
            nn.Linear(size, 96),
            nn.ReLU(inplace=True),
            nn.Dropout(0.2),
            nn.Linear(96, 48),
            nn.ReLU(inplace=True),
            nn.Linear(48, 2),
        )
        self.register_buffer("limits", torch.zeros(2))

    def forward(self, deep: torch.Tensor, level: torch.Tensor, clues: torch.Tensor) -> torch.Tensor:
        """Deep features, level (N, 3) and clues (N, 2 CLUES) to the logits (N, 2) of spoilt and misfit."""
        doubts: torch.Tensor = self.doubts(torch.cat((self.look(deep.float()), 10.0 * level, clues), 1))
        return doubts

    def score(self, doubts: torch.Tensor) -> torch.Tensor:
        """Logits (N, 2) to the out-of-distribution score (N,) 0..1."""
        return torch.sigmoid((doubts - self.limits).amax(1))


class AdapterOutput(NamedTuple):
    """logits: of the BEV (N, C, H, W); segments: logits (N, S, h / 4, w / 4) of what the picture's parts show;
    level: (N, 3), see Levelling; doubts: (N, 2), see Familiarity."""

    logits: torch.Tensor
    segments: torch.Tensor
    level: torch.Tensor
    doubts: torch.Tensor


class AdapterNetwork(nn.Module):
    """Level view and ground grids to BEV logits, what the picture shows, how it sits and how familiar it is."""

    place: torch.Tensor

    def __init__(self, spec: BevSpec, image: ImageSpec) -> None:
        super().__init__()
        rows, columns = image.height // 16, image.width // 16
        self.planes = len(image.heights)
        self.backbone = Backbone()
        self.neck = Neck()
        self.segments = nn.Conv2d(FINE, len(SEGMENTS), 1)
        self.levelling = Levelling(DEEP, rows, columns)
        self.familiarity = Familiarity(DEEP, rows, columns)
        self.decoder = BevDecoder(3 + self.planes * (FINE + len(SEGMENTS)) + 3, len(spec.channels))
        centres = torch.from_numpy(spec.cell_centres()).float()
        place = (centres - centres.mean((0, 1))) / centres.std((0, 1))
        self.register_buffer("place", place.permute(2, 0, 1)[None], persistent=False)

    def forward(self, picture: torch.Tensor, grid: torch.Tensor, validity: torch.Tensor) -> AdapterOutput:
        """picture (N, 3, h, w) in 0..1; grid (N, Z, H, W, 2); validity (N, 1, H, W) 0 or 1."""
        fine, deep = self.neck(self.backbone(picture))
        level, segments = self.levelling(deep), self.segments(fine)
        moved = levelled(grid, level)
        found = torch.cat((fine.float(), torch.softmax(segments.float(), 1)), 1)
        layers = [look_up(picture - 0.5, moved[:, 0]), _look_up_planes(found, moved)]
        place = self.place.expand(len(picture), -1, -1, -1)
        logits = self.decoder(torch.cat((*layers, validity, place), 1))
        return AdapterOutput(logits, segments, level, self.doubts(deep, level, grid))

    def doubts(self, deep: torch.Tensor, level: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
        """Return the doubts (N, 2) about a picture by its deep features and level, and by its grid."""
        doubts: torch.Tensor = self.familiarity(deep, level, clues(grid))
        return doubts

    def impression(self, picture: torch.Tensor, grid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return what the doubts come from: deep features, level and clues."""
        _, deep = self.neck(self.backbone(picture))
        return deep, self.levelling(deep), clues(grid)

    def doubt(self, picture: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
        """Return the doubts (N, 2) alone."""
        doubts: torch.Tensor = self.familiarity(*self.impression(picture, grid))
        return doubts


def clues(grid: torch.Tensor) -> torch.Tensor:
    """Grids (N, Z, H, W, 2) to the places (N, 2 CLUES) of a few ground cells in the picture."""
    rows, columns = grid.shape[2:4]
    cells = [int(rows * r) * columns + int(columns * c) for r in (0.2, 0.5, 0.75) for c in (0.3, 0.5, 0.7)]
    return grid[:, 0].flatten(1, 2)[:, cells].flatten(1).clamp(-2.0, 2.0)


class AdapterExport(nn.Module):
    """The adapter as deployed: uint8 level view in; BEV, score, segments and level out."""

    def __init__(self, network: AdapterNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, image: torch.Tensor, grid: torch.Tensor, validity: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """image (1, h, w, 3) uint8 to BEV (1, C, H, W) uint8, zero where unseen, score (1,) 0..1, segments'
        logits (1, S, h / 4, w / 4) and level (1, 3)."""
        picture = image.permute(0, 3, 1, 2).float() / 255.0
        logits, segments, level, doubts = self.network(picture, grid, validity)
        bev = (torch.sigmoid(logits) * validity * 255.0).round().to(torch.uint8)
        return bev, self.network.familiarity.score(doubts), segments, level


def look_up(features: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """Sample features (N, C, h, w) at a grid (N, H, W, 2); zero where unseen."""
    return functional.grid_sample(features.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _look_up_planes(features: torch.Tensor, grids: torch.Tensor) -> torch.Tensor:
    """Sample features (N, C, h, w) at grids (N, Z, H, W, 2), planes below each other in one go: (N, Z C, H, W)."""
    count, planes, rows, columns, _ = grids.shape
    found = look_up(features, grids.reshape(count, planes * rows, columns, 2))
    found = found.reshape(count, -1, planes, rows, columns).transpose(1, 2)
    return found.reshape(count, -1, rows, columns)
