"""Is there room, and speed, for what a drive records?"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import time
from pathlib import Path

from sim2real_ad.doctor.finding import Finding, failed, graded
from sim2real_ad.doctor.survey import Listen, Source, Survey
from sim2real_ad.geometry.camera import CameraModel, load_camera
from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.policy.checkpoint import read_spec

FRAME_HZ = 20.0
"""Pictures a second that the policy was trained at."""
JPEG_BYTES_PER_PIXEL = 0.22
"""200 kB for a 1280x720 picture, as `s2r bench record` has it."""
REPORT_BYTES_PER_S = 4 * 100.0 * 300.0
"""Four reports of the car at 100 Hz, some 300 bytes each with MCAP's own."""
MB, GB = 1e6, 1e9
BLOCK, MOST_BLOCKS, LONGEST_S = 4 * 2**20, 16, 5.0
"""What is written to see how fast the disk is: 64 MiB, or what goes in 5 s."""
LEAST_FREE = 1e9
RESERVE = 2.0
"""Times the need that a disk should write: it stalls now and then."""
SHORT_HOURS = 1.0


def check_disk(survey: Survey, listen: Listen) -> Finding:
    """Write to the folder's disk for a moment, and judge it against what a recording needs. Raises Sim2RealError."""
    folder = existing_part(survey.out)
    need = recording_rate(load_camera(survey.camera), read_spec(survey.checkpoint), survey.source)
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        return failed("disk", f"{folder.resolve()}: {free / GB:.2f} GB free, at least {LEAST_FREE / GB:g}", _remedy())
    return judge_disk(str(folder.resolve()), need, write_speed(folder), free)


def existing_part(path: Path) -> Path:
    """Return a folder, or what of the way to it is there already."""
    return next(p for p in (path, *path.absolute().parents) if p.is_dir())


def recording_rate(camera: CameraModel, spec: ObservationSpec, source: Source) -> float:
    """Return the bytes a second that a recording of the graph takes, uncompressed: pictures, observations, reports.

    Pictures are recorded where they enter the graph: as JPEG from a compressed topic, else 3 bytes a pixel.
    """
    pixels = camera.width * camera.height
    picture = pixels * (JPEG_BYTES_PER_PIXEL if source == "compressed" else 3.0)
    views = math.prod(spec.bev.shape) * (1 + len(spec.history_s)) + math.prod(spec.bev.shape[1:])
    return (picture + views) * FRAME_HZ + REPORT_BYTES_PER_S


def write_speed(folder: Path) -> float:
    """Write a file that goes again, to the platter (fsync), and return bytes a second. Raises OSError."""
    block = os.urandom(BLOCK)
    with tempfile.TemporaryFile(dir=folder) as file:
        started_s = time.monotonic()
        written = 0
        for _ in range(MOST_BLOCKS):
            written += file.write(block)
            file.flush()
            os.fsync(file.fileno())
            if time.monotonic() - started_s > LONGEST_S:
                break
        return written / (time.monotonic() - started_s)


def judge_disk(where: str, need: float, speed: float, free: float) -> Finding:
    """Judge a disk. need, speed: bytes a second; free: bytes."""
    hours = free / need / 3600.0
    found = (
        f"{where}: writes {speed / MB:.0f} MB/s, a recording needs up to {need / MB:.1f}; "
        f"{free / GB:.0f} GB free, {hours:.1f} h"
    )
    return graded("disk", found, _remedy(), fails=speed < need, warns=speed < RESERVE * need or hours < SHORT_HOURS)


def _remedy() -> str:
    return "--out on another disk, or record less: source:=compressed, or s2r record --no-pictures"
