"""The route that a relayed car drives: from a file of points, or as a bridge's waypoints, made even."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sim2real_ad.config import StrictModel, load_config
from sim2real_ad.errors import ConfigError
from sim2real_ad.world.path import Path as Polyline

SPACING = 1.0
"""m between the points of a route, as `types.Route` has them."""
MIN_LENGTH = 5.0
"""m below which a list of points is no route."""
NEAR = 0.05
"""m within which neighbouring points count as one."""


class RouteFile(StrictModel):
    """A route in YAML. points: x and y, m, in the right-handed map frame, in driving order."""

    points: list[tuple[float, float]] = Field(min_length=2)


def load_route(path: Path) -> NDArray[np.float64]:
    """Read the points (N, 2) of a route, 1 m apart, from CSV (`x,y` a line, with or without a header) or YAML.

    Raises ConfigError naming file, line and value.
    """
    if path.suffix in (".yaml", ".yml"):
        given = load_config(path, RouteFile).points
    elif path.suffix == ".csv":
        given = _points_of_csv(path)
    else:
        raise ConfigError(f"route {path}: expected .csv or .yaml, got '{path.suffix}'")
    return even_points(np.array(given, np.float64).reshape(-1, 2), str(path))


def even_points(points: NDArray[np.float64], source: str) -> NDArray[np.float64]:
    """Return points (N, 2) in m on the same polyline, 1 m apart; those that repeat the one before are passed over.

    Raises ConfigError, naming the source, where they are not finite or make no route.
    """
    if not np.isfinite(points).all():
        raise ConfigError(f"route {source}: a point is not finite")
    kept: list[NDArray[np.float64]] = []
    for point in points:
        if not kept or math.dist(point, kept[-1]) > NEAR:
            kept.append(point)
    line = Polyline(np.array(kept)) if len(kept) > 1 else None
    if line is None or line.length < MIN_LENGTH:
        length = 0.0 if line is None else line.length
        raise ConfigError(
            f"route {source}: {len(points)} points over {length:.1f} m, at least {MIN_LENGTH} m are needed"
        )
    return line.slice(0.0, line.length, SPACING)


def _points_of_csv(path: Path) -> list[tuple[float, float]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), start=1) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"cannot read route {path}: {error}") from error
    if rows and [cell.strip() for cell in rows[0][1][:2]] == ["x", "y"]:
        rows = rows[1:]
    return [_point(path, number, row) for number, row in rows]


def _point(path: Path, number: int, row: list[str]) -> tuple[float, float]:
    try:
        x, y = (float(cell) for cell in row[:2])
    except ValueError as error:
        raise ConfigError(f"route {path}: line {number} must begin with x,y in m, got {','.join(row)!r}") from error
    return x, y
