"""Interface, virtual bus, simulated modules and a simple car: what is asked for is driven."""

import math
from dataclasses import replace

import pytest
from dbw_drive import MS, PROFILES, settings_for

from sim2real_ad.control.pedal_map import PedalMap
from sim2real_ad.control.vehicle_model import KinematicState, kinematic_step
from sim2real_ad.dbw.bus import CanBus
from sim2real_ad.dbw.ecu import CarState
from sim2real_ad.dbw.protocols import ecu_for, interface_for
from sim2real_ad.dbw.settings import EcuSettings, VirtualBusSettings
from sim2real_ad.types import ControlCommand, Pose2

STEP_MS = 5


class Car:
    """A car that does at once what its actuators get; without them it rolls, its wheels straight."""

    def __init__(self, protocol, speed):
        self.profile = PROFILES[protocol]
        self.map = PedalMap.load(self.profile)
        self.motion = KinematicState(Pose2(0.0, 0.0, 0.0), speed)
        self.angle = self.acceleration = 0.0

    def drive(self, actuation):
        if actuation is None:
            self.angle = self.acceleration = 0.0
        else:
            self.angle = actuation.steering_tire_angle or 0.0
            self.acceleration = self._acceleration(actuation)
        curvature = math.tan(self.angle) / self.profile.wheelbase
        self.motion = kinematic_step(self.motion, curvature, self.acceleration, STEP_MS / 1e3)

    def _acceleration(self, actuation):
        if actuation.acceleration is not None:
            return actuation.acceleration
        pedals = actuation.accelerator_pedal or 0.0, actuation.brake_pedal or 0.0
        return self.map.acceleration(*pedals, self.motion.speed)

    @property
    def state(self):
        return CarState(speed=self.motion.speed, acceleration=self.acceleration, steering_tire_angle=self.angle)


class World:
    """Both ends of a virtual bus, and time."""

    def __init__(self, protocol, speed=5.0):
        bus = VirtualBusSettings(kind="virtual", channel=f"closed-loop-{protocol}")
        self.host, self.module = CanBus(bus), CanBus(bus)
        settings = settings_for(protocol)
        self.interface = interface_for(PROFILES[protocol], settings)
        self.ecu = ecu_for(PROFILES[protocol], settings, EcuSettings())
        self.car, self.now_ms, self.engage = Car(protocol, speed), 0, False

    def run(self, duration_ms, controller):
        for _ in range(duration_ms // STEP_MS):
            now_ns = self.now_ms * MS
            for frame in self.module.receive():
                self.ecu.receive(frame, now_ns)
            frames, actuation = self.ecu.step(now_ns, self.car.state)
            self.module.send(frames)
            self.car.drive(actuation)
            if self.now_ms % 20 == 0:
                for frame in self.host.receive():
                    self.interface.receive(frame, now_ns)
                self.host.send(self.interface.step(now_ns, controller(self), self.engage))
            self.now_ms += STEP_MS
        return self

    def close(self):
        self.host.close()
        self.module.close()


@pytest.fixture(params=["dataspeed", "pacmod"])
def world(request):
    world = World(request.param)
    world.run(300, lambda world: ControlCommand(0, 0.0, 0.0))
    world.engage = True
    world.run(300, lambda world: ControlCommand(0, 0.0, 0.0))
    assert world.interface.state.phase == "engaged"
    yield world
    world.close()


def hold(speed, angle):
    """A controller that reaches a speed in m/s on a constant tyre angle in rad."""

    def control(world):
        known = world.interface.state.speed
        return ControlCommand(0, angle, max(-2.0, min(2.0, speed - known)))

    return control


def test_the_car_reaches_the_speed_and_the_curve_that_are_asked_for(world):
    world.run(8000, hold(8.0, 0.1))
    state = world.interface.state
    assert state.phase == "engaged"
    assert world.car.motion.speed == pytest.approx(8.0, abs=0.1)
    assert state.speed == pytest.approx(world.car.motion.speed, abs=0.05)
    assert world.car.angle == pytest.approx(0.1, abs=1e-3)
    assert state.steering_tire_angle == pytest.approx(0.1, abs=1e-3)


def test_the_car_stops_and_stands(world):
    world.run(5000, lambda world: ControlCommand(0, 0.0, -2.0))
    assert world.car.motion.speed == 0.0
    place = world.car.motion.pose
    world.run(1000, lambda world: ControlCommand(0, 0.0, -2.0))
    assert world.car.motion.pose == place
    assert world.interface.state.phase == "engaged"


def test_the_car_stops_by_itself_where_commands_cease(world):
    world.run(5000, lambda world: None)
    assert world.car.motion.speed == 0.0
    assert "command_lost" in world.interface.state.reasons


def test_a_car_that_the_driver_takes_over_is_his(world):
    world.run(1000, hold(6.0, 0.1))
    acts = replace(world.car.state, brake_pedal=0.5)
    frames, _ = world.ecu.step(world.now_ms * MS, acts)
    world.module.send(frames)
    world.run(100, hold(6.0, 0.1))
    assert world.interface.state.phase == "disengaged"
    assert world.car.angle == 0.0
