"""A car's drive-by-wire modules as a process on the bus: they answer as the real ones and move the simulated car.

To the vehicle interface it is the car; to the world it is what actuates it. What shall go wrong is said on a topic.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from pydantic import Field

from sim2real_ad.control.pedal_map import PedalMap
from sim2real_ad.dbw.bus import CanBus
from sim2real_ad.dbw.bus_loop import BusLoop
from sim2real_ad.dbw.ecu import Actuation, CarState
from sim2real_ad.dbw.links import CarLink
from sim2real_ad.dbw.protocols import ecu_for
from sim2real_ad.dbw.settings import EcuSettings
from sim2real_ad.dbw.upset import upset
from sim2real_ad.errors import DbwError
from sim2real_ad.ros.bus_parameters import drive_by_wire_of
from sim2real_ad.ros.conversions import message_from_command, ns_from_time
from sim2real_ad.ros.node import GraphNode, NodeParameters, run_node
from sim2real_ad.types import ControlCommand
from sim2real_ad.vehicle.profile import load_vehicle

LEAST_SPEED = 0.1
"""m/s, of what the actuators are told while the modules follow commands; 0 tells that they stop the car themselves."""


class SimulatedEcuParameters(NodeParameters):
    """vehicle: name or path of the profile; bus: `profile`, or another bus in one line; rate_hz: steps a second."""

    vehicle: str
    bus: str
    rate_hz: float = Field(ge=100.0, le=500.0)


class SimulatedEcuNode(GraphNode[SimulatedEcuParameters]):
    """Between the car's bus and the world's car."""

    kind = "simulated_ecu"
    model = SimulatedEcuParameters

    def __init__(self) -> None:
        """Raises ConfigError where the profile has no drive-by-wire, DbwError where its bus is not there."""
        super().__init__()
        profile = load_vehicle(self.parameters.vehicle)
        settings = drive_by_wire_of(profile, self.parameters.bus)
        self._map = PedalMap.load(profile)
        self._lock = threading.Lock()
        self._car, self._stamp_ns = CarState(), 0
        self._steering_tire_angle = 0.0
        self._actuations = self.publisher("actuation")
        self._ecu = ecu_for(profile, settings.protocol, EcuSettings())
        self._bus = CanBus(settings.bus)
        link = CarLink(self._ecu, self._bus, self._now, self._actuate)
        self._loop = BusLoop(self._guarded(link.step), 1.0 / self.parameters.rate_hz, self.stop)
        self.subscribe("velocity", self._on_velocity)
        self.subscribe("steering", self._on_steering)
        self.subscribe("acceleration", self._on_acceleration)
        self.subscribe("upset", self._on_upset)
        self._loop.start()

    def close(self) -> None:
        """Let go of the bus."""
        self._loop.close()
        self._bus.close()

    def _guarded(self, step: Any) -> Any:
        """Keep what goes wrong on a topic from changing in the middle of a step."""

        def run(now_ns: int) -> None:
            with self._lock:
                step(now_ns)

        return run

    def _now(self) -> CarState:
        return self._car

    def _see(self, **values: float) -> None:
        with self._lock:
            self._car = replace(self._car, **values)

    def _on_velocity(self, message: Any) -> None:
        self._stamp_ns = ns_from_time(message.header.stamp)
        self._see(speed=message.longitudinal_velocity, yaw_rate=message.heading_rate)

    def _on_steering(self, message: Any) -> None:
        self._see(steering_tire_angle=message.steering_tire_angle)

    def _on_acceleration(self, message: Any) -> None:
        self._see(acceleration=message.accel.accel.linear.x)

    def _on_upset(self, message: Any) -> None:
        """Let something go wrong, as `upset` reads it."""
        with self._lock:
            try:
                self._car = upset(self._ecu, self._car, message.data)
            except DbwError as error:
                self.get_logger().error(str(error))

    def _actuate(self, actuation: Actuation | None) -> None:
        """Tell the world what its car's actuators get; nothing where nobody actuates it. In the bus's thread."""
        if actuation is None or self._stamp_ns == 0:
            return
        if actuation.steering_tire_angle is not None:
            self._steering_tire_angle = actuation.steering_tire_angle
        speed = 0.0 if actuation.own_stop else max(self._car.speed, LEAST_SPEED)
        command = ControlCommand(self._stamp_ns, self._steering_tire_angle, self._acceleration(actuation), speed)
        self._actuations.publish(message_from_command(command))

    def _acceleration(self, actuation: Actuation) -> float:
        """Return the acceleration that an actuation comes to, m/s^2; pedals give what the profile's maps say."""
        if actuation.acceleration is not None:
            return actuation.acceleration
        throttle, brake = actuation.accelerator_pedal or 0.0, actuation.brake_pedal or 0.0
        return self._map.acceleration(throttle, brake, max(self._car.speed, 0.0))


def main() -> None:
    """Run the node."""
    run_node(SimulatedEcuNode)


if __name__ == "__main__":
    main()
