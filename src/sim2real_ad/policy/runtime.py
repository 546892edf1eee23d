"""Networks in ONNX Runtime: one thread, deterministic, on the execution provider that is preferred and there.

Which providers there are depends on the distribution of the runtime that is installed: `onnxruntime` has the CPU,
`onnxruntime-openvino` adds Intel's faster kernels for it, `onnxruntime-gpu` CUDA and TensorRT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim2real_ad.errors import CheckpointError

CPU = ("CPUExecutionProvider",)
OPTIONS: Mapping[str, dict[str, str]] = {
    "OpenVINOExecutionProvider": {"device_type": "CPU", "num_of_threads": "1", "precision": "FP32"}
}
"""By provider, what makes it do as the others: one thread, and numbers as exact as the network's."""


def choose_providers(preferred: Sequence[str]) -> tuple[str, ...]:
    """Return those of the preferred execution providers that the installed runtime has, the most preferred first.

    Raises CheckpointError where it has none of them.
    """
    import onnxruntime

    known = onnxruntime.get_available_providers()
    chosen = tuple(name for name in preferred if name in known)
    if not chosen:
        raise CheckpointError(f"ONNX Runtime has no provider {', '.join(preferred)}; it has {', '.join(known)}")
    return chosen


def open_network(path: Path, providers: Sequence[str] = CPU) -> Any:
    """Open an ONNX network, one thread and deterministic, so that equal inputs give equal outputs everywhere.

    providers: names of ONNX Runtime's execution providers, the most preferred first; all must be there, see
    `choose_providers`. Raises CheckpointError where the runtime refuses the file or lacks a provider.
    """
    import onnxruntime

    missing = set(providers) - set(onnxruntime.get_available_providers())
    if missing:
        known = ", ".join(onnxruntime.get_available_providers())
        raise CheckpointError(f"ONNX Runtime has no provider {', '.join(sorted(missing))}; it has {known}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    chosen = [(name, OPTIONS.get(name, {})) for name in providers]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=chosen)
    except Exception as error:  # the runtime's exceptions share no base class
        raise CheckpointError(f"ONNX Runtime cannot load {path}: {error}") from error
