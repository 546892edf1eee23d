"""Networks to ONNX, and whole checkpoints to disk."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sim2real_ad.observation.adapter import ADAPTER_INPUTS, ADAPTER_OUTPUTS, ImageSpec
from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.policy.checkpoint import (
    ADAPTER_FILE,
    CARD_FILE,
    RECORD_FILE,
    STUDENT_FILE,
    seal_checkpoint,
)
from sim2real_ad.policy.corridor import CorridorSpec
from sim2real_ad.training.adapter_network import AdapterExport, AdapterNetwork
from sim2real_ad.training.card import model_card
from sim2real_ad.training.networks import StudentNetwork
from sim2real_ad.vehicle.profile import ActionScale

OPSET = 17
"""The first with everything the networks need is 16 (GridSample); 17 is what every supported runtime reads."""


def export_adapter(network: AdapterNetwork, image: ImageSpec, spec: ObservationSpec, path: Path) -> None:
    """Write the adapter with ADAPTER_INPUTS and ADAPTER_OUTPUTS."""
    _, height, width = spec.bev.shape
    example = (
        torch.zeros(1, image.height, image.width, 3, dtype=torch.uint8),
        torch.zeros(1, height, width, 2),
        torch.zeros(1, height // 2, width // 2, 2),
        torch.ones(1, 1, height, width),
    )
    _export(AdapterExport(network.eval()), example, path, list(ADAPTER_INPUTS), list(ADAPTER_OUTPUTS))


def export_student(network: StudentNetwork, corridor: CorridorSpec, spec: ObservationSpec, path: Path) -> None:
    """Write the student with inputs corridor, features and output action."""
    example = (
        torch.zeros(1, corridor.channels(spec), *corridor.size, dtype=torch.uint8),
        torch.zeros(1, corridor.features(spec)),
    )
    _export(network, example, path, ["corridor", "features"], ["action"])


def write_checkpoint(
    folder: Path,
    spec: ObservationSpec,
    image: ImageSpec,
    corridor: CorridorSpec,
    action: ActionScale,
    record: dict[str, Any],
) -> None:
    """Complete a folder that holds both networks to a checkpoint: record, model card, hashes."""
    (folder / RECORD_FILE).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (folder / CARD_FILE).write_text(model_card(record), encoding="utf-8")
    seal_checkpoint(folder, spec, image, corridor, action)


def _export(network: nn.Module, example: tuple[Any, ...], path: Path, inputs: list[str], outputs: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            example,
            str(path),
            input_names=inputs,
            output_names=outputs,
            opset_version=OPSET,
            dynamo=False,
        )


__all__ = ["ADAPTER_FILE", "STUDENT_FILE", "export_adapter", "export_student", "write_checkpoint"]
