"""The action mapping as a node: action and ego state in, control request out."""

from __future__ import annotations

import time
from typing import Any

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.errors import GraphError
from sim2real_ad.ros.conversions import action_from_message, message_from_command
from sim2real_ad.ros.ego_node import EgoNode, EgoParameters
from sim2real_ad.ros.node import run_node
from sim2real_ad.types import Action, ControlCommand, EgoState
from sim2real_ad.vehicle.profile import load_vehicle


class ActuationParameters(EgoParameters):
    """vehicle: name or path of the profile."""

    vehicle: str


class ActuationNode(EgoNode[ActuationParameters]):
    """Holds one action until the ego state of its frame is there; a newer action replaces it."""

    kind = "actuation"
    model = ActuationParameters

    def __init__(self) -> None:
        super().__init__()
        self._stage = ActionMapping(load_vehicle(self.parameters.vehicle))
        self._waiting: tuple[Action, int] | None = None
        self._dropped = 0
        self._requests = self.publisher("request")
        self.subscribe("action", self._on_action)

    def on_ego(self) -> None:
        """Try again with the new report."""
        self._advance()

    def _on_action(self, message: Any) -> None:
        self._dropped += self._waiting is not None
        self._waiting = action_from_message(message), time.monotonic_ns()
        self._advance()

    def _advance(self) -> None:
        if self._waiting is None:
            return
        action, received_ns = self._waiting
        ego = self.ego.at(action.stamp_ns)
        if ego is None:
            return
        self._waiting = None
        self._requests.publish(message_from_command(self._map(action, ego)))
        self.report_timing(action.stamp_ns, received_ns, self._dropped)

    def _map(self, action: Action, ego: EgoState) -> ControlCommand:
        """Raises GraphError for what is no action: the gate stops the car when this node has ended."""
        try:
            return self._stage.step(action, ego)
        except ValueError as error:
            raise GraphError(f"{self._inputs['action'].topic_name}: {error}") from error


def main() -> None:
    """Run the node."""
    run_node(ActuationNode)


if __name__ == "__main__":
    main()
