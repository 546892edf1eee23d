"""The whole graph, as `s2r drive` runs it in lock-step: real-time factor, lost frames, latency."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim2real_ad.errors import GraphError
from sim2real_ad.evaluation.benchmark import Measurement, figure
from sim2real_ad.evaluation.results import read_results, read_summary

TIMEOUT_S = 600
SCENARIO = "stop_sign"


def measure_graph(episodes: int = 3) -> list[Measurement]:
    """Drive a few episodes in the embedded world and read what the run says of itself.

    Raises GraphError where the drive fails or takes longer than TIMEOUT_S.
    """
    with driven("lockstep", episodes) as out:
        summary, results = read_summary(out), read_results(out)
    note = f"{SCENARIO}, {episodes} episodes, lock-step, recorded"
    factors = tuple(r.real_time_factor for r in results if r.real_time_factor > 0.0)
    if not factors or summary.latency_ms is None:
        raise GraphError(f"the drive ended without a measured episode: {[r.error for r in results if r.error]}")
    latency = summary.latency_ms
    return [
        figure("graph, real-time factor", "x", "higher", 1.0, factors, note),
        figure("graph, frames lost", "frames", "lower", 0.0, (summary.frames_lost,), f"of {summary.frames_sent} sent"),
        figure("graph, camera to command, p50", "ms", "lower", None, (latency.p50,), note),
        figure("graph, camera to command, p99", "ms", "lower", None, (latency.p99,), note),
    ]


@contextmanager
def driven(mode: str, episodes: int, *more: str) -> Iterator[Path]:
    """Drive, and yield the folder of the run as long as the block lasts. more: arguments of `s2r drive`.

    Raises GraphError.
    """
    with tempfile.TemporaryDirectory(prefix="s2r-bench-") as folder:
        out = Path(folder) / "run"
        _drive(["--scenario", SCENARIO, "--episodes", str(episodes), "--mode", mode, "--out", str(out), *more])
        yield out


def _drive(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "sim2real_ad", "drive", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise GraphError(f"s2r drive took longer than {TIMEOUT_S} s") from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise GraphError(f"s2r drive ended with status {done.returncode}: {''.join(last)}")
