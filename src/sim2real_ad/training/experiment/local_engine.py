"""Tasks in spawned processes of one thread each, on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, NoReturn

from sim2real_ad.errors import Sim2RealError
from sim2real_ad.training.experiment.engine import ATTEMPTS, HEARTBEAT_S, ItemT, Outcome, ResultT
from sim2real_ad.training.parent_watch import end_with_parent

GRACE_S = 20.0
"""How long a process that is told to end has to put its things in order: a training saves its replay buffer."""
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class LocalEngine:
    """Keeps up to `processes` workers. A worker takes one task after the other; a killed one is replaced."""

    def __init__(self, processes: int = 2) -> None:
        self._processes = processes
        self._workers: list[_Worker[Any, Any]] = []

    def map(
        self,
        function: Callable[[ItemT], ResultT],
        items: Sequence[ItemT],
        idle: Callable[[], None] | None = None,
    ) -> Generator[Outcome[ItemT, ResultT], None, None]:
        """See Engine."""
        waiting = deque((item, 1) for item in items)
        try:
            while waiting or self._busy():
                self._hand_out(function, waiting)
                for worker in self._finished():
                    outcome = worker.collect()
                    if outcome.error and outcome.attempts < ATTEMPTS:
                        waiting.append((outcome.item, outcome.attempts + 1))
                    else:
                        yield outcome
                if idle is not None:
                    idle()
        finally:
            self.close()

    def close(self) -> None:
        """See Engine."""
        for worker in self._workers:
            worker.tell_to_end()
        for worker in self._workers:
            worker.end()
        self._workers = []

    def _busy(self) -> list[_Worker[Any, Any]]:
        return [worker for worker in self._workers if worker.task is not None]

    def _hand_out(self, function: Callable[[Any], Any], waiting: deque[tuple[Any, int]]) -> None:
        self._workers = [worker for worker in self._workers if worker.alive()]
        while waiting and len(self._busy()) < self._processes:
            idle = next((worker for worker in self._workers if worker.task is None), None)
            if idle is None:
                idle = _Worker(function)
                self._workers.append(idle)
            idle.start(*waiting.popleft())

    def _finished(self) -> list[_Worker[Any, Any]]:
        busy = self._busy()
        ready = wait([signal_ for worker in busy for signal_ in (worker.pipe, worker.sentinel)], HEARTBEAT_S)
        return [w for w in busy if w.pipe in ready or w.sentinel in ready or not w.alive()]


class _Worker(Generic[ItemT, ResultT]):
    """One process and the pipe to it. task: what it works on and the number of the attempt."""

    def __init__(self, function: Callable[[ItemT], ResultT]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, function))
        with _one_thread():
            self._process.start()
        theirs.close()
        self.sentinel = self._process.sentinel
        self.task: tuple[ItemT, int] | None = None

    def alive(self) -> bool:
        # A worker whose result has not been collected stays, even where it has died after sending it.
        return self.task is not None or self._process.is_alive()

    def start(self, item: ItemT, attempt: int) -> None:
        self.task = item, attempt
        # Where it died while it waited, collect() says so.
        with suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send(item)

    def collect(self) -> Outcome[ItemT, ResultT]:
        """Take what came of the task that the process was given; blocks until it is there or the process is gone."""
        assert self.task is not None
        (item, attempt), self.task = self.task, None
        try:
            result, error = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self._process.join(GRACE_S)
            result, error = None, f"its process ended with {_describe_exit(self._process.exitcode)}"
        return Outcome(item, result, error, attempt)

    def tell_to_end(self) -> None:
        if self._process.is_alive():
            self._process.terminate()

    def end(self) -> None:
        self._process.join(GRACE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.pipe.close()


def _serve(pipe: Connection, function: Callable[[Any], Any]) -> None:
    """Take tasks from the pipe until it closes. Runs in the worker."""
    # Ctrl-C reaches the whole group; the parent decides what ends, and says so by SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_in_order)
    end_with_parent(GRACE_S)
    while True:
        try:
            item = pipe.recv()
        except EOFError:
            return
        pipe.send(attempt(function, item))


def attempt(function: Callable[[ItemT], ResultT], item: ItemT) -> tuple[ResultT | None, str]:
    """Return (result, "") or (None, why): one line for a user's error, the traceback for a defect."""
    try:
        return function(item), ""
    except Sim2RealError as error:
        return None, str(error)
    except Exception:  # noqa: BLE001 - whatever a task raises is reported; the others go on.
        return None, traceback.format_exc()


def _end_in_order(*_: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


def _describe_exit(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit status {code}"


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let a process that starts here read, before it loads numpy or torch, that it has one thread."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
