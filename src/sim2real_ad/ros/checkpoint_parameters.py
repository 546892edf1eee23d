"""What the two nodes that run networks are told about them."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from sim2real_ad.policy.checkpoint import Checkpoint, load_checkpoint
from sim2real_ad.policy.runtime import choose_providers
from sim2real_ad.ros.node import NodeParameters


class CheckpointParameters(NodeParameters):
    """checkpoint: folder, empty for the shipped one; providers: of ONNX Runtime, the most preferred first."""

    checkpoint: str
    providers: tuple[str, ...] = Field(min_length=1)


def open_checkpoint(parameters: CheckpointParameters) -> Checkpoint:
    """Open and verify it for those of the preferred providers that are there. Raises CheckpointError."""
    folder = Path(parameters.checkpoint) if parameters.checkpoint else None
    return load_checkpoint(folder, choose_providers(parameters.providers))
