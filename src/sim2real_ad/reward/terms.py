"""The reward's terms: pure functions of one moment, each bounded. What they weigh is for `reward.rewards`.

Shares are in [0, 1] and 1 is good; costs are in [0, 1] and 0 is good. A value that is not finite counts as the worst.
"""

from __future__ import annotations

import math

from sim2real_ad.reward.moment import Moment

OFFSET_TO_NOTHING = 2.0
"""m from the reference line at which centring is worth nothing: the car is then half in the next lane."""
LATERAL_COMFORT, LATERAL_DISCOMFORT = 2.2, 4.0
"""m/s^2 up to which a bend costs nothing, and from which stability is worth nothing. The expert bends at 1.9."""
JERK_SCALE = 3.0
"""m/s^3 of lateral jerk that costs half of the most: twice the RMS value that is aimed at."""
ACTION_SCALE = 0.1
"""Change of an action within a tick up to which the cost rises with its square, so that ramps cost less than steps."""
STANDING_SPEED = 0.1
"""m/s below which the car stands, as the judge has it."""
STOP_SHORT = 2.0
"""m before a stop line's near edge to come to a halt at: the middle of where a stop counts."""
STOP_ZONE = 3.3
"""m before a stop line's near edge within which standing serves it."""
QUEUE_GAP = 8.0
"""m behind a standing vehicle within which standing has a reason, as the judge has it."""


def centring(moment: Moment) -> float:
    """Share: 1 on the reference line, falling linearly to 0 at OFFSET_TO_NOTHING."""
    return _share(1.0 - abs(moment.lateral_offset) / OFFSET_TO_NOTHING)


def heading(moment: Moment) -> float:
    """Share: 1 along the reference line, 0 across it and against it."""
    return _share(1.0 - abs(moment.heading_error) / (math.pi / 2.0))


def stability(moment: Moment) -> float:
    """Share: 1 up to a comfortable lateral acceleration, 0 from an uncomfortable one on."""
    excess = abs(moment.lateral_acceleration) - LATERAL_COMFORT
    return _share(1.0 - max(excess, 0.0) / (LATERAL_DISCOMFORT - LATERAL_COMFORT) if math.isfinite(excess) else 0.0)


def speed(moment: Moment, desired_speed: float) -> float:
    """Return how good the speed is, in [-1, 1]: its share of the speed limit, up to the desired speed.

    Above the desired speed it falls twice as fast as it rose. Standing is worth 0 whatever is desired: nobody earns by
    waiting for the guidance to change its mind, and a whole drive is worth the way driven, not the time it took.
    """
    limit = max(moment.speed_limit, 1.0)
    earned = min(moment.speed, desired_speed) - 2.0 * max(moment.speed - desired_speed, 0.0)
    return _clip(earned / limit, -1.0, 1.0)


def driving(moment: Moment, desired_speed: float) -> float:
    """Return the synthesis of VLM-RL (arXiv 2412.15544) in [-1, 1]: speed x centring x heading x stability.

    Where the speed is bad the other factors do not make it less bad.
    """
    value = speed(moment, desired_speed)
    return value * centring(moment) * heading(moment) * stability(moment) if value > 0.0 else value


def progress(moment: Moment, tick_s: float) -> float:
    """Return the way gained along the route, as a share of what the speed limit allows in a tick, in [-1, 1]."""
    return _clip(moment.distance / (max(moment.speed_limit, 1.0) * tick_s), -1.0, 1.0)


def standing(moment: Moment) -> float:
    """Return 1 where the car stands for a reason, -1 where it stands for none, 0 where it moves.

    A reason is a stop line within reach that is not served yet, or a vehicle close ahead that stands or creeps.
    """
    if not abs(moment.speed) < STANDING_SPEED:
        return 0.0
    at_line = moment.stop_distance <= STOP_ZONE
    in_queue = moment.gap <= QUEUE_GAP and lead_speed(moment) < 1.0
    return 1.0 if at_line or in_queue else -1.0


def action_rate(moment: Moment) -> float:
    """Cost: change of the action from the last tick, square for small changes and linear above (Huber), 1 at most."""
    changes = (a - b for a, b in zip(moment.action, moment.last_action, strict=True))
    return _cost(sum(map(_huber, changes)) / (2.0 * _huber(2.0)))


def lateral_jerk(moment: Moment) -> float:
    """Cost: j^2 / (j^2 + JERK_SCALE^2), square where it is small, never above 1."""
    j = abs(moment.lateral_jerk)
    return 1.0 if not j < 1e6 else j * j / (j * j + JERK_SCALE * JERK_SCALE)


def goal(moment: Moment) -> float:
    """Return 1 in the tick that reaches the goal without an infraction."""
    return float(moment.success and not moment.infraction)


def infraction(moment: Moment) -> float:
    """Return 1 in the tick of an infraction, of whatever kind; running out of time is one."""
    return float(bool(moment.infraction))


def lead_speed(moment: Moment) -> float:
    """Return the speed in m/s of what is in the way; infinity where the way is free."""
    return max(moment.speed - moment.closing_speed, 0.0) if moment.gap < math.inf else math.inf


def safe_speed(moment: Moment, deceleration: float, reaction_s: float, standoff: float, stop_short: float) -> float:
    """Return the speed in m/s from which the car can brake for all that is ahead, the speed limit at most.

    deceleration: m/s^2, of the car and of what is ahead; reaction_s: until it brakes; standoff: m left in front when
    both stand; stop_short: m before an unserved stop line. The gap's part is Gipps's safe speed (1981).
    """
    speeds = [moment.speed_limit]
    if moment.gap < math.inf:
        delay, ahead = deceleration * reaction_s, lead_speed(moment)
        room = max(moment.gap - standoff, 0.0)
        speeds.append(math.sqrt(delay * delay + ahead * ahead + 2.0 * deceleration * room) - delay)
    if moment.stop_distance < math.inf:
        speeds.append(math.sqrt(2.0 * deceleration * max(moment.stop_distance - stop_short, 0.0)))
    return max(min(speeds), 0.0)


def _huber(change: float) -> float:
    size = abs(change)
    return size * size / (2.0 * ACTION_SCALE) if size < ACTION_SCALE else size - ACTION_SCALE / 2.0


def _share(value: float) -> float:
    return _clip(value, 0.0, 1.0)


def _cost(value: float) -> float:
    return min(max(value, 0.0), 1.0) if math.isfinite(value) else 1.0


def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high) if math.isfinite(value) else low
