"""What pip is to install for each ONNX Runtime, and on what the graph then runs."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from tree import DEPLOY, ROOT


@pytest.fixture(scope="module")
def runtime() -> ModuleType:
    spec = importlib.util.spec_from_file_location("deploy_runtime", DEPLOY / "runtime.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("onnxruntime", "onnxruntime>="),
        ("onnxruntime-gpu", "onnxruntime-gpu[cuda,cudnn]>="),
        ("openvino", "onnxruntime-openvino>="),
    ],
)
def test_exactly_one_runtime_is_installed(runtime: ModuleType, name: str, wanted: str) -> None:
    found = [line for line in runtime.requirements(name, []) if line.startswith("onnxruntime")]
    assert len(found) == 1
    assert found[0].startswith(wanted)


def test_the_rest_is_what_setup_py_requires_and_no_torch(runtime: ModuleType) -> None:
    lines = runtime.requirements("onnxruntime", ["can"])
    names = {line.split(">")[0].split("<")[0] for line in lines}
    assert {"pydantic", "typer", "rich", "mcap", "python-can", "cantools"} <= names
    assert not any("torch" in line or "carla" in line for line in lines)


@pytest.mark.parametrize("name", ["onnxruntime", "onnxruntime-gpu", "openvino"])
def test_the_graph_asks_for_the_runtime_s_providers_and_the_cpu_last(runtime: ModuleType, name: str) -> None:
    original = (ROOT / "config/graph/nodes.yaml").read_text()
    changed = yaml.safe_load(runtime.with_providers(original, name))
    for node in ("adapter", "policy"):
        providers = changed[node]["ros__parameters"].pop("providers")
        assert tuple(providers) == runtime.RUNTIMES[name][1]
        assert providers[-1] == "CPUExecutionProvider"
        changed[node]["ros__parameters"]["providers"] = ["CPUExecutionProvider"]
    assert changed == yaml.safe_load(original)


def test_a_file_without_providers_is_told(runtime: ModuleType) -> None:
    with pytest.raises(ValueError, match="providers"):
        runtime.with_providers("camera: {}\n", "openvino")


def test_it_runs_as_a_program(tmp_path: Path) -> None:
    command = [sys.executable, str(DEPLOY / "runtime.py"), "requirements", "--runtime", "openvino"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "onnxruntime-openvino" in done.stdout
    nodes = tmp_path / "nodes.yaml"
    nodes.write_text((ROOT / "config/graph/nodes.yaml").read_text())
    subprocess.run([*command[:2], "providers", "--runtime", "openvino", "--file", str(nodes)], check=True)
    assert "OpenVINOExecutionProvider, CPUExecutionProvider" in nodes.read_text()
