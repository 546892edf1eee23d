"""The cells of a car's two pedal maps as one vector of unknowns, and what a drive says of them.

Coasting is a row of both maps, so that they agree on it. The unknowns are the rows from the full brake over coasting to
the full throttle, each (S,) speeds: along them acceleration only rises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PedalGrid:
    """speeds: (S,) m/s; throttles, brakes: (P,), (Q,), pedals 0..1; all from 0, rising."""

    speeds: Floats
    throttles: Floats
    brakes: Floats

    @property
    def rows(self) -> Floats:
        """Return the pedals of all rows, (Q + P - 1,): brakes below 0, coasting 0, throttles above."""
        return np.concatenate((-self.brakes[:0:-1], self.throttles))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and speeds."""
        return len(self.throttles) + len(self.brakes) - 1, len(self.speeds)

    def accel_rows(self, cells: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the accel map's rows of cells (rows, S), from coasting on."""
        return cells[len(self.brakes) - 1 :]

    def brake_rows(self, cells: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the brake map's rows of cells (rows, S), from coasting on."""
        return cells[len(self.brakes) - 1 :: -1]

    def weights(self, pedal: Floats, speed: Floats) -> Floats:
        """Return how much each cell counts, (N, rows * S), at pedals (N,), brake below 0, and speeds (N,) in m/s.

        Bilinear, as `control.pedal_map` reads the maps; 0 outside of them and where something is NaN.
        """
        inside = np.isfinite(pedal) & np.isfinite(speed)
        inside &= (pedal >= self.rows[0]) & (pedal <= self.rows[-1])
        inside &= (speed >= self.speeds[0]) & (speed <= self.speeds[-1])
        row, up = _place(self.rows, np.where(inside, pedal, 0.0))
        column, right = _place(self.speeds, np.where(inside, speed, 0.0))
        weights = np.zeros((len(pedal), *self.shape))
        sample = np.arange(len(pedal))
        for r, by_row in ((row, 1.0 - up), (row + 1, up)):
            for c, by_column in ((column, 1.0 - right), (column + 1, right)):
                weights[sample, r, c] = by_row * by_column * inside
        return weights.reshape(len(pedal), -1)

    def bends(self) -> Floats:
        """Return for each inner cell, along rows and along columns, how far it is from the line through its
        neighbours: (B, rows * S), to be multiplied with the cells."""
        rows, columns = self.shape
        index = np.arange(rows * columns).reshape(rows, columns)
        along_speed = _bends(self.speeds, index.T, index.size)
        # Between brake and throttle the map bends as it likes: each map is smooth in itself.
        coast = len(self.brakes) - 1
        brakes = _bends(self.rows[: coast + 1], index[: coast + 1], index.size)
        throttles = _bends(self.rows[coast:], index[coast:], index.size)
        return np.concatenate((along_speed, brakes, throttles))


def _place(grid: Floats, values: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the place of the grid point below each value, and the share of the way to the next."""
    below = np.clip(np.searchsorted(grid, values, side="right") - 1, 0, len(grid) - 2)
    return below, (values - grid[below]) / (grid[below + 1] - grid[below])


def _bends(axis: Floats, index: NDArray[np.int64], size: int) -> Floats:
    """Return the bends along the first axis of an index (A, M) of the unknowns, of which there are size."""
    rows = []
    for before, here, after in zip(range(len(axis) - 2), range(1, len(axis) - 1), range(2, len(axis)), strict=True):
        share = (axis[here] - axis[before]) / (axis[after] - axis[before])
        part = np.zeros((index.shape[1], size))
        line = np.arange(index.shape[1])
        part[line, index[here]] = 1.0
        part[line, index[before]] = share - 1.0
        part[line, index[after]] = -share
        rows.append(part)
    return np.concatenate(rows) if rows else np.zeros((0, size))


def rising(values: Floats, weights: Floats, step: float) -> Floats:
    """Return the values (N,) nearest to the given ones, by weights (N,), that rise by at least a step each.

    Isotonic regression by pooling adjacent violators (Barlow et al. 1972), after the step is taken off.
    """
    ramp = step * np.arange(len(values))
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip((values - ramp).tolist(), weights.tolist(), strict=True):
        pools.append((value, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (low, w_low, n_low), (high, w_high, n_high) = pools[-2:]
            mean = (low * w_low + high * w_high) / (w_low + w_high)
            pools[-2:] = [(mean, w_low + w_high, n_low + n_high)]
    return np.concatenate([np.full(count, value) for value, _, count in pools]) + ramp
