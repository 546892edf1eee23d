"""Robust non-linear least squares, with intervals that stay true where neighbouring residuals are alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.calibration.estimate import Estimate, student_95
from sim2real_ad.errors import CalibrationError

Floats = NDArray[np.float64]
Residuals = Callable[[Floats], Floats]

HUBER = 1.345
"""Residuals beyond so many sigmas weigh less: 95 % efficient on normal ones (Huber, Robust Statistics, 1981)."""
OUTLIER = 4.0
"""Residuals beyond so many sigmas are left out of the final fit: even little weight on gross errors draws."""
ROUNDS = 60
HALVINGS = 8
SINGULAR = 1e-10


@dataclass(frozen=True)
class Fit:
    """A solution. parameters: (P,); spread: (P, P), covariance times the square of what makes it a 95 % interval;
    residuals: (N,), of the kept and the left out; kept: (N,)."""

    parameters: Floats
    spread: Floats
    residuals: Floats
    kept: NDArray[np.bool_]

    @property
    def rms(self) -> float:
        """Root mean square of the kept residuals."""
        return math.sqrt(float(np.mean(self.residuals[self.kept] ** 2)))

    @property
    def outliers(self) -> float:
        """Share of the samples that was left out, 0..1."""
        return float(1.0 - np.mean(self.kept))

    def estimate(self, index: int) -> Estimate:
        """Return a parameter with its interval."""
        half_width = math.sqrt(max(float(self.spread[index, index]), 0.0))
        return Estimate(value=float(self.parameters[index]), half_width=half_width)

    def sum_of(self, indices: Sequence[int]) -> Estimate:
        """Return a sum of parameters with its interval, which is narrow where their errors cancel."""
        chosen = np.isin(np.arange(len(self.parameters)), indices).astype(np.float64)
        half_width = math.sqrt(max(float(chosen @ self.spread @ chosen), 0.0))
        return Estimate(value=float(chosen @ self.parameters), half_width=half_width)


def fit(
    residuals: Residuals,
    start: Sequence[float],
    steps: Sequence[float],
    blocks: NDArray[np.int64],
    what: str,
    lowest: Sequence[float] | None = None,
) -> Fit:
    """Minimise residuals(parameters) -> (N,) from a start (P,), first by Huber's weights, then without outliers.

    steps: (P,), what a small change of each parameter is: differences are taken over it and a solution is reached to a
    hundredth of it; lowest: (P,), bounds. blocks: (N,), samples of one block share errors; intervals are by the sums
    over blocks (Liang and Zeger 1986, Biometrika 73:13-22). what: names the parameters for the message of the
    CalibrationError that is raised where the samples do not tell them apart.
    """
    step = np.asarray(steps, np.float64)
    bounds = np.full(len(step), -np.inf) if lowest is None else np.asarray(lowest, np.float64)
    everything = np.ones(len(blocks), bool)
    solution = _solve(residuals, np.maximum(start, bounds), step, bounds, everything, what, huber=True)
    final = residuals(solution)
    kept = np.abs(final) <= OUTLIER * _sigma(final)
    solution = _solve(residuals, solution, step, bounds, kept, what, huber=False)
    final = residuals(solution)
    spread = _spread(_jacobian(residuals, solution, step)[kept], final[kept], blocks[kept], what)
    return Fit(solution, spread, final, kept)


def _solve(
    residuals: Residuals,
    solution: Floats,
    step: Floats,
    lowest: Floats,
    kept: NDArray[np.bool_],
    what: str,
    *,
    huber: bool,
) -> Floats:
    """Gauss-Newton; a change that does not lower the cost is halved."""
    found = residuals(solution)[kept]
    for _ in range(ROUNDS):
        weights = _huber_weights(found) if huber else np.ones_like(found)
        jacobian = _jacobian(residuals, solution, step)[kept]
        change = -_solved(jacobian.T @ (weights[:, None] * jacobian), jacobian.T @ (weights * found), what)
        cost = float(weights @ found**2)
        for _ in range(HALVINGS):
            reached = np.maximum(solution + change, lowest)
            tried = residuals(reached)[kept]
            if float(weights @ tried**2) <= cost:
                break
            change = change / 2.0
        else:
            return solution
        moved, solution, found = np.abs(reached - solution), reached, tried
        if np.all(moved < step / 100.0):
            break
    return solution


def _jacobian(residuals: Residuals, solution: Floats, step: Floats) -> Floats:
    shifted = np.diag(step / 2.0)
    columns = [(residuals(solution + s) - residuals(solution - s)) / h for s, h in zip(shifted, step, strict=True)]
    return np.column_stack(columns)


def _sigma(residuals: Floats) -> float:
    """Return the standard deviation by the median of the absolute residuals; never 0."""
    return max(1.4826 * float(np.median(np.abs(residuals))), 1e-12)


def _huber_weights(residuals: Floats) -> Floats:
    return 1.0 / np.maximum(1.0, np.abs(residuals) / (HUBER * _sigma(residuals)))


def _solved(matrix: Floats, right: Floats, what: str) -> Floats:
    """Solve symmetric equations, scaled to a unit diagonal, so that units do not matter."""
    scale = np.sqrt(np.diag(matrix))
    if not np.all(scale > 0.0):
        raise CalibrationError(f"the data do not tell {what} apart: nothing depends on one of them")
    scaled = matrix / np.outer(scale, scale)
    if not np.linalg.eigvalsh(scaled)[0] > SINGULAR:
        raise CalibrationError(f"the data do not tell {what} apart: drive with more variety")
    return np.asarray(np.linalg.solve(scaled, (right.T / scale).T) / scale.reshape(-1, *[1] * (right.ndim - 1)))


def _spread(jacobian: Floats, residuals: Floats, blocks: NDArray[np.int64], what: str) -> Floats:
    names, numbers = np.unique(blocks, return_inverse=True)
    scores = np.zeros((len(names), jacobian.shape[1]))
    np.add.at(scores, numbers.reshape(-1), jacobian * residuals[:, None])
    bread = _solved(jacobian.T @ jacobian, np.eye(jacobian.shape[1]), what)
    degrees = len(names) - jacobian.shape[1]
    if degrees < 1:
        raise CalibrationError(f"{len(names)} separate stretches of data are too few for {what}")
    covariance = bread @ (scores.T @ scores) @ bread * len(names) / (len(names) - 1)
    return student_95(degrees) ** 2 * covariance
