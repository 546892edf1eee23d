"""Routes from files: points made even, and every bad line named."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sim2real_ad.errors import ConfigError
from sim2real_ad.world.carla.relay_route import even_points, load_route

SQUARE = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)]


@pytest.mark.parametrize("header", ["", "x,y\n", "x, y, z\n"])
def test_csv_with_and_without_a_header_and_yaml_give_the_same_points(tmp_path: Path, header: str) -> None:
    csv, yaml = tmp_path / "route.csv", tmp_path / "route.yaml"
    csv.write_text(header + "\n".join(f"{x},{y},0.0" for x, y in SQUARE) + "\n\n")
    yaml.write_text(f"points: {[list(point) for point in SQUARE]}\n")
    points = load_route(csv)
    np.testing.assert_array_equal(points, load_route(yaml))
    np.testing.assert_allclose(points[[0, 10, 20]], SQUARE, atol=1e-9)
    np.testing.assert_allclose(np.hypot(*np.diff(points, axis=0).T), 1.0)


@given(st.lists(st.tuples(st.floats(-200, 200), st.floats(-200, 200)), min_size=2, max_size=20))
def test_made_even_points_lie_on_the_line_a_metre_apart(given_points: list[tuple[float, float]]) -> None:
    assume(sum(math.dist(a, b) for a, b in pairwise(given_points)) > 20.0)
    points = even_points(np.array(given_points), "the test's")
    steps = np.hypot(*np.diff(points, axis=0).T)
    assert (steps <= 1.0 + 1e-6).all()
    for x, y in points:
        assert min(_distance((x, y), a, b) for a, b in pairwise(given_points)) < 0.06


def test_points_that_are_said_twice_are_passed_over() -> None:
    twice = [point for point in SQUARE for _ in range(2)]
    np.testing.assert_array_equal(even_points(np.array(twice), "a"), even_points(np.array(SQUARE), "b"))


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("r.csv", "0,0\n1,one\n", "line 2 must begin with x,y in m, got '1,one'"),
        ("r.csv", "0\n", "line 1 must begin"),
        ("r.csv", "0,0\nnan,4\n9,9", "not finite"),
        ("r.csv", "0,0\n1,1\n", "2 points over 1.4 m"),
        ("r.csv", "", "0 points over 0.0 m"),
        ("r.yaml", "points: [[0, 0]]\n", "points"),
        ("r.yaml", "points: [[0, 0], [9, 9]]\nspeed: 3\n", "speed"),
        ("r.txt", "0,0\n9,9\n", "expected .csv or .yaml"),
    ],
)
def test_what_is_no_route_is_a_clear_error(tmp_path: Path, name: str, text: str, reason: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=reason):
        load_route(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for name in ("none.csv", "none.yaml"):
        with pytest.raises(ConfigError, match=name):
            load_route(tmp_path / name)


def _distance(point: tuple[float, float], a: tuple[float, float], b: tuple[float, float]) -> float:
    dx, dy = b[0] - a[0], b[1] - a[1]
    squared = dx * dx + dy * dy
    share = 0.0 if squared == 0.0 else ((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / squared
    share = min(max(share, 0.0), 1.0)
    return math.dist(point, (a[0] + share * dx, a[1] + share * dy))
