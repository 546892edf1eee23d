"""Will camera frames arrive: shared-memory transport, this shell's environment, room in /dev/shm."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from sim2real_ad.doctor.finding import Finding, failed, graded, ok, warning
from sim2real_ad.doctor.survey import Listen, Survey
from sim2real_ad.errors import TransportError
from sim2real_ad.ros.topics import CHAIN
from sim2real_ad.ros.transport import MIN_SEGMENT_BYTES, PROFILE, PROFILE_VARIABLE, RMW, require_profile

MIB = 2**20
SHARED_MEMORY = Path("/dev/shm")
PROCESSES = len(CHAIN) + 3
"""Stages, recorder, vehicle interface and camera driver: each maps a segment."""


def check_transport(survey: Survey, listen: Listen) -> Finding:
    """Start a node as `s2r` and the launch files start them, and judge the segment that Fast DDS mapped for it."""
    return judge_segment(listen("nothing", 0.0).segment_bytes, os.environ)


def judge_segment(mapped: int, environment: Mapping[str, str]) -> Finding:
    """Judge the largest shared-memory segment of a node, bytes."""
    domain = environment.get("ROS_DOMAIN_ID", "0")
    reach = environment.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    found = f"a node mapped {mapped // MIB} MiB of shared memory, at least {MIN_SEGMENT_BYTES // MIB}"
    remedy = f"free {SHARED_MEMORY} and look at {PROFILE}; docker run needs --shm-size=1g or --ipc=host"
    where = f"domain {domain}, discovery {reach}"
    return graded("transport", f"{found}; {where}", remedy, fails=mapped < MIN_SEGMENT_BYTES, warns=False)


def check_shell(survey: Survey, listen: Listen) -> Finding:
    """Judge whether what this shell starts by itself, as a camera driver, would have the transport."""
    return judge_shell(os.environ)


def judge_shell(environment: Mapping[str, str]) -> Finding:
    """Judge an environment."""
    try:
        require_profile(environment)
    except TransportError as error:
        reason = str(error).partition(";")[0]
        command = f"export {PROFILE_VARIABLE}={PROFILE} RMW_IMPLEMENTATION={RMW}"
        return warning(
            "shell", f"{reason}, so a camera driver from this shell loses frames; s2r sets it itself", command
        )
    return ok("shell", f"{PROFILE_VARIABLE} is set for what this shell starts")


def check_shared_memory(survey: Survey, listen: Listen) -> Finding:
    """Judge the room in /dev/shm."""
    if not SHARED_MEMORY.is_dir():
        return failed("shared-memory", f"no {SHARED_MEMORY}", f"sudo mount -t tmpfs tmpfs {SHARED_MEMORY}")
    usage = shutil.disk_usage(SHARED_MEMORY)
    return judge_shared_memory(usage.total, usage.free)


def judge_shared_memory(total: int, free: int) -> Finding:
    """Judge the size and the free room of /dev/shm, bytes."""
    needed = PROCESSES * MIN_SEGMENT_BYTES
    found = f"{SHARED_MEMORY}: {free // MIB} of {total // MIB} MiB free, {PROCESSES} processes map {needed // MIB}"
    remedy = f"sudo mount -o remount,size=2G {SHARED_MEMORY}; docker run needs --shm-size=1g or --ipc=host"
    return graded("shared-memory", found, remedy, fails=free < needed, warns=False)
