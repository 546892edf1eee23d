"""Is the computer fast enough, and set to be: cores, governor, memory, limits of the user."""

from __future__ import annotations

import os
import resource
from collections.abc import Collection
from pathlib import Path

from sim2real_ad.doctor.finding import Finding, graded
from sim2real_ad.doctor.survey import Listen, Survey
from sim2real_ad.ros.graph import BUS_PRIORITIES

FEW_CORES, FEWEST_CORES = 4, 2
"""The figures of the README are from two cores; with fewer the stages wait for one another."""
GIB = 2**30
LITTLE_MEMORY, LEAST_MEMORY = 2 * GIB, 1 * GIB
"""Five stages and the recorder take 0.8 GiB together before the first picture (sum of their PSS)."""
LEAST_PRIORITY = max(BUS_PRIORITIES.values())
"""The greatest that a process of the graph asks for."""
LEAST_LOCKED = 512 * 2**20
MAY_LOCK, MAY_SCHEDULE = 14, 23
"""CAP_IPC_LOCK and CAP_SYS_NICE of linux/capability.h: who has them is not held to the limits."""
GOVERNORS = "devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor"


def check_cpu(survey: Survey, listen: Listen) -> Finding:
    """Judge the cores that this process may use, and what clocks them."""
    governors = {path.read_text().strip() for path in Path("/sys").glob(GOVERNORS)}
    return judge_cpu(len(os.sched_getaffinity(0)), governors)


def judge_cpu(cores: int, governors: Collection[str]) -> Finding:
    """Judge a number of cores and their governors; none where the system does not say."""
    slow = set(governors) - {"performance"}
    clocked = f"governor {', '.join(sorted(governors))}" if governors else "no CPU governor here"
    remedy = "sudo cpupower frequency-set -g performance (linux-tools-common)" if slow else "a computer with more cores"
    found = f"{cores} cores, {FEW_CORES} are comfortable; {clocked}"
    return graded("cpu", found, remedy, fails=cores < FEWEST_CORES, warns=cores < FEW_CORES or bool(slow))


def check_memory(survey: Survey, listen: Listen) -> Finding:
    """Judge the memory that is left."""
    return judge_memory(Path("/proc/meminfo").read_text(encoding="utf-8"))


def judge_memory(meminfo: str) -> Finding:
    """Judge /proc/meminfo."""
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in meminfo.splitlines())}
    available = kib["MemAvailable"] * 1024
    found = f"{available / GIB:.1f} of {kib['MemTotal'] * 1024 / GIB:.1f} GiB available, at least {LEAST_MEMORY // GIB}"
    remedy = "close other programs: ps aux --sort=-rss | head"
    return graded("memory", found, remedy, fails=available < LEAST_MEMORY, warns=available < LITTLE_MEMORY)


def check_limits(survey: Survey, listen: Listen) -> Finding:
    """Judge what this user may ask the scheduler and the memory for."""
    priority, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    locked, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return judge_limits(priority, locked, effective_capabilities(Path("/proc/self/status").read_text(encoding="utf-8")))


def effective_capabilities(status: str) -> int:
    """Return the set of effective capabilities in /proc/<pid>/status, a bit each."""
    return next((int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:")), 0)


def judge_limits(priority: int, locked: int, capabilities: int) -> Finding:
    """Judge RLIMIT_RTPRIO and RLIMIT_MEMLOCK (bytes, -1 for no limit) and effective capabilities."""
    may_schedule = priority >= LEAST_PRIORITY or priority == -1 or bool(capabilities >> MAY_SCHEDULE & 1)
    may_lock = locked >= LEAST_LOCKED or locked == -1 or bool(capabilities >> MAY_LOCK & 1)
    free = " and is not held to them (capabilities)" if capabilities >> MAY_SCHEDULE & 1 else ""
    size = "no limit" if locked == -1 else f"{locked // 1024} KiB"
    asks = f"real-time priority up to {priority}, at least {LEAST_PRIORITY}; locked memory {size}"
    found = f"{asks}; user {os.getuid()}{free}"
    container = "docker run needs --ulimit rtprio=40 --ulimit memlock=-1"
    remedy = f"sudo deploy/install.sh && sudo usermod -aG s2r $USER, log in again; {container}"
    return graded("limits", found, remedy, fails=False, warns=not (may_schedule and may_lock))
