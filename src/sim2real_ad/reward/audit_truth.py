"""What the simulator knows of a moment's danger: the truth that guidance is audited against.

A moment is unsafe where one of these holds; the first one that does is its danger:
- collision: one follows within FORESIGHT_S, or the time to collision is below UNSAFE_TTC_S while the car moves.
- off_road: it follows within FORESIGHT_S. The distance to the reference line alone is no danger: the line leads round
  obstacles, and a car that stays in its lane is then far from it.
- stop_line_run: it follows within FORESIGHT_S, or the stop line ahead takes more than UNSAFE_BRAKING to stop at.
It is safe where none comes near holding: no infraction within CLEAR_S, and every measure on the safe side of its SAFE_
limit. What lies between is unclear and counts for nothing: nobody can be blamed for a guess there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sim2real_ad.reward.moment import Moment

DANGERS = ("collision", "off_road", "stop_line_run")
FORESIGHT_S, CLEAR_S = 1.5, 3.0
UNSAFE_TTC_S, SAFE_TTC_S = 1.5, 4.0
SAFE_OFFSET = 0.8
"""m from the reference line: in a usual lane the wheels are well within the markings."""
SAFE_HEADWAY_S = 1.0
"""Behind what is ahead, at the car's speed; less is tailgating, however equal the speeds."""
UNSAFE_BRAKING, SAFE_BRAKING = 5.0, 2.0
"""m/s^2 to stop at the line: the most that the saloon can, and what is comfortable."""
SAFE_HEADING = 0.25
"""rad."""
MOVING = 0.5
"""m/s above which nearness is a danger."""
SAFE, UNCLEAR = "safe", "unclear"


@dataclass(frozen=True)
class Ending:
    """How an episode ended. time_s: as in its moments; infraction: "" for none."""

    time_s: float
    infraction: str = ""


def danger_now(moment: Moment) -> str:
    """Return the danger that a moment's own numbers show, or ""."""
    if moment.infraction in DANGERS:
        return moment.infraction
    if moment.speed > MOVING and moment.time_to_collision < UNSAFE_TTC_S:
        return "collision"
    return "stop_line_run" if braking_needed(moment) > UNSAFE_BRAKING else ""


def truth_of(moment: Moment, ending: Ending | None) -> str:
    """Return the danger that a moment is in, SAFE or UNCLEAR.

    ending: of its episode; None where the episode went on for at least CLEAR_S.
    """
    left_s = math.inf if ending is None or ending.infraction not in DANGERS else ending.time_s - moment.time_s
    if left_s <= FORESIGHT_S:
        assert ending is not None
        return ending.infraction
    now = danger_now(moment)
    if now:
        return now
    return SAFE if left_s > CLEAR_S and _is_clear(moment) else UNCLEAR


def braking_needed(moment: Moment) -> float:
    """Return the deceleration in m/s^2 to stop at the stop line that is not served; 0 where there is none."""
    if not moment.stop_distance < math.inf or moment.speed <= MOVING:
        return 0.0
    return moment.speed * moment.speed / (2.0 * max(moment.stop_distance, 0.1))


def truths(moments: Sequence[Moment]) -> list[str]:
    """Return the truth of each moment of one whole episode, in order of time."""
    last = moments[-1] if moments else None
    ending = None if last is None else Ending(last.time_s, last.infraction)
    return [truth_of(moment, ending) for moment in moments]


def _is_clear(moment: Moment) -> bool:
    return (
        _keeps_distance(moment)
        and abs(moment.lateral_offset) < SAFE_OFFSET
        and abs(moment.heading_error) < SAFE_HEADING
        and braking_needed(moment) < SAFE_BRAKING
    )


def _keeps_distance(moment: Moment) -> bool:
    if moment.speed <= MOVING:
        return True
    return moment.time_to_collision > SAFE_TTC_S and moment.gap / moment.speed > SAFE_HEADWAY_S
