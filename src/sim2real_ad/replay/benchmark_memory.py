"""How much memory a replay takes, and whether it grows with the bag."""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from sim2real_ad.evaluation.benchmark import Measurement, figure
from sim2real_ad.replay.benchmark import replay_whole, write_bag
from sim2real_ad.replay.stepping import Stepped

STATE_S, PICTURES_S = 3600.0, 180.0
MOST_MB, MOST_GROWTH_MB = 500.0, 10.0
"""Growth: from the end of the first quarter to the greatest after it."""
WEIGHED_EVERY = 100
"""Frames."""


class _Scales:
    """A watcher that notes the memory of its process now and then."""

    def __init__(self) -> None:
        self.weights_mb: list[float] = []
        self._frames = 0

    def see(self, stepped: Stepped) -> None:
        if self._frames % WEIGHED_EVERY == 0:
            self.weights_mb.append(_resident_mb())
        self._frames += 1

    def facts(self) -> dict[str, Any]:
        return {}

    def left_out(self) -> list[str]:
        return []


def measure_memory() -> list[Measurement]:
    """Replay a bag of an hour's state, and one of pictures, each in a process of its own; some minutes, 1 GB of disk.

    Raises SourceError where they do not replay whole.
    """
    figures = []
    for what, seconds in (("state", STATE_S), ("pictures", PICTURES_S)):
        with tempfile.TemporaryDirectory(prefix="s2r-bench-") as name:
            bag = write_bag(Path(name) / "bag", seconds, pictures=what == "pictures")
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
                weights_mb, peak_mb = alone.submit(weigh, bag, Path(name) / "out").result()
        settled, length = weights_mb[len(weights_mb) // 4 :], f"{seconds / 60.0:g} min"
        growth_mb = max(settled) - settled[0]
        weighed = f"{length}; {len(weights_mb)} times weighed, from the end of the first quarter on"
        figures += [
            figure(f"replay of {what}, peak memory", "MB", "lower", MOST_MB, (peak_mb,), f"{length}; resident"),
            figure(f"replay of {what}, growth", "MB", "lower", MOST_GROWTH_MB, (growth_mb,), weighed),
        ]
    return figures


def weigh(bag: Path, out: Path) -> tuple[list[float], float]:
    """Replay a bag; return what this process weighed on the way, and at most, MB. Raises SourceError."""
    scales = _Scales()
    replay_whole(bag, out, (scales,))
    return scales.weights_mb, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20
