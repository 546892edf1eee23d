"""Has the driver taken over? Brake and steering revoke; the accelerator suspends the gate's own braking (openpilot)."""

from __future__ import annotations

from sim2real_ad.safety.findings import Finding, Severity
from sim2real_ad.safety.inputs import DriverInput
from sim2real_ad.safety.limits import DriverLimits


class DriverOverride:
    """Watches the driver's inputs for rising edges, so that a hand that rests on the wheel while engaging is none.

    accelerates, brakes: whether a foot is on the pedal now.
    """

    _before: DriverInput | None

    def __init__(self, limits: DriverLimits) -> None:
        self._limits = limits
        self.forget()

    def step(self, driver: DriverInput) -> Finding | None:
        """Note the newest, finite inputs; return what takes over."""
        limits, before = self._limits, self._before
        self._before = driver
        self.accelerates = driver.accelerator_pedal > limits.accelerator_pedal
        self.brakes = driver.brake_pedal > limits.brake_pedal
        for reason, now, then, limit in (
            ("driver_brakes", driver.brake_pedal, before.brake_pedal if before else 0.0, limits.brake_pedal),
            (
                "driver_steers",
                abs(driver.steering_torque),
                abs(before.steering_torque) if before else 0.0,
                limits.steering_torque,
            ),
        ):
            if now > limit >= then:
                return Finding("driver", reason, Severity.REVOKE, f"{now:.2f}, limit {limit}")
        return None

    def forget(self) -> None:
        """Start anew."""
        self._before, self.accelerates, self.brakes = None, False, False
