"""Accel and brake maps in Autoware's CSV, from pedals, speed and measured acceleration.

What the pedals and the speed at one time ask for comes after the actuator's delay and lag. So the measured acceleration
is a sum of the maps' cells, each weighted as the map is read (bilinear) and sent through the same delay and lag: linear
in the cells, and no transient need be left out. Gravity is added back where the slope is known. Cells that were not
driven through lie on the line through their neighbours, as far as these say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.calibration.estimate import blocks_of
from sim2real_ad.calibration.pedal_grid import PedalGrid, rising
from sim2real_ad.calibration.signals import Series, Signals
from sim2real_ad.config import StrictModel
from sim2real_ad.control.powertrain import BRAKES, GRAVITY, SPEEDS, THROTTLES
from sim2real_ad.errors import CalibrationError
from sim2real_ad.evaluation.statistics import Z_95
from sim2real_ad.vehicle.profile import FirstOrderActuator

Floats = NDArray[np.float64]

STEP_S = 0.02
ROW_S = 0.1
"""Signals are read every STEP_S and compared as means over ROW_S."""
BLOCK_S = 5.0
SLOWEST = 0.1
"""m/s below which brakes hold and drag does not act: Autoware's calibrator drops it, too."""
TOUCHED = 0.01
"""Pedals below this are released."""
WIDEST_TYRE_ANGLE = 0.2
"""rad above which steering itself slows the car."""
STEEPEST = 0.1
"""rad of slope above which gravity's share is too great to be corrected."""
ROW_DRIVEN_S = 1.0
"""A row or column of a map is in it where it was driven through for so long."""
CELL_DRIVEN_S, CELL_WIDTH = 0.3, 0.1
"""A cell is measured where so many s of the driving fell to it and its interval's half width is at most so many m/s^2;
else it comes from its neighbours."""
LEAST_MEASURED = 1.0 / 3.0
"""Share of a map's cells that must be measured."""
LEAST_DRIVEN_S = 60.0
LEAST_ROWS = 3
LEAST_SPEED_RANGE = 5.0
USUAL_BEND = 0.15
"""m/s^2 of standard deviation of a cell from the line through its neighbours."""
WORST_RMS = 0.5
"""m/s^2 of residuals above which signals do not belong together."""
LEAST_STEP = 0.003
"""m/s^2 by which acceleration rises from row to row: maps are read both ways, so they must not be flat."""
CHUNK_ROWS = 500
LEAST_SIGMA = 0.02
"""m/s^2; the model is no better."""
ROUNDS, SETTLED = 12, 3e-3
"""Of the fit; m/s^2."""
HUBER = 1.345


class PedalTableEstimate(StrictModel):
    """One map. speeds: (S,) m/s; pedals: (P,); accelerations: (P, S) m/s^2; half_widths: (P, S), of the 95 % intervals;
    measured: (P, S), False where a cell comes from its neighbours."""

    speeds: tuple[float, ...]
    pedals: tuple[float, ...]
    accelerations: tuple[tuple[float, ...], ...]
    half_widths: tuple[tuple[float, ...], ...]
    measured: tuple[tuple[bool, ...], ...]

    @property
    def share_measured(self) -> float:
        """Share of the cells that were driven through, 0..1."""
        return float(np.mean(self.measured))

    def csv(self) -> str:
        """Return the map as Autoware and `control.pedal_map` read it, to 1 mm/s^2."""
        lines = ["default," + ",".join(f"{speed:g}" for speed in self.speeds)]
        for pedal, row in zip(self.pedals, self.accelerations, strict=True):
            lines.append(f"{pedal:g}," + ",".join(f"{value + 0.0:.3f}" for value in row))
        return "\n".join(lines) + "\n"

    def guessed(self) -> list[str]:
        """Return what comes from neighbours, like `pedal 0.8: 0, 0.5, 17 m/s`."""
        found = []
        for pedal, row in zip(self.pedals, self.measured, strict=True):
            speeds = [f"{speed:g}" for speed, known in zip(self.speeds, row, strict=True) if not known]
            if speeds:
                found.append(f"pedal {pedal:g}: {', '.join(speeds)} m/s")
        return found


class PedalCalibration(StrictModel):
    """Both maps; residual_rms: m/s^2 over ROW_S; driven_s: how long was compared; outliers: share that weighed less
    than half; pooled: cells that were moved so that acceleration rises with the pedal."""

    accel: PedalTableEstimate
    brake: PedalTableEstimate
    residual_rms: float
    driven_s: float
    outliers: float
    pooled: int
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return what is told to the user, a line a fact."""
        return [
            f"{self.driven_s:.0f} s of driving; residual {self.residual_rms:.3f} m/s^2 RMS over {ROW_S} s, "
            f"{self.outliers:.1%} outliers",
            *self._map_lines("accel", self.accel),
            *self._map_lines("brake", self.brake),
            f"{self.pooled} cells moved so that acceleration rises with the pedal",
            *self.notes,
        ]

    @staticmethod
    def _map_lines(name: str, table: PedalTableEstimate) -> list[str]:
        widths = np.array(table.half_widths)[np.array(table.measured)]
        guessed = [f"  from neighbours: {line}" for line in table.guessed()]
        return [
            f"{name} map: pedal to {table.pedals[-1]:g}, speed to {table.speeds[-1]:g} m/s, "
            f"{table.share_measured:.0%} of the cells measured, "
            f"95 % within ± {np.median(widths):.3f} m/s^2 (median) and ± {np.max(widths):.3f} m/s^2 (worst)",
            *guessed,
        ]


@dataclass(frozen=True)
class _Rows:
    """What is compared: weights (N, cells) after delay and lag, accelerations (N,) on a level road, blocks (N,)."""

    weights: Floats
    accelerations: Floats
    blocks: NDArray[np.int64]


def calibrate_pedals(signals: Signals, response: FirstOrderActuator) -> PedalCalibration:
    """Fit both maps. response: delay and lag of the acceleration, see `calibrate actuators`.

    Raises CalibrationError with the reason where the drive covers too little.
    """
    drive = _Drive(signals, response)
    grid = drive.grid()
    rows = drive.rows(grid)
    driven_s = len(rows.accelerations) * ROW_S
    if driven_s < LEAST_DRIVEN_S:
        raise CalibrationError(
            f"too few samples: {driven_s:.0f} s within the maps; {LEAST_DRIVEN_S:.0f} s is the least"
        )
    cells, spread, residuals, weights = _solve(rows, grid)
    rms = math.sqrt(float(np.average(residuals**2, weights=weights)))
    if rms > WORST_RMS:
        raise CalibrationError(f"residual too great: {rms:.2f} m/s^2 RMS; {WORST_RMS} is the most: wrong signals?")
    seconds = (rows.weights.sum(axis=0) * ROW_S).reshape(grid.shape)
    sorted_cells, pooled = _monotone(cells.reshape(grid.shape), spread.reshape(grid.shape))
    half_widths = Z_95 * spread.reshape(grid.shape)
    measured = (seconds >= CELL_DRIVEN_S) & (half_widths <= CELL_WIDTH)
    parts = (sorted_cells, half_widths, measured)
    result = PedalCalibration(
        accel=_table(grid, grid.throttles, *(grid.accel_rows(part) for part in parts)),
        brake=_table(grid, grid.brakes, *(grid.brake_rows(part) for part in parts)),
        residual_rms=rms,
        driven_s=driven_s,
        outliers=float(np.mean(weights < 0.5)),
        pooled=pooled,
        notes=drive.notes,
    )
    _check_measured(result)
    return result


class _Drive:
    """Pedals, speed and acceleration every STEP_S."""

    def __init__(self, signals: Signals, response: FirstOrderActuator) -> None:
        throttle, brake, speed = (signals.need(name) for name in ("throttle", "brake", "speed"))
        for name, series in (("throttle", throttle), ("brake", brake)):
            if series.values.min() < -TOUCHED or series.values.max() > 1.0 + TOUCHED:
                raise CalibrationError(
                    f"{name} reaches from {series.values.min():.3g} to {series.values.max():.3g}, not 0 to 1: "
                    f"give its scale, as --signal {name}=TOPIC:FIELD*0.01"
                )
        acceleration, self.notes = signals.acceleration()
        self._lag_s = response.lag_s
        start = max(s.times[0] for s in (throttle, brake, speed, acceleration)) + response.delay_s
        end = min(s.times[-1] for s in (throttle, brake, speed, acceleration))
        self._times = np.arange(start, end, STEP_S)
        # The acceleration at a time comes of pedals and speed of the step that ended a delay before it.
        caused = self._times - response.delay_s - STEP_S / 2.0
        pressed = np.stack((throttle.at(caused), brake.at(caused)))
        self._pedal = np.where(pressed[1] > TOUCHED, -pressed[1], np.maximum(pressed[0], 0.0))
        self._pedal[np.abs(self._pedal) < TOUCHED] = 0.0
        self._pedal[(pressed > TOUCHED).all(axis=0) | np.isnan(pressed).any(axis=0)] = np.nan
        self._speed = speed.at(caused)
        self._acceleration, self._usable = self._levelled(signals, acceleration)

    def grid(self) -> PedalGrid:
        """Return the maps' grid, as far as was driven. Raises CalibrationError where that is too little."""
        pedal, speed = self._pedal[self._usable], self._speed[self._usable]
        if len(speed) * STEP_S < LEAST_DRIVEN_S:
            raise CalibrationError(
                f"too few samples: {len(speed) * STEP_S:.0f} s of moving with one pedal or none, on gentle slopes and "
                f"bends; {LEAST_DRIVEN_S:.0f} s is the least"
            )
        throttles = _reached(np.array(THROTTLES), pedal[pedal > 0.0])
        brakes = _reached(np.array(BRAKES), -pedal[pedal < 0.0])
        speeds = _reached(np.array(SPEEDS), speed)
        for name, rows in (("throttle", throttles), ("brake", brakes)):
            if len(rows) < LEAST_ROWS:
                raise CalibrationError(f"coverage too thin: the {name} was hardly pressed, to {rows[-1]:g} at most")
        if len(speeds) < LEAST_ROWS or speeds[-1] < LEAST_SPEED_RANGE:
            raise CalibrationError(
                f"coverage too thin: driven up to {speeds[-1]:g} m/s; {LEAST_SPEED_RANGE:g} m/s is the least"
            )
        return PedalGrid(speeds, throttles, brakes)

    def rows(self, grid: PedalGrid) -> _Rows:
        """Send the cells' weights through the lag, and take means over ROW_S of what is usable throughout."""
        count = round(ROW_S / STEP_S)
        length = len(self._times) // count * count
        usable = self._usable & ~_soon_after(~self._inside(grid), 4.0 * self._lag_s)
        whole = np.asarray(usable[:length].reshape(-1, count).all(axis=1))
        lagged = np.concatenate([chunk[keep] for chunk, keep in self._lagged(grid, count, whole)])
        accelerations = self._acceleration[:length].reshape(-1, count)[whole].mean(axis=1)
        return _Rows(lagged, accelerations, blocks_of(self._times[:length:count][whole], BLOCK_S))

    def _inside(self, grid: PedalGrid) -> NDArray[np.bool_]:
        """Tell where the maps say something."""
        pedal, speed = self._pedal, self._speed
        inside = (pedal >= grid.rows[0]) & (pedal <= grid.rows[-1]) & (speed <= grid.speeds[-1])
        return np.asarray(inside & np.isfinite(pedal) & np.isfinite(speed))

    def _lagged(
        self, grid: PedalGrid, count: int, whole: NDArray[np.bool_]
    ) -> Iterator[tuple[Floats, NDArray[np.bool_]]]:
        """Yield the weights after the lag, means of count steps each (M, cells), and which of these are whole."""
        decay = math.exp(-STEP_S / self._lag_s) if self._lag_s > 0.0 else 0.0
        state = grid.weights(self._pedal[:1], self._speed[:1])[0]
        for first in range(0, len(whole), CHUNK_ROWS):
            keep = whole[first : first + CHUNK_ROWS]
            steps = slice(first * count, (first + len(keep)) * count)
            weights = grid.weights(self._pedal[steps], self._speed[steps])
            for row in weights:
                state = row + (state - row) * decay
                row[:] = state
            yield weights.reshape(len(keep), count, -1).mean(axis=1), keep

    def _levelled(self, signals: Signals, acceleration: Series) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the acceleration that a level road would give, m/s^2, and where all of it is to be used."""
        measured = acceleration.at(self._times)
        usable = np.isfinite(measured) & np.isfinite(self._pedal) & (np.nan_to_num(self._speed) >= SLOWEST)
        tyre = signals.get("steering_tire_angle")
        if tyre is not None:
            usable &= np.abs(np.nan_to_num(tyre.at(self._times))) <= WIDEST_TYRE_ANGLE
        slope = signals.get("slope")
        if slope is None:
            self.notes += ("no slope is known: the road is taken for level",)
            return measured, usable
        angle = slope.at(self._times)
        usable &= np.nan_to_num(np.abs(angle), nan=np.inf) <= STEEPEST
        return measured + GRAVITY * np.sin(angle), usable


def _reached(grid: Floats, values: Floats) -> Floats:
    """Return 0 and the points of a grid that were driven up to, but for those around which hardly anything was."""
    kept = [float(grid[0])]
    highest = float(values.max(initial=0.0))
    for place in range(1, len(grid)):
        low, here, high = grid[place - 1], grid[place], grid[min(place + 1, len(grid) - 1)]
        around = float(np.sum((values > low) & (values < max(high, here + 1e-9)))) * STEP_S
        if around >= ROW_DRIVEN_S and highest > here - 0.2 * (here - low):
            kept.append(float(here))
    return np.array(kept)


def _soon_after(events: NDArray[np.bool_], seconds: float) -> NDArray[np.bool_]:
    """Tell where an event is, or was within the last so many seconds."""
    steps = np.arange(len(events))
    last = np.maximum.accumulate(np.where(events, steps, -np.inf))
    return np.asarray(steps - last <= seconds / STEP_S)


def _solve(rows: _Rows, grid: PedalGrid) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the cells and their standard deviations (cells,), the residuals and their weights (N,).

    Least squares with Huber's weights; a prior keeps cells near the line through their neighbours.
    """
    bends = grid.bends() / USUAL_BEND
    prior = bends.T @ bends + 1e-6 * np.eye(bends.shape[1])
    weights, sigma = np.ones(len(rows.accelerations)), 0.2
    cells: Floats = np.zeros(len(prior))
    for _ in range(ROUNDS):
        before = cells
        information = (rows.weights.T * weights) @ rows.weights / sigma**2 + prior
        pulled = rows.weights.T @ (weights * rows.accelerations) / sigma**2
        cells = np.asarray(np.linalg.solve(information, pulled), np.float64)
        residuals = rows.accelerations - rows.weights @ cells
        sigma = max(1.4826 * float(np.median(np.abs(residuals))), LEAST_SIGMA)
        weights = 1.0 / np.maximum(1.0, np.abs(residuals) / (HUBER * sigma))
        if np.abs(cells - before).max() < SETTLED:
            break
    return cells, _deviations(rows, information, prior, weights * residuals / sigma**2), residuals, weights


def _deviations(rows: _Rows, information: Floats, prior: Floats, pulls: Floats) -> Floats:
    """Return the cells' standard deviations (cells,). pulls: (N,), weighted residuals over the variance.

    A block's errors count together. A cell that one block alone tells of fits it too well to show them: never is a
    deviation less than with independent errors.
    """
    scores = np.zeros((int(rows.blocks.max()) + 1, len(prior)))
    np.add.at(scores, rows.blocks, rows.weights * pulls[:, None])
    alone = np.linalg.inv(information)
    together = alone @ (scores.T @ scores + prior) @ alone
    return np.sqrt(np.maximum(np.diag(alone), np.diag(together)))


def _monotone(cells: Floats, spread: Floats) -> tuple[Floats, int]:
    """Make every speed's column rise from full brake to full throttle; return it and how many cells moved."""
    columns = zip(cells.T, spread.T, strict=True)
    sorted_cells = np.column_stack([rising(c, 1.0 / np.maximum(s, 1e-3) ** 2, LEAST_STEP) for c, s in columns])
    return sorted_cells, int(np.sum(np.abs(sorted_cells - cells) > 0.5 * LEAST_STEP))


def _table(
    grid: PedalGrid, pedals: Floats, cells: NDArray[np.generic], widths: NDArray[np.generic], known: NDArray[np.generic]
) -> PedalTableEstimate:
    return PedalTableEstimate(
        speeds=tuple(grid.speeds.tolist()),
        pedals=tuple(pedals.tolist()),
        accelerations=tuple(map(tuple, np.round(cells.astype(np.float64), 3).tolist())),
        half_widths=tuple(map(tuple, np.round(widths.astype(np.float64), 4).tolist())),
        measured=tuple(map(tuple, known.tolist())),
    )


def _check_measured(result: PedalCalibration) -> None:
    for name, table in (("accel", result.accel), ("brake", result.brake)):
        if table.share_measured < LEAST_MEASURED:
            raise CalibrationError(
                f"coverage too thin: {table.share_measured:.0%} of the {name} map's cells were driven through, "
                f"{LEAST_MEASURED:.0%} is the least; press the pedal steadily at many speeds, to at most "
                f"{table.pedals[-1]:g}"
            )
