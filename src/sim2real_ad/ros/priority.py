"""Being in time: real-time priority for what must be (SCHED_FIFO, sched(7)), and cores that do not fall asleep."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from pathlib import Path

LATENCY_DEVICE = Path("/dev/cpu_dma_latency")
"""While a process holds it open with 0 us written, no core sleeps (Linux, power/pm_qos_interface). A core that sleeps
between two frames wakes late: on a virtual machine by several milliseconds."""

_held: list[int] = []
"""Descriptors that are open until the process ends."""


def take_priority(priority: int) -> list[str]:
    """Let every thread of this process go before all that have none or a lower one, and keep the cores awake.

    priority: 1 to 99, 0 for neither. Threads that are started later inherit it; 5 % of a core are left to others.
    Returns what was refused and why.
    """
    if priority == 0:
        return []
    return [refusal for refusal in (_schedule(priority), _stay_awake()) if refusal]


def _schedule(priority: int) -> str:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError as error:
        allowed = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
        return f"no real-time priority {priority}: {error.strerror} (RLIMIT_RTPRIO is {allowed})"
    for thread in _threads():
        with suppress(OSError):  # it has ended meanwhile
            os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(priority))
    return ""


def _stay_awake() -> str:
    try:
        device = os.open(LATENCY_DEVICE, os.O_WRONLY | os.O_CLOEXEC)
        os.write(device, (0).to_bytes(4, "little"))
    except OSError as error:
        return f"the cores may sleep: {LATENCY_DEVICE}: {error.strerror}"
    _held.append(device)
    return ""


def _threads() -> list[int]:
    return [int(entry.name) for entry in Path("/proc/self/task").iterdir()]
