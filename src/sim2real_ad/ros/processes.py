"""Processes of the graph: started together, watched, and ended together, whatever happens to their starter."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sim2real_ad.errors import GraphError
from sim2real_ad.ros.transport import mapped_segments

PR_SET_PDEATHSIG = 1
LOG_TAIL_LINES = 8
_LIBC = ctypes.CDLL(None, use_errno=True)


class ManagedProcess:
    """One child in a process group of its own, which gets SIGTERM when the thread that started it ends.

    What it prints goes to a log file, so that it never waits for a reader.
    """

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log_dir: Path) -> None:
        """Start it. Call from the main thread: it is that thread's end that ends the child."""
        self.name = name
        self.log_path = log_dir / f"{name}.log"
        self._log = self.log_path.open("wb")
        self._segments: set[Path] = set()
        self._popen = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            preexec_fn=_in_own_group_and_bound_to_parent(os.getpid()),
        )

    @property
    def pid(self) -> int:
        """The process id, which is the group's too."""
        return self._popen.pid

    @property
    def exit_status(self) -> int | None:
        """The exit status, None while it runs."""
        return self._popen.poll()

    def log_lines(self) -> list[str]:
        """Return what it has printed."""
        return self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()

    def describe_end(self) -> str:
        """Tell how it ended, with the last lines of its log that say something."""
        status = self.exit_status
        how = f"exit status {status}" if status is None or status >= 0 else f"signal {signal.Signals(-status).name}"
        errors = [line for line in self.log_lines() if line.startswith("error: ")]
        tail = errors[-1:] or [line for line in self.log_lines() if line.strip()][-LOG_TAIL_LINES:]
        return f"node '{self.name}' ended with {how}: " + ("\n".join(tail) or f"no word in {self.log_path}")

    def remember_segments(self) -> None:
        """Note the shared memory of its graph, which nobody would remove after a SIGKILL."""
        try:
            self._segments |= {path for path, _ in mapped_segments(self.pid)}
        except OSError:
            return

    def signal(self, number: int) -> None:
        """Send a signal to the whole group."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return

    def wait(self, deadline_s: float) -> bool:
        """Wait until a time.monotonic(); return whether it has ended."""
        try:
            self._popen.wait(timeout=max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        """Kill what is left of the group and release the log."""
        if self.exit_status is None:
            self.remember_segments()
            self.signal(signal.SIGKILL)
            self._popen.wait()
        self._log.close()

    def remove_segments(self) -> None:
        """Remove the shared memory that it, or a process it talked to, left behind. Call when all have ended."""
        for path in self._segments:
            path.unlink(missing_ok=True)
            path.with_name(f"{path.name}_el").unlink(missing_ok=True)


class ProcessGroup:
    """Every process of one run."""

    def __init__(self, environment: Mapping[str, str], log_dir: Path) -> None:
        self._environment = environment
        self._log_dir = log_dir
        self.processes: dict[str, ManagedProcess] = {}
        log_dir.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, command: Sequence[str]) -> ManagedProcess:
        """Start one process; it does not wait for it."""
        self.processes[name] = ManagedProcess(name, command, self._environment, self._log_dir)
        return self.processes[name]

    def check(self, may_end: frozenset[str] = frozenset()) -> None:
        """Raise GraphError where a process has ended; one of may_end only where it failed."""
        for process in self.processes.values():
            status = process.exit_status
            if status is not None and not (status == 0 and process.name in may_end):
                raise GraphError(process.describe_end())

    def wait_for(
        self, pending: Callable[[], Mapping[str, str]], timeout_s: float, may_end: frozenset[str] = frozenset()
    ) -> None:
        """Wait until nothing is pending; names map to what is waited for.

        Raises GraphError where a process ends before, or names what was not there in time.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            self.check(may_end)
            waiting = pending()
            if not waiting:
                return
            if time.monotonic() > deadline_s:
                raise GraphError(_late(waiting, timeout_s, self.processes))
            time.sleep(0.02)

    def stop(self, last: Sequence[str] = (), grace_s: float = 5.0) -> None:
        """End every process: SIGTERM, after a grace SIGKILL. Those named in last are asked after the others ended."""
        for process in self.processes.values():
            process.remember_segments()
        groups = [[p for p in self.processes.values() if p.name not in last]]
        groups.append([self.processes[name] for name in last if name in self.processes])
        for group in groups:
            for process in group:
                process.signal(signal.SIGTERM)
            deadline_s = time.monotonic() + grace_s
            for process in group:
                process.wait(deadline_s)
            for process in group:
                process.close()
        for process in self.processes.values():
            process.remove_segments()
        self.processes.clear()


def _late(waiting: Mapping[str, str], timeout_s: float, processes: Mapping[str, ManagedProcess]) -> str:
    name, what = next(iter(waiting.items()))
    others = [f"'{n}'" for n in waiting if n != name]
    tail = [line for line in processes[name].log_lines() if line.strip()][-LOG_TAIL_LINES:] if name in processes else []
    late = f"node '{name}' was not there after {timeout_s:.0f} s: {what}"
    late += f"; still waiting: {', '.join(others)}" if others else ""
    return "\n".join([late, *tail])


def _in_own_group_and_bound_to_parent(parent: int) -> Callable[[], None]:
    """Return what runs in the child before its program."""

    def prepare() -> None:
        os.setpgid(0, 0)
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the kernel was asked
            os._exit(1)

    return prepare
