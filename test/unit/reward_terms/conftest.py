"""Moments made by hand."""

from collections.abc import Callable
from typing import Any

import pytest

from sim2real_ad.reward.moment import Moment

MomentFactory = Callable[..., Moment]


@pytest.fixture(scope="session")
def moment() -> MomentFactory:
    """Make a moment of calm driving in the middle of the lane, at 8 of 10 m/s, with changes."""

    def make(**changes: Any) -> Moment:
        calm: dict[str, Any] = {
            "time_s": 5.0,
            "speed": 8.0,
            "speed_limit": 10.0,
            "lateral_offset": 0.0,
            "heading_error": 0.0,
            "lateral_acceleration": 0.0,
            "lateral_jerk": 0.0,
            "jerk": 0.0,
            "action": (0.0, 0.0),
            "last_action": (0.0, 0.0),
            "distance": 0.4,
        }
        return Moment(**{**calm, **changes})

    return make
