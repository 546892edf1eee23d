"""The course of a replay, as its report draws it: lines, spans and marks over the recorded time."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.evaluation.charts import spans
from sim2real_ad.replay.quantities import FRAME_QUANTITIES
from sim2real_ad.replay.results import ReplayFrame
from sim2real_ad.types import seconds_from_ns

MAX_POINTS = 2000
"""Of a line: more than a screen has columns."""

MAX_REASONS = 12
"""Rows of the event lane, the most frequent first."""


@dataclass(frozen=True)
class Line:
    """One line of a plot. quantity: see `quantities`; style: class in the style sheet."""

    name: str
    quantity: str
    style: str


@dataclass(frozen=True)
class Plot:
    """One plot. low, high: of its axis, None for what the values need."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    low: float | None = None
    high: float | None = None


def _three(field: str) -> tuple[Line, ...]:
    return (
        Line("command", f"command.{field}", "replayed"),
        Line("recorded", f"recorded_command.{field}", "recorded"),
        Line("driven", f"driven.{field}", "driven"),
    )


UNFAMILIAR = "Out-of-distribution score"
PLOTS = (
    Plot("Speed", "m/s", (Line("driven", "speed", "driven"),)),
    Plot("Steering", "rad at the tyre", _three("steering_tire_angle")),
    Plot("Acceleration", "m/s²", _three("acceleration")),
    Plot(
        "Curvature of the action",
        "share of the greatest",
        (
            Line("action", "action.curvature", "replayed"),
            Line("recorded", "recorded_action.curvature", "recorded"),
        ),
    ),
    Plot(UNFAMILIAR, "0 to 1", (Line("score", "ood", "replayed"),), 0.0, 1.0),
    Plot("Ground seen", "share", (Line("seen", "seen", "replayed"),), 0.0, 1.0),
    Plot("Time to collision", "s, drawn up to 10", (Line("time", "time_to_collision", "replayed"),), 0.0, 10.0),
    Plot("Free way ahead", "m", (Line("gap", "gap", "replayed"),), 0.0),
)


class Timeline:
    """Gathers frames as they come: 8 bytes a frame and line."""

    def __init__(self) -> None:
        self._stamps_ns = array("q")
        self._start_ns: int | None = None
        self._columns = {line.quantity: array("d") for plot in PLOTS for line in plot.lines}
        self._states: list[tuple[str, int]] = []
        self._reasons: dict[str, array[int]] = {}

    def __len__(self) -> int:
        """Return how many frames there are."""
        return len(self._stamps_ns)

    def add(self, frame: ReplayFrame) -> None:
        """Take in one frame."""
        self._stamps_ns.append(frame.stamp_ns)
        self._start_ns = frame.stamp_ns if self._start_ns is None else min(self._start_ns, frame.stamp_ns)
        for name, column in self._columns.items():
            value = FRAME_QUANTITIES[name](frame)
            column.append(math.nan if value is None or math.isinf(value) else value)
        if not self._states or self._states[-1][0] != frame.state:
            self._states.append((frame.state, frame.stamp_ns))
        for reason in frame.reasons:
            self._reasons.setdefault(reason, array("q")).append(frame.stamp_ns)

    def seconds(self, stamp_ns: int) -> float:
        """Return s since the earliest frame; 0 without frames."""
        return 0.0 if self._start_ns is None else seconds_from_ns(stamp_ns - self._start_ns)

    def data(self, unfamiliar: float | None = None) -> dict[str, Any]:
        """Return all of it for the page's script, times in s since the earliest frame. unfamiliar: the score at which
        the gate stops the car. There must be frames."""
        stamps = np.frombuffer(self._stamps_ns, np.int64)
        order = np.argsort(stamps, kind="stable")
        times = (stamps[order] - stamps.min()) / 1e9
        steps = np.diff(times)
        return {
            "start_s": round(seconds_from_ns(int(stamps.min())), 3),
            "duration": round(float(times[-1]), 3),
            "period": round(float(np.median(steps)), 4) if len(steps) else 0.1,
            "plots": [drawn for plot in PLOTS if (drawn := self._plot(plot, times, order, unfamiliar))],
            "states": self._state_spans(float(times[-1])),
            "reasons": self._reason_spans(float(times[-1])),
        }

    def _plot(
        self, plot: Plot, times: NDArray[np.float64], order: NDArray[np.int64], unfamiliar: float | None
    ) -> dict[str, Any] | None:
        lines = []
        for line in plot.lines:
            values = np.frombuffer(self._columns[line.quantity])[order]
            if np.isfinite(values).any():
                keep = thin(values)
                lines.append({"name": line.name, "style": line.style, **_points(times[keep], values[keep])})
        if not lines:
            return None
        limit = unfamiliar if plot.title == UNFAMILIAR else None
        parts = {"title": plot.title, "unit": plot.unit, "low": plot.low, "high": plot.high, "limit": limit}
        return {**parts, "lines": lines}

    def _state_spans(self, end: float) -> list[dict[str, Any]]:
        starts = [round(self.seconds(stamp_ns), 3) for _, stamp_ns in self._states]
        ends = [*starts[1:], round(end, 3)]
        return [
            {"name": name, "start": a, "end": b} for (name, _), a, b in zip(self._states, starts, ends, strict=True)
        ]

    def _reason_spans(self, end: float) -> list[dict[str, Any]]:
        """Return spans by reason. Frames closer than a pixel or so of the whole are one span."""
        frequent = sorted(self._reasons.items(), key=lambda item: (-len(item[1]), item[0]))[:MAX_REASONS]
        gap = max(0.15, end / 800.0)
        return [
            {"name": name, "spans": _rounded(spans(sorted(map(self.seconds, stamps)), gap))}
            for name, stamps in frequent
        ]


def thin(values: NDArray[np.float64], count: int = MAX_POINTS) -> NDArray[np.int64]:
    """Return the places of at most count values, rising: the first, the last, and of stretches of equal length the
    least and the greatest. A stretch without a number keeps one NaN, which breaks the line."""
    if len(values) <= count:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), (count - 2) // 2 + 1).astype(np.int64)
    keep = {0, len(values) - 1}
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = values[start:end]
        known = np.flatnonzero(np.isfinite(part))
        places = known[[part[known].argmin(), part[known].argmax()]] if len(known) else np.zeros(1, np.int64)
        keep.update((start + places).tolist())
    return np.array(sorted(keep))


def _points(times: NDArray[np.float64], values: NDArray[np.float64]) -> dict[str, Any]:
    numbers = [float(f"{value:.5g}") if math.isfinite(value) else None for value in values.tolist()]
    return {"t": np.round(times, 3).tolist(), "v": numbers}


def _rounded(found: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(round(start, 3), round(end, 3)) for start, end in found]
