"""Which ONNX Runtime goes onto a computer: the packages that pip installs, and the providers that the graph asks for.

`requirements` prints what setup.py requires, one a line; `providers` writes a runtime's providers into a copy of
config/graph/nodes.yaml. Needs setuptools alone, for it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import re
import sys
from distutils.core import run_setup
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CPU = "CPUExecutionProvider"
RUNTIMES = {
    "onnxruntime": (None, (CPU,)),
    "onnxruntime-gpu": ("gpu", ("TensorrtExecutionProvider", "CUDAExecutionProvider", CPU)),
    "openvino": ("openvino", ("OpenVINOExecutionProvider", CPU)),
}
"""By name: the extra of setup.py that brings it, and its providers, the most preferred first."""
LIBRARIES = {"onnxruntime-gpu": "onnxruntime-gpu[cuda,cudnn]"}
"""The same package with the libraries that it loads; TensorRT's come with `deploy/build.sh --package tensorrt-cu13`."""


def requirements(runtime: str, extras: list[str]) -> list[str]:
    """Return what pip is to install for a deployment, without this project itself."""
    distribution = run_setup(str(ROOT / "setup.py"), stop_after="init")
    found = [line for line in distribution.install_requires if _name(line) != "onnxruntime"]
    extra, _ = RUNTIMES[runtime]
    wanted = distribution.extras_require[extra] if extra else _plain(distribution.install_requires)
    found += [line.replace(_name(line), LIBRARIES.get(_name(line), _name(line)), 1) for line in wanted]
    for name in extras:
        found += distribution.extras_require[name]
    return found


def with_providers(text: str, runtime: str) -> str:
    """Return the text of nodes.yaml with a runtime's providers. Raises ValueError where it asks for none."""
    wanted = ", ".join(RUNTIMES[runtime][1])
    changed, count = re.subn(r"(providers: )\[[^]]*\]", rf"\g<1>[{wanted}]", text)
    if count == 0:
        raise ValueError("no line `providers: [...]` in nodes.yaml")
    return changed


def _plain(lines: list[str]) -> list[str]:
    return [line for line in lines if _name(line) == "onnxruntime"]


def _name(requirement: str) -> str:
    return re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]


def main() -> None:
    """Do what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("requirements", "providers"))
    parser.add_argument("--file", type=Path, help="nodes.yaml, for providers")
    parser.add_argument("--runtime", choices=RUNTIMES, default="onnxruntime")
    parser.add_argument("--extra", action="append", default=[], help="extra of setup.py, for requirements; repeated")
    options = parser.parse_args()
    if options.what == "requirements":
        sys.stdout.write("\n".join(requirements(options.runtime, options.extra)) + "\n")
    elif options.file is None:
        parser.error("providers needs --file")
    else:
        options.file.write_text(with_providers(options.file.read_text(encoding="utf-8"), options.runtime), "utf-8")


if __name__ == "__main__":
    main()
