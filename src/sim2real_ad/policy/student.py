"""The distilled student in ONNX Runtime: Observation to Action."""

from __future__ import annotations

from typing import Any

from sim2real_ad.policy.corridor import Corridor
from sim2real_ad.policy.inputs import StudentInputs
from sim2real_ad.types import Action, FloatArray, Observation, UInt8Array


class StudentPolicy:
    """`pipeline.PolicyStage` over the student network. One for every drive, or for drives one after the other."""

    def __init__(self, session: Any, corridor: Corridor) -> None:
        """session: onnxruntime.InferenceSession with inputs corridor, features and output action in [-1, 1]."""
        self._session = session
        self._inputs = StudentInputs(corridor)

    def step(self, observation: Observation) -> Action:
        """Decide curvature and acceleration."""
        return self.decide(observation.stamp_ns, *self._inputs.step(observation))

    def decide(self, stamp_ns: int, straight: UInt8Array, features: FloatArray) -> Action:
        """Decide on inputs that are made already, see `StudentInputs`."""
        inputs = {"corridor": straight[None], "features": features[None]}
        curvature, acceleration = self._session.run(["action"], inputs)[0][0]
        return Action(stamp_ns, float(curvature), float(acceleration))

    def reset(self) -> None:
        """Forget the drive."""
        self._inputs.reset()
