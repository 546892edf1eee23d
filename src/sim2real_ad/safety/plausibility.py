"""Are the numbers numbers, and such as a car can report?"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sim2real_ad.safety.inputs import DriverInput, GateInputs, Source, SpeedReport
from sim2real_ad.types import ControlCommand, EgoState, Observation

MAX_PLAUSIBLE_SPEED = 100.0
"""m/s; no car that a profile can describe (60 m/s) reports more, either way."""
MAX_PLAUSIBLE_ACCELERATION = 30.0
"""m/s^2; three times what tyres can hold."""
MAX_PLAUSIBLE_POSITION = 1e7
"""m from the map's origin, more than half the way round the earth."""


def implausible(inputs: GateInputs, source: Source) -> str | None:
    """Return why the values of an input cannot be used: <source>_not_finite, _implausible or _unreadable; None where
    they can."""
    value = getattr(inputs, source)
    return None if value is None else _JUDGES[source](value)


def _request(request: ControlCommand) -> str | None:
    values = (
        request.steering_tire_angle,
        request.acceleration,
        request.velocity,
        request.steering_tire_rotation_rate,
    )
    return None if _finite(*values) else "request_not_finite"


def _localization(report: SpeedReport) -> str | None:
    if not _finite(report.speed):
        return "localization_not_finite"
    return "localization_implausible" if abs(report.speed) > MAX_PLAUSIBLE_SPEED else None


def _view(view: Observation) -> str | None:
    if not _is_readable(view):
        return "view_unreadable"
    return None if _finite(view.ood, view.speed_limit) else "view_not_finite"


def _driver(driver: DriverInput) -> str | None:
    values = driver.brake_pedal, driver.accelerator_pedal, driver.steering_torque
    return None if _finite(*values) else "driver_not_finite"


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


def _finite(*values: float) -> bool:
    return all(map(math.isfinite, values))


_JUDGES: dict[Source, Callable[[Any], str | None]] = {
    "request": _request,
    "ego": _ego,
    "localization": _localization,
    "view": _view,
    "vehicle": lambda _: None,
    "driver": _driver,
}
"""Of each input, which tell why its values cannot be used. What a vehicle says of itself has no numbers."""
