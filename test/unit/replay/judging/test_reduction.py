import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.replay.reduction import Reduction, Series

VALUES = st.lists(
    st.tuples(st.integers(1, 5), st.one_of(st.none(), st.floats(-5.0, 5.0), st.just(math.inf))), min_size=1, max_size=30
)


def series_of(rows) -> tuple[Series, list[list[tuple[int, float]]]]:
    """A series of (steps of 0.1 s, value), and its stretches without a break as (ns, value)."""
    series, stretches, now, broken = Series(), [], 0, True
    for steps, value in rows:
        now += steps * 100_000_000
        series.add(now, value)
        if value is not None:
            if broken:
                stretches.append([])
            stretches[-1].append((now, value))
        broken = value is None
    return series, stretches


@given(VALUES, st.integers(0, 12))
def test_what_lasts_is_the_best_of_the_least_values_of_all_stretches(rows, tenths):
    series, stretches = series_of(rows)
    hold_ns = tenths * 100_000_000
    least = [
        min(value for _, value in stretch[a : b + 1])
        for stretch in stretches
        for a in range(len(stretch))
        for b in range(a, len(stretch))
        if stretch[b][0] - stretch[a][0] >= hold_ns
    ]
    if not series.starts:
        return
    found = Reduction(take="max", hold=tenths / 10.0).apply(series, low_is_worse=False)
    assert (found[0] if found else None) == max(least, default=None)


@given(VALUES)
def test_the_longest_yes_is_found_within_stretches(rows):
    series, stretches = series_of([(steps, None if v is None else float(v > 0)) for steps, v in rows])
    runs = [0]
    for stretch in stretches:
        for a in range(len(stretch)):
            yes = (b for b in range(a, len(stretch)) if all(value for _, value in stretch[a : b + 1]))
            runs.extend(stretch[b][0] - stretch[a][0] for b in yes)
    if not series.starts:
        return
    value, place = Reduction(take="longest").apply(series, low_is_worse=False)
    assert value == pytest.approx(max(runs) / 1e9)
    if max(runs):
        assert series.values[place] == 1.0


@given(st.lists(st.floats(-100.0, 100.0), min_size=1, max_size=50), st.integers(1, 99))
def test_a_quantile_is_the_one_that_numpy_takes(values, percent):
    series, _ = series_of([(1, value) for value in values])
    found, _ = Reduction(take=f"p{percent}").apply(series, low_is_worse=False)
    assert found == pytest.approx(np.percentile(values, percent), abs=1e-9)


def test_a_quantile_among_infinite_values_is_infinite():
    series, _ = series_of([(1, 1.0), (1, math.inf), (1, math.inf)])
    assert Reduction(take="p99").apply(series, low_is_worse=False)[0] == math.inf
    assert Reduction(take="p1").apply(series, low_is_worse=False)[0] == math.inf


def test_a_stamp_that_goes_back_breaks_what_lasts():
    series = Series()
    for stamp_ns in (0, 1_000_000_000, 500_000_000, 1_500_000_000):
        series.add(stamp_ns, 1.0)
    assert series.starts == [0, 2]
    assert Reduction(take="max", hold=1.2).apply(series, low_is_worse=False) is None
