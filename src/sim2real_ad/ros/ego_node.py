"""A node that needs the ego state: subscribes to its four sources and joins them to what waits for them."""

from __future__ import annotations

from typing import Any, TypeVar

from sim2real_ad.ros.conversions import reading_from_message
from sim2real_ad.ros.ego_tracker import SOURCES, EgoSource, EgoTracker
from sim2real_ad.ros.node import GraphNode, NodeParameters


class EgoParameters(NodeParameters):
    """lockstep: whether time stands still until the command; max_ego_age_s: see EgoTracker."""

    lockstep: bool
    max_ego_age_s: float


EgoParametersT = TypeVar("EgoParametersT", bound=EgoParameters)


class EgoNode(GraphNode[EgoParametersT]):
    """Calls `on_ego` after every report; `self.ego` joins them."""

    def __init__(self) -> None:
        super().__init__()
        self.ego = EgoTracker(exact=self.parameters.lockstep, max_age_s=self.parameters.max_ego_age_s)
        for source in SOURCES:
            self._listen(source)

    def on_ego(self) -> None:
        """A report came: whatever waits for the ego state may go on."""

    def _listen(self, source: EgoSource) -> None:
        def on_report(message: Any) -> None:
            self.ego.add(source, reading_from_message(source, message))
            self.on_ego()

        self.subscribe(source, on_report)
