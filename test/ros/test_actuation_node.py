"""The action mapping as a process: an action and the car's state become a request; what is no action ends it."""

from __future__ import annotations

import pytest

from sim2real_ad.ros.conversions import ego_messages, message_from_action, ns_from_time
from sim2real_ad.ros.graph import DriveOptions, sim_graph
from sim2real_ad.ros.node import topic_type
from sim2real_ad.ros.node_spec import ALONE
from sim2real_ad.ros.node_states import UP
from sim2real_ad.ros.qos import publisher_qos, recorder_qos
from sim2real_ad.ros.supervisor import node_command
from sim2real_ad.ros.topics import ACTION, EGO_PORTS, REQUEST
from sim2real_ad.types import Action, EgoState, Pose2

pytestmark = pytest.mark.ros
FRAME_NS = 50_000_000


class Harness:
    """Stands on both sides of an actuation process."""

    def __init__(self, peer, processes) -> None:
        self.peer = peer
        spec = sim_graph(DriveOptions()).node("actuation")
        self.process = processes.start("actuation", node_command(spec.having(**ALONE)))
        self.requests: list[object] = []
        self.frame = 0
        peer.node.create_subscription(
            topic_type(REQUEST), REQUEST.name, self.requests.append, recorder_qos(REQUEST.qos)
        )
        topics = {**EGO_PORTS, "action": ACTION}
        self.out = {
            p: peer.node.create_publisher(topic_type(t), t.name, publisher_qos(t.qos)) for p, t in topics.items()
        }
        assert peer.until(lambda: UP in self.process.log_lines()), self.process.log_lines()
        assert peer.until(lambda: all(p.get_subscription_count() for p in self.out.values()))

    def tell_until(self, condition, curvature: float = 0.5) -> bool:
        """Send frame after frame until a condition holds: the first may be lost where a reader is not there yet."""
        for _ in range(60):
            self.frame += 1
            stamp_ns = self.frame * FRAME_NS
            for port, message in ego_messages(EgoState(stamp_ns, Pose2(0.0, 0.0, 0.0), 5.0)).items():
                self.out[port].publish(message)
            self.out["action"].publish(message_from_action(Action(stamp_ns, curvature, 0.0)))
            if self.peer.until(condition, 0.5):
                return True
        return False


@pytest.fixture
def actuation(peer, processes) -> Harness:
    return Harness(peer, processes)


def test_an_action_becomes_a_request_of_the_same_frame(actuation: Harness) -> None:
    assert actuation.tell_until(lambda: actuation.requests)
    assert ns_from_time(actuation.requests[0].stamp) == actuation.frame * FRAME_NS
    assert actuation.requests[0].lateral.steering_tire_angle > 0.0


@pytest.mark.parametrize("curvature", [float("nan"), 1.5])
def test_what_is_no_action_ends_the_node_with_the_topic_and_the_value(actuation: Harness, curvature: float) -> None:
    assert actuation.tell_until(lambda: actuation.process.exit_status is not None, curvature)
    assert actuation.process.exit_status == 2
    assert f"action.curvature must lie in [-1, 1], got {curvature}" in actuation.process.describe_end()
    assert ACTION.name in actuation.process.describe_end()
    assert not [line for line in actuation.process.log_lines() if "Traceback" in line or 'File "' in line]
    assert not actuation.requests
