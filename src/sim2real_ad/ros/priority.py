"""Real-time priority of a process: what must be in time goes before what may wait (SCHED_FIFO, sched(7))."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from pathlib import Path


def take_priority(priority: int) -> str:
    """Let every thread of this process go before all that have none or a lower one; return why not, else nothing.

    priority: 1 to 99, 0 for none. Threads that are started later inherit it. The kernel leaves 5 % of a core to others.
    """
    if priority == 0:
        return ""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError as error:
        allowed = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
        return f"no real-time priority {priority}: {error.strerror} (RLIMIT_RTPRIO is {allowed})"
    for thread in _threads():
        with suppress(OSError):  # it has ended meanwhile
            os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(priority))
    return ""


def _threads() -> list[int]:
    return [int(entry.name) for entry in Path("/proc/self/task").iterdir()]
