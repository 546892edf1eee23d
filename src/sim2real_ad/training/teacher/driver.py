"""A teacher at the wheel: from the ground truth of one tick to an action, as the rule-based expert gives one."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Protocol

from sim2real_ad.training.expert import Expert
from sim2real_ad.training.route_view import RouteView
from sim2real_ad.training.teacher.policy import TeacherPolicy
from sim2real_ad.training.teacher.state import StateEncoder
from sim2real_ad.types import Action
from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.plan import EpisodePlan
from sim2real_ad.world.protocol import GroundTruth

EXPERT = "expert"
SHIPPED = "shipped"
SHIPPED_TEACHER = Path(__file__).with_name("shipped") / "teacher.npz"


class Driver(Protocol):
    """Whom a student learns from. One for every episode; asked at every tick, whoever drives."""

    def act(self, truth: GroundTruth) -> Action:
        """Decide for one tick."""
        ...

    def acted(self, action: Action) -> None:
        """Be told what was really done in that tick, by whom ever."""
        ...


class TeacherDriver:
    """Drives one episode by a trained policy on privileged state."""

    def __init__(self, plan: EpisodePlan, profile: VehicleProfile, policy: TeacherPolicy) -> None:
        self._view = RouteView(plan, profile)
        self._encoder = StateEncoder(self._view)
        self._policy = policy

    def act(self, truth: GroundTruth) -> Action:
        """Decide for the state of one tick; to be called for every tick in order, whoever drives."""
        state = self._encoder.encode(truth, self._view.update(truth))
        curvature, acceleration = self._policy.act(state).tolist()
        return Action(truth.ego.stamp_ns, curvature, acceleration)

    def acted(self, action: Action) -> None:
        """Remember what was done: it is part of the next state."""
        self._encoder.acted(action)


def make_driver(name_or_path: str, plan: EpisodePlan, profile: VehicleProfile) -> Driver:
    """Return the driver of one episode: "expert" by rules, "shipped", or the teacher in an .npz file.

    Raises CheckpointError where the file is missing or of another state.
    """
    if name_or_path == EXPERT:
        return Expert(plan, profile)
    path = SHIPPED_TEACHER if name_or_path == SHIPPED else Path(name_or_path)
    return TeacherDriver(plan, profile, _policy(path))


@lru_cache(maxsize=4)
def _policy(path: Path) -> TeacherPolicy:
    return TeacherPolicy.load(path)
