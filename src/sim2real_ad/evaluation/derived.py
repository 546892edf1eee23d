"""Figures that follow from a recorded episode."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.evaluation.episode_log import EpisodeLog


def measured_acceleration(log: EpisodeLog) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return times (N,) in s and the measured acceleration (N,) in m/s^2: recorded, or the slope of the speed."""
    recorded, ego = log.signals.get("acceleration"), log.signals.get("ego")
    if recorded is not None:
        return recorded.seconds(log.start_ns), recorded.column("acceleration")
    if ego is None or len(ego.rows) < 2:
        return np.zeros(0), np.zeros(0)
    times = ego.seconds(log.start_ns)
    return times, np.gradient(ego.column("speed"), times)
