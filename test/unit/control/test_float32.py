import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.control.float32 import as_float32, clip_to_float32

limits = st.floats(-1e3, 1e3, width=64)


@given(st.floats(allow_nan=False), limits, limits)
def test_a_clipped_value_is_float32_and_never_crosses_a_limit(value, one, other):
    low, high = min(one, other), max(one, other)
    if high - low < 1e-3:
        high = low + 1e-3
    clipped = clip_to_float32(value, low, high)
    assert low <= clipped <= high
    assert clipped == as_float32(clipped)


@pytest.mark.parametrize("limit", [0.6, 0.8, 1.1, 2.7, 0.1])
def test_rounding_goes_towards_zero_at_limits_that_float32_cannot_hold(limit):
    assert limit - 1e-6 < clip_to_float32(99.0, -limit, limit) <= limit
    assert -limit <= clip_to_float32(-99.0, -limit, limit) < -limit + 1e-6


@given(st.floats(-1.0, 1.0, width=32))
def test_a_float32_value_inside_the_limits_is_not_touched(value):
    assert clip_to_float32(value, -1.0, 1.0) == value


def test_rounding_is_that_of_numpy_float32():
    assert as_float32(0.1) == float(np.float32(0.1)) != 0.1


def test_nan_is_refused_with_the_limits_in_the_message():
    with pytest.raises(ValueError, match=r"NaN to -1.0..2.0"):
        clip_to_float32(math.nan, -1.0, 2.0)
