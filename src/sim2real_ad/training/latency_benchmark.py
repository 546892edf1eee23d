"""How long adapter and policy take for one frame on one core: as deployed in ONNX Runtime, in torch, and in int8.

Torch runs networks of the same form with weights of chance: how long they take does not depend on the weights. The
adapter's convolutions in int8 are measured to see whether they would gain anything; their accuracy is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import torch
from onnxruntime.quantization import CalibrationDataReader, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn

from sim2real_ad.evaluation.benchmark import Measurement, time_in_turn
from sim2real_ad.evaluation.benchmark_pipeline import VEHICLE
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.observation.adapter import ADAPTER_INPUTS, ADAPTER_OUTPUTS, Adapter
from sim2real_ad.observation.stage import LearnedObservationStage
from sim2real_ad.pipeline import ObservationStage, PolicyStage
from sim2real_ad.policy.checkpoint import ADAPTER_FILE, STUDENT_FILE, Checkpoint, load_checkpoint
from sim2real_ad.policy.corridor import Corridor
from sim2real_ad.policy.runtime import CPU, choose_providers, open_network
from sim2real_ad.policy.student import StudentPolicy
from sim2real_ad.training.adapter_network import AdapterExport, AdapterNetwork
from sim2real_ad.training.networks import StudentNetwork
from sim2real_ad.types import CameraFrame, EgoState, Pose2, Route
from sim2real_ad.vehicle.profile import load_vehicle

STEPS = 40
LONGEST_MS = 12.0
LEAST_RATIO = 3.0
LARGEST_MB = 20.0


def measure_latency(checkpoint: Path | None = None, providers: Sequence[str] = CPU) -> list[Measurement]:
    """Measure on one thread. Raises CheckpointError."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    loaded = load_checkpoint(checkpoint, choose_providers(providers))
    deployed, in_torch = _deployed(loaded), _in_torch(loaded)
    runtime, eager = _milliseconds(deployed, in_torch)
    ratio = tuple(slow / fast for slow, fast in zip(eager, runtime, strict=True))
    weights = sum((loaded.path / name).stat().st_size for name in (ADAPTER_FILE, STUDENT_FILE)) / 1e6
    return [
        Measurement(
            name="adapter and policy, ONNX Runtime", unit="ms", better="lower", target=LONGEST_MS, samples=runtime,
            note=f"320x180 to action, one thread, CPU time, {loaded.providers[0]}",
        ),
        Measurement(
            name="adapter and policy, torch eager", unit="ms", better="lower", target=None, samples=eager,
            note="the same, one thread, CPU time",
        ),
        Measurement(
            name="torch eager over ONNX Runtime", unit="times", better="higher", target=LEAST_RATIO, samples=ratio
        ),
        Measurement(
            name="adapter alone, int8 over fp32", unit="times", better="lower", target=None,
            samples=tuple(small / full for small, full in zip(*_int8_and_fp32(loaded), strict=True)),
            note="time of the network; below 1 int8 would gain",
        ),
        Measurement(name="shipped weights", unit="MB", better="lower", target=LARGEST_MB, samples=(weights,)),
    ]  # fmt: skip


def _milliseconds(*steps: Callable[[], object]) -> list[tuple[float, ...]]:
    return [tuple(1e3 * watch.cpu_s / STEPS for watch in watches) for watches in time_in_turn(steps, STEPS)]


def _deployed(loaded: Checkpoint) -> Callable[[], object]:
    """One frame through the stages that drive the car."""
    return _drive(loaded.observation_stage(load_camera("default")), loaded.policy_stage(load_vehicle(VEHICLE)))


def _drive(observe: ObservationStage, decide: PolicyStage) -> Callable[[], object]:
    """Return what steps both stages over one frame."""
    camera = load_camera("default")
    frame, ego, route = _frame(camera.width, camera.height)
    return lambda: decide.step(observe.step(frame, ego, route))


def _in_torch(loaded: Checkpoint) -> Callable[[], object]:
    """The same frame through the same stages, with torch in the place of ONNX Runtime."""
    camera, config, spec = load_camera("default"), loaded.config, loaded.spec
    network = _TorchSession(AdapterExport(AdapterNetwork(spec.bev, config.image)), ADAPTER_INPUTS, ADAPTER_OUTPUTS)
    observe = LearnedObservationStage(Adapter(network, config.image, spec.bev, camera), spec, camera)
    student = _TorchSession(StudentNetwork(config.corridor, spec), ("corridor", "features"), ("action",))
    decide = StudentPolicy(student, Corridor(config.corridor, spec, load_vehicle(VEHICLE).front_overhang))
    return _drive(observe, decide)


class _TorchSession:
    """A torch network where the stages expect an onnxruntime.InferenceSession."""

    def __init__(self, network: nn.Module, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        self._network, self._inputs, self._outputs = network.eval(), inputs, outputs

    @torch.no_grad()
    def run(self, outputs: Sequence[str], inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Return the outputs that are asked for."""
        found = self._network(*(torch.from_numpy(inputs[name]) for name in self._inputs))
        named = dict(zip(self._outputs, found if isinstance(found, tuple) else (found,), strict=True))
        return [named[name].numpy() for name in outputs]


class _Noise(CalibrationDataReader):
    """A few pictures of noise to quantize with: good enough for time."""

    def __init__(self, adapter: Adapter, count: int = 3) -> None:
        height, width = adapter.view.spec.height, adapter.view.spec.width
        random = np.random.default_rng(0)
        pictures = (random.integers(0, 256, (1, height, width, 3), dtype=np.uint8) for _ in range(count))
        self._inputs = [dict(zip(ADAPTER_INPUTS, (p, *adapter.geometry), strict=True)) for p in pictures]

    def get_next(self) -> Any:
        """Return the next inputs, None at the end."""
        return self._inputs.pop() if self._inputs else None


def _int8_and_fp32(loaded: Checkpoint) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the milliseconds of the adapter's network with its convolutions in int8, and as it is."""
    adapter = loaded.adapter(load_camera("default"))
    inputs = _Noise(adapter).get_next()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        quant_pre_process(loaded.path / ADAPTER_FILE, path)
        quantize_static(path, path, _Noise(adapter), per_channel=True, op_types_to_quantize=["Conv"])
        sessions = open_network(path), open_network(loaded.path / ADAPTER_FILE)
    small, full = _milliseconds(*(partial(session.run, ["bev", "doubts"], inputs) for session in sessions))
    return small, full


def _frame(width: int, height: int) -> tuple[CameraFrame, EgoState, Route]:
    rgb = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    route = Route(0, np.stack((np.arange(200.0), np.zeros(200)), axis=-1), 8.33)
    return CameraFrame(0, rgb), EgoState(0, Pose2(0.0, 0.0, 0.0), 4.0), route
