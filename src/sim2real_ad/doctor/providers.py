"""On what the networks run: what is asked for, what the installed runtime has, and what it really uses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim2real_ad.doctor.finding import Finding, graded, not_here, ok, warning
from sim2real_ad.doctor.survey import Listen, Survey
from sim2real_ad.errors import ConfigError
from sim2real_ad.policy.checkpoint import ADAPTER_FILE, STUDENT_FILE, load_checkpoint
from sim2real_ad.policy.runtime import choose_providers, open_network
from sim2real_ad.ros.node_spec import parameter_file, shared_parameters

NETWORKS = {"adapter": ADAPTER_FILE, "policy": STUDENT_FILE}
GPU_PROVIDERS = ("TensorrtExecutionProvider", "CUDAExecutionProvider")
NVIDIA = Path("/dev/nvidiactl")
WHERE = "providers in config/graph/nodes.yaml"


def check_providers(survey: Survey, listen: Listen) -> Finding:
    """Open both networks as the nodes do, and judge which provider ONNX Runtime really runs each on.

    Raises CheckpointError or ConfigError.
    """
    import onnxruntime

    lines, dropped = [], []
    for node, file in NETWORKS.items():
        asked = asked_providers(node)
        chosen = choose_providers(asked)
        folder = load_checkpoint(survey.checkpoint, chosen).path
        runs = str(open_network(folder / file, chosen).get_providers()[0])
        lines.append(f"{node} asks for {', '.join(asked)} and runs on {runs}")
        dropped += [asked[0]] if runs != asked[0] else []
    found = f"{'; '.join(lines)}; installed: {', '.join(onnxruntime.get_available_providers())}"
    remedy = f"pip install what has {', '.join(dict.fromkeys(dropped))} (README, Figures), or change {WHERE}"
    return graded("providers", found, remedy, fails=False, warns=bool(dropped))


def asked_providers(node: str) -> tuple[str, ...]:
    """Return what config/graph/nodes.yaml asks for. Raises ConfigError where it says nothing."""
    providers = shared_parameters(node).get("providers")
    if not isinstance(providers, list) or not providers:
        raise ConfigError(f"{parameter_file()}: {node}.ros__parameters.providers is missing")
    return tuple(map(str, providers))


def check_gpu(survey: Survey, listen: Listen) -> Finding:
    """Judge whether a GPU and the means to use it come together."""
    import onnxruntime

    return judge_gpu(onnxruntime.get_available_providers(), is_there=NVIDIA.exists())


def judge_gpu(available: Sequence[str], *, is_there: bool) -> Finding:
    """Judge the providers of the installed runtime against whether there is an NVIDIA GPU."""
    usable = [name for name in GPU_PROVIDERS if name in available]
    if usable and is_there:
        return ok("gpu", f"an NVIDIA GPU, and {', '.join(usable)}")
    if usable:
        found = f"{', '.join(usable)} installed, but no {NVIDIA}"
        return warning("gpu", found, "ubuntu-drivers install, then nvidia-smi; docker run needs --gpus all")
    if is_there:
        remedy = f"pip uninstall onnxruntime && pip install onnxruntime-gpu, and {WHERE}"
        return warning("gpu", "an NVIDIA GPU, but no GPU provider in this ONNX Runtime", remedy)
    return not_here("gpu", "no NVIDIA GPU and no GPU provider: the networks run on the CPU")
