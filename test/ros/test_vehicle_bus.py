"""The vehicle interface and the car's modules as processes, with nothing between them but a bus."""

from __future__ import annotations

import signal
import time

import pytest

from sim2real_ad.ros.conversions import ego_messages, message_from_command, ns_from_time, set_time
from sim2real_ad.ros.graph import DriveOptions, sim_graph
from sim2real_ad.ros.node import topic_type
from sim2real_ad.ros.node_spec import ALONE, NodeSpec
from sim2real_ad.ros.node_states import UP
from sim2real_ad.ros.qos import publisher_qos, recorder_qos
from sim2real_ad.ros.supervisor import free_bus, node_command
from sim2real_ad.ros.topics import (
    ACTUATION,
    CONTROL,
    CONTROL_MODE,
    DIAGNOSTICS,
    DRIVER,
    GATE_STATUS,
    GEAR,
    GEAR_COMMAND,
    STEERING,
    UPSET,
    VELOCITY,
)
from sim2real_ad.types import ControlCommand, EgoState, Pose2

pytest.importorskip("can", reason="needs the can extra")
pytestmark = pytest.mark.ros

PERIOD_S = 0.01
REACTION_MS = 100
BUSY_MS = 300
"""On a machine that does more than this, the world's word that something is wrong comes late."""
VEHICLES = {"dataspeed": "e_transit", "pacmod": "saloon"}
MODES = topic_type(CONTROL_MODE)
IN_TIME = {**ALONE, "realtime_priority": 40}


class Harness:
    """Stands above the vehicle interface, as the gate, and below the modules, as the world."""

    def __init__(self, peer, processes, protocol: str) -> None:
        self.peer = peer
        self.bus = free_bus()
        self.graph = sim_graph(DriveOptions(vehicle=VEHICLES[protocol], mode="realtime", bus=self.bus))
        ecu = self.graph.node("simulated_ecu")
        interface = self.graph.node("vehicle_interface").having(**IN_TIME, time_source="system")
        self.ecu = processes.start("simulated_ecu", node_command(ecu.having(**IN_TIME)))
        self.interface = processes.start("vehicle_interface", node_command(interface))
        self.modes: list[tuple[float, int]] = []
        self.heard: dict[str, object] = {}
        self.actuations: list[tuple[float, object]] = []
        self._listen(CONTROL_MODE, lambda m: self.modes.append((ns_from_time(m.stamp) / 1e9, m.mode)))
        self._listen(ACTUATION, lambda m: self.actuations.append((time.monotonic(), m)))
        for topic in (VELOCITY, STEERING, GEAR, DRIVER, DIAGNOSTICS):
            self._listen(topic, lambda m, name=topic.name: self.heard.__setitem__(name, m))
        above = {"control": CONTROL.name, "gate_status": GATE_STATUS.name, "gear": GEAR_COMMAND.name}
        types = {"control": CONTROL, "gate_status": GATE_STATUS, "gear": GEAR_COMMAND, "upset": UPSET}
        below = {port: ecu.topic(ecu.ports.inputs[port]) for port in ("velocity", "steering", "acceleration", "upset")}
        self.out = {
            port: peer.node.create_publisher(
                topic_type(types.get(port, ecu.ports.inputs.get(port))),
                name,
                publisher_qos(types.get(port, ecu.ports.inputs.get(port)).qos),
            )
            for port, name in (above | below).items()
        }
        self.wants = True
        assert peer.until(lambda: UP in self.interface.log_lines() and UP in self.ecu.log_lines())
        assert peer.until(lambda: all(p.get_subscription_count() for p in self.out.values()))

    def _listen(self, topic, callback) -> None:
        self.peer.node.create_subscription(topic_type(topic), topic.name, callback, recorder_qos(topic.qos))

    def tick(self, *, commands: bool = True, speed: float = 5.0) -> None:
        """What gate and world say in a hundredth of a second."""
        now_ns = time.time_ns()
        ego = EgoState(now_ns, Pose2(0.0, 0.0, 0.0), speed, acceleration=0.5, yaw_rate=0.1, steering_tire_angle=0.05)
        for port, message in ego_messages(ego).items():
            if port in self.out:
                self.out[port].publish(message)
        if commands:
            self.out["control"].publish(message_from_command(ControlCommand(now_ns, 0.05, 0.5)))
        status = topic_type(GATE_STATUS)(state="engaged", engaged=self.wants)
        set_time(status.header.stamp, now_ns)
        self.out["gate_status"].publish(status)
        self.peer.spin_for(PERIOD_S)

    def until_mode(self, mode: int, timeout_s: float = 10.0, *, commands: bool = True) -> float:
        """Go on until the interface reports a mode; return the s that it took."""
        began_s, seen = time.time(), len(self.modes)
        while time.time() - began_s < timeout_s:
            self.tick(commands=commands)
            found = next((at_s for at_s, m in self.modes[seen:] if m == mode), None)
            if found is not None:
                return found - began_s
        raise AssertionError(f"mode {mode} not within {timeout_s} s; {self.interface.log_lines()[-3:]}")

    def engaged(self) -> Harness:
        """Ask for the car until its modules follow and go on following, by a new edge each time, as a driver does."""
        for _ in range(8):
            self.wants = False
            for _ in range(30):
                self.tick()
            self.wants = True
            try:
                self.until_mode(MODES.AUTONOMOUS, 1.5)
            except AssertionError:
                continue
            for _ in range(20):
                self.tick()
            # A machine that stands still for a moment loses the car again, rightly.
            if self.modes[-1][1] == MODES.AUTONOMOUS:
                return self
        raise AssertionError(f"not engaged; {self.interface.log_lines()[-3:]}")

    def upset(self, line: str) -> None:
        self.out["upset"].publish(topic_type(UPSET)(data=line))

    def let_go_after(self, line: str) -> float:
        """Let something go wrong; return the s until the interface no longer says that it drives."""
        began_s, seen = time.time(), len(self.modes)
        self.upset(line)
        while time.time() - began_s < 3.0:
            self.tick()
            found = next((at_s for at_s, m in self.modes[seen:] if m != MODES.AUTONOMOUS), None)
            if found is not None:
                return found - began_s
        raise AssertionError(f"{line}: still autonomous after 3 s")

    @property
    def told(self) -> str:
        status = self.heard[DIAGNOSTICS.name].status[0]
        return status.message


@pytest.fixture(scope="module", params=list(VEHICLES))
def protocol(request) -> str:
    return request.param


@pytest.fixture
def car(peer, processes, protocol) -> Harness:
    return Harness(peer, processes, protocol)


def test_the_car_is_engaged_commanded_and_reported(car, protocol) -> None:
    car.engaged()
    assert car.heard[VELOCITY.name].longitudinal_velocity == pytest.approx(5.0, abs=0.1)
    assert car.heard[STEERING.name].steering_tire_angle == pytest.approx(0.05, abs=0.005)
    assert car.heard[GEAR.name].report == topic_type(GEAR).DRIVE
    assert car.heard[DRIVER.name].brake_pedal == 0.0
    assert "engaged" in car.told
    actuation = car.actuations[-1][1]
    assert actuation.lateral.steering_tire_angle == pytest.approx(0.05, abs=0.005)
    assert actuation.longitudinal.acceleration == pytest.approx(0.5, abs=0.15)
    assert actuation.longitudinal.velocity > 0.0


OF_ALL = {
    "fault": {"dataspeed": "fault steer", "pacmod": "fault steering"},
    "bus_off": "bus_off",
    "silence": "silence",
    "bad_crc": "bad_crc",
    "stuck_counter": "stuck_counter",
    "brakes": "brake_pedal 0.4",
    "steers": "steering_torque 6",
}


def test_whatever_goes_wrong_lets_go_of_the_car_in_time_and_is_named(car, protocol) -> None:
    took_ms, unnamed = {}, []
    for name, line in OF_ALL.items():
        line = line if isinstance(line, str) else line[protocol]
        car.engaged()
        took_ms[name] = round(1e3 * car.let_go_after(line))
        for _ in range(30):
            car.tick()
        if ": " not in car.told:
            unnamed.append((name, car.told))
        car.upset("behave")
        for _ in range(30):
            car.tick()
    assert not unnamed
    late = [name for name, ms in took_ms.items() if ms > REACTION_MS]
    assert len(late) <= 1, took_ms
    assert max(took_ms.values()) <= BUSY_MS, took_ms


def test_a_gate_that_goes_silent_makes_the_interface_brake(car) -> None:
    car.engaged()
    car.actuations.clear()
    began_s = time.monotonic()
    car.until_mode(MODES.NOT_READY, commands=False)
    for _ in range(20):
        car.tick(commands=False)
    stop, told = next((at_s, m) for at_s, m in car.actuations if m.longitudinal.acceleration < -1.0)
    assert stop - began_s <= 0.15
    assert told.longitudinal.velocity > 0.0, "it is not the modules' own stop: they have their commands"
    assert "command" in car.told


def test_a_gate_that_comes_back_does_not_get_the_car_before_it_asks_anew(car) -> None:
    car.engaged()
    car.until_mode(MODES.NOT_READY, commands=False)
    car.actuations.clear()
    for _ in range(30):
        car.tick()
    assert all(m.longitudinal.acceleration < -1.0 for _, m in car.actuations[-10:])
    car.engaged()


def test_a_dead_vehicle_interface_lets_the_car_stop_by_itself(car, processes) -> None:
    car.engaged()
    car.actuations.clear()
    began_s = time.monotonic()
    car.interface.signal(signal.SIGKILL)
    while time.monotonic() - began_s < 0.6:
        car.tick()
    stop = next(at_s for at_s, m in car.actuations if m.longitudinal.acceleration < -1.0)
    assert stop - began_s <= 0.25


def test_an_interface_that_is_told_to_end_brakes_the_car_to_its_standstill_first(car) -> None:
    car.engaged()
    car.actuations.clear()
    car.interface.signal(signal.SIGTERM)
    for _ in range(60):
        car.tick()
    assert all(m.longitudinal.acceleration < -1.0 for _, m in car.actuations[-10:])
    assert all(m.longitudinal.velocity > 0.0 for _, m in car.actuations), "the modules have their commands"
    assert car.interface.exit_status is None
    for _ in range(100):
        car.tick(speed=0.0)
    assert car.interface.exit_status == 0


def test_modules_that_die_are_a_named_fault(car) -> None:
    car.engaged()
    car.ecu.signal(signal.SIGKILL)
    assert car.until_mode(MODES.NOT_READY) <= 1.0
    for _ in range(30):
        car.tick()
    assert "timeout" in car.told


def test_a_profile_without_drive_by_wire_and_a_line_that_is_no_bus_are_refused(peer, processes) -> None:
    for vehicle, bus, why in (
        ("sprinter", "profile", "no drive_by_wire section"),
        ("saloon", "can0", "is none of socketcan:CHANNEL"),
        ("saloon", "socketcan:can99", "no CAN interface can99"),
    ):
        spec = NodeSpec("vehicle_interface", {"vehicle": vehicle, "bus": bus, "time_source": "system", **ALONE})
        process = processes.start(f"refused-{vehicle}-{len(bus)}", node_command(spec))
        assert peer.until(lambda p=process: p.exit_status is not None)
        assert process.exit_status == 2
        assert why in "\n".join(process.log_lines())
