"""Cars for the tracker's tests: actuators whose truth is known, driven by commands at 20 Hz over a bus at 100 Hz."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from sim2real_ad.control.tracking import Reading, Tracker
from sim2real_ad.control.vehicle_model import DelayedLag
from sim2real_ad.types import ControlCommand, ns_from_seconds
from sim2real_ad.vehicle.profile import FirstOrderActuator, VehicleProfile, load_vehicle
from sim2real_ad.vehicle.tracking_settings import TrackingSettings

TICK_S, FRAME_S = 0.01, 0.05
STEERING = FirstOrderActuator(delay_s=0.24, lag_s=0.27)
DRIVE = FirstOrderActuator(delay_s=0.12, lag_s=0.35)
TRACKING = TrackingSettings(steering=STEERING, acceleration=DRIVE)


def van(**promised: FirstOrderActuator) -> VehicleProfile:
    """A van with slow actuators that promises a saloon's answers, unless told otherwise."""
    saloon = load_vehicle("saloon")
    answers = {"steering": saloon.steering, "acceleration": saloon.acceleration, **promised}
    return load_vehicle("e_transit").model_copy(update={**answers, "tracking": TRACKING})


VAN = van()
SAME = van(steering=STEERING, acceleration=DRIVE)
LIMITS = VAN.limits


@dataclass
class Car:
    """A van on the road. offset: rad; gain: of both actuators; pull: m/s^2 that the road takes away."""

    profile: VehicleProfile = field(default_factory=lambda: VAN)
    offset: float = 0.0
    gain: float = 1.0
    pull: float = 0.0
    speed: float | None = 8.0
    blind: bool = False
    hands: float | None = None
    brakes_hold: bool = False

    def __post_init__(self) -> None:
        self.tracker = Tracker(self.profile)
        self._steering, self._drive = DelayedLag(STEERING, TICK_S), DelayedLag(DRIVE, TICK_S)
        self._tick = 0
        self.sent: list[ControlCommand] = []
        self.angles: list[float] = []
        self.accelerations: list[float] = []

    @property
    def now_s(self) -> float:
        return self._tick * TICK_S

    def drive(self, seconds: float, command: Callable[[float], tuple[float, float]]) -> "Car":
        """Drive on by commands (rad, m/s^2) of the time in s, each held for a frame."""
        for _ in range(round(seconds / TICK_S)):
            per_frame = round(FRAME_S / TICK_S)
            frame_s = self._tick // per_frame * FRAME_S
            self._step(ControlCommand(ns_from_seconds(frame_s), *command(frame_s)))
        return self

    def hold(self, seconds: float, angle: float = 0.0, acceleration: float = 0.0) -> "Car":
        return self.drive(seconds, lambda _: (angle, acceleration))

    def steer_from(self, angle: float, asked_before: float) -> None:
        """Stand at an angle while another one was asked for, which is on its way yet."""
        self._steering.reset(asked_before)
        self._steering.value = angle
        self.angles.append(angle)
        self.accelerations.append(0.0)

    def _step(self, command: ControlCommand) -> None:
        angle = self.angles[-1] if self.angles else self.offset
        acceleration = self.accelerations[-1] if self.accelerations else -self.pull
        reading = Reading() if self.blind else Reading(self.speed, angle, acceleration)
        sent = self.tracker.step(ns_from_seconds(self.now_s), command, reading)
        self.sent.append(sent)
        turned = self._steering.step(self.gain * sent.steering_tire_angle) + self.offset
        self.angles.append(turned if self.hands is None else self.hands)
        driven = self._drive.step(self.gain * sent.acceleration) - self.pull
        self.accelerations.append(0.0 if self.brakes_hold else driven)
        self._tick += 1


def slalom(time_s: float) -> tuple[float, float]:
    return 0.1 * math.sin(2.0 * math.pi * time_s / 5.0), 0.0
