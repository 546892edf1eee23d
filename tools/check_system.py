"""Check for the few system libraries and programs that no wheel brings; say, or install, what is missing.

Runs before anything is installed, so it needs the standard library alone.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import subprocess
import sys

# What is needed -> the Debian and Ubuntu package that brings it, and what for.
LIBRARIES = {
    "libEGL.so.1": ("libegl1", "the camera of the embedded world"),
    "libGL.so.1": ("libgl1", "the camera of the embedded world"),
}
PROGRAMS = {
    "g++": ("g++", "building the message packages"),
    "cmake": ("cmake", "building the message packages"),
    "make": ("make", "this Makefile"),
}


def missing_packages() -> dict[str, str]:
    """Return the missing packages, each with what it is needed for."""
    missing: dict[str, str] = {}
    for library, (package, purpose) in LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing[package] = f"{library}, {purpose}"
    for program, (package, purpose) in PROGRAMS.items():
        if shutil.which(program) is None:
            missing[package] = f"{program}, {purpose}"
    return missing


def install(packages: list[str]) -> None:
    """Install packages with apt-get, through sudo where we are not root."""
    prefix = [] if os.geteuid() == 0 else ["sudo"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*prefix, "apt-get", "update", "-qq"], check=True, env=environment)
    command = [*prefix, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    subprocess.run(command, check=True, env=environment)


def main() -> int:
    """Check, and install on request or where we are root and apt-get is there; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true", help="install what is missing with apt-get")
    options = parser.parse_args()
    missing = missing_packages()
    if missing and shutil.which("apt-get") and (options.install or os.geteuid() == 0):
        print(f"installing system packages: {' '.join(missing)}", flush=True)
        install(sorted(missing))
        missing = missing_packages()
    for package, purpose in missing.items():
        print(f"error: missing {package} ({purpose})", file=sys.stderr)
    if missing:
        print(f"install with: sudo apt-get install {' '.join(missing)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
