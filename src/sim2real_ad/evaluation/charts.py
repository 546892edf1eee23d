"""Charts as static SVG, coloured by the page's style sheet: nothing to fetch, nothing to run.

Every mark carries what the page's small script needs to show values under the pointer: `data-*` scales on the chart,
names and units on the lines.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from sim2real_ad.evaluation.waterfall import Step

WIDTH = 640.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 8.0, 8.0, 20.0
MAX_POINTS = 600

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """One line. t: (N,) s; values: (N,); style: class in the style sheet."""

    name: str
    t: Values
    values: Values
    style: str


@dataclass(frozen=True)
class Axis:
    """A linear scale from data to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers, about count of them, that lie in low..high."""
    raw = (high - low) / max(count, 1)
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * magnitude >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    marks = (k * step for k in range(first, math.floor(high / step + 1e-9) + 1))
    return [min(max(mark, low), high) for mark in marks]


def time_chart(
    lines: Sequence[Line],
    unit: str,
    duration_s: float,
    bands: Sequence[tuple[float, float]] = (),
    height: float = 132.0,
) -> Markup:
    """Draw lines over time. bands: spans in s that are shaded, where the gate changed the command."""
    y = _value_axis([line.values for line in lines], height)
    x = Axis(0.0, max(duration_s, 0.1), LEFT, WIDTH - RIGHT)
    parts = [*_bands(bands, x, height), *_grid(x, y, height)]
    parts += [_polyline(line, x, y) for line in lines if len(line.t)]
    parts.append(Markup('<line class="cursor" y1="{}" y2="{}" x1="-9" x2="-9"/>').format(TOP, height - BOTTOM))
    attributes = {"t1": x.high, "x0": x.start, "x1": x.end, "v0": y.low, "v1": y.high, "y0": y.start, "y1": y.end}
    data = Markup(" ").join(Markup('data-{}="{:.6g}"').format(k, v) for k, v in attributes.items())
    return _svg("chart time", height, parts, data + Markup(' data-unit="{}"').format(unit))


def histogram(values: Sequence[float], unit: str, marks: Sequence[tuple[str, float]], height: float = 150.0) -> Markup:
    """Draw the distribution of values with named marks; the last bin holds everything above the 99.5 % quantile."""
    data = np.asarray(values, np.float64)
    top = float(np.quantile(data, 0.995)) or 1.0
    counts, edges = np.histogram(np.minimum(data, top), bins=40, range=(0.0, top))
    x = Axis(0.0, top, LEFT, WIDTH - RIGHT)
    y = Axis(0.0, float(counts.max()), height - BOTTOM, TOP + 14)
    parts = list(_grid(x, y, height, x_unit=unit))
    for count, low, high in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        bar = Markup('<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>')
        parts.append(bar.format(x(low) + 0.5, y(count), max(x(high) - x(low) - 1, 0.5), y(0.0) - y(count)))
    for name, value in marks:
        at = x(min(value, top))
        parts.append(
            Markup('<line class="mark" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>').format(at, TOP, y.start)
        )
        anchor = "end" if at > WIDTH * 0.8 else "start"
        text = Markup('<text class="mark-text" x="{:.1f}" y="{}" text-anchor="{}">{} {:.1f} {}</text>')
        parts.append(text.format(at + (-4 if anchor == "end" else 4), TOP + 8, anchor, name, value, unit))
    return _svg("chart", height, parts)


def waterfall(steps: Sequence[Step], unit: str) -> Markup:
    """Draw stages one below the other, in the order of the data's way: a bar to the median, a line on to the p99, and
    a mark at a stage's budget where that is within the chart."""
    row, label = 20.0, 150.0
    end = max((step.start + max(step.p50, step.p99) for step in steps), default=1.0) or 1.0
    x = Axis(0.0, end, label, WIDTH - 60.0)
    height = TOP + row * len(steps) + BOTTOM
    parts = list(_grid(x, None, height, x_unit=unit))
    for index, step in enumerate(steps):
        y, middle = TOP + row * index, step.start + max(step.p50, 0.0)
        style = "bar wait" if step.is_way else "bar"
        parts.append(Markup('<text x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(label - 8, y + 13, step.name))
        rect = Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{}" rx="2"/>')
        parts.append(rect.format(style, x(step.start), y + 4, max(x(middle) - x(step.start), 1.0), row - 8))
        line = Markup('<line class="whisker" x1="{0:.1f}" x2="{1:.1f}" y1="{2:.1f}" y2="{2:.1f}"/>')
        parts.append(line.format(x(middle), x(step.start + step.p99), y + row / 2.0))
        text = Markup('<text class="value" x="{:.1f}" y="{:.1f}">{:.2f}</text>')
        parts.append(text.format(x(step.start + max(step.p50, step.p99)) + 5, y + 13, step.p50))
        if step.budget is not None and step.start + step.budget <= end:
            mark = Markup('<line class="mark" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>')
            parts.append(mark.format(x(step.start + step.budget), y + 2, y + row - 2))
    return _svg("chart", height, parts)


def rate_bar(rate: float | None, interval: tuple[float, float]) -> Markup:
    """Draw a rate as a dot on 0..1 within its confidence interval."""
    x = Axis(0.0, 1.0, 4.0, 196.0)
    low, high = interval
    parts = [
        Markup('<rect class="track" x="4" y="8" width="192" height="4" rx="2"/>'),
        Markup('<rect class="interval" x="{:.1f}" y="5" width="{:.1f}" height="10" rx="5"/>').format(
            x(low), x(high) - x(low)
        ),
    ]
    if rate is not None:
        parts.append(Markup('<circle class="dot" cx="{:.1f}" cy="10" r="5"/>').format(x(rate)))
    return Markup('<svg class="rate" viewBox="0 0 200 20" role="img">{}</svg>').format(Markup("").join(parts))


def spans(stamps: Sequence[float], gap: float) -> list[tuple[float, float]]:
    """Join rising moments in s that lie at most gap apart into (start, end) spans."""
    joined: list[tuple[float, float]] = []
    for stamp in stamps:
        if joined and stamp - joined[-1][1] <= gap:
            joined[-1] = (joined[-1][0], stamp)
        else:
            joined.append((stamp, stamp))
    return joined


def points(x: Values, y: Values) -> Markup:
    """Format coordinates (N,) and (N,) as the points of an SVG line."""
    return Markup(" ").join(Markup(f"{a:.1f},{b:.1f}") for a, b in zip(x.tolist(), y.tolist(), strict=True))


def thin(count: int) -> slice:
    """Return the slice that leaves at most MAX_POINTS of count points."""
    return slice(None, None, max(1, math.ceil(count / MAX_POINTS)))


def _value_axis(values: Sequence[Values], height: float) -> Axis:
    finite = [v[np.isfinite(v)] for v in values if len(v)]
    low = min((float(v.min()) for v in finite if len(v)), default=0.0)
    high = max((float(v.max()) for v in finite if len(v)), default=1.0)
    margin = max((high - low) * 0.08, 1e-3 * max(abs(high), 1.0))
    return Axis(low - margin, high + margin, height - BOTTOM, TOP)


def _polyline(line: Line, x: Axis, y: Axis) -> Markup:
    keep = thin(len(line.t))
    xs = x.start + (line.t[keep] - x.low) / (x.high - x.low) * (x.end - x.start)
    ys = y.start + (line.values[keep] - y.low) / (y.high - y.low) * (y.end - y.start)
    mark = Markup('<polyline class="line {}" data-name="{}" points="{}"/>')
    return mark.format(line.style, line.name, points(xs, ys))


def _bands(bands: Sequence[tuple[float, float]], x: Axis, height: float) -> Iterator[Markup]:
    rect = Markup('<rect class="band" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>')
    for start, end in bands:
        yield rect.format(x(start), TOP, max(x(end) - x(start), 2.0), height - TOP - BOTTOM)


def _grid(x: Axis, y: Axis | None, height: float, x_unit: str = "s") -> Iterator[Markup]:
    base = height - BOTTOM
    if y is not None:
        for value in ticks(y.low, y.high):
            yield Markup('<line class="grid" x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}"/>').format(
                x.start, x.end, y(value)
            )
            text = Markup('<text x="{}" y="{:.1f}" text-anchor="end">{:g}</text>')
            yield text.format(LEFT - 6, y(value) + 3.5, round(value, 6))
    yield Markup('<line class="axis" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(x.start, x.end, base)
    marks = ticks(x.low, x.high, 8)
    for value in marks:
        text = Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{:g}{}</text>')
        anchor = "end" if x(value) > WIDTH - 20.0 else "middle"
        yield text.format(x(value), base + 13, anchor, round(value, 6), f" {x_unit}" if value == marks[-1] else "")


def _svg(style: str, height: float, parts: Sequence[Markup], attributes: str = "") -> Markup:
    frame = Markup('<svg class="{}" viewBox="0 0 {:g} {:g}" role="img" {}>{}</svg>')
    return frame.format(style, WIDTH, height, attributes, Markup("").join(parts))
