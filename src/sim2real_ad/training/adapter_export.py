"""The adapter as deployed: the same function of the same weights as the network, in an order that costs less.

A convolution of one cell and a bilinear look-up are both linear, so that they may change places: the decoder's first
layer is applied to the picture's features, which are few, before they are looked up in the BEV, whose cells are many.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from sim2real_ad.training.adapter_network import AdapterNetwork, look_up
from sim2real_ad.training.networks import Block


class DeployedAdapter(nn.Module):
    """One level view in uint8 to BEV, score, segments' logits and level; see `adapter_network.AdapterExport`."""

    def __init__(self, network: AdapterNetwork) -> None:
        """network: in evaluation mode; it is read, not changed."""
        super().__init__()
        self.network = network
        self.planes = network.planes
        weight, bias = _without_normalisation(network.decoder.at_full[0])
        picture, place = 3, network.place.shape[1]
        features = weight.shape[1] - picture - 1 - place  # of all planes; the order is that of the network's own input
        of_picture, of_planes, of_validity, of_place = weight.split((picture, features, 1, place), 1)
        self.of_ground = nn.Parameter(torch.cat((0.5 * of_picture, of_validity), 1))
        self.of_planes = nn.Parameter(torch.cat(of_planes.chunk(self.planes, 1), 0))
        self.of_place = nn.Parameter(functional.conv2d(network.place, of_place, bias))

    def forward(
        self, image: torch.Tensor, grid: torch.Tensor, validity: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """image (1, h, w, 3) uint8, grid (1, Z, H, W, 2), validity (1, 1, H, W) to BEV (1, C, H, W) uint8, score (1,),
        segments' logits (1, S, h / 4, w / 4) and level (1, 3)."""
        network = self.network
        scaled = image.permute(0, 3, 1, 2).float() * (2.0 / 255.0) - 1.0
        fine, deep = network.neck(network.backbone.look(scaled))
        level, segments = network.levelling(deep), network.segments(fine)
        moved = _levelled(grid[0], level[0])
        looked_up = self._looked_up(torch.cat((fine, _softmax(segments)), 1), moved)
        ground = functional.conv2d(torch.cat((look_up(scaled, moved[:1]), validity), 1), self.of_ground)
        logits = network.decoder.beyond_first(functional.relu(ground + looked_up + self.of_place))
        doubts = network.doubts(deep, level, grid)
        bev = (torch.sigmoid(logits) * validity * 255.0).round().to(torch.uint8)
        return bev, network.familiarity.score(doubts), segments, level

    def _looked_up(self, found: torch.Tensor, moved: torch.Tensor) -> torch.Tensor:
        """Features (1, F, h, w) at the grids of all planes (Z, H, W, 2), through the first layer: (1, K, H, W)."""
        projected = functional.conv2d(found, self.of_planes)
        _, channels, rows, columns = projected.shape
        by_plane = projected.reshape(self.planes, channels // self.planes, rows, columns)
        first, *others = look_up(by_plane, moved).split(1)
        return sum(others, first)


def _levelled(grid: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
    """Do as `adapter_network.levelled` for the grids (Z, H, W, 2) of one picture, as one matrix product."""
    turn = level[2]
    one, none = torch.ones_like(turn), torch.zeros_like(turn)
    shear = torch.stack((one, turn, none, one)).reshape(2, 2)
    return torch.addmm(level[:2], grid.flatten(0, 2), shear).reshape(grid.shape)


def _softmax(logits: torch.Tensor) -> torch.Tensor:
    """Softmax over the channels (N, S, h, w); runtimes lay the whole out anew for their own."""
    raised = torch.exp(logits - logits.amax(1, keepdim=True))
    return raised / raised.sum(1, keepdim=True)


def _without_normalisation(block: Block) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weight and bias of a block's convolution with its normalisation in them."""
    norm = block.normalisation
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    weight = block.convolution.weight * scale[:, None, None, None]
    return weight.detach(), (norm.bias - norm.running_mean * scale).detach()
