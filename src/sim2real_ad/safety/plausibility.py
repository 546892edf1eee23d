"""Are the numbers numbers, and such as a car can report?"""

from __future__ import annotations

import math

import numpy as np

from sim2real_ad.safety.inputs import GateInputs, Source
from sim2real_ad.types import ControlCommand, EgoState, Observation

MAX_PLAUSIBLE_SPEED = 100.0
"""m/s; no car that a profile can describe (60 m/s) reports more, either way."""
MAX_PLAUSIBLE_ACCELERATION = 30.0
"""m/s^2; three times what tyres can hold."""
MAX_PLAUSIBLE_POSITION = 1e7
"""m from the map's origin, more than half the way round the earth."""


def implausible(inputs: GateInputs, source: Source) -> str | None:
    """Return why the values of an input cannot be used: <source>_not_finite or _implausible; None where they can."""
    value = getattr(inputs, source)
    if value is None:
        return None
    if source == "request":
        return None if _finite(*_request_values(value)) else "request_not_finite"
    if source == "ego":
        return _ego(value)
    numbers: dict[Source, tuple[float, ...]] = {
        "localization": (getattr(value, "speed", 0.0),),
        "view": (getattr(value, "ood", 0.0), getattr(value, "speed_limit", 0.0)),
        "driver": tuple(getattr(value, n, 0.0) for n in ("brake_pedal", "accelerator_pedal", "steering_torque")),
        "vehicle": (),
    }
    if source == "view" and not _is_readable(value):
        return "view_unreadable"
    if not _finite(*numbers[source]):
        return f"{source}_not_finite"
    if source == "localization" and abs(value.speed) > MAX_PLAUSIBLE_SPEED:
        return "localization_implausible"
    return None


def _ego(ego: EgoState) -> str | None:
    values = (ego.speed, ego.acceleration, ego.yaw_rate, ego.steering_tire_angle, ego.pose.x, ego.pose.y, ego.pose.yaw)
    if not _finite(*values):
        return "ego_not_finite"
    plausible = (
        abs(ego.speed) <= MAX_PLAUSIBLE_SPEED
        and abs(ego.steering_tire_angle) < math.pi / 2
        and abs(ego.acceleration) <= MAX_PLAUSIBLE_ACCELERATION
        and max(abs(ego.pose.x), abs(ego.pose.y)) <= MAX_PLAUSIBLE_POSITION
    )
    return None if plausible else "ego_implausible"


def _is_readable(view: Observation) -> bool:
    """Whether the arrays have the dimensions of a view's; how many channels and cells, who reads them knows."""
    arrays = (view.bev, 3), (view.validity, 2), (view.route, 2)
    shaped = all(isinstance(part, np.ndarray) and part.ndim == dimensions for part, dimensions in arrays)
    return shaped and view.route.shape[1] == 2


def _request_values(request: ControlCommand) -> tuple[float, ...]:
    return (request.steering_tire_angle, request.acceleration, request.velocity, request.steering_tire_rotation_rate)


def _finite(*values: float) -> bool:
    return all(map(math.isfinite, values))
