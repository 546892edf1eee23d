"""What a caption can state, and whether it holds of a moment: yes, no, or not to be told (near a threshold)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.reward.lit.facts import LEAVING_S, UNSAFE_S, Facts

Truth = bool | None

LANE_CENTRED, LANE_OFF = 0.35, 0.8
"""m from the lane's middle: within the first the car is in the middle, beyond the second it is not."""


def _when(value: float, yes_below: float, no_above: float) -> Truth:
    """Return True below the first threshold, False above the second, None between."""
    return True if value < yes_below else False if value > no_above else None


def _inside(value: float, low: float, high: float, margin: float) -> Truth:
    if low <= value <= high:
        return True
    return False if value < low - margin or value > high + margin else None


def _way_clear(facts: Facts) -> Truth:
    if facts.hits or facts.gap < 5.0:
        return False
    return True if facts.gap > 12.0 and facts.meets_s > 1.6 else None


def _safe_distance(facts: Facts) -> Truth:
    if facts.hits:
        return False
    return True if facts.meets_s > 1.5 and facts.gap > max(2.0, 0.8 * facts.speed) else None


def _keeps_lane(facts: Facts) -> Truth:
    if facts.leaves or abs(facts.lateral_offset) > 1.3:
        return False
    return True if abs(facts.lateral_offset) < LANE_OFF else None


def _in_the_middle(facts: Facts) -> Truth:
    middle = _when(abs(facts.lateral_offset), LANE_CENTRED, LANE_OFF)
    return None if middle and facts.leaves else middle


def _obeys_line(facts: Facts) -> Truth:
    return None if facts.runs_line is None else not facts.runs_line


def _halts(facts: Facts) -> Truth:
    """The car slows down for a line ahead or stands before it."""
    if facts.runs_line:
        return False
    near = 0.0 <= facts.line_distance < 15.0
    return True if near and facts.speed**2 < 2.0 * 2.0 * max(facts.line_distance, 0.3) else None


def _stands_at_line(facts: Facts) -> Truth:
    if facts.speed > 0.8 or not -0.5 < facts.line_distance < 8.0:
        return False
    return True if facts.speed < 0.2 and facts.line_distance < 5.0 else None


def _ahead(kind: str) -> Callable[[Facts], Truth]:
    return lambda facts: facts.ahead == kind and facts.gap < 24.0


def _not(rule: Callable[[Facts], Truth]) -> Callable[[Facts], Truth]:
    def negated(facts: Facts) -> Truth:
        truth = rule(facts)
        return None if truth is None else not truth

    return negated


RULES: dict[str, Callable[[Facts], Truth]] = {
    "collision": lambda f: f.meets_s < UNSAFE_S,
    "no_collision": lambda f: f.meets_s >= UNSAFE_S,
    "touching": lambda f: _when(f.meets_s, 0.05, 0.35),
    "too_close": lambda f: True if f.hits else (False if f.meets_s > 1.6 else None),
    "way_clear": _way_clear,
    "safe_distance": _safe_distance,
    "nothing_ahead": lambda f: True if math.isinf(f.gap) and f.meets_s > 1.6 else (False if f.gap < 24.0 else None),
    "gap_short": lambda f: _when(f.gap, 6.0, 9.0),
    "gap_medium": lambda f: _inside(f.gap, 9.0, 15.0, 2.0),
    "gap_long": lambda f: _inside(f.gap, 17.0, 25.0, 2.0),
    "ahead_vehicle": _ahead("vehicle"),
    "ahead_obstacle": _ahead("obstacle"),
    "lane_kept": _keeps_lane,
    "lane_middle": _in_the_middle,
    "lane_left": lambda f: _inside(f.lateral_offset, 0.5, 1.8, 0.3),
    "lane_right": lambda f: _inside(f.lateral_offset, -1.8, -0.5, 0.3),
    "other_lane": lambda f: _inside(f.lateral_offset, 2.2, 4.5, 0.7),
    "on_road": lambda f: f.leaves_road_s >= LEAVING_S,
    "leaving_road": lambda f: f.leaves_road_s < LEAVING_S,
    "off_road": lambda f: True if f.corners_off else (False if f.leaves_road_s > 0.35 else None),
    "wholly_off": lambda f: True if f.corners_off >= 3 else (False if f.corners_off == 0 else None),
    "heading_along": lambda f: _when(abs(f.heading_error), math.radians(3), math.radians(7)),
    "heading_left": lambda f: _when(-f.heading_error, -math.radians(7), -math.radians(3)),
    "heading_right": lambda f: _when(f.heading_error, -math.radians(7), -math.radians(3)),
    "standing": lambda f: _when(f.speed, 0.1, 0.6),
    "creeping": lambda f: _inside(f.speed, 0.4, 2.0, 0.3),
    "slow": lambda f: _inside(f.speed, 2.3, 4.5, 0.5),
    "brisk": lambda f: _inside(f.speed, 5.0, 7.0, 0.5),
    "fast": lambda f: _when(-f.speed, -7.5, -6.8),
    "steering_straight": lambda f: _when(abs(f.curvature), 0.008, 0.02),
    "steering_left": lambda f: _when(-f.curvature, -0.02, -0.01),
    "steering_right": lambda f: _when(f.curvature, -0.02, -0.01),
    "road_straight": lambda f: _when(abs(f.bend), 0.003, 0.007),
    "road_left": lambda f: _when(-f.bend, -0.007, -0.003),
    "road_right": lambda f: _when(f.bend, -0.007, -0.003),
    "vehicles_none": lambda f: f.vehicles == 0,
    "vehicles_one": lambda f: f.vehicles == 1,
    "vehicles_many": lambda f: f.vehicles >= 2,
    "pedestrians_none": lambda f: f.pedestrians == 0,
    "pedestrians_some": lambda f: f.pedestrians > 0,
    "pedestrian_near": lambda f: _when(f.pedestrian_distance, 11.0, 14.0),
    "obstacles_none": lambda f: f.obstacles == 0,
    "obstacles_some": lambda f: f.obstacles > 0,
    "line_none": lambda f: math.isinf(f.line_distance),
    "line_far": lambda f: _inside(f.line_distance, 12.0, 24.0, 2.0),
    "line_near": lambda f: _inside(f.line_distance, 0.0, 9.0, 1.5),
    "line_stood": _stands_at_line,
    "line_halting": _halts,
    "line_run": lambda f: f.runs_line,
    "line_obeyed": _obeys_line,
    "unsafe": lambda f: f.unsafe,
    "safe": _not(lambda f: f.unsafe),
}
"""By key, whether a statement holds."""

KEYS = tuple(RULES)
OPPOSED = (
    ("collision", "no_collision"),
    ("collision", "way_clear"),
    ("too_close", "safe_distance"),
    ("too_close", "way_clear"),
    ("touching", "no_collision"),
    ("leaving_road", "on_road"),
    ("leaving_road", "lane_kept"),
    ("leaving_road", "lane_middle"),
    ("off_road", "on_road"),
    ("off_road", "lane_middle"),
    ("line_run", "line_obeyed"),
    ("line_run", "line_halting"),
    ("unsafe", "safe"),
)
"""(bad, good) statements that driving goals contrast."""


def truth_table(facts: Sequence[Facts]) -> NDArray[np.int8]:
    """Return (N, len(KEYS)): 1 where a statement holds, 0 where it does not, -1 where it cannot be told."""
    rows = [[-1 if (truth := rule(fact)) is None else int(truth) for rule in RULES.values()] for fact in facts]
    return np.array(rows, np.int8).reshape(len(facts), len(KEYS))
