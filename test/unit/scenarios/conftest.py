"""A straight road, on which everything can be worked out by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from sim2real_ad.types import EgoState, Pose2, Route
from sim2real_ad.vehicle.profile import VehicleProfile, load_vehicle
from sim2real_ad.world.embedded.roads import RoadNetwork
from sim2real_ad.world.path import Path
from sim2real_ad.world.plan import ActorPlan, Behaviour, EpisodePlan
from sim2real_ad.world.protocol import ActorKind
from sim2real_ad.world.scenario_model import Criteria, Scenario

ActorMaker = Callable[..., ActorPlan]
PlanMaker = Callable[..., EpisodePlan]

EGO_FAR_AWAY = EgoState(0, Pose2(0.0, 500.0, 0.0), 0.0)


@pytest.fixture(scope="session")
def curved_road() -> RoadNetwork:
    return RoadNetwork.load("curved_road")


@pytest.fixture(scope="session")
def saloon() -> VehicleProfile:
    return load_vehicle("saloon")


@pytest.fixture(scope="session")
def straight() -> Path:
    """400 m along +x."""
    return Path(np.stack((np.arange(401.0), np.zeros(401)), axis=-1))


@pytest.fixture(scope="session")
def actor() -> ActorMaker:
    def make(
        number: int,
        behaviour: Behaviour,
        kind: ActorKind = "vehicle",
        size: tuple[float, float, float] = (4.0, 1.8, 1.5),
    ) -> ActorPlan:
        return ActorPlan(number, kind, "vehicle.nissan.micra", size, (1, 2, 3), behaviour)

    return make


@pytest.fixture(scope="session")
def plan(straight: Path) -> PlanMaker:
    def make(*actors: ActorPlan) -> EpisodePlan:
        criteria = Criteria(time_limit_s=60.0)
        scenario = Scenario(
            name="by_hand", description="", maps=("curved_road",), speed_limit=(8, 8), criteria=criteria
        )
        return EpisodePlan(
            scenario=scenario,
            seed=0,
            map_name="curved_road",
            ego_start=Pose2(0.0, 0.0, 0.0),
            ego_speed=5.0,
            route=Route(0, straight.points, 8.0),
            goal=Pose2(200.0, 0.0, 0.0),
            goal_station=200.0,
            stop_lines=(),
            actors=actors,
            time_limit_s=60.0,
            path=straight,
        )

    return make
