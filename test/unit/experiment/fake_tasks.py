"""Tasks that worker processes import: quick ones, and ways to fail. Imports little, so that a process is there soon."""

import os
import signal
import time
from pathlib import Path

from sim2real_ad.errors import WorldError


def double(number):
    return 2 * number


def threads(_):
    return os.environ.get("OMP_NUM_THREADS")


def process(_):
    return os.getpid()


def misbehave(word):
    if word == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "defect":
        raise ZeroDivisionError("no such thing")
    if word == "user":
        raise WorldError("the server at port 2000 is gone")
    return word


def fail_once(marker):
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def sleep_long(marker):
    Path(marker).write_text(str(os.getpid()))
    time.sleep(60)
