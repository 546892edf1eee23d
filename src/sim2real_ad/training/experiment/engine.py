"""Where many independent tasks run: in processes of this machine, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar

from sim2real_ad.errors import TrainingError

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

ATTEMPTS = 2
"""A task that fails is tried once more: processes get killed for memory, worlds die."""
HEARTBEAT_S = 1.0
"""How often `idle` is called while nothing finishes."""


class EngineKind(str, Enum):
    """What can stand behind --engine."""

    local = "local"
    ray = "ray"


@dataclass(frozen=True)
class Outcome(Generic[ItemT, ResultT]):
    """What became of a task. error: why the last attempt failed, "" where it did not; result is None then."""

    item: ItemT
    result: ResultT | None
    error: str = ""
    attempts: int = 1

    @property
    def value(self) -> ResultT:
        """The result. Raises TrainingError with the reason where the task failed."""
        if self.result is None or self.error:
            raise TrainingError(f"{self.item}: {self.error or 'gave no result'} (attempt {self.attempts})")
        return self.result


class Engine(Protocol):
    """Runs tasks side by side. One that fails or is killed is reported; the others finish."""

    def map(
        self,
        function: Callable[[ItemT], ResultT],
        items: Sequence[ItemT],
        idle: Callable[[], None] | None = None,
    ) -> Generator[Outcome[ItemT, ResultT], None, None]:
        """Yield an outcome an item, as they finish. function and items must pickle; every process has one thread.

        idle is called about every HEARTBEAT_S while waiting. Closing the iterator, or an exception in whoever
        iterates, ends what still runs.
        """
        ...

    def close(self) -> None:
        """End every process that the engine started; may be called twice."""
        ...


def make_engine(kind: EngineKind | str, processes: int, address: str | None = None) -> Engine:
    """Make an engine by name. processes: at the same time, on this machine; address: of a Ray cluster that runs.

    Raises TrainingError where Ray is asked for and not installed, or cannot be reached.
    """
    if EngineKind(kind) is EngineKind.ray:
        from sim2real_ad.training.experiment.ray_engine import RayEngine

        return RayEngine(processes, address)
    from sim2real_ad.training.experiment.local_engine import LocalEngine

    return LocalEngine(processes)
