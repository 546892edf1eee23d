"""Figures that follow from a recorded episode: measured acceleration, and where the time went."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.evaluation.episode_log import EpisodeLog
from sim2real_ad.types import seconds_from_ns


def measured_acceleration(log: EpisodeLog) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return times (N,) in s and the measured acceleration (N,) in m/s^2: recorded, or the slope of the speed."""
    recorded, ego = log.signals.get("acceleration"), log.signals.get("ego")
    if recorded is not None:
        return recorded.seconds(log.start_ns), recorded.column("acceleration")
    if ego is None or len(ego.rows) < 2:
        return np.zeros(0), np.zeros(0)
    times = ego.seconds(log.start_ns)
    return times, np.gradient(ego.column("speed"), times)


def stage_steps(logs: list[EpisodeLog]) -> list[tuple[str, float, float]]:
    """Return (name, start, length) in ms of each stage and of the way to it, medians over every frame.

    Starts follow one another: the medians of the parts need not add up to the median of the whole.
    """
    work: dict[str, list[float]] = {}
    wait: dict[str, list[float]] = {}
    for log in logs:
        frames: dict[int, list[tuple[int, int, str]]] = {}
        for timing in log.timings:
            frames.setdefault(timing.stamp_ns, []).append((timing.received_ns, timing.published_ns, timing.stage))
        for stages in frames.values():
            before_ns: int | None = None
            for received_ns, published_ns, stage in sorted(stages):
                work.setdefault(stage, []).append(seconds_from_ns(published_ns - received_ns) * 1e3)
                if before_ns is not None:
                    wait.setdefault(stage, []).append(seconds_from_ns(received_ns - before_ns) * 1e3)
                before_ns = published_ns
    return _in_a_row(work, wait)


def _in_a_row(work: dict[str, list[float]], wait: dict[str, list[float]]) -> list[tuple[str, float, float]]:
    steps, start = [], 0.0
    for stage, lengths in work.items():
        for name, values in ((f"to {stage}", wait.get(stage, [])), (stage, lengths)):
            if values:
                length = max(float(np.median(values)), 0.0)
                steps.append((name, start, length))
                start += length
    return steps
