import math

import pytest

from sim2real_ad.replay.results import Decision, Motion, ReplayFrame

START_NS = 1_700_000_000_123_456_789
PERIOD_NS = 50_000_000


@pytest.fixture(scope="session")
def make_frame():
    """A frame of a replay at 20 Hz that does as was recorded; keywords change it."""

    def make(index: int, **changes) -> ReplayFrame:
        stamp_ns = START_NS + index * PERIOD_NS
        steering, acceleration = 0.1 * math.sin(index / 20.0), 0.5 * math.cos(index / 30.0)
        motion = Motion(steering_tire_angle=steering, acceleration=acceleration)
        action = Decision(curvature=steering * 2.0, acceleration=acceleration / 3.0)
        facts = {
            "index": index,
            "stamp_ns": stamp_ns,
            "log_time_ns": stamp_ns + 3_000_000,
            "speed": 5.0,
            "ood": 0.1,
            "seen": 0.8,
            "action": action,
            "request": motion,
            "command": motion,
            "state": "engaged",
            "recorded_action": action,
            "recorded_command": motion,
            "driven": motion,
        }
        return ReplayFrame(**{**facts, **changes})

    return make


@pytest.fixture(scope="session")
def make_frames(make_frame):
    """As many frames as are asked for; each keyword gives one value a frame."""

    def make(count: int, **columns) -> list[ReplayFrame]:
        return [make_frame(k, **{name: column[k] for name, column in columns.items()}) for k in range(count)]

    return make
