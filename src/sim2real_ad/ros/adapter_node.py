"""The observation stage as a node: camera frame, ego state and route in, Observation out."""

from __future__ import annotations

import time
from typing import Any

from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.policy.warm_up import warm_up_observation
from sim2real_ad.ros.checkpoint_parameters import CheckpointParameters, open_checkpoint
from sim2real_ad.ros.conversions import frame_from_image, message_from_observation, ns_from_time, route_from_message
from sim2real_ad.ros.ego_node import EgoNode, EgoParameters
from sim2real_ad.ros.node import run_node
from sim2real_ad.types import Route


class AdapterParameters(EgoParameters, CheckpointParameters):
    """camera: name or path."""

    camera: str


class AdapterNode(EgoNode[AdapterParameters]):
    """Holds one frame until the ego state and the route that belong to it are there; a newer frame replaces it."""

    kind = "adapter"
    model = AdapterParameters

    def __init__(self) -> None:
        super().__init__()
        checkpoint = open_checkpoint(self.parameters)
        camera = load_camera(self.parameters.camera)
        self._stage = checkpoint.observation_stage(camera)
        warm_up_observation(self._stage, camera)
        self._fingerprint = checkpoint.spec.fingerprint
        self.get_logger().info(f"the adapter runs on {checkpoint.providers[0]}")
        self._route: Route | None = None
        self._waiting: tuple[Any, int] | None = None
        self._dropped = 0
        self._observations = self.publisher("observation")
        self.subscribe("route", self._on_route)
        self.subscribe("image", self._on_image)

    def on_ego(self) -> None:
        """Try again with the new report."""
        self._advance()

    def _on_route(self, message: Any) -> None:
        self._route = route_from_message(message)
        self._advance()

    def _on_image(self, message: Any) -> None:
        self._dropped += self._waiting is not None
        self._waiting = message, time.monotonic_ns()
        self._advance()

    def _advance(self) -> None:
        if self._waiting is None or self._route is None:
            return
        message, received_ns = self._waiting
        ego = self.ego.at(ns_from_time(message.header.stamp))
        if ego is None:
            return
        self._waiting = None
        observation = self._stage.step(frame_from_image(message), ego, self._route)
        self._observations.publish(message_from_observation(observation, self._fingerprint))
        self.report_timing(observation.stamp_ns, received_ns, self._dropped)


def main() -> None:
    """Run the node."""
    run_node(AdapterNode)


if __name__ == "__main__":
    main()
