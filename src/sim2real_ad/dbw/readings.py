"""Readings that may be unknown: NaN on the bus, None to the stack."""

from __future__ import annotations

import math


def known(value: float) -> float | None:
    """Return a value, None where it is NaN."""
    return None if math.isnan(value) else value


def pedal(value: float) -> float | None:
    """Return a pedal within 0..1, None where it is NaN."""
    return None if math.isnan(value) else min(max(value, 0.0), 1.0)
