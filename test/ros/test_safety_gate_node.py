"""The gate as a process: it answers, and when everything upstream is silent it says stop, again and again."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from sim2real_ad.ros.conversions import ego_messages, message_from_command, ns_from_time
from sim2real_ad.ros.graph import DriveOptions, NodeSpec, sim_graph, vehicle_graph
from sim2real_ad.ros.node import topic_type
from sim2real_ad.ros.node_states import UP
from sim2real_ad.ros.qos import publisher_qos, recorder_qos
from sim2real_ad.ros.supervisor import node_command
from sim2real_ad.ros.topics import CONTROL, EGO_PORTS, ENGAGE, GATE_STATUS, GEAR_COMMAND, REQUEST
from sim2real_ad.types import ControlCommand, EgoState, Pose2

pytestmark = pytest.mark.ros


class Harness:
    """Stands on both sides of a gate process."""

    def __init__(self, peer, processes, spec: NodeSpec) -> None:
        self.peer = peer
        self.process = processes.start(spec.name, node_command(spec))
        self.commands: list[tuple[float, object]] = []
        self.statuses: list[object] = []
        self.gears: list[int] = []
        listen = peer.node.create_subscription
        listen(topic_type(CONTROL), CONTROL.name, self._on_command, recorder_qos(CONTROL.qos))
        listen(topic_type(GATE_STATUS), GATE_STATUS.name, self.statuses.append, recorder_qos(GATE_STATUS.qos))
        listen(
            topic_type(GEAR_COMMAND), GEAR_COMMAND.name, lambda m: self.gears.append(m.command), recorder_qos("latched")
        )
        topics = {**EGO_PORTS, "request": REQUEST, "engage": ENGAGE}
        self.out = {
            port: peer.node.create_publisher(topic_type(t), t.name, publisher_qos(t.qos)) for port, t in topics.items()
        }
        assert peer.until(lambda: UP in self.process.log_lines()), self.process.log_lines()
        assert peer.until(lambda: all(p.get_subscription_count() for p in self.out.values()))

    def _on_command(self, message) -> None:
        self.commands.append((time.monotonic(), message))

    def send_ego(self, stamp_ns: int, speed: float) -> None:
        for port, message in ego_messages(EgoState(stamp_ns, Pose2(0.0, 0.0, 0.0), speed)).items():
            self.out[port].publish(message)

    def send_request(self, stamp_ns: int, acceleration: float) -> None:
        self.out["request"].publish(message_from_command(ControlCommand(stamp_ns, 0.0, acceleration, 5.0)))

    def drive_for(self, seconds: float) -> None:
        """A healthy upstream at 20 Hz, by the system clock, as on a car."""
        deadline_s = time.monotonic() + seconds
        while time.monotonic() < deadline_s:
            now_ns = time.time_ns()
            self.send_ego(now_ns, 5.0)
            self.send_request(now_ns, 0.5)
            self.peer.spin_for(0.05)


@pytest.fixture
def on_a_car(peer, processes) -> Harness:
    return Harness(peer, processes, vehicle_graph(DriveOptions()).node("safety_gate"))


def test_on_a_car_it_commands_a_stop_until_engaged_then_passes_requests_then_stops_when_all_falls_silent(
    on_a_car: Harness,
) -> None:
    gate, peer = on_a_car, on_a_car.peer
    assert peer.until(lambda: len(gate.commands) > 10), "a gate without any input must not be silent"
    assert all(m.longitudinal.acceleration < 0.0 for _, m in gate.commands)

    gate.drive_for(0.3)
    assert gate.statuses[-1].state == "disengaged"
    assert not gate.statuses[-1].engaged
    gate.out["engage"].publish(topic_type(ENGAGE)(engage=True))
    deadline_s = time.monotonic() + 10.0
    while gate.statuses[-1].state != "engaged" and time.monotonic() < deadline_s:
        gate.drive_for(0.1)
        gate.out["engage"].publish(topic_type(ENGAGE)(engage=True))
    assert gate.statuses[-1].state == "engaged"
    assert gate.statuses[-1].engaged
    assert any(m.longitudinal.acceleration > 0.0 for _, m in gate.commands[-10:])
    drive = topic_type(GEAR_COMMAND).DRIVE
    assert peer.until(lambda: gate.gears[-1:] == [drive])

    silent_from = time.monotonic()
    gate.commands.clear()
    peer.spin_for(1.0)
    late = [m for t, m in gate.commands if t > silent_from + 0.4]
    assert len(late) >= 15, "silence upstream must not silence the gate"
    assert all(m.longitudinal.acceleration < 0.0 and m.longitudinal.velocity == 0.0 for m in late)
    assert gate.statuses[-1].state == "stopping"
    assert "request_stale" in gate.statuses[-1].reasons


def test_disengaging_always_works(on_a_car: Harness) -> None:
    gate = on_a_car
    deadline_s = time.monotonic() + 10.0
    while not (gate.statuses and gate.statuses[-1].engaged) and time.monotonic() < deadline_s:
        gate.drive_for(0.1)
        gate.out["engage"].publish(topic_type(ENGAGE)(engage=True))
    assert gate.statuses[-1].engaged
    gate.out["engage"].publish(topic_type(ENGAGE)(engage=False))
    assert gate.peer.until(lambda: gate.statuses[-1].state == "disengaged", 5.0)


def test_in_lock_step_it_answers_each_request_once_and_with_its_stamp(peer, processes) -> None:
    spec = sim_graph(DriveOptions()).node("safety_gate")
    gate = Harness(peer, processes, replace(spec, parameters={**spec.parameters}))
    stamps = [1_000_000_000 + k * 50_000_000 for k in range(20)]
    for number, stamp_ns in enumerate(stamps):
        early, late = (gate.send_ego, gate.send_request) if number % 2 else (gate.send_request, gate.send_ego)
        early(stamp_ns, 5.0 if early == gate.send_ego else 0.5)
        late(stamp_ns, 5.0 if late == gate.send_ego else 0.5)
        assert peer.until(lambda wanted=number: len(gate.commands) > wanted, 10.0)
    peer.spin_for(0.3)
    assert [ns_from_time(m.stamp) for _, m in gate.commands] == stamps
    assert all(s.engaged for s in gate.statuses)
