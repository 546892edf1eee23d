"""What really was there in a simulated episode: laid out anew from scenario and seed, and moved by the recorded drive.

Layout and traffic are exact functions of scenario, seed and the ego's way, so nothing privileged need be recorded. The
recorded route proves that maps and scenarios are still those of the drive.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.errors import Sim2RealError
from sim2real_ad.evaluation.episode_log import EpisodeLog
from sim2real_ad.types import EgoState, Pose2, seconds_from_ns
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.protocol import ActorKind

ROUTE_TOLERANCE = 1e-6
"""m; the recorded route is the laid out one to the bit, but for its way through a message."""


@dataclass(frozen=True)
class ActorTrack:
    """Another road user's way. poses: (N, 3) x, y, yaw at every recorded state of the ego; size: length, width in m."""

    kind: ActorKind
    size: tuple[float, float]
    poses: NDArray[np.float64]

    @property
    def moves(self) -> bool:
        """Whether it ever left its place."""
        return bool(np.ptp(self.poses[:, :2], axis=0).max() > 0.1)


@dataclass(frozen=True)
class GroundTruth:
    """The road and the others. drivable: polygons (K, 2); stop_lines: quads (4, 2); map frame, m."""

    drivable: tuple[NDArray[np.float64], ...]
    stop_lines: tuple[NDArray[np.float64], ...]
    actors: tuple[ActorTrack, ...]


def lay_out_again(log: EpisodeLog, vehicle: str = "saloon") -> GroundTruth | None:
    """Return an episode's ground truth; None without the sim extra, or where map or scenario are no longer the same."""
    try:
        from sim2real_ad.world.director import Director
        from sim2real_ad.world.embedded.roads import RoadNetwork
        from sim2real_ad.world.scenarios import load_scenario, plan_episode
    except ModuleNotFoundError:
        return None
    if log.seed is None or "ego" not in log.signals:
        return None
    try:
        scenario = load_scenario(log.scenario)
        network = RoadNetwork.load(scenario.map_for(log.seed))
        plan = plan_episode(scenario, network, log.seed)
        profile = load_vehicle(vehicle)
    except Sim2RealError:
        return None
    route = plan.route.points
    if route.shape != log.route.shape or not np.allclose(route, log.route, atol=ROUTE_TOLERANCE):
        return None
    director, egos = Director(plan, network), _ego_states(log)
    states = [director.states()]
    for before, after in pairwise(egos):
        director.step(seconds_from_ns(after.stamp_ns - before.stamp_ns), before, profile)
        states.append(director.states())
    tracks = tuple(
        ActorTrack(each[0].kind, each[0].size[:2], np.array([(a.pose.x, a.pose.y, a.pose.yaw) for a in each]))
        for each in zip(*states, strict=True)
    )
    scene = network.scene_geometry()
    return GroundTruth(scene.drivable, scene.stop_lines, tracks)


def _ego_states(log: EpisodeLog) -> list[EgoState]:
    ego = log.signals["ego"]
    rows = zip(ego.stamps_ns, ego.rows, strict=True)
    return [EgoState(stamp, Pose2(x, y, yaw), speed, 0.0, yaw_rate) for stamp, (x, y, yaw, speed, yaw_rate) in rows]
