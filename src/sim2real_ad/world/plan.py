"""An episode in concrete numbers: what a scenario became on one map with one seed. Nothing random is left in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim2real_ad.types import Pose2, Route
from sim2real_ad.world.catalogue import Size
from sim2real_ad.world.path import Path
from sim2real_ad.world.protocol import ActorKind

if TYPE_CHECKING:
    from sim2real_ad.world.scenario_model import Scenario


@dataclass(frozen=True)
class Driver:
    """How one vehicle is driven: the Intelligent Driver Model (Treiber, Hennecke, Helbing 2000).

    desired_speed: m/s; time_headway: s; min_gap: m, bumper to bumper; acceleration, deceleration: m/s^2.
    """

    desired_speed: float
    time_headway: float = 1.4
    min_gap: float = 2.5
    acceleration: float = 1.6
    deceleration: float = 2.2


@dataclass(frozen=True)
class Standing:
    """Stands the whole episode. pose: of the box's centre."""

    pose: Pose2


@dataclass(frozen=True, eq=False)
class Driving:
    """Drives along a lane path, reacting to whatever is ahead.

    station: of the box's centre at the start, m; speed: at the start, m/s; script: (time s, desired speed m/s) steps
    in order, which replace the driver's desired speed from their time on. It stops at every stop line on its way.
    """

    path: Path
    station: float
    speed: float
    driver: Driver
    script: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, eq=False)
class Walking:
    """Walks up and down a path at a speed in m/s, from a station in m on."""

    path: Path
    station: float
    speed: float


Behaviour = Standing | Driving | Walking


@dataclass(frozen=True)
class ActorPlan:
    """One actor: what it looks like (see ActorState) and what it does."""

    actor_id: int
    kind: ActorKind
    blueprint: str
    size: Size
    colour: tuple[int, int, int]
    behaviour: Behaviour


@dataclass(frozen=True)
class RouteStop:
    """A stop line across the route. station: of the painted bar's middle, m along the route; depth: of the bar, m."""

    station: float
    depth: float
    line_id: str

    @property
    def near_edge(self) -> float:
        """Station of the edge that the car reaches first, m."""
        return self.station - self.depth / 2.0

    @property
    def far_edge(self) -> float:
        """Station of the edge behind which the line has been run, m."""
        return self.station + self.depth / 2.0


@dataclass(frozen=True, eq=False)
class EpisodePlan:
    """One episode. Stations are m along the route, which starts at ego_start and goes on beyond the goal.

    ego_start: pose of base_link; ego_speed: m/s at the start; goal: on the lane's centre at goal_station;
    stop_lines: in order; map_name: a name or path that RoadNetwork.load takes.
    """

    scenario: Scenario
    seed: int
    map_name: str
    ego_start: Pose2
    ego_speed: float
    route: Route
    goal: Pose2
    goal_station: float
    stop_lines: tuple[RouteStop, ...]
    actors: tuple[ActorPlan, ...]
    time_limit_s: float
    path: Path = field(repr=False)

    @property
    def speed_limit(self) -> float:
        """Of the route, m/s."""
        return self.route.speed_limit
