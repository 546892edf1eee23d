"""Is the software there: Python, ROS 2 and the message packages?"""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from sim2real_ad.doctor.finding import Finding, failed, ok
from sim2real_ad.doctor.survey import Listen, Survey
from sim2real_ad.ros.build_interfaces import PACKAGES, content_hash, interfaces_path, missing

OLDEST, TOO_NEW = (3, 10), (3, 13)
"""Those that the CARLA client has wheels for; setup.py says the same."""
DISTRIBUTION = "jazzy"


def check_python(survey: Survey, listen: Listen) -> Finding:
    """Judge the version of the Python that runs this."""
    return judge_python(sys.version_info[:2], f"Python {platform.python_version()} in {sys.prefix}")


def judge_python(version: tuple[int, int], found: str) -> Finding:
    """Judge a version of Python."""
    if OLDEST <= version < TOO_NEW:
        return ok("python", found)
    limits = f"{OLDEST[0]}.{OLDEST[1]} to {TOO_NEW[0]}.{TOO_NEW[1] - 1}"
    return failed("python", f"{found}, must be {limits}", "make clean && make setup PYTHON=python3.12")


def check_ros(survey: Survey, listen: Listen) -> Finding:
    """Judge which ROS 2 this Python would use: a sourced distribution, or wheels."""
    found = importlib.util.find_spec("rclpy") is not None
    try:
        wheels = metadata.version("ros-jazzy-rclpy")
    except metadata.PackageNotFoundError:
        wheels = ""
    launch = importlib.util.find_spec("launch_ros") is not None
    return judge_ros(os.environ, rclpy=found, wheels=wheels, launch=launch)


def judge_ros(environment: Mapping[str, str], *, rclpy: bool, wheels: str, launch: bool) -> Finding:
    """Judge what the environment and the packages say. wheels: their version, empty for none."""
    distribution = environment.get("ROS_DISTRO", "")
    source = f"source /opt/ros/{DISTRIBUTION}/setup.bash"
    if distribution and distribution != DISTRIBUTION:
        return failed("ros", f"distribution {distribution} is sourced, must be {DISTRIBUTION}", source)
    if not rclpy:
        return failed("ros", "rclpy cannot be imported", f"{source}, or: pip install 'sim2real_ad[ros]'")
    origin = f"distribution {distribution}" if distribution else f"wheels, rclpy {wheels or 'of unknown origin'}"
    tools = "ros2 launch there" if launch else "no ros2 launch (it comes with a distribution); s2r starts graphs itself"
    return ok("ros", f"{origin}; {tools}")


def check_messages(survey: Survey, listen: Listen) -> Finding:
    """Judge whether the message packages can be imported and were built from these sources."""
    absent = missing()
    return judge_messages(absent, [] if absent else _outdated(Path(sys.prefix)))


def judge_messages(absent: list[str], outdated: list[str]) -> Finding:
    """Judge which message packages are missing and which were built from other sources."""
    build = "s2r interfaces, or on a distribution: colcon build --base-paths . src/interfaces"
    if absent:
        return failed("messages", f"not built: {', '.join(absent)}", build)
    if outdated:
        return failed("messages", f"built from other sources: {', '.join(outdated)}", build)
    return ok("messages", ", ".join(PACKAGES))


def _outdated(prefix: Path) -> list[str]:
    """Compare the hashes that `s2r interfaces` left. What colcon built has none: colcon sees to it itself."""
    stamps = {name: prefix / "share" / name / "content.sha256" for name in PACKAGES}
    built = {name: stamp for name, stamp in stamps.items() if stamp.is_file()}
    if not built:
        return []
    sources = interfaces_path()
    return [name for name, stamp in built.items() if stamp.read_text() != content_hash(sources / name)]
