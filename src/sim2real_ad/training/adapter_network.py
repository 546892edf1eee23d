"""The camera adapter's network: features of the level view, looked up where geometry puts each BEV cell, decoded."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from sim2real_ad.observation.adapter import ImageSpec
from sim2real_ad.observation.segments import SEGMENTS
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.training.backbone import EIGHTH, HALF, QUARTER, SIXTEENTH, Backbone, Maps
from sim2real_ad.training.networks import Block, Joined, Separable

DEEP, FINE, SHARP = 64, 32, 16
"""Channels of what the neck makes of the backbone's maps: at a sixteenth, a quarter and half of the picture's size."""
GROUND, ABOVE, FULL, WIDE = 16, 64, 32, 96
"""Channels in the bird's-eye view: looked up on the ground and above it; of each cell, of every sixteen."""
CLUES = 9
"""BEV cells, spread over the ground, whose places in the picture tell a head what the calibration says."""
STRIPS = 8
"""Upright strips of the picture in which the head that levels it looks for its rows."""


class Seen(NamedTuple):
    """deep (N, DEEP, H/16, W/16), fine (N, FINE, H/4, W/4) and sharp features (N, SHARP, H/2, W/2) of a picture."""

    deep: torch.Tensor
    fine: torch.Tensor
    sharp: torch.Tensor


class Neck(nn.Module):
    """Brings what the deep maps know to half the picture's size. Channels in sixteens: runtimes pad to them."""

    def __init__(self) -> None:
        super().__init__()
        self.deep = nn.Sequential(Block(SIXTEENTH, DEEP, kernel=1), Separable(DEEP, DEEP, dilation=2))
        self.to_eighth = Joined(DEEP, EIGHTH, 48)
        self.at_eighth = Separable(48, 48)
        self.to_quarter = Joined(48, QUARTER, FINE)
        self.at_quarter = Separable(FINE, FINE)
        self.to_half = Joined(FINE, HALF, SHARP)
        self.at_half = Separable(SHARP, SHARP)

    def forward(self, maps: Maps) -> Seen:
        """Mix the backbone's maps, the deepest first."""
        deep = self.deep(maps.sixteenth)
        eighth = self.at_eighth(self.to_eighth(deep, maps.eighth))
        fine = self.at_quarter(self.to_quarter(eighth, maps.quarter))
        return Seen(deep, fine, self.at_half(self.to_half(fine, maps.half)))


class BevDecoder(nn.Module):
    """Convolutions in the bird's-eye view: things smear away from the camera behind their foot points; how far they
    really reach is learned, with a receptive field of some 40 m."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.at_full = Separable(GROUND, FULL)
        self.to_half = Separable(FULL, ABOVE, stride=2)
        self.at_half = Separable(ABOVE, ABOVE)
        self.at_quarter = nn.Sequential(
            Separable(ABOVE, WIDE, stride=2),
            Separable(WIDE, WIDE, dilation=2),
            Separable(WIDE, WIDE, dilation=3),
            Separable(WIDE, WIDE, dilation=2),
        )
        self.up_half = Joined(WIDE, ABOVE, 48)
        self.at_half_again = Separable(48, 48)
        self.up_full = Joined(48, FULL, FULL)
        self.at_full_again = Separable(FULL, FULL)
        self.head = nn.Conv2d(FULL, outputs, 1)
        # Most cells are empty; starting from that saves the first steps for what matters.
        nn.init.constant_(self.head.bias, -4.0)

    def forward(self, ground: torch.Tensor, above: torch.Tensor) -> torch.Tensor:
        """Features of the ground (N, GROUND, H, W) and above it (N, ABOVE, H/2, W/2) to logits (N, outputs, H, W)."""
        full = self.at_full(ground)
        half = self.at_half(functional.relu(self.to_half.linear(full) + above))
        again = self.at_half_again(self.up_half(self.at_quarter(half), half))
        logits: torch.Tensor = self.head(self.at_full_again(self.up_full(again, full)))
        return logits


class Levelling(nn.Module):
    """Finds how far the picture is from where the calibration says: the body pitches and rolls, mounts are imprecise.

    A wrong pitch moves everything up or down by the same number of pixels, a wrong yaw sideways, a wrong roll turns it.
    A few maps learn to mark things whose place a level road gives away, the horizon first of all; at which row each is
    in each of STRIPS strips, and at which column, tells the rest.
    """

    def __init__(self, features: int, marks: int = 8, reach: float = 0.3) -> None:
        """reach: the greatest shift, in half pictures."""
        super().__init__()
        self.reach = reach
        self.marks = nn.Conv2d(features, marks, 1)
        self.estimate = nn.Sequential(nn.Linear(marks * (STRIPS + 1), 48), nn.ReLU(inplace=True), nn.Linear(48, 3))
        nn.init.zeros_(self.estimate[-1].weight)
        nn.init.zeros_(self.estimate[-1].bias)

    def forward(self, fine: torch.Tensor) -> torch.Tensor:
        """Fine features (N, F, rows, columns) to (right, down, turn) (N, 3) in half pictures."""
        marks = self.marks(fine).float()
        rows, columns = (int(side) for side in marks.shape[2:])
        in_strips = functional.avg_pool2d(marks, (1, columns // STRIPS))
        places = (_place(in_strips, 2, rows), _place(marks.mean(2), 2, columns)[..., None])
        return self.reach * torch.tanh(self.estimate(torch.cat(places, 2).flatten(1)))


def _place(marks: torch.Tensor, axis: int, size: int) -> torch.Tensor:
    """Return where along an axis marks are strongest, -1..1: the mean place, weighted by their softmax."""
    shape = [1] * marks.dim()
    shape[axis] = size
    return (torch.softmax(marks, axis) * torch.linspace(-1.0, 1.0, size).reshape(shape)).sum(axis)


def levelled(grid: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
    """Move grids (N, H, W, 2) by (right, down, turn) (N, 3)."""
    right, down, turn = (part[:, :, None] for part in level.split(1, dim=1))
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

    def scores(self, doubts: torch.Tensor) -> torch.Tensor:
        """Logits (N, 2) to scores 0..1 of both doubts."""
        return torch.sigmoid(doubts - self.limits)

    def score(self, doubts: torch.Tensor) -> torch.Tensor:
        """Logits (N, 2) to the out-of-distribution score (N,) 0..1 of pictures by themselves."""
        return self.scores(doubts).amax(1)


class AdapterOutput(NamedTuple):
    """logits: of the BEV (N, C, H, W); segments: logits (N, S, h / 4, w / 4) of what the picture's parts show;
    level: (N, 3), see Levelling; doubts: (N, 2), see Familiarity."""

    logits: torch.Tensor
    segments: torch.Tensor
    level: torch.Tensor
    doubts: torch.Tensor


class AdapterNetwork(nn.Module):
    """Level view and grids to BEV logits, what the picture shows, how it sits and how familiar it is.

    A convolution of one cell and a bilinear look-up are both linear, and may change places: features of the picture,
    which are few, are mixed before they are looked up in the BEV, whose cells are many.
    """

    place: torch.Tensor

    def __init__(self, spec: BevSpec, image: ImageSpec) -> None:
        super().__init__()
        rows, columns = image.height // 16, image.width // 16
        self.backbone = Backbone()
        self.neck = Neck()
        self.segments = nn.Conv2d(FINE, len(SEGMENTS), 1)
        self.levelling = Levelling(FINE)
        self.familiarity = Familiarity(DEEP, rows, columns)
        self.of_sharp = nn.Conv2d(SHARP, GROUND, 1, bias=False)
        self.of_fine = nn.Conv2d(FINE + len(SEGMENTS), ABOVE, 1, bias=False)
        self.of_place = nn.Conv2d(2, GROUND, 1)
        self.of_validity = nn.Conv2d(1, GROUND, 1, bias=False)
        self.decoder = BevDecoder(len(spec.channels))
        centres = torch.from_numpy(spec.cell_centres()).float()
        place = (centres - centres.mean((0, 1))) / centres.std((0, 1))
        self.register_buffer("place", place.permute(2, 0, 1)[None], persistent=False)

    def forward(
        self, picture: torch.Tensor, ground: torch.Tensor, above: torch.Tensor, validity: torch.Tensor
    ) -> AdapterOutput:
        """picture (N, 3, h, w) in -1..1; ground (N, H, W, 2); above (N, H/2, W/2, 2); validity (N, 1, H, W) 0 or 1."""
        seen = self.neck(self.backbone(picture))
        level, segments = self.levelling(seen.fine), self.segments(seen.fine)
        on_ground = look_up(self.of_sharp(seen.sharp), levelled(ground, level))
        on_ground = functional.relu(on_ground + self.of_validity(validity) + self.of_place(self.place))
        standing = self.of_fine(torch.cat((seen.fine, _shares(segments.float())), 1))
        logits = self.decoder(on_ground, look_up(standing, levelled(above, level)))
        return AdapterOutput(logits, segments, level, self.familiarity(seen.deep, level, clues(ground)))

    def impression(
        self, picture: torch.Tensor, ground: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return what the doubts come from: deep features, level and clues."""
        seen = self.neck(self.backbone(picture))
        return seen.deep, self.levelling(seen.fine), clues(ground)

    def doubt(self, picture: torch.Tensor, ground: torch.Tensor) -> torch.Tensor:
        """Return the doubts (N, 2) alone."""
        doubts: torch.Tensor = self.familiarity(*self.impression(picture, ground))
        return doubts


def clues(ground: torch.Tensor) -> torch.Tensor:
    """Grids (N, H, W, 2) to the places (N, 2 CLUES) of a few ground cells in the picture."""
    rows, columns = ground.shape[1:3]
    cells = [int(rows * r) * columns + int(columns * c) for r in (0.2, 0.5, 0.75) for c in (0.3, 0.5, 0.7)]
    return ground.flatten(1, 2)[:, cells].flatten(1).clamp(-2.0, 2.0)


class AdapterExport(nn.Module):
    """The adapter as deployed: uint8 level view in; BEV, doubts, segments and level out."""

    def __init__(self, network: AdapterNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, image: torch.Tensor, ground: torch.Tensor, above: torch.Tensor, validity: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """image (1, h, w, 3) uint8 and the grids to BEV (1, C, H, W) uint8, zero where unseen, doubts (1, 2) 0..1,
        spoilt and misfit, segments' logits (1, S, h / 4, w / 4) and level (1, 3)."""
        picture = image.permute(0, 3, 1, 2).float() * (2.0 / 255.0) - 1.0
        logits, segments, level, doubts = self.network(picture, ground, above, validity)
        bev = (torch.sigmoid(logits) * validity * 255.0).round().to(torch.uint8)
        return bev, self.network.familiarity.scores(doubts), segments, level


def look_up(features: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """Sample features (N, C, h, w) at a grid (N, H, W, 2); zero where unseen."""
    return functional.grid_sample(features.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _shares(logits: torch.Tensor) -> torch.Tensor:
    """Softmax over the channels (N, S, h, w); runtimes lay the whole out anew for their own."""
    raised = torch.exp(logits - logits.amax(1, keepdim=True))
    return raised / raised.sum(1, keepdim=True)
