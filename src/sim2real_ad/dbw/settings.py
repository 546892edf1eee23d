"""How a car's drive-by-wire is reached, and what of it differs from car to car. What has no default must be given."""

from __future__ import annotations

import ipaddress
import math
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError, field_validator

from sim2real_ad.config import StrictModel
from sim2real_ad.errors import ConfigError


class SocketcanBusSettings(StrictModel):
    """The kernel's CAN interface, e.g. can0; bit rate and restart are the system's business (`ip link set`)."""

    kind: Literal["socketcan"]
    channel: str = Field(min_length=1, max_length=15, description="network interface; IFNAMSIZ allows 15 characters")


class UdpBusSettings(StrictModel):
    """A bus between processes of one machine. Nothing leaves it: hop limit 0, and the socket is bound to loopback."""

    kind: Literal["udp_multicast"]
    group: str = Field(default="239.74.163.2", description="IPv4 group of 239.0.0.0/8, administratively scoped")
    port: int = Field(default=43113, ge=1024, le=65535)

    @field_validator("group")
    @classmethod
    def _is_scoped(cls, group: str) -> str:
        if ipaddress.ip_address(group) not in ipaddress.ip_network("239.0.0.0/8"):
            raise ValueError(f"{group} is not in 239.0.0.0/8")
        return group


class VirtualBusSettings(StrictModel):
    """A bus within one process, for tests."""

    kind: Literal["virtual"]
    channel: str = Field(min_length=1)


BusSettings = Annotated[SocketcanBusSettings | UdpBusSettings | VirtualBusSettings, Field(discriminator="kind")]

BUS_FORMS = "socketcan:CHANNEL, udp_multicast:GROUP:PORT or virtual:CHANNEL"


def bus_from_text(text: str) -> BusSettings:
    """Read a bus from one line, as `socketcan:can0` or `udp_multicast:239.74.163.2:43113`. Raises ConfigError."""
    kind, *parts = text.split(":")
    names = ("group", "port") if kind == "udp_multicast" else ("channel",)
    if len(parts) != len(names):
        raise ConfigError(f"bus {text!r} is none of {BUS_FORMS}")
    try:
        return TypeAdapter(BusSettings).validate_python({"kind": kind, **dict(zip(names, parts, strict=True))})
    except ValidationError as error:
        raise ConfigError(f"bus {text!r}: {error.errors()[0]['msg']}; it is one of {BUS_FORMS}") from error


def text_of_bus(bus: BusSettings) -> str:
    """Return a bus in one line, the inverse of `bus_from_text`."""
    return ":".join(map(str, bus.model_dump().values()))


class WatchSettings(StrictModel):
    """How soon silence is a fault.

    report_timeout_ms: of reports that come at least every 35 ms; with steps of 20 ms the car is let go within 100 ms,
    and two frames of 30 Hz may be late. Slower reports have the protocol's own timeouts.
    """

    report_timeout_ms: float = Field(default=75.0, gt=0.0, le=100.0)
    command_timeout_ms: float = Field(default=100.0, gt=0.0, le=100.0, description="Dataspeed and PACMod3: 100 ms")
    engaging_s: float = Field(default=1.0, gt=0.0, le=10.0, description="below the 2 s that the gate waits")


class SteeringSettings(StrictModel):
    """The steering as the bus sees it, at the steering wheel. Angles in rad, left positive.

    ratio: wheel angle over tyre angle; offset: what the wheel reports while the tyres stand straight; max_wheel_angle:
    either way. `s2r calibrate steering` finds ratio and offset.
    """

    ratio: float = Field(gt=1.0, le=40.0)
    offset: float = Field(default=0.0, ge=-0.5, le=0.5)
    max_wheel_angle: float = Field(gt=1.0, le=6 * math.pi)

    def wheel_angle(self, tire_angle: float) -> float:
        """Return what the wheel reports at a tyre angle, rad."""
        return tire_angle * self.ratio + self.offset

    def tire_angle(self, wheel_angle: float) -> float:
        """Return the tyre angle at what the wheel reports, rad."""
        return (wheel_angle - self.offset) / self.ratio


class DataspeedSettings(StrictModel):
    """Dataspeed DBW2.

    steer_by: what the steering command holds; brake_pedal_full_torque: N m that the foot asks for with the pedal at its
    end; jerk_up, jerk_down: m/s^3, limits of the ULC (rising, falling; the protocol's range is 1 to 25.5).
    """

    protocol: Literal["dataspeed"]
    steering: SteeringSettings
    steer_by: Literal["angle", "curvature"] = "angle"
    brake_pedal_full_torque: float = Field(gt=0.0, le=32_760.0)
    jerk_up: float = Field(default=10.0, ge=1.0, le=25.5, description="the gate's rising_jerk")
    jerk_down: float = Field(default=25.5, ge=1.0, le=25.5, description="the most: braking is not to be slowed down")
    watch: WatchSettings = WatchSettings()


class PacmodSettings(StrictModel):
    """PACMod3. torque_full_scale: N m on the wheel where the report says 1; command_period_ms: the
    protocol asks for 30 Hz; 30 ms are three whole looks of 10 ms at the bus, so that the period is even.
    """

    protocol: Literal["pacmod"]
    steering: SteeringSettings
    torque_full_scale: float = Field(gt=0.0, le=100.0)
    command_period_ms: float = Field(default=30.0, ge=10.0, le=50.0)
    watch: WatchSettings = WatchSettings()


ProtocolSettings = Annotated[DataspeedSettings | PacmodSettings, Field(discriminator="protocol")]


class DbwSettings(StrictModel):
    """A car's bus and protocol."""

    bus: BusSettings
    protocol: ProtocolSettings


class EcuSettings(StrictModel):
    """What a simulated module does. Which values a real one has is a matter of its configuration.

    override_*: the driver's torque (N m) and pedals (0..1) that take over, as the gate's; own_stop_deceleration: m/s^2
    with which the module stops the car when commands cease, 0 where it merely lets go.
    """

    override_torque: float = Field(default=3.0, gt=0.0)
    override_brake_pedal: float = Field(default=0.05, gt=0.0, le=1.0)
    override_accelerator_pedal: float = Field(default=0.10, gt=0.0, le=1.0)
    own_stop_deceleration: float = Field(default=3.0, ge=0.0, le=6.0)
    sync_mode: Literal["none", "disengages", "all_or_none"] = Field(
        default="all_or_none", description="Dataspeed: who keeps the modules in step"
    )
