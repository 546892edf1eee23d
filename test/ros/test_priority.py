"""A process goes before others where it may, with every thread, and says so where it may not."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from sim2real_ad.ros import priority

SCRIPT = """
import json, os, sys, threading, time
from pathlib import Path
from sim2real_ad.ros.priority import take_priority
early = threading.Thread(target=time.sleep, args=(0.5,)); early.start()
refused = take_priority(int(sys.argv[1]))
late = threading.Thread(target=time.sleep, args=(0.2,)); late.start()
threads = [int(t.name) for t in Path("/proc/self/task").iterdir()]
opened = [os.readlink(f) for f in Path("/proc/self/fd").iterdir() if f.is_symlink() and os.path.lexists(f)]
print(json.dumps([refused, [os.sched_getscheduler(t) for t in threads], opened]))
"""


def of_process(wanted: int) -> tuple[list[str], list[int], list[str]]:
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(wanted)], capture_output=True, text=True, check=True)
    refused, policies, opened = json.loads(done.stdout)
    return refused, policies, opened


def may_schedule() -> bool:
    probe = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))"
    return subprocess.run([sys.executable, "-c", probe], capture_output=True, check=False).returncode == 0


def test_no_priority_changes_nothing() -> None:
    refused, policies, opened = of_process(0)
    assert refused == []
    assert set(policies) == {os.SCHED_OTHER}
    assert str(priority.LATENCY_DEVICE) not in opened


@pytest.mark.skipif(not may_schedule(), reason="needs the right to real-time priorities")
def test_every_thread_goes_first_those_that_were_there_and_those_that_come() -> None:
    _, policies, _ = of_process(7)
    assert len(policies) == 3
    assert set(policies) == {os.SCHED_FIFO}


@pytest.mark.skipif(not os.access(priority.LATENCY_DEVICE, os.W_OK), reason="needs /dev/cpu_dma_latency")
def test_the_cores_are_kept_awake_for_as_long_as_the_process_lives() -> None:
    refused, _, opened = of_process(7)
    assert not any("sleep" in line for line in refused)
    assert str(priority.LATENCY_DEVICE) in opened


def test_what_is_not_allowed_is_told_with_the_limit(monkeypatch, tmp_path) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(priority, "LATENCY_DEVICE", tmp_path / "none")
    first, second = priority.take_priority(20)
    assert first.startswith("no real-time priority 20: Operation not permitted (RLIMIT_RTPRIO is ")
    assert second == f"the cores may sleep: {tmp_path / 'none'}: No such file or directory"
