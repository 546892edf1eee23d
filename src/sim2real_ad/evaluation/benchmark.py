"""Measurements against targets: repeated, by their median, with the spread that the machine gave."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import computed_field

from sim2real_ad.config import StrictModel
from sim2real_ad.evaluation.statistics import median

REPEATS = 5
NOISY_SPREAD = 0.25
"""Share of the median that the samples may spread before a figure is called noisy."""

Better = Literal["higher", "lower"]


class Measurement(StrictModel):
    """One figure. samples: one a repeat, by the wall clock; target: None where it is for information only.

    cpu_samples: the same by the process's CPU time, which other programs on the machine disturb less.
    """

    name: str
    unit: str
    better: Better
    target: float | None
    samples: tuple[float, ...]
    cpu_samples: tuple[float, ...] = ()
    note: str = ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def value(self) -> float:
        """The median of the samples."""
        return median(self.samples)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def cpu_value(self) -> float | None:
        """The median of the samples by CPU time."""
        return median(self.cpu_samples) if self.cpu_samples else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> str:
        """Whether the target was reached, by how much it was missed, and whether the machine was restless."""
        noise = "" if self.spread <= NOISY_SPREAD else f", noisy: {min(self.samples):.4g} to {max(self.samples):.4g}"
        if self.target is None:
            return f"no target{noise}"
        missed_by = (self.target - self.value) * (1 if self.better == "higher" else -1)
        if missed_by <= 0:
            return f"reached{noise}"
        return f"missed by {missed_by:.3g} {self.unit}{noise}"

    @property
    def spread(self) -> float:
        """Largest minus smallest sample as a share of the median."""
        return (max(self.samples) - min(self.samples)) / self.value if self.value else 0.0

    @property
    def reached(self) -> bool:
        """False only where a target was missed."""
        return not self.verdict.startswith("missed")


def figure(
    name: str, unit: str, better: Better, target: float | None, samples: tuple[float, ...], note: str
) -> Measurement:
    """Return a measurement by the wall clock."""
    return Measurement(name=name, unit=unit, better=better, target=target, samples=samples, note=note)


class Machine(StrictModel):
    """What the figures were measured on. load: runnable processes, mean of the last minute, before the start."""

    processor: str
    cores: int
    load: float
    python: str


class BenchmarkRun(StrictModel):
    """Everything that `s2r bench` measured; failures: parts that could not be measured, and why."""

    machine: Machine
    measurements: tuple[Measurement, ...]
    failures: dict[str, str]


def describe_machine() -> Machine:
    """Return the facts about this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(
        processor=_processor_name(), cores=cores, load=round(os.getloadavg()[0], 2), python=platform.python_version()
    )


class Stopwatch:
    """Seconds by the wall clock and by the process's CPU time; runs inside `with`, adds up over several."""

    def __init__(self) -> None:
        self.wall_s = self.cpu_s = 0.0

    def __enter__(self) -> Stopwatch:
        self._started = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall_s += time.perf_counter() - self._started[0]
        self.cpu_s += time.process_time() - self._started[1]


def time_each(step: Callable[[], object], count: int, repeats: int = REPEATS, warm_up: int = 3) -> list[Stopwatch]:
    """Return the time of count steps, once a repeat, after a warm-up that is not counted."""
    (watches,) = time_in_turn([step], count, repeats, warm_up)
    return watches


def time_in_turn(
    steps: Sequence[Callable[[], object]], count: int, repeats: int = REPEATS, warm_up: int = 3
) -> list[list[Stopwatch]]:
    """Return the times of what is to be compared, as `time_each`; in every repeat each has its turn.

    A machine that is slow for a while is slow for all of them, so that the ratio in a repeat says something.
    """
    for step in steps:
        for _ in range(warm_up):
            step()
    watches = [[Stopwatch() for _ in range(repeats)] for _ in steps]
    for repeat in range(repeats):
        for step, of_step in zip(steps, watches, strict=True):
            with of_step[repeat]:
                for _ in range(count):
                    step()
    return watches


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
