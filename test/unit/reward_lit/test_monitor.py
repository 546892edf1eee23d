"""The semantic monitor: one bad observation is no alarm, a streak is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest

from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.reward.guidance import Scene, Scores
from sim2real_ad.reward.monitor import SemanticMonitor
from sim2real_ad.types import Observation
from sim2real_ad.vehicle.profile import load_vehicle

SPEC = ObservationSpec()


class Script:
    """A guidance that says one value after the other; NaN is an abstention."""

    name = "script"

    def __init__(self, *values: float) -> None:
        self.values = list(values)
        self.seen: list[Scene] = []

    def score(self, scenes: Sequence[Scene]) -> Scores:
        self.seen += scenes
        value = self.values.pop(0)
        abstained = np.array([np.isnan(value)])
        return Scores(np.array([0.5 if abstained[0] else value], np.float32), abstained)

    def record(self) -> dict[str, int | float | str]:
        return {}


def observation(stamp_ns: int, speed: float = 5.0, angle: float = 0.0) -> Observation:
    ego = np.zeros(len(SPEC.ego_features), np.float32)
    ego[SPEC.ego_features.index("speed")] = speed
    ego[SPEC.ego_features.index("steering_tire_angle")] = angle
    channels, height, width = SPEC.bev.shape
    return Observation(
        stamp_ns,
        np.zeros((channels, height, width), np.uint8),
        np.full((height, width), 255, np.uint8),
        np.zeros((len(SPEC.history_s), channels, height, width), np.uint8),
        ego,
        np.zeros((SPEC.route_points, 2), np.float32),
        8.0,
    )


def alarms(values: Sequence[float], stamps: Sequence[int] | None = None) -> list[bool]:
    monitor = SemanticMonitor(Script(*values), load_vehicle("saloon"), SPEC, low=0.3, streak=3)
    return [monitor.step(observation(stamp)).alarm for stamp in (stamps or range(len(values)))]


def test_a_streak_of_low_values_raises_the_alarm_and_a_good_one_ends_it() -> None:
    assert alarms([0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1, 0.9]) == [False] * 5 + [True, True, False]


def test_an_abstention_neither_adds_to_a_streak_nor_ends_it() -> None:
    assert alarms([0.1, 0.1, float("nan"), 0.1]) == [False, False, False, True]


def test_a_new_drive_starts_without_a_streak() -> None:
    assert alarms([0.1, 0.1, 0.1, 0.1], stamps=[5, 6, 0, 1]) == [False] * 4


def test_the_scene_has_the_cars_own_speed_and_the_arc_of_its_tyres() -> None:
    script, profile = Script(0.9, 0.9), load_vehicle("saloon")
    monitor = SemanticMonitor(script, profile, SPEC)
    monitor.step(observation(0, speed=4.0, angle=0.2))
    monitor.step(observation(1, speed=0.0, angle=-0.2))
    assert script.seen[0].speed == 4.0
    assert 0.0 < script.seen[0].curvature < np.tan(0.2) / profile.wheelbase
    assert script.seen[1].curvature == pytest.approx(-np.tan(0.2) / profile.wheelbase, rel=1e-6)


def test_it_needs_no_torch() -> None:
    code = (
        "import sys; import sim2real_ad.reward.monitor, sim2real_ad.reward.surrogate as s; "
        "s.SurrogateGuidance(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_a_streak_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="streak"):
        SemanticMonitor(Script(), load_vehicle("saloon"), SPEC, streak=0)
