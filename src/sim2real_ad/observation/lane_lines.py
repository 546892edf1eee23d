"""Lane lines on the ground: marks of paint linked from near to far, dashes included."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.types import FloatArray

LIKELY = 0.5
"""Likelihood from which a cell counts as paint."""
WIDEST_MARK = 0.8
"""Marked stretches of a row wider than this, m, are merged lines or no line at all."""
SIDESTEP = 0.4
"""How far the next mark of a line may lie from where the line points, m."""
LONGEST_GAP = 8.0
"""How far apart the marks of one line may lie, m: a broken line of a rural road or a street."""
LEAST_LENGTH = 10.0
"""Lines shorter than this, m, tell too little of their direction."""
LEAST_MARKS = 8
POINTING_MARKS = 10
"""A line points where its last so many marks point."""


@dataclass
class _Track:
    x: list[float] = field(default_factory=list)
    y: list[float] = field(default_factory=list)

    def points_at(self, x: float) -> float:
        """Where the line crosses a row, by its last marks."""
        xs, ys = self.x[-POINTING_MARKS:], self.y[-POINTING_MARKS:]
        if len(xs) < POINTING_MARKS:
            return ys[-1]
        slope, offset = np.polyfit(xs, ys, 1)
        return float(slope * x + offset)


def find_lane_lines(
    paint: FloatArray, validity: NDArray[np.bool_], ahead: NDArray[np.float64], left: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Find lane lines in likelihoods of paint (H, W), 0..1, on a grid of the ground.

    ahead: (H,) m, falling; left: (W,) m, falling, evenly spaced. Returns points (N, 2) of each line, (ahead, left), a
    mark a row, near to far. Marks that touch the edge of what the camera sees are left out: where they were cut, their
    middle is not the line's.
    """
    marked = (paint >= LIKELY) & validity
    tracks: list[_Track] = []
    for row in range(len(ahead) - 1, -1, -1):
        x = float(ahead[row])
        marks = _marks_of_row(marked[row], paint[row], validity[row], left)
        for track, y in _linked([t for t in tracks if x - t.x[-1] <= LONGEST_GAP], x, marks):
            track.x.append(x)
            track.y.append(y)
            marks.remove(y)
        tracks += [_Track([x], [y]) for y in marks]
    return [np.column_stack((t.x, t.y)) for t in tracks if _is_line(t)]


def _is_line(track: _Track) -> bool:
    return track.x[-1] - track.x[0] >= LEAST_LENGTH and len(track.x) >= LEAST_MARKS


def _marks_of_row(
    marked: NDArray[np.bool_], paint: FloatArray, valid: NDArray[np.bool_], left: NDArray[np.float64]
) -> list[float]:
    """Return the middles of the marked stretches of a row, weighted by likelihood."""
    cell = abs(float(left[1] - left[0]))
    bounds = np.flatnonzero(np.diff(np.concatenate(([False], marked, [False]))))
    found = []
    for first, end in zip(bounds[::2], bounds[1::2], strict=True):
        whole = first > 0 and end < len(marked) and valid[first - 1] and valid[end]
        if whole and (end - first) * cell <= WIDEST_MARK:
            around = slice(first - 1, end + 1)
            found.append(float(np.average(left[around], weights=paint[around])))
    return found


def _linked(tracks: list[_Track], x: float, marks: list[float]) -> list[tuple[_Track, float]]:
    """Link marks of a row to tracks, the nearest first, each once."""
    pairs = [(abs(track.points_at(x) - y), n, y) for n, track in enumerate(tracks) for y in marks]
    linked: dict[int, float] = {}
    for distance, n, y in sorted(pairs):
        if distance <= SIDESTEP and n not in linked and y not in linked.values():
            linked[n] = y
    return [(tracks[n], y) for n, y in linked.items()]
