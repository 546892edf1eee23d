"""The policy stage as a node: Observation in, action out."""

from __future__ import annotations

import time
from typing import Any

from sim2real_ad.errors import CheckpointError
from sim2real_ad.policy.warm_up import warm_up_policy
from sim2real_ad.ros.checkpoint_parameters import CheckpointParameters, open_checkpoint
from sim2real_ad.ros.conversions import message_from_action, observation_from_message
from sim2real_ad.ros.node import GraphNode, run_node
from sim2real_ad.vehicle.profile import load_vehicle


class PolicyParameters(CheckpointParameters):
    """vehicle: name or path, whose action scale must be the trained."""

    vehicle: str


class PolicyNode(GraphNode[PolicyParameters]):
    """Refuses observations of another spec, and a car on which an action would mean something else."""

    kind = "policy"
    model = PolicyParameters

    def __init__(self) -> None:
        super().__init__()
        checkpoint = open_checkpoint(self.parameters)
        profile = load_vehicle(self.parameters.vehicle)
        if profile.action != checkpoint.config.action:
            raise CheckpointError(
                f"checkpoint {checkpoint.path} was trained with action scale {checkpoint.config.action}, "
                f"vehicle {self.parameters.vehicle} has {profile.action}"
            )
        self._path, self._fingerprint = checkpoint.path, checkpoint.spec.fingerprint
        self._stage = checkpoint.policy_stage(profile)
        warm_up_policy(self._stage, checkpoint.spec)
        self.get_logger().info(f"the policy runs on {checkpoint.providers[0]}")
        self._actions = self.publisher("action")
        self.subscribe("observation", self._on_observation)

    def _on_observation(self, message: Any) -> None:
        received_ns = time.monotonic_ns()
        if message.spec_fingerprint != self._fingerprint:
            raise CheckpointError(
                f"checkpoint {self._path} was trained on observation spec {self._fingerprint}, "
                f"an observation of spec {message.spec_fingerprint} came"
            )
        action = self._stage.step(observation_from_message(message))
        self._actions.publish(message_from_action(action))
        self.report_timing(action.stamp_ns, received_ns)


def main() -> None:
    """Run the node."""
    run_node(PolicyNode)


if __name__ == "__main__":
    main()
