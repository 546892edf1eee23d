"""The wire server as a process: it starts, ends cleanly, and never outlives whom it should not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim2real_ad.errors import WorldError
from sim2real_ad.world.carla.launch import running_world_server


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(number):
    with running_world_server() as server:
        server.process.send_signal(number)
        assert server.process.wait(20) == 0


def test_a_server_that_does_not_come_up_is_reported():
    with pytest.raises(WorldError, match="did not come up"), running_world_server("--map", "nowhere"):
        pass


PARENT = """
import sys, time
from sim2real_ad.world.carla.launch import running_world_server
with running_world_server() as server:
    print(server.process.pid, flush=True)
    time.sleep(60)
"""


def test_it_ends_with_the_parent_that_started_it():
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait(20)
    deadline = time.monotonic() + 20.0
    while _running(child):
        assert time.monotonic() < deadline, f"process {child} outlived its parent"
        time.sleep(0.05)


def _running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat").read_text()  # an orphan that nobody reaps is dead too
    return stat.rpartition(")")[2].split()[0] != "Z"
