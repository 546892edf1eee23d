"""How an actuator answers: the model that profile, calibration, world, gate and tracker share."""

from __future__ import annotations

from pydantic import Field

from sim2real_ad.config import StrictModel


class FirstOrderActuator(StrictModel):
    """A pure delay, then a first-order lag, both in s."""

    delay_s: float = Field(ge=0.0, le=1.0)
    lag_s: float = Field(ge=0.0, le=2.0)

    @property
    def response_s(self) -> float:
        """s by which the actuator trails a command that rises evenly."""
        return self.delay_s + self.lag_s
