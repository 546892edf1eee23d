"""Build the message packages of src/interfaces into this virtual environment, once: `s2r interfaces`.

On a ROS distribution colcon builds the same folders as plain ament packages, and this module has nothing to do: it
leaves packages alone that something else supplies.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sim2real_ad.errors import TransportError

PACKAGES = ("autoware_control_msgs", "autoware_vehicle_msgs", "carla_msgs", "sim2real_ad_msgs")
TOOLS = ("cmake", "ninja", "g++")
Report = Callable[[str], None]


def interfaces_path() -> Path:
    """Return src/interfaces of the checkout. Raises TransportError where the package runs without its sources."""
    folder = Path(__file__).resolve().parents[2] / "interfaces"
    if not folder.is_dir():
        raise TransportError(
            f"message packages {', '.join(missing())} are missing, and {folder} with their sources too"
        )
    return folder


def missing() -> list[str]:
    """Name the message packages that cannot be imported."""
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


def ensure_interfaces(report: Report = lambda line: None, prefix: Path | None = None) -> bool:
    """Build what is missing or out of date; return whether anything was built.

    Raises TransportError naming the missing tool or package, or the build's last lines.
    """
    prefix = prefix or Path(sys.prefix)
    if not _stamp(prefix, PACKAGES[0]).parent.is_dir() and not missing():
        return False
    sources = interfaces_path()
    ours = [name for name in PACKAGES if not _is_supplied(name, prefix)]
    stale = [name for name in ours if not _is_current(prefix, sources / name)]
    if stale:
        _require_tools()
        report(f"building message packages (once, about half a minute): {', '.join(stale)}")
        with ThreadPoolExecutor() as pool:
            for name in pool.map(lambda name: _build(sources / name, prefix), stale):
                report(f"built {name}")
        importlib.invalidate_caches()
    return bool(stale)


def _is_supplied(package: str, prefix: Path) -> bool:
    """Whether a package comes from elsewhere, such as a workspace with the user's own carla_msgs."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        return False
    return not any(Path(found.origin).is_relative_to(place) for place in (prefix, Path(sys.prefix)))


def content_hash(package: Path) -> str:
    """Hash everything a built package depends on: its files, the generators' versions, the Python version."""
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for tool in ("ros-rosidl-generator-py", "ros-rosidl-typesupport-fastrtps-c"):
        digest.update(_version(tool).encode())
    for file in sorted(p for p in package.rglob("*") if p.is_file()):
        digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError as error:
        raise TransportError(f"{distribution} is not installed: pip install 'sim2real_ad[ros]'") from error


def _stamp(prefix: Path, package: str) -> Path:
    return prefix / "share" / package / "content.sha256"


def _is_current(prefix: Path, package: Path) -> bool:
    stamp = _stamp(prefix, package.name)
    return stamp.is_file() and stamp.read_text() == content_hash(package)


def _require_tools() -> None:
    absent = [tool for tool in TOOLS if shutil.which(tool, path=_environment()["PATH"]) is None]
    if absent:
        raise TransportError(f"building the message packages needs {', '.join(absent)}: apt install cmake g++")


def _environment() -> dict[str, str]:
    scripts = Path(sys.executable).parent
    paths = [sys.prefix, *os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)]
    return {
        **os.environ,
        "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}",
        "AMENT_PREFIX_PATH": os.pathsep.join(dict.fromkeys(p for p in paths if p)),
    }


def _build(package: Path, prefix: Path) -> str:
    with tempfile.TemporaryDirectory(prefix=f"{package.name}-") as folder:
        configure = ["cmake", "-S", str(package), "-B", folder, "-GNinja", "-DBUILD_TESTING=OFF"]
        configure += [f"-DCMAKE_PREFIX_PATH={sys.prefix}", f"-DCMAKE_INSTALL_PREFIX={prefix}"]
        _run([*configure, f"-DPython3_EXECUTABLE={sys.executable}"], package.name)
        _run(["cmake", "--build", folder, "--target", "install"], package.name)
    _stamp(prefix, package.name).write_text(content_hash(package))
    return package.name


def _run(command: list[str], package: str) -> None:
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise TransportError(f"building {package} failed ({' '.join(command[:2])}, exit {done.returncode}):\n{tail}")


if __name__ == "__main__":
    ensure_interfaces(lambda line: print(line, flush=True))  # noqa: T201
