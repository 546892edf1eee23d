"""What a reward may look at: one tick of a drive in plain numbers, made from the ground truth."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Moment:
    """One tick. SI; lateral values left positive.

    lateral_offset, heading_error: of base_link to the reference line (the route, shifted round what stands on it), m
    and rad; action, last_action: in [-1, 1]; lateral_jerk, jerk: over this tick, m/s^3; distance: gained along the
    route in this tick, m; gap: bumper to the nearest thing in the car's way, m; closing_speed: towards it, m/s;
    stop_distance: bumper to the next stop line that has not been served, m (infinity for none, as gap); infraction:
    the judge's name for what ended the episode in this tick, or "" (a timeout is one); success: the goal was reached
    in this tick.
    """

    time_s: float
    speed: float
    speed_limit: float
    lateral_offset: float
    heading_error: float
    lateral_acceleration: float
    lateral_jerk: float
    jerk: float
    action: tuple[float, float]
    last_action: tuple[float, float]
    distance: float
    gap: float = math.inf
    closing_speed: float = 0.0
    stop_distance: float = math.inf
    infraction: str = ""
    success: bool = False

    @property
    def time_to_collision(self) -> float:
        """s until the gap closes at the present closing speed; infinity where it does not."""
        return self.gap / self.closing_speed if self.closing_speed > 1e-6 else math.inf
