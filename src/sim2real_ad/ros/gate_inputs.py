"""The newest of everything that the safety gate is told, from messages."""

from __future__ import annotations

from typing import Any

from sim2real_ad.ros.conversions import ns_from_time, observation_from_message
from sim2real_ad.ros.ego_tracker import EgoTracker
from sim2real_ad.safety.findings import Finding
from sim2real_ad.safety.inputs import DriverInput, GateInputs, VehicleStatus
from sim2real_ad.types import ControlCommand, Observation


class InputKeeper:
    """Keeps the newest of each input. ego: joined elsewhere; actuated: whether the car takes the gate's commands, for
    where it does not, what it says of authority has no meaning."""

    def __init__(self, ego: EgoTracker, *, actuated: bool) -> None:
        self._ego = ego
        self._actuated = actuated
        self.clear()

    def clear(self) -> None:
        """Forget all but the ego state: a new drive begins."""
        self.request: ControlCommand | None = None
        self.view: Observation | None = None
        self._vehicle: VehicleStatus | None = None
        self._driver: DriverInput | None = None

    def on_view(self, message: Any) -> None:
        """Keep what the adapter saw."""
        self.view = observation_from_message(message)

    def on_vehicle(self, message: Any) -> None:
        """Keep whether the vehicle interface takes commands."""
        if self._actuated:
            self._vehicle = VehicleStatus(ns_from_time(message.stamp), message.mode == message.AUTONOMOUS)

    def on_driver(self, message: Any) -> None:
        """Keep what the driver does."""
        if self._actuated:
            self._driver = DriverInput(
                ns_from_time(message.stamp), message.brake_pedal, message.accelerator_pedal, message.steering_torque
            )

    def newest(self, over_budget: tuple[Finding, ...] = ()) -> GateInputs:
        """Return the newest of everything, however old: the stamps tell."""
        ego, localization = self._ego.newest(), self._ego.localization()
        return GateInputs(self.request, ego, localization, self.view, self._vehicle, self._driver, over_budget)

    def at(self, stamp_ns: int) -> GateInputs | None:
        """Return what belongs to one frame, None while a part of it has not come (lock-step)."""
        ego, localization = self._ego.at(stamp_ns), self._ego.localization(stamp_ns)
        if ego is None or localization is None or self.view is None or self.view.stamp_ns != stamp_ns:
            return None
        if self._actuated and (self._vehicle is None or self._vehicle.stamp_ns != stamp_ns):
            return None
        return GateInputs(self.request, ego, localization, self.view, self._vehicle, self._driver)
