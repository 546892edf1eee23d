"""A worker process that does not outlive the process it works for."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading


def end_with_parent(grace_s: float) -> None:
    """Send this process SIGTERM when its parent ends, however it ends, and end it where that has not grace_s later.

    A killed parent cannot tell its workers to stop. For processes that multiprocessing started.
    """
    threading.Thread(target=_follow_parent, args=(grace_s,), name="parent watch", daemon=True).start()


def _follow_parent(grace_s: float) -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(grace_s)
    os._exit(128 + signal.SIGKILL)
