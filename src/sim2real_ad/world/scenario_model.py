"""What a scenario YAML may say. Every range is `[low, high]`; a value is drawn from it evenly, by the seed."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated, Literal
from zlib import crc32

import numpy as np
from pydantic import AfterValidator, Field

from sim2real_ad.config import StrictModel
from sim2real_ad.errors import ScenarioError

PLAN_STREAM = 0x9_1A_11
"""Keeps the plan's random numbers apart from the domain's: both are drawn from the same episode seed."""

Turn = Literal["left", "straight", "right"]


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError(f"a range must rise, got {value[0]}..{value[1]}")
    return value


def _not_negative(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] < 0:
        raise ValueError(f"a range of lengths, times or speeds starts at 0 or more, got {value[0]}")
    return value


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
Positive = Annotated[Range, AfterValidator(_not_negative)]
Count = Annotated[tuple[int, int], AfterValidator(_ordered), AfterValidator(_not_negative)]


class EgoLayout(StrictModel):
    """How the ego starts: its speed as a share of the speed limit."""

    speed_share: Positive = (0.5, 1.0)


class StopApproach(StrictModel):
    """A stop-controlled junction on the route.

    approach: m from the ego's base_link to the stop line at the start; turns: one of them is taken; beyond: m from the
    line to the goal.
    """

    approach: Positive
    turns: tuple[Turn, ...] = Field(min_length=1)
    beyond: Positive


class RouteLayout(StrictModel):
    """Where the route leads. length: m to the goal, without a stop line; min_radius: of the sharpest bend, m."""

    length: Positive = (120.0, 180.0)
    min_radius: float = Field(default=0.0, ge=0.0)
    stop: StopApproach | None = None


class ActorLayout(StrictModel):
    """Some actors of one type, that are there with a probability."""

    probability: float = Field(default=1.0, ge=0.0, le=1.0)
    count: Count = (1, 1)


class Lead(ActorLayout):
    """A vehicle ahead in the lane that slows down and drives on.

    gap: m, bumper to bumper, at the start; speed_share: of the speed limit, where it drives freely; slowdowns: how
    many; first_s: when the first comes; slow_speed: m/s; hold_s: how long; between_s: from one to the next.
    """

    type: Literal["lead"]
    gap: Positive
    speed_share: Positive = (0.7, 1.0)
    slowdowns: Count = (1, 2)
    first_s: Positive = (2.0, 5.0)
    slow_speed: Positive = (0.0, 3.0)
    hold_s: Positive = (1.0, 3.0)
    between_s: Positive = (6.0, 9.0)


class Follower(ActorLayout):
    """A vehicle behind the ego in its lane. gap: m, bumper to bumper, at the start."""

    type: Literal["follower"]
    gap: Positive


class Oncoming(ActorLayout):
    """Vehicles in the opposite lane. gap: m between their centres; speed_share: of the speed limit."""

    type: Literal["oncoming"]
    gap: Positive = (15.0, 60.0)
    speed_share: Positive = (0.6, 1.1)


class Obstruction(ActorLayout):
    """Things that stand in the ego's lane, the other lane being free.

    distance: m along the route from the ego's start to the first; spacing: m between two; forms: what they can be.
    A parked car stands towards the right edge, so that it differs from one that waits in the lane.
    """

    type: Literal["obstruction"]
    distance: Positive
    spacing: Positive = (20.0, 40.0)
    forms: tuple[Literal["car", "van", "barrier", "boxes", "cones"], ...] = Field(min_length=1)


class Roadside(ActorLayout):
    """Vehicles parked beside the road, clear of it. clearance: m from the road's edge to their side."""

    type: Literal["roadside"]
    clearance: Positive = (0.05, 0.3)
    sides: tuple[Literal["left", "right"], ...] = ("left", "right")


class Pedestrians(ActorLayout):
    """Pedestrians beside the road, clear of it. clearance: m from the road's edge to their middle."""

    type: Literal["pedestrians"]
    clearance: Positive
    walking: bool = True
    sides: tuple[Literal["left", "right"], ...] = ("left", "right")


class Waiting(ActorLayout):
    """Vehicles that stand behind the junction's other stop lines."""

    type: Literal["waiting"]


AnyActor = Annotated[
    Lead | Follower | Oncoming | Obstruction | Roadside | Pedestrians | Waiting, Field(discriminator="type")
]


class Criteria(StrictModel):
    """What ends an episode, and how: see `world.judge`.

    time_limit_s: timeout; behind_lead_s: where given, time runs out this long after the lead vehicle has left the goal
    behind, so that whoever falls back has not followed; off_road_s: how long a corner of the car may be off the road;
    standing_still_s: how long it may stand without a reason; standing_reason_m: a vehicle or an unserved stop line
    within this distance ahead of the bumper is one; goal_lateral_m: greatest distance from the lane's centre at the
    goal; stop_zone_m: how far before the stop line's middle the bumper may stand; stop_hold_s: how long it must stand.
    """

    time_limit_s: float = Field(gt=0.0, le=600.0)
    behind_lead_s: float | None = Field(default=None, gt=0.0, le=120.0)
    off_road_s: float = Field(default=0.4, ge=0.0, le=10.0)
    standing_still_s: float = Field(default=6.0, gt=0.0, le=120.0)
    standing_reason_m: float = Field(default=8.0, ge=0.0, le=50.0)
    goal_lateral_m: float = Field(default=1.5, gt=0.0, le=10.0)
    stop_zone_m: float = Field(default=4.0, gt=0.0, le=15.0)
    stop_hold_s: float = Field(default=0.5, ge=0.0, le=10.0)


class Scenario(StrictModel):
    """One scenario. maps: names or paths, one is drawn by the seed; speed_limit: m/s."""

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9_\-]+$")
    description: str
    maps: tuple[str, ...] = Field(min_length=1)
    speed_limit: Positive
    ego: EgoLayout = EgoLayout()
    route: RouteLayout = RouteLayout()
    actors: tuple[AnyActor, ...] = ()
    criteria: Criteria

    def map_for(self, seed: int) -> str:
        """Return the name or path of the map that a seed is laid out on. Raises ScenarioError for a seed below 0."""
        return self.maps[int(plan_rng(self, seed, attempt=-1).integers(len(self.maps)))]

    def is_on(self, map_name: str) -> bool:
        """Tell whether a map, by its network's name, is one of the scenario's."""
        return any(FilePath(name).stem == map_name for name in self.maps)


def plan_rng(scenario: Scenario, seed: int, attempt: int) -> np.random.Generator:
    """Return the random numbers of one attempt to lay out an episode. Raises ScenarioError for a seed below 0."""
    if seed < 0:
        raise ScenarioError(f"scenario '{scenario.name}': the seed must be 0 or more, got {seed}")
    return np.random.default_rng(
        np.random.SeedSequence([PLAN_STREAM, crc32(scenario.name.encode()), seed, attempt + 1])
    )
