"""A semantic monitor: the surrogate watching observations, raising an alarm after a streak of low values.

For replay and evaluation. Deployed stages import nothing of `reward`, so it never acts on the car.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim2real_ad.control.vehicle_model import curvature_from_tire_angle
from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.reward.guidance import Guidance, Scene
from sim2real_ad.types import Observation
from sim2real_ad.vehicle.profile import VehicleProfile

LOW, STREAK = 0.3, 4
"""A value below LOW in STREAK observations in a row is an alarm: 0.2 s at 20 Hz, longer than one bad picture."""


@dataclass(frozen=True)
class Watched:
    """What the monitor says of one observation. value: 0..1; abstained: nothing known; alarm: a streak is on."""

    stamp_ns: int
    value: float
    abstained: bool
    alarm: bool


class SemanticMonitor:
    """Scores observations one by one. Forgets its streak where stamps go back."""

    def __init__(
        self,
        guidance: Guidance,
        profile: VehicleProfile,
        spec: ObservationSpec | None = None,
        *,
        low: float = LOW,
        streak: int = STREAK,
    ) -> None:
        """guidance: a SurrogateGuidance, to be quick. Raises ValueError where low or streak make no sense."""
        if not 0.0 < low < 1.0 or streak < 1:
            raise ValueError(f"low must lie between 0 and 1 and streak be at least 1, got {low} and {streak}")
        self._guidance, self._profile = guidance, profile
        names = (spec or ObservationSpec()).ego_features
        self._speed, self._tire_angle = names.index("speed"), names.index("steering_tire_angle")
        self._low, self._streak = low, streak
        self._in_a_row, self._last_ns = 0, -1

    def step(self, observation: Observation) -> Watched:
        """Score one observation. An abstention neither goes on with a streak nor ends it."""
        scores = self._guidance.score([self._scene(observation)])
        value, abstained = float(scores.values[0]), bool(scores.abstained[0])
        if observation.stamp_ns < self._last_ns:
            self._in_a_row = 0
        self._last_ns = observation.stamp_ns
        if not abstained:
            self._in_a_row = self._in_a_row + 1 if value < self._low else 0
        return Watched(observation.stamp_ns, value, abstained, self._in_a_row >= self._streak)

    def _scene(self, observation: Observation) -> Scene:
        speed, angle = float(observation.ego[self._speed]), float(observation.ego[self._tire_angle])
        curvature = curvature_from_tire_angle(angle, speed, self._profile.wheelbase, self._profile.understeer_gradient)
        return Scene(observation.bev, speed, curvature)
