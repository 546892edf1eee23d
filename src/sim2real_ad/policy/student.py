"""The distilled student in ONNX Runtime: Observation to Action."""

from __future__ import annotations

from typing import Any

from sim2real_ad.policy.corridor import Corridor
from sim2real_ad.types import Action, Observation


class StudentPolicy:
    """`pipeline.PolicyStage` over the student network. Stateless."""

    def __init__(self, session: Any, corridor: Corridor) -> None:
        """session: onnxruntime.InferenceSession with inputs corridor, features and output action in [-1, 1]."""
        self._session = session
        self._corridor = corridor

    def step(self, observation: Observation) -> Action:
        """Decide curvature and acceleration."""
        straight = self._corridor.straighten(observation)
        inputs = {"corridor": straight[None], "features": self._corridor.features(observation, straight)[None]}
        curvature, acceleration = self._session.run(["action"], inputs)[0][0]
        return Action(observation.stamp_ns, float(curvature), float(acceleration))
