"""Where a result came from: versions of the programs and packages that made it."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path

import sim2real_ad

PACKAGES = ("numpy", "onnxruntime", "opencv-python-headless", "carla", "panda3d", "ros-jazzy-rclpy", "torch")


def collect_versions() -> dict[str, str]:
    """Return versions by name; a package that is not installed is left out."""
    versions = {"sim2real_ad": sim2real_ad.__version__, "python": platform.python_version()}
    commit = _source_commit()
    if commit:
        versions["commit"] = commit
    versions |= {p: installed for p in PACKAGES if (installed := _version_of(p))}
    return {**versions, "platform": f"{platform.system()} {platform.release()} {platform.machine()}"}


def _version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _source_commit() -> str:
    """Return the commit of a checkout, with + where it has changes; empty where installed or without git."""
    checkout = Path(__file__).resolve().parents[3]
    if not (checkout / ".git").exists():
        return ""
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
