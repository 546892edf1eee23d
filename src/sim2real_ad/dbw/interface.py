"""What every drive-by-wire offers the stack, whatever its protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, Protocol

from sim2real_ad.control.limits import STANDSTILL_SPEED
from sim2real_ad.dbw.codec import Frame
from sim2real_ad.types import ControlCommand

Phase = Literal["disengaged", "engaging", "engaged", "stopping"]
"""stopping: the car follows, but the gate's commands have ceased, and it is braked until somebody takes it over."""

FOLLOWING: tuple[Phase, ...] = ("engaged", "stopping")
"""Phases in which the car does what it is told from here."""


class Gear(IntEnum):
    """The gears that both protocols know, named as Autoware names them. NONE: unknown, or between two."""

    NONE = 0
    PARK = 1
    REVERSE = 2
    NEUTRAL = 3
    DRIVE = 4
    LOW = 5


@dataclass(frozen=True)
class DbwState:
    """What is known of the car and of who drives it, as of the last step. None where it is not known.

    speed: m/s along base_link x; steering_tire_angle: rad, left positive; acceleration: m/s^2; yaw_rate: rad/s;
    accelerator_pedal, brake_pedal: the driver's feet, 0..1; steering_torque: the driver's hands, N m on the wheel,
    left positive; enabled: whether the car says that it follows; overridden: whether the driver has taken over, or
    did and that was not cleared yet; braked: whether it is stopped from here, without a command of the gate;
    faults: what is wrong now; reasons: what ended or refused the last engagement; notices: what else the car says;
    ages: s since the newest good frame of each report, infinite before one came.
    """

    stamp_ns: int = 0
    phase: Phase = "disengaged"
    speed: float | None = None
    steering_tire_angle: float | None = None
    acceleration: float | None = None
    yaw_rate: float | None = None
    gear: Gear = Gear.NONE
    accelerator_pedal: float | None = None
    brake_pedal: float | None = None
    steering_torque: float | None = None
    enabled: bool = False
    overridden: bool = False
    braked: bool = False
    faults: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    ages: Mapping[str, float] = field(default_factory=dict)

    @property
    def moves_for_us(self) -> bool:
        """Whether the car follows and moves, or may: an unknown speed is one."""
        return self.phase in FOLLOWING and (self.speed is None or abs(self.speed) > STANDSTILL_SPEED)


class DriveByWire(Protocol):
    """A car's drive-by-wire as a pure state machine: frames in, frames out, no clock and no bus of its own.

    frame_separation_s: the least time that the protocol asks for between two frames on the bus; command_period_s: how
    often commands are sent by themselves, 0 where every step sends them.
    """

    frame_separation_s: float
    command_period_s: float

    @property
    def state(self) -> DbwState:
        """What was known at the last step."""

    def step(self, now_ns: int, command: ControlCommand | None, engage: bool) -> list[Frame]:
        """Return the frames to send now. To be called at 50 Hz or more; now_ns must not go back.

        command: what the car is to do, None where no valid command is at hand: a car that follows is braked then with
        the profile's emergency deceleration, on the wheel angle of the last command. Steering angles are of the tyre,
        rad.
        engage: what the gate wants; only its rising edge engages, and after every disengagement a new one is needed.

        Never raises: what cannot be sent is a fault with a name, and no actuation.
        """

    def receive(self, frame: Frame, now_ns: int) -> None:
        """Take a frame from the bus. Never raises: a bad one is a fault with a name."""

    def set_bus_fault(self, name: str | None) -> None:
        """Tell what is wrong with the bus (`bus_off`, `bus_lost`), None where it works again."""

    def shift(self, gear: Gear) -> None:
        """Ask for a gear; sent until the car reports it or refuses."""
