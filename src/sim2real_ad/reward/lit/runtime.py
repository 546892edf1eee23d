"""The networks as ONNX Runtime runs them: several times as fast as torch on a CPU, and no file in between."""

from __future__ import annotations

import io
import logging
import warnings
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import nn

from sim2real_ad.reward.lit.head import LitHead
from sim2real_ad.reward.lit.towers import ImageTower
from sim2real_ad.reward.view import VIEW_HEIGHT, VIEW_WIDTH

OPSET = 17
LARGEST_BATCH = 8
"""Pictures a call; more of them leave the processor's cache and take longer each."""


class ImageEncoder(nn.Module):
    """Frozen tower and head: pictures (N, H, W, 3) uint8 to unit vectors (N, D)."""

    def __init__(self, tower: ImageTower, head: LitHead) -> None:
        super().__init__()
        self.tower, self.head = tower, head.image

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Embed pictures."""
        embedded: torch.Tensor = self.head(*self.tower(pictures))
        return embedded


def open_pictures_network(network: nn.Module, outputs: list[str]) -> onnxruntime.InferenceSession:
    """Turn a network over pictures (N, VIEW_HEIGHT, VIEW_WIDTH, 3) uint8 into a session on one thread."""
    pictures = torch.zeros(2, VIEW_HEIGHT, VIEW_WIDTH, 3, dtype=torch.uint8)
    return open_network_session(network, (pictures,), ["pictures"], outputs)


def onnx_bytes(network: nn.Module, example: tuple[Any, ...], inputs: list[str], outputs: list[str]) -> bytes:
    """Export a network whose first axis is the batch."""
    stream = io.BytesIO()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            example,
            stream,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes={name: {0: "batch"} for name in (*inputs, *outputs)},
            opset_version=OPSET,
            dynamo=False,
        )
    return stream.getvalue()


def open_network_session(
    network: nn.Module, example: tuple[Any, ...], inputs: list[str], outputs: list[str]
) -> onnxruntime.InferenceSession:
    """Export a network and open it on one thread: workers run side by side."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    content = onnx_bytes(network, example, inputs, outputs)
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def run_in_batches(session: onnxruntime.InferenceSession, pictures: np.ndarray[Any, Any]) -> list[Any]:
    """Run a session over pictures (N, ...) in small batches; returns its outputs, each with N first."""
    name = session.get_inputs()[0].name
    parts = [
        session.run(None, {name: pictures[start : start + LARGEST_BATCH]})
        for start in range(0, len(pictures), LARGEST_BATCH)
    ]
    return [np.concatenate(part) for part in zip(*parts, strict=True)]
