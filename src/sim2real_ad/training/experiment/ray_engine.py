"""Tasks on a Ray cluster: one that runs already, or one of this machine's own for as long as the engine lives."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Generator, Sequence
from typing import Any

from sim2real_ad.errors import TrainingError
from sim2real_ad.training.experiment.engine import ATTEMPTS, HEARTBEAT_S, ItemT, Outcome, ResultT
from sim2real_ad.training.experiment.local_engine import attempt

KNOCK_S = 5.0
INSTALL = "pip install 'sim2real_ad[cluster]'"


class RayEngine:
    """Runs every task as a Ray task of one CPU. Folders that tasks write to must be shared by the cluster's machines.

    processes: CPUs of the machine's own cluster; address: of a cluster that runs ("auto": the one found), which is
    left running.
    """

    def __init__(self, processes: int = 2, address: str | None = None) -> None:
        """Raises TrainingError where the package is missing."""
        self._ray = _import_ray(own_cluster=address is None)
        self._processes = processes
        self._address = address
        self._started = False
        self._files = ""

    def map(
        self,
        function: Callable[[ItemT], ResultT],
        items: Sequence[ItemT],
        idle: Callable[[], None] | None = None,
    ) -> Generator[Outcome[ItemT, ResultT], None, None]:
        """See Engine. Raises TrainingError where the cluster cannot be reached or started."""
        self._start()
        remote = self._ray.remote(num_cpus=1, max_retries=0)(attempt)
        running = {remote.remote(function, item): (item, 1) for item in items}
        try:
            while running:
                finished, _ = self._ray.wait(list(running), num_returns=1, timeout=HEARTBEAT_S)
                for reference in finished:
                    outcome = self._outcome(reference, *running.pop(reference))
                    if outcome.error and outcome.attempts < ATTEMPTS:
                        running[remote.remote(function, outcome.item)] = outcome.item, outcome.attempts + 1
                    else:
                        yield outcome
                if idle is not None:
                    idle()
        finally:
            for reference in running:
                self._ray.cancel(reference, force=True)

    def close(self) -> None:
        """See Engine. A cluster that ran before is left running."""
        if self._started:
            self._ray.shutdown()
            self._started = False
        if self._files:
            shutil.rmtree(self._files, ignore_errors=True)
            self._files = ""

    def _outcome(self, reference: Any, item: ItemT, attempts: int) -> Outcome[ItemT, Any]:
        try:
            result, error = self._ray.get(reference)
        except self._ray.exceptions.RayError as failure:
            result, error = None, f"its process ended: {str(failure).splitlines()[0]}"
        return Outcome(item, result, error, attempts)

    def _start(self) -> None:
        if self._started or self._ray.is_initialized():
            return
        try:
            _knock(self._address)
            self._ray.init(**self._options())
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            self.close()
            where = f"the Ray cluster at '{self._address}'" if self._address else "a Ray cluster on this machine"
            raise TrainingError(f"cannot use {where}: {error}") from error
        self._started = True

    def _options(self) -> dict[str, Any]:
        quiet = {"log_to_driver": False, "logging_level": "error"}
        if self._address:
            return {"address": self._address, **quiet}
        self._files = tempfile.mkdtemp(prefix="s2r-ray-")
        return {
            "address": "local",
            "num_cpus": self._processes,
            "include_dashboard": False,
            "_node_ip_address": "127.0.0.1",
            "_temp_dir": self._files,
            **quiet,
        }


def _knock(address: str | None) -> None:
    """Raise OSError at once where nobody listens at HOST:PORT: Ray itself would try for minutes."""
    host, colon, port = (address or "").rpartition("//")[2].rpartition(":")
    if colon:
        socket.create_connection((host, int(port)), KNOCK_S).close()


def _import_ray(*, own_cluster: bool) -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if own_cluster:
        # Ray turns 127.0.0.1 into an address that other machines reach, unless it is told to be no cluster of several
        # machines; it reads this when it is imported.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise TrainingError(f"the engine 'ray' needs the package 'ray', which is not installed: {INSTALL}") from error
    return ray
