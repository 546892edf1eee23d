"""May this user open the devices: cameras, GPU, serial adapters?"""

from __future__ import annotations

import grp
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sim2real_ad.doctor.finding import Finding, failed, not_here, ok, warning
from sim2real_ad.doctor.survey import Listen, Survey

PATTERNS = ("video*", "dri/renderD*", "ttyUSB*", "ttyACM*")
"""Below /dev; their groups are video, render and dialout on Ubuntu."""


@dataclass(frozen=True)
class Device:
    """A device node. group: that owns it; is_open: whether this user may read and write it."""

    path: str
    group: str
    is_open: bool


def check_devices(survey: Survey, listen: Listen) -> Finding:
    """Judge the device nodes of this computer, and the camera that was named."""
    named = survey.source_path if survey.source == "v4l2" else ""
    paths = sorted(path for pattern in PATTERNS for path in Path("/dev").glob(pattern))
    if named and Path(named) not in paths and Path(named).exists():
        paths.append(Path(named))
    return judge_devices([_device(path) for path in paths], named)


def judge_devices(devices: Iterable[Device], named: str) -> Finding:
    """Judge device nodes. named: the camera's, which must be there; empty for none."""
    by_path = {device.path: device for device in devices}
    if named and named not in by_path:
        return failed("devices", f"no {named}; there: {', '.join(by_path) or 'none'}", "v4l2-ctl --list-devices")
    if not by_path:
        return not_here("devices", "no camera, GPU or serial device nodes")
    closed = [device for device in by_path.values() if not device.is_open]
    if not closed:
        return ok("devices", f"user {os.getuid()} may open {', '.join(by_path)}")
    groups = ",".join(sorted({device.group for device in closed}))
    found = f"user {os.getuid()} may not open {', '.join(f'{d.path} (group {d.group})' for d in closed)}"
    remedy = f"sudo usermod -aG {groups} $USER, then log in again"
    judged = failed if any(device.path == named for device in closed) else warning
    return judged("devices", found, remedy)


def _device(path: Path) -> Device:
    number = path.stat().st_gid
    try:
        group = grp.getgrgid(number).gr_name
    except KeyError:  # a container knows the number alone
        group = str(number)
    return Device(str(path), group, os.access(path, os.R_OK | os.W_OK))
