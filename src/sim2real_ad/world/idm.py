"""The Intelligent Driver Model (Treiber, Hennecke, Helbing 2000), with the improved free term (Treiber, Kesting 2013).

The free term brakes at no more than the comfortable deceleration where the desired speed falls, the interaction
depends on gap and approach rate only.
"""

from __future__ import annotations

import math

from sim2real_ad.world.plan import Driver

EXPONENT = 4.0
SMALLEST_GAP = 0.1


def free_acceleration(speed: float, desired: float, driver: Driver) -> float:
    """Return the acceleration in m/s^2 on an empty road at a speed towards a desired one, both m/s."""
    if speed <= desired:
        return driver.acceleration * (1.0 - (speed / desired) ** EXPONENT) if desired > 0.0 else 0.0
    return -driver.deceleration * (1.0 - (desired / speed) ** (driver.acceleration * EXPONENT / driver.deceleration))


def interaction(gap: float, speed: float, speed_ahead: float, driver: Driver) -> float:
    """Return the deceleration in m/s^2, 0 or more, that a gap in m to something at speed_ahead (m/s) asks for."""
    approach = speed * (speed - speed_ahead) / (2.0 * math.sqrt(driver.acceleration * driver.deceleration))
    wanted = driver.min_gap + max(0.0, speed * driver.time_headway + approach)
    return driver.acceleration * (wanted / max(gap, SMALLEST_GAP)) ** 2
