"""What becomes of the workers of a training that ends early: a process of its own, since it is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the train extra")
pytest.importorskip("carla", reason="driving needs the sim extra")

TRAINING = """
import os, signal, sys, time
from sim2real_ad.training.run import worker_pool
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with worker_pool(2) as pool:
        print(*sorted({task.result() for task in [pool.submit(os.getpid) for _ in range(40)]}), flush=True)
        pool.submit(time.sleep, 0.1).result()
        tasks = [pool.submit(time.sleep, 60.0) for _ in range(20)]
        print("begun", flush=True)
        time.sleep(100.0)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize(
    "sign", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=["killed", "interrupted", "ended"]
)
def test_no_worker_outlives_a_training_that_ends_early(tmp_path, sign):
    script = tmp_path / "training.py"
    script.write_text(TRAINING)
    training = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert training.stdout is not None
    workers = [int(pid) for pid in training.stdout.readline().split()]
    assert workers
    assert training.stdout.readline() == "begun\n"
    assert all(map(alive, workers))
    os.kill(training.pid, sign)
    training.wait(timeout=20.0)
    until = time.monotonic() + 10.0
    while any(map(alive, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(alive, workers))
