"""A gate that drives, and what it is fed."""

from dataclasses import replace
from typing import Any

import numpy as np

from sim2real_ad.control.vehicle_model import curvature_from_tire_angle
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.safety.diagnostics import CHECKS
from sim2real_ad.safety.gate import Gate, GateConfig, GateDecision
from sim2real_ad.safety.inputs import DriverInput, GateInputs, SpeedReport, VehicleStatus
from sim2real_ad.safety.limits import SafetyLimits, load_safety_limits
from sim2real_ad.types import ControlCommand, EgoState, Observation, Pose2
from sim2real_ad.vehicle.profile import load_vehicle

SALOON = load_vehicle("saloon")
MS = 1_000_000
TICK = 50 * MS
BEV = BevSpec()
AT_ORIGIN = Pose2(0.0, 0.0, 0.0)
STRAIGHT = tuple((2.0 * i, 0.0) for i in range(24))

NUMBERS: dict[str, dict[str, float]] = {
    "freshness": {
        "request_silence": 0.10,
        "request_age": 0.30,
        "ego_silence": 0.10,
        "ego_age": 0.20,
        "view_silence": 0.15,
        "view_age": 0.30,
        "vehicle_silence": 0.25,
        "driver_silence": 0.25,
        "stamp_lead": 0.05,
        "clock_step": 0.50,
    },
    "motion": {"lateral_jerk": 5.0, "rising_jerk": 10.0},
    "agreement": {"difference": 1.0, "share": 0.15, "hold": 0.30},
    "tracking": {"steering": 0.12, "acceleration": 2.5, "hold": 0.80},
    "domain": {
        "overspeed": 2.0,
        "seen": 0.40,
        "unfamiliar": 0.5,
        "unfamiliar_hold": 0.50,
        "route_deviation": 4.0,
        "deviation_hold": 0.50,
    },
    "heading": {
        "angle": 0.07,
        "share": 0.9,
        "views": 24,
        "speed": 1.5,
    },
    "clearance": {
        "probability": 0.6,
        "cells": 3,
        "views": 2,
        "side_margin": 0.0,
        "widened_by": 0.25,
        "response_time": 0.30,
        "other_braking": 6.0,
        "time_to_collision": 0.70,
    },
    "driver": {"brake_pedal": 0.05, "accelerator_pedal": 0.10, "steering_torque": 3.0},
    "manoeuvre": {"lapse": 0.20, "stop": 20.0, "engaging": 2.0, "healthy": 0.50},
    "budgets": {
        "camera": 10.0,
        "adapter": 35.0,
        "policy": 10.0,
        "actuation": 5.0,
        "safety_gate": 5.0,
        "age": 100.0,
        "missed_in_a_row": 5,
    },
}
"""What the tests are worked out for, whatever config/safety says."""


def limits_with(**sections: dict[str, float]) -> SafetyLimits:
    """Return the limits of NUMBERS, with changes by section."""
    shipped = load_safety_limits().model_dump()
    return SafetyLimits.model_validate(
        {name: shipped[name] | NUMBERS.get(name, {}) | sections.get(name, {}) for name in shipped}
    )


LIMITS = limits_with()
PATIENT = {"steering": 1.0, "acceleration": 10.0, "hold": 5.0}
"""Tracking limits for a car whose reports do not answer to commands."""


def request(
    stamp: int = 0, angle: float = 0.0, acceleration: float = 0.0, velocity: float = 8.0, rate: float = 0.0
) -> ControlCommand:
    return ControlCommand(stamp, angle, acceleration, velocity, rate)


def ego(
    stamp: int = 0,
    speed: float = 8.0,
    angle: float = 0.0,
    acceleration: float = 0.0,
    yaw_rate: float = 0.0,
    pose: Pose2 = AT_ORIGIN,
) -> EgoState:
    return EgoState(stamp, pose, speed, acceleration, yaw_rate, angle)


def localization(stamp: int = 0, speed: float = 8.0) -> SpeedReport:
    return SpeedReport(stamp, speed)


def vehicle(stamp: int = 0, autonomous: bool = True) -> VehicleStatus:
    return VehicleStatus(stamp, autonomous)


def driver(stamp: int = 0, brake: float = 0.0, accelerator: float = 0.0, torque: float = 0.0) -> DriverInput:
    return DriverInput(stamp, brake, accelerator, torque)


def view(
    stamp: int = 0,
    wall: float | None = None,
    route: Any = STRAIGHT,
    ood: float = 0.0,
    validity: int = 255,
    bev: BevSpec = BEV,
    channel: str = "vehicle",
) -> Observation:
    """Return a view; wall: base_link x in m, a multiple of the resolution, where something a car wide begins."""
    shown = np.zeros(bev.shape, np.uint8)
    if wall is not None:
        centres = bev.cell_centres()
        in_wall = np.isclose(centres[..., 0], wall + bev.resolution / 2.0) & (np.abs(centres[..., 1]) < 1.0)
        shown[bev.index(channel)][in_wall] = 255
    return Observation(
        stamp_ns=stamp,
        bev=shown,
        validity=np.full(bev.shape[1:], validity, np.uint8),
        history=np.zeros((0, *bev.shape), np.uint8),
        ego=np.zeros(6, np.float32),
        route=np.array(route, np.float32).reshape(-1, 2),
        speed_limit=10.0,
        ood=ood,
    )


class Drive:
    """A gate and its clock, engaged at time 0 unless engage is false."""

    def __init__(
        self, speed: float = 8.0, angle: float = 0.0, engage: bool = True, bev: BevSpec | None = None, **config: Any
    ) -> None:
        self.gate = Gate(SALOON, GateConfig(**({"limits": LIMITS} | config)), bev)
        self.now = 0
        self._request, self._ego = request(angle=angle), ego(speed=speed, angle=angle)
        if engage:
            self.tick(0)
            assert self.gate.engage(0) == ()
            assert self.tick(0).state == "engaged"

    def tick(self, after: int = TICK, **inputs: Any) -> GateDecision:
        """Step `after` ns later. inputs: of GateInputs, stamped now; request and ego are as at first if not given."""
        self.now += after
        given = {"request": self._request, "ego": self._ego} | inputs
        stamped = {source: value and replace(value, stamp_ns=self.now) for source, value in given.items()}
        decision = self.gate.step(GateInputs(**stamped), self.now)
        unknown = [f for f in decision.findings if f.check not in CHECKS]
        assert not unknown, "a finding of a check that has no status would be seen by nobody"
        return decision

    def ticks(self, count: int, **inputs: Any) -> list[GateDecision]:
        """Step count ticks with the same inputs."""
        return [self.tick(**inputs) for _ in range(count)]


def curvature(command: ControlCommand, speed: float) -> float:
    """Return the curvature in 1/m that a command drives."""
    return curvature_from_tire_angle(command.steering_tire_angle, speed, SALOON.wheelbase, SALOON.understeer_gradient)
