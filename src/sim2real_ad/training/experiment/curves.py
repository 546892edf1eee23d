"""Learning curves of an experiment as one SVG file: strict success on validation seeds over environment steps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from sim2real_ad.evaluation.charts import Axis, points, ticks
from sim2real_ad.training.experiment.folder import ExperimentFolder
from sim2real_ad.training.experiment.spec import RunSpec
from sim2real_ad.training.teacher.evaluation import read_evaluations

PANEL_WIDTH, PANEL_HEIGHT = 300.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 10.0, 28.0, 30.0
HEAD = 34.0
"""Height of the legend's line above the panels."""
SERIES = ("vlm", "surrogate", "hand-crafted", "sparse")
"""Rewards that have a colour of their own; others share the last one."""
STYLE = """
.page { fill: #ffffff; } text { font: 12px system-ui, "Segoe UI", Roboto, sans-serif; fill: #4a5364; }
.title { font-weight: 600; fill: #1d2430; } .grid { stroke: #e2e6ec; } .axis { stroke: #8a93a3; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.band { stroke: none; opacity: .22; }
.s0 { stroke: #1668b8; fill: #1668b8; } .s1 { stroke: #12946a; fill: #12946a; stroke-dasharray: 7 4; }
.s2 { stroke: #c9650a; fill: #c9650a; } .s3 { stroke: #8c5aa8; fill: #8c5aa8; stroke-dasharray: 2 4; }
.s4 { stroke: #667084; fill: #667084; } .line.s0, .line.s1, .line.s2, .line.s3, .line.s4 { fill: none; }
@media (prefers-color-scheme: dark) {
  .page { fill: #12151a; } text { fill: #a7b0be; } .title { fill: #e4e8ee; } .grid { stroke: #2b323d; }
  .s0 { stroke: #6cb3ff; fill: #6cb3ff; } .s1 { stroke: #4fd1a5; fill: #4fd1a5; }
  .s2 { stroke: #f0a35e; fill: #f0a35e; } .s3 { stroke: #c99ae0; fill: #c99ae0; }
}
"""
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """A run's judgements while it trained. steps, success: (N,); success is the mean rate over scenarios, 0..1."""

    run: RunSpec
    steps: Values
    success: Values


def read_curves(folder: ExperimentFolder) -> list[Curve]:
    """Return the curve of every run that has been judged at least once in training, finished or not."""
    found = []
    for run in folder.spec.runs():
        held = read_evaluations(folder.training_folder(run))
        if held:
            steps = np.array([e.steps for e in held], np.float64)
            found.append(Curve(run, steps, np.array([e.success_rate for e in held])))
    return found


def write_curves(folder: ExperimentFolder, path: Path) -> bool:
    """Draw the curves into an SVG file. Returns False, and writes nothing, where there is none yet."""
    curves = read_curves(folder)
    if curves:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(draw_curves(curves)) + "\n", encoding="utf-8")
    return bool(curves)


def draw_curves(curves: Sequence[Curve]) -> Markup:
    """Draw a panel for each start (rows) and algorithm (columns), a line for each reward: the mean over its seeds.

    A band goes from the worst to the best seed where there are several.
    """
    starts = sorted({curve.run.start for curve in curves})
    algorithms = sorted({curve.run.algorithm for curve in curves})
    rewards = sorted({curve.run.reward for curve in curves}, key=lambda name: (_series(name), name))
    last = max(float(curve.steps[-1]) for curve in curves)
    parts = [*_legend(rewards)]
    for row, start in enumerate(starts):
        floor = _floor([curve for curve in curves if curve.run.start == start])
        for column, algorithm in enumerate(algorithms):
            held = [c for c in curves if (c.run.start, c.run.algorithm) == (start, algorithm)]
            panel = Markup("").join(_panel(f"{algorithm}, start: {start}", held, last, floor))
            shift = Markup('<g transform="translate({:g} {:g})">{}</g>')
            parts.append(shift.format(column * PANEL_WIDTH, HEAD + row * PANEL_HEIGHT, panel))
    width, height = max(len(algorithms), 2) * PANEL_WIDTH, HEAD + len(starts) * PANEL_HEIGHT
    frame = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0:g} {1:g}" width="{0:g}" height="{1:g}" role="img" '
        'aria-label="Strict success over environment steps"><style>{2}</style>'
        '<rect class="page" width="{0:g}" height="{1:g}"/>{3}</svg>'
    )
    return frame.format(width, height, Markup(STYLE), Markup("").join(parts))


def mean_curve(curves: Sequence[Curve]) -> tuple[Values, Values, Values, Values]:
    """Return (steps, mean, lowest, highest), each (N,), over curves of several seeds.

    Judgements of different seeds fall on slightly different steps: each curve is read off, linearly between its
    judgements, at the steps of the first, as far as all of them go.
    """
    end = min(float(curve.steps[-1]) for curve in curves)
    begin = max(float(curve.steps[0]) for curve in curves)
    inner = [s for s in curves[0].steps.tolist() if begin < s < end]
    steps = np.unique(np.array([begin, *inner, end]))
    rates = np.array([np.interp(steps, curve.steps, curve.success) for curve in curves])
    return steps, rates.mean(0), rates.min(0), rates.max(0)


def _floor(curves: Sequence[Curve]) -> float:
    """Return where the axis of a row begins: curves that all run close under 100 % are spread over the panel."""
    return min(math.floor(10.0 * min(float(curve.success.min()) for curve in curves)) / 10.0, 0.9)


def _panel(title: str, curves: Sequence[Curve], last: float, floor: float) -> Iterable[Markup]:
    x = Axis(0.0, max(last, 1.0), LEFT, PANEL_WIDTH - RIGHT)
    y = Axis(floor, 1.0, PANEL_HEIGHT - BOTTOM, TOP)
    yield Markup('<text class="title" x="{:g}" y="16">{}</text>').format(LEFT, title)
    yield from _grid(x, y)
    if not curves:
        middle = (x.start + x.end) / 2.0, (y.start + y.end) / 2.0
        yield Markup('<text x="{:g}" y="{:g}" text-anchor="middle">no such run</text>').format(*middle)
    for reward in sorted({c.run.reward for c in curves}, key=_series, reverse=True):
        held = [c for c in curves if c.run.reward == reward]
        steps, mean, low, high = mean_curve(held)
        style = f"s{_series(reward)}"
        if len(held) > 1:
            outline = points(_scale(x, np.r_[steps, steps[::-1]]), _scale(y, np.r_[high, low[::-1]]))
            yield Markup('<polygon class="band {}" points="{}"/>').format(style, outline)
        if len(steps) == 1:
            dot = Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3"/>')
            yield dot.format(style, x(steps[0]), y(mean[0]))
        yield Markup('<polyline class="line {}" points="{}"/>').format(style, points(_scale(x, steps), _scale(y, mean)))


def _grid(x: Axis, y: Axis) -> Iterable[Markup]:
    for value in ticks(y.low, y.high, 4):
        line = Markup('<line class="grid" x1="{0:g}" x2="{1:g}" y1="{2:.1f}" y2="{2:.1f}"/>')
        yield line.format(x.start, x.end, y(value))
        text = Markup('<text x="{:g}" y="{:.1f}" text-anchor="end">{:.0f} %</text>')
        yield text.format(x.start - 6, y(value) + 4, 100 * value)
    yield Markup('<line class="axis" x1="{0:g}" x2="{1:g}" y1="{2:g}" y2="{2:g}"/>').format(x.start, x.end, y.start)
    marks = ticks(x.low, x.high, 4)
    for value in marks:
        anchor = "end" if x(value) > x.end - 30 else "middle"
        unit = " steps" if value == marks[-1] else ""
        text = Markup('<text x="{:.1f}" y="{:g}" text-anchor="{}">{}{}</text>')
        yield text.format(x(value), y.start + 16, anchor, _count(value), unit)


def _legend(rewards: Sequence[str]) -> Iterable[Markup]:
    at = LEFT
    for reward in rewards:
        mark = Markup(
            '<line class="line s{0}" x1="{1:g}" x2="{2:g}" y1="16" y2="16"/><text x="{3:g}" y="20">{4}</text>'
        )
        yield mark.format(_series(reward), at, at + 26, at + 32, reward)
        at += 32 + 7.5 * len(reward) + 22
    yield Markup('<text x="{:g}" y="20">strict success (shaded: worst to best seed)</text>').format(at)


def _series(reward: str) -> int:
    return SERIES.index(reward) if reward in SERIES else len(SERIES)


def _scale(axis: Axis, values: Values) -> Values:
    return np.array([axis(value) for value in values.tolist()])


def _count(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"
