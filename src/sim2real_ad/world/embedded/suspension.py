"""How the body leans on its springs, which moves the camera: pitch under braking, roll in bends."""

from __future__ import annotations

PITCH_GRADIENT = 0.0045
ROLL_GRADIENT = 0.006
"""rad of lean for each m/s^2: about 2.5 and 3.4 degrees at 1 g, usual for a saloon (Gillespie, ch. 4 and 6)."""


def body_bank(acceleration: float, speed: float, yaw_rate: float) -> tuple[float, float]:
    """Return the body's (pitch, roll) in rad: pitch positive nose down, roll positive right side down.

    acceleration: m/s^2 along x; speed: m/s; yaw_rate: rad/s, left positive: a left bend leans the body to the right.
    """
    return -PITCH_GRADIENT * acceleration, ROLL_GRADIENT * speed * yaw_rate
