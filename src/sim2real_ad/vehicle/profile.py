"""A vehicle profile: everything about one car that the stack needs, in one YAML with units."""

from __future__ import annotations

import math
from collections import Counter
from typing import Annotated

from pydantic import Field, model_validator

from sim2real_ad.config import StrictModel, find_config, load_config, share_path
from sim2real_ad.dbw.settings import DbwSettings
from sim2real_ad.vehicle.actuator import FirstOrderActuator as FirstOrderActuator
from sim2real_ad.vehicle.tracking_settings import TrackingSettings

TopicName = Annotated[str, Field(pattern=r"^(/[A-Za-z_][A-Za-z0-9_]*)+$")]


class TopicNames(StrictModel):
    """Absolute names, on this car, of what the graph hears from it and tells it; None: as in `ros.topics.BOUNDARY`."""

    image: TopicName | None = None
    compressed: TopicName | None = None
    camera_info: TopicName | None = None
    odometry: TopicName | None = None
    acceleration: TopicName | None = None
    velocity: TopicName | None = None
    steering: TopicName | None = None
    gear: TopicName | None = None
    control_mode: TopicName | None = None
    driver: TopicName | None = None
    route: TopicName | None = None
    control: TopicName | None = None
    gear_command: TopicName | None = None
    engage: TopicName | None = None

    @model_validator(mode="after")
    def _names_differ(self) -> TopicNames:
        called_alike = [name for name, count in Counter(self.given.values()).items() if count > 1]
        if called_alike:
            raise ValueError(f"two are called {called_alike[0]}")
        return self

    @property
    def given(self) -> dict[str, str]:
        """Those that are not called as by default, by port."""
        return {port: name for port, name in self if name is not None}


class ActionScale(StrictModel):
    """What an action of +-1 means. curvature 1/m; accelerations m/s^2, both positive."""

    max_curvature: float = Field(gt=0.0, le=0.5)
    max_acceleration: float = Field(gt=0.0, le=5.0)
    max_deceleration: float = Field(gt=0.0, le=10.0)


class CommandLimits(StrictModel):
    """What the gate lets through. SI; `lateral_*` at the rear axle."""

    max_speed: float = Field(gt=0.0, le=60.0)
    max_acceleration: float = Field(gt=0.0, le=6.0)
    max_deceleration: float = Field(gt=0.0, le=10.0)
    emergency_deceleration: float = Field(gt=0.0, le=10.0)
    comfortable_deceleration: float = Field(gt=0.0, le=5.0)
    max_lateral_acceleration: float = Field(gt=0.0, le=10.0)
    max_steering_rate: float = Field(gt=0.0, le=3.0)


class VehicleProfile(StrictModel):
    """One car. Lengths in m, angles in rad, base_link at the rear axle.

    front_overhang and rear_overhang reach from base_link to the bumpers (front_overhang includes the wheelbase).
    blueprint: the car's name in CARLA's library.
    """

    name: str
    blueprint: str
    wheelbase: float = Field(gt=1.0, le=8.0)
    front_overhang: float = Field(gt=1.0, le=10.0)
    rear_overhang: float = Field(gt=0.0, le=5.0)
    width: float = Field(gt=1.0, le=3.0)
    height: float = Field(gt=0.5, le=5.0)
    mass: float = Field(gt=100.0, le=40_000.0)
    max_steering_tire_angle: float = Field(gt=0.05, lt=math.pi / 2)
    understeer_gradient: float = Field(ge=0.0, le=0.02, description="rad per (m/s)^2 per 1/m: extra angle v^2 k")
    steering: FirstOrderActuator
    acceleration: FirstOrderActuator
    action: ActionScale
    limits: CommandLimits
    accel_map: str = Field(description="Autoware-style CSV in config/vehicles: throttle by speed to m/s^2")
    brake_map: str = Field(description="the same for the brake")
    tracking: TrackingSettings | None = None
    drive_by_wire: DbwSettings | None = Field(
        default=None, description="none where something else speaks Autoware's vehicle interface"
    )
    topics: TopicNames = TopicNames()

    @model_validator(mode="after")
    def _numbers_agree(self) -> VehicleProfile:
        if self.front_overhang <= self.wheelbase:
            raise ValueError(f"front_overhang {self.front_overhang} must exceed wheelbase {self.wheelbase}")
        reachable = math.tan(self.max_steering_tire_angle) / self.wheelbase
        if self.action.max_curvature > reachable:
            raise ValueError(f"action.max_curvature {self.action.max_curvature} exceeds {reachable:.3f} at full lock")
        for name in ("max_acceleration", "max_deceleration"):
            asked, allowed = getattr(self.action, name), getattr(self.limits, name)
            if asked > allowed:
                raise ValueError(f"action.{name} {asked} exceeds limits.{name} {allowed}, so the gate would step in")
        return self

    @property
    def length(self) -> float:
        """Bumper to bumper, m."""
        return self.front_overhang + self.rear_overhang

    @property
    def bare(self) -> VehicleProfile:
        """The car as it is without a tracker: its actuators answer as `tracking` says, and nothing makes up for it."""
        if self.tracking is None:
            return self
        answers = {"steering": self.tracking.steering, "acceleration": self.tracking.acceleration}
        return self.model_copy(update={**answers, "tracking": None})


def load_vehicle(name_or_path: str) -> VehicleProfile:
    """Load a vehicle profile by name (config/vehicles) or path. Raises ConfigError.

    Pedal maps that lie beside a profile given by path become absolute paths; other names mean config/vehicles.
    """
    path = find_config(name_or_path, "vehicles")
    profile = load_config(path, VehicleProfile)
    folder = path.resolve().parent
    if folder == (share_path() / "config" / "vehicles").resolve():
        return profile
    beside = {key: folder / getattr(profile, key) for key in ("accel_map", "brake_map")}
    return profile.model_copy(update={key: str(file) for key, file in beside.items() if file.is_file()})
