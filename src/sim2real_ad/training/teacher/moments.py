"""Moments from the ground truth: what the rewards and the audit look at, tick by tick."""

from __future__ import annotations

import math

from sim2real_ad.reward.moment import Moment
from sim2real_ad.training.route_view import RouteSituation, RouteView
from sim2real_ad.types import Action
from sim2real_ad.world.judge import Verdict
from sim2real_ad.world.protocol import GroundTruth


class MomentMaker:
    """Follows one episode. Differences are taken to the tick before: make a new one for every episode."""

    def __init__(self, view: RouteView, tick_s: float, truth: GroundTruth, situation: RouteSituation) -> None:
        """Take the first tick, in which nothing has been done yet."""
        self._view = view
        self._tick_s = tick_s
        self._station = situation.station
        self._lateral_acceleration = truth.ego.speed * truth.ego.yaw_rate
        self._acceleration = truth.ego.acceleration
        self._action = (0.0, 0.0)

    def make(self, truth: GroundTruth, situation: RouteSituation, action: Action, verdict: Verdict) -> Moment:
        """Return the moment that an action led to. The tick must have been seen by the view, and be judged."""
        ego, nearest = truth.ego, situation.ahead[0] if situation.ahead else None
        lateral_acceleration = ego.speed * ego.yaw_rate
        moment = Moment(
            time_s=truth.time_s,
            speed=ego.speed,
            speed_limit=self._view.plan.speed_limit,
            lateral_offset=situation.lateral_offset,
            heading_error=situation.heading_error,
            lateral_acceleration=lateral_acceleration,
            lateral_jerk=(lateral_acceleration - self._lateral_acceleration) / self._tick_s,
            jerk=(ego.acceleration - self._acceleration) / self._tick_s,
            action=(action.curvature, action.acceleration),
            last_action=self._action,
            distance=situation.station - self._station,
            gap=math.inf if nearest is None else max(nearest.gap, 0.0),
            closing_speed=0.0 if nearest is None else ego.speed - nearest.speed,
            stop_distance=situation.stop_distance,
            infraction=verdict.infractions[0].kind if verdict.infractions else "",
            success=verdict.success,
        )
        self._station, self._action = situation.station, moment.action
        self._lateral_acceleration, self._acceleration = lateral_acceleration, ego.acceleration
        return moment
