"""The shared-memory transport: put in force for child processes, and required by every node before it starts."""

from __future__ import annotations

import fcntl
import os
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

from sim2real_ad.errors import TransportError

PROFILE = Path(__file__).with_name("fastdds_profile.xml")
PROFILE_VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"
RMW = "rmw_fastrtps_cpp"
MIN_SEGMENT_BYTES = 64 * 2**20
MIN_MESSAGE_BYTES = 16 * 2**20
MIN_ABANDONED_S = 5.0
"""A segment younger than this may be in the making."""
REMEDY = f"set {PROFILE_VARIABLE} to sim2real_ad's fastdds_profile.xml, as `s2r` and the launch files do"

_SEGMENT = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) .*(/dev/shm/fastrtps_[0-9a-f]{16})$")
_NAMESPACE = "{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}"


def transport_environment(base: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with the profile in force. A discovery range that is set already stays.

    One numeric thread a process: the stages are small, and threads that spin would take the other stages' cores.
    """
    environment = dict(base)
    environment[PROFILE_VARIABLE] = str(PROFILE)
    environment["RMW_IMPLEMENTATION"] = RMW
    environment.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        environment.setdefault(name, "1")
    return environment


def require_profile(environment: Mapping[str, str] | None = None) -> None:
    """Check, before ROS starts, that this process would use the profile. Raises TransportError."""
    environment = os.environ if environment is None else environment
    rmw = environment.get("RMW_IMPLEMENTATION") or RMW  # the distribution's default
    if rmw != RMW:
        raise TransportError(f"RMW_IMPLEMENTATION is '{rmw}', the graph needs {RMW}; {REMEDY}")
    path = environment.get(PROFILE_VARIABLE, "")
    if not path:
        raise TransportError(f"{PROFILE_VARIABLE} is not set: camera frames would be lost; {REMEDY}")
    check_profile(Path(path))


def check_profile(path: Path) -> None:
    """Check that a Fast DDS profile file loses no camera frames.

    Raises TransportError naming the file, the setting, its value and what it must be.
    """
    try:
        root = ET.parse(path).getroot()
    except (OSError, ET.ParseError) as error:
        raise TransportError(f"{PROFILE_VARIABLE}={path} cannot be read: {error}; {REMEDY}") from error
    participant = next((p for p in _all(root, "participant") if p.get("is_default_profile") == "true"), None)
    if participant is None:
        raise TransportError(f"{path}: no participant profile is the default one; {REMEDY}")
    if _text(participant, "useBuiltinTransports") != "false":
        raise TransportError(f"{path}: useBuiltinTransports must be false; {REMEDY}")
    used = {e.text for transports in _all(participant, "userTransports") for e in transports}
    shm = [
        d for d in _all(root, "transport_descriptor") if _text(d, "type") == "SHM" and _text(d, "transport_id") in used
    ]
    if not shm:
        raise TransportError(f"{path}: the default participant uses no SHM transport; {REMEDY}")
    for setting, minimum in (("segment_size", MIN_SEGMENT_BYTES), ("maxMessageSize", MIN_MESSAGE_BYTES)):
        value = _text(shm[0], setting)
        if not value.isdecimal() or int(value) < minimum:
            raise TransportError(f"{path}: {setting} is '{value}', must be at least {minimum}; {REMEDY}")


def require_in_force() -> None:
    """Check, once a node exists, that Fast DDS did map a large enough segment. Raises TransportError.

    Whatever the settings say, this is what counts: a full /dev/shm or an ignored file shows here.
    """
    largest = max((size for _, size in mapped_segments(os.getpid())), default=0)
    if largest < MIN_SEGMENT_BYTES:
        raise TransportError(
            f"shared-memory transport is not in force: largest segment {largest} bytes, must be at least "
            f"{MIN_SEGMENT_BYTES}; is /dev/shm large enough? {REMEDY}"
        )


def mapped_segments(pid: int) -> list[tuple[Path, int]]:
    """Return the Fast DDS segments that a process maps, as (file, bytes)."""
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")
    found = (_SEGMENT.match(line) for line in maps.splitlines())
    return [(Path(m[3]), int(m[2], 16) - int(m[1], 16)) for m in found if m]


def remove_abandoned_segments(folder: Path = Path("/dev/shm")) -> list[Path]:
    """Remove the shared memory that killed processes left behind, 64 MB each; return what was removed.

    Fast DDS holds a lock beside each segment for as long as its process lives. Other users' files are left alone.
    """
    removed = []
    for lock_path in folder.glob("fastrtps_" + "[0-9a-f]" * 16 + "_el"):
        segment = lock_path.with_name(lock_path.name.removesuffix("_el"))
        if _is_abandoned(lock_path):
            segment.unlink(missing_ok=True)
            lock_path.unlink(missing_ok=True)
            removed.append(segment)
    return removed


def _is_abandoned(lock_path: Path) -> bool:
    try:
        status = lock_path.stat()
        if status.st_uid != os.getuid() or time.time() - status.st_mtime < MIN_ABANDONED_S:
            return False
        with lock_path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _all(root: ET.Element, tag: str) -> list[ET.Element]:
    return [*root.iter(_NAMESPACE + tag), *root.iter(tag)]


def _text(element: ET.Element, tag: str) -> str:
    found = _all(element, tag)
    return (found[0].text or "").strip() if found else ""
