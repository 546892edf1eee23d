"""The one pure pipeline. The nodes, the bag replay and the training environment call the same stage objects.

Time is an argument: no stage reads a clock.
"""

from __future__ import annotations

from typing import Protocol

from sim2real_ad.safety.inputs import GateInputs
from sim2real_ad.types import Action, CameraFrame, ControlCommand, EgoState, Observation, PipelineStep, Route


class ObservationStage(Protocol):
    """Camera frame to Observation. Forgets its history where stamps go back, jump, or the route changes."""

    def step(self, frame: CameraFrame, ego: EgoState, route: Route) -> Observation:
        """Observe one frame. ego is the state at frame.stamp_ns."""
        ...

    def reset(self) -> None:
        """Forget the history."""
        ...


class PolicyStage(Protocol):
    """Observation to Action. May remember the drive; forgets it where stamps go back or jump."""

    def step(self, observation: Observation) -> Action:
        """Decide."""
        ...

    def reset(self) -> None:
        """Forget the drive."""
        ...


class MappingStage(Protocol):
    """Action to ControlCommand through the vehicle profile. Stateless."""

    def step(self, action: Action, ego: EgoState) -> ControlCommand:
        """Scale curvature and acceleration to tyre angle and m/s^2."""
        ...


class GateResult(Protocol):
    """What a gate decided."""

    @property
    def command(self) -> ControlCommand:
        """The command that may go to the vehicle."""
        ...

    @property
    def state(self) -> str:
        """The state machine's state."""
        ...

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the command differs from the request; empty where it does not."""
        ...


class GateStage(Protocol):
    """ControlCommand to a ControlCommand inside the envelope, or an explicit stop. Never silent."""

    def step(self, inputs: GateInputs, now_ns: int) -> GateResult:
        """Judge the latest request against the car's actual state and what is seen; None stands for what never came."""
        ...


class DrivingPipeline:
    """Camera frame to gated command, in process: the same stages as the nodes, in the same order."""

    def __init__(
        self, observation: ObservationStage, policy: PolicyStage, mapping: MappingStage, gate: GateStage
    ) -> None:
        self.observation = observation
        self.policy = policy
        self.mapping = mapping
        self.gate = gate

    def step(self, frame: CameraFrame, ego: EgoState, route: Route, now_ns: int) -> PipelineStep:
        """Run one frame through every stage. now_ns is the time at the gate, in the clock of the stamps."""
        observation = self.observation.step(frame, ego, route)
        action = self.policy.step(observation)
        requested = self.mapping.step(action, ego)
        gated = self.gate.step(GateInputs(request=requested, ego=ego, view=observation), now_ns)
        return PipelineStep(observation, action, requested, gated.command, gated.state, gated.reasons)

    def reset(self) -> None:
        """Start a new drive."""
        self.observation.reset()
        self.policy.reset()
