"""The gate as a process: it answers, and when everything upstream is silent it says stop, again and again."""

from __future__ import annotations

import time

import numpy as np
import pytest
import yaml

from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.ros.conversions import (
    ego_messages,
    message_from_command,
    message_from_observation,
    ns_from_time,
    set_time,
)
from sim2real_ad.ros.graph import DriveOptions, sim_graph, vehicle_graph
from sim2real_ad.ros.node import topic_type
from sim2real_ad.ros.node_spec import NodeSpec
from sim2real_ad.ros.node_states import UP
from sim2real_ad.ros.qos import publisher_qos, recorder_qos
from sim2real_ad.ros.safety_gate_node import SETTLING_S
from sim2real_ad.ros.supervisor import node_command
from sim2real_ad.ros.topics import (
    CONTROL,
    CONTROL_MODE,
    DIAGNOSTICS,
    DRIVER,
    EGO_PORTS,
    ENGAGE,
    ENGAGE_SERVICE,
    GATE_STATUS,
    GEAR_COMMAND,
    OBSERVATION,
    REQUEST,
)
from sim2real_ad.safety.limits import load_safety_limits
from sim2real_ad.types import ControlCommand, EgoState, Observation, Pose2

pytestmark = pytest.mark.ros

SPEC = ObservationSpec()


def free_road(stamp_ns: int) -> Observation:
    """What the adapter says of an empty, straight road."""
    channels, height, width = SPEC.bev.shape
    bev = np.zeros((channels, height, width), np.uint8)
    route = np.stack((2.0 * np.arange(SPEC.route_points), np.zeros(SPEC.route_points)), axis=1).astype(np.float32)
    history = np.zeros((len(SPEC.history_s), *bev.shape), np.uint8)
    seen = np.full((height, width), 255, np.uint8)
    return Observation(stamp_ns, bev, seen, history, np.zeros(len(SPEC.ego_features), np.float32), route, 8.0)


class Harness:
    """Stands on both sides of a gate process."""

    def __init__(self, peer, processes, spec: NodeSpec) -> None:
        self.peer = peer
        self.process = processes.start(spec.name, node_command(spec))
        self.commands: list[tuple[float, object]] = []
        self.statuses: list[object] = []
        self.gears: list[int] = []
        self.diagnostics: list[object] = []
        listen = peer.node.create_subscription
        listen(topic_type(CONTROL), CONTROL.name, self._on_command, recorder_qos(CONTROL.qos))
        listen(topic_type(GATE_STATUS), GATE_STATUS.name, self.statuses.append, recorder_qos(GATE_STATUS.qos))
        listen(
            topic_type(GEAR_COMMAND), GEAR_COMMAND.name, lambda m: self.gears.append(m.command), recorder_qos("latched")
        )
        listen(topic_type(DIAGNOSTICS), DIAGNOSTICS.name, self.diagnostics.append, recorder_qos(DIAGNOSTICS.qos))
        topics = {**EGO_PORTS, "request": REQUEST, "engage": ENGAGE, "view": OBSERVATION}
        topics |= {"vehicle": CONTROL_MODE, "driver": DRIVER}
        self.out = {
            port: peer.node.create_publisher(topic_type(t), t.name, publisher_qos(t.qos)) for port, t in topics.items()
        }
        assert peer.until(lambda: UP in self.process.log_lines()), self.process.log_lines()
        assert peer.until(lambda: all(p.get_subscription_count() for p in self.out.values()))

    def _on_command(self, message) -> None:
        self.commands.append((time.monotonic(), message))

    def send_vehicle(self, stamp_ns: int, brake_pedal: float = 0.0) -> None:
        mode = topic_type(CONTROL_MODE)(mode=topic_type(CONTROL_MODE).AUTONOMOUS)
        driver = topic_type(DRIVER)(brake_pedal=brake_pedal)
        for port, message in (("vehicle", mode), ("driver", driver)):
            set_time(message.stamp, stamp_ns)
            self.out[port].publish(message)

    def send_view(self, stamp_ns: int) -> None:
        self.out["view"].publish(message_from_observation(free_road(stamp_ns), SPEC.fingerprint))

    def send_ego(self, stamp_ns: int, speed: float) -> None:
        for port, message in ego_messages(EgoState(stamp_ns, Pose2(0.0, 0.0, 0.0), speed)).items():
            self.out[port].publish(message)

    def send_request(self, stamp_ns: int, acceleration: float) -> None:
        self.out["request"].publish(message_from_command(ControlCommand(stamp_ns, 0.0, acceleration, 5.0)))

    def drive_for(self, seconds: float, brake_pedal: float = 0.0) -> None:
        """A healthy upstream at 20 Hz, by the system clock, as on a car that stands and is asked to set off."""
        deadline_s = time.monotonic() + seconds
        while time.monotonic() < deadline_s:
            now_ns = time.time_ns()
            self.send_vehicle(now_ns, brake_pedal)
            self.send_ego(now_ns, 0.0)
            self.send_view(now_ns)
            self.send_request(now_ns, 0.5)
            self.peer.spin_for(0.05)

    def engage(self) -> None:
        """Ask for authority until it is given."""
        deadline_s = time.monotonic() + 10.0
        while not (self.statuses and self.statuses[-1].state == "engaged") and time.monotonic() < deadline_s:
            self.drive_for(0.1)
            self.out["engage"].publish(topic_type(ENGAGE)(engage=True))
        assert self.statuses[-1].state == "engaged", self.statuses[-1]


@pytest.fixture
def patient(tmp_path) -> str:
    """Limits for a machine that is busy with other tests: how fast the gate is, is measured elsewhere."""
    limits = load_safety_limits().model_dump()
    limits["freshness"] |= dict.fromkeys(("request_silence", "ego_silence"), 0.4)
    limits["freshness"] |= dict.fromkeys(("view_silence", "vehicle_silence", "driver_silence"), 0.8)
    limits["freshness"] |= dict.fromkeys(("request_age", "ego_age", "view_age"), 0.8)
    limits["budgets"] |= dict.fromkeys(limits["budgets"].keys() - {"missed_in_a_row"}, 900.0)
    path = tmp_path / "patient.yaml"
    path.write_text(yaml.safe_dump(limits), encoding="utf-8")
    return str(path)


@pytest.fixture
def on_a_car(peer, processes, patient) -> Harness:
    spec = vehicle_graph(DriveOptions()).node("safety_gate")
    return Harness(peer, processes, spec.having(limits=patient))


def test_on_a_car_it_commands_a_stop_until_engaged_then_passes_requests_then_stops_when_all_falls_silent(
    on_a_car: Harness,
) -> None:
    gate, peer = on_a_car, on_a_car.peer
    assert peer.until(lambda: len(gate.commands) > 10), "a gate without any input must not be silent"
    assert all(m.longitudinal.acceleration < 0.0 for _, m in gate.commands)

    gate.drive_for(0.3)
    assert gate.statuses[-1].state == "disengaged"
    assert not gate.statuses[-1].engaged
    gate.engage()
    gate.drive_for(0.2)
    assert gate.statuses[-1].engaged
    assert any(m.longitudinal.acceleration > 0.0 for _, m in gate.commands[-10:])
    drive = topic_type(GEAR_COMMAND).DRIVE
    assert peer.until(lambda: gate.gears[-1:] == [drive])

    silent_from = time.monotonic()
    gate.commands.clear()
    peer.spin_for(1.6)
    late = [m for t, m in gate.commands if t > silent_from + 0.6]
    assert len(late) >= 15, "silence upstream must not silence the gate"
    assert all(m.longitudinal.acceleration < 0.0 and m.longitudinal.velocity == 0.0 for m in late)
    assert gate.statuses[-1].state == "emergency_stop", "the car's own state is lost"
    assert {"request_stale", "ego_stale", "view_stale"} <= set(gate.statuses[-1].reasons), gate.statuses[-1].reasons

    gate.drive_for(1.0)
    assert gate.statuses[-1].state == "emergency_stop", "what has stopped holds until the driver engages anew"
    gate.out["engage"].publish(topic_type(ENGAGE)(engage=False))
    gate.engage()


def test_a_foot_on_the_brake_takes_the_car_over_and_keeps_it(on_a_car: Harness) -> None:
    gate = on_a_car
    gate.engage()
    gate.drive_for(0.3, brake_pedal=0.4)
    assert gate.statuses[-1].state == "disengaged"
    assert "driver_brakes" in gate.statuses[-1].reasons
    gate.out["engage"].publish(topic_type(ENGAGE)(engage=True))
    gate.drive_for(0.2, brake_pedal=0.4)
    assert gate.statuses[-1].state == "disengaged"


def test_the_engage_service_says_why_not(on_a_car: Harness) -> None:
    from std_srvs.srv import SetBool

    gate = on_a_car
    client = gate.peer.node.create_client(SetBool, ENGAGE_SERVICE)
    assert gate.peer.until(client.service_is_ready)
    refused = client.call_async(SetBool.Request(data=True))
    assert gate.peer.until(refused.done)
    assert not refused.result().success
    assert {"request_missing", "ego_missing", "view_missing", "vehicle_missing"} <= set(
        refused.result().message.split(", ")
    )
    gate.drive_for(0.3)
    taken = client.call_async(SetBool.Request(data=True))
    assert gate.peer.until(taken.done)
    gate.drive_for(0.2)
    assert taken.result().success, taken.result().message
    assert gate.statuses[-1].state == "engaged"


def test_diagnostics_have_a_status_a_check_and_name_what_is_missing(on_a_car: Harness) -> None:
    gate = on_a_car
    assert gate.peer.until(lambda: bool(gate.diagnostics))
    statuses = {status.name: status for status in gate.diagnostics[-1].status}
    assert statuses["safety_gate: view"].message == "view_missing"
    assert statuses["safety_gate: view"].level == type(statuses["safety_gate: view"]).ERROR
    assert statuses["safety_gate: tracking"].message == "ok"


def test_a_second_gate_refuses_to_start(on_a_car: Harness, processes) -> None:
    on_a_car.peer.spin_for(SETTLING_S + 0.5)
    second = processes.start("second", node_command(vehicle_graph(DriveOptions()).node("safety_gate")))
    assert on_a_car.peer.until(lambda: second.exit_status is not None, 15.0), second.log_lines()
    assert second.exit_status == 2
    assert "control_cmd is commanded already" in second.describe_end()
    before = len(on_a_car.commands)
    assert on_a_car.peer.until(lambda: len(on_a_car.commands) > before + 10), "the first one goes on"


def test_disengaging_always_works(on_a_car: Harness) -> None:
    gate = on_a_car
    gate.engage()
    gate.out["engage"].publish(topic_type(ENGAGE)(engage=False))
    assert gate.peer.until(lambda: gate.statuses[-1].state == "disengaged", 5.0)


def test_in_lock_step_it_answers_each_request_once_and_with_its_stamp(peer, processes) -> None:
    spec = sim_graph(DriveOptions()).node("safety_gate")
    gate = Harness(peer, processes, spec)
    stamps = [1_000_000_000 + k * 50_000_000 for k in range(20)]
    for number, stamp_ns in enumerate(stamps):
        sends = [
            lambda stamp_ns=stamp_ns: gate.send_vehicle(stamp_ns),
            lambda stamp_ns=stamp_ns: gate.send_ego(stamp_ns, 5.0),
            lambda stamp_ns=stamp_ns: gate.send_view(stamp_ns),
            lambda stamp_ns=stamp_ns: gate.send_request(stamp_ns, 0.5),
        ]
        for k in range(4):
            sends[(number + k) % 4]()  # whichever comes last
        assert peer.until(lambda wanted=number: len(gate.commands) > wanted, 10.0)
    peer.spin_for(0.3)
    assert [ns_from_time(m.stamp) for _, m in gate.commands] == stamps
    assert all(s.engaged for s in gate.statuses)
