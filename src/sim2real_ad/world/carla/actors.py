"""The actors of the wire server: their state in CARLA's frame and how it goes onto the wire."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sim2real_ad.types import Pose2
from sim2real_ad.world.carla import wire
from sim2real_ad.world.carla.blueprints import BOOL, CITYSCAPES_TAGS, LibraryEntry
from sim2real_ad.world.carla.conversions import Transform, Vector, pose_from_carla
from sim2real_ad.world.catalogue import Size
from sim2real_ad.world.protocol import ActorKind, ActorState

if TYPE_CHECKING:
    from sim2real_ad.world.carla.vehicle import DrivenVehicle

ZERO: Vector = (0.0, 0.0, 0.0)
_KINDS: dict[str, ActorKind] = {"vehicle": "vehicle", "walker": "pedestrian", "prop": "obstacle"}
_WALKER_STATE = struct.Struct("<f")
_SPEED_LIMIT_KMH = 50.0
_GREEN_LIGHT = 2


@dataclass(frozen=True)
class VehicleControl:
    """What a client asks of a vehicle. throttle, brake: 0..1; steer: -1..1 of full lock, right positive."""

    throttle: float = 0.0
    steer: float = 0.0
    brake: float = 0.0
    hand_brake: bool = False
    reverse: bool = False
    manual_gear_shift: bool = False
    gear: int = 1

    @classmethod
    def from_wire(cls, values: list[Any]) -> VehicleControl:
        """Read and clamp a control. Raises TypeError or ValueError where it is none."""
        throttle, steer, brake, hand_brake, reverse, manual, gear = values
        return cls(
            min(max(float(throttle), 0.0), 1.0),
            min(max(float(steer), -1.0), 1.0),
            min(max(float(brake), 0.0), 1.0),
            bool(hand_brake),
            bool(reverse),
            bool(manual),
            int(gear),
        )


@dataclass(slots=True, eq=False)
class SimActor:
    """An actor. transform m and deg; velocity m/s; angular_velocity deg/s; acceleration m/s^2; all in CARLA's frame;
    size (length, width, height) m.

    For an attached actor, `offset` is its transform in the parent. walk: a walker's velocity. physics: whether the
    server moves it; a vehicle without is moved by transforms only. commanded: whether it was ever given a control;
    one that stands and never was is parked and needs no physics. number: counts what can be seen, from 0 in an
    empty world: looks vary by it, and must not by how many actors there were before.
    """

    actor_id: int
    entry: LibraryEntry
    attributes: dict[str, str]
    transform: Transform
    size: Size
    parent: SimActor | None = None
    offset: Transform | None = None
    stream_id: int = 0
    velocity: Vector = ZERO
    angular_velocity: Vector = ZERO
    acceleration: Vector = ZERO
    physics: bool = True
    collides: bool = True
    control: VehicleControl = field(default_factory=VehicleControl)
    commanded: bool = False
    driven: DrivenVehicle | None = None
    walk: Vector = ZERO
    colour: tuple[int, int, int] = (128, 128, 128)
    number: int = 0
    next_measurement_s: float = 0.0

    @property
    def family(self) -> str:
        """What it is: vehicle, walker, prop, sensor or spectator."""
        return self.entry.family

    @property
    def pose(self) -> Pose2:
        """The pose of the box's centre in the right-handed map frame."""
        return pose_from_carla(self.transform)

    def seen(self) -> ActorState:
        """Return the actor as the renderer knows it, under its number."""
        speed = (self.velocity[0] ** 2 + self.velocity[1] ** 2) ** 0.5
        kind = _KINDS[self.entry.family]
        return ActorState(self.number, kind, self.entry.name, self.pose, self.size, speed, self.colour)

    def state_bytes(self) -> bytes:
        """Pack the actor's part of a world snapshot."""
        head = wire.ACTOR_STATE.pack(
            self.actor_id,
            wire.ACTOR_ACTIVE,
            *self.transform,
            *self.velocity,
            *self.angular_velocity,
            *self.acceleration,
        )
        return (head + self._type_state()).ljust(wire.ACTOR_STATE.size + wire.TYPE_STATE_BYTES, b"\0")

    def _type_state(self) -> bytes:
        if self.entry.family == "vehicle":
            c = self.control
            pedals = (c.throttle, c.steer, c.brake, c.hand_brake, c.reverse, c.manual_gear_shift, c.gear)
            return wire.VEHICLE_STATE.pack(*pedals, _SPEED_LIMIT_KMH, _GREEN_LIGHT, False, 0, 0)
        if self.entry.family == "walker":
            return _WALKER_STATE.pack(sum(v * v for v in self.walk) ** 0.5)
        return b""

    def bounding_box(self) -> list[Any]:
        """Return the box as the wire holds it: centre in the actor's frame, half sizes, rotation, id."""
        length, width, height = self.size
        half_sizes = [length / 2.0, width / 2.0, height / 2.0]
        return [[0.0, 0.0, height / 2.0], half_sizes, [0.0, 0.0, 0.0], self.actor_id]

    def description(self, token: bytes) -> list[Any]:
        """Return the actor as `spawn_actor` and `get_actors_by_id` give it. token: of its stream, or empty."""
        kinds = {attribute.name: attribute.kind for attribute in self.entry.attributes}
        values = [[name, kinds.get(name, BOOL), value] for name, value in self.attributes.items()]
        tag = CITYSCAPES_TAGS.get(self.entry.family)
        parent = self.parent.actor_id if self.parent else 0
        tags = b"" if tag is None else bytes((tag,))
        return [self.actor_id, parent, [self.entry.uid, self.entry.name, values], self.bounding_box(), tags, token]


def read_transform(value: list[Any]) -> Transform:
    """Read [[x, y, z], [pitch, yaw, roll]]. Raises ValueError where a number is missing or not finite."""
    (x, y, z), (pitch, yaw, roll) = value
    return finite((x, y, z, pitch, yaw, roll), "transform")  # type: ignore[return-value]


def read_vector(value: list[Any]) -> Vector:
    """Read [x, y, z]. Raises ValueError where a number is missing or not finite."""
    x, y, z = value
    return finite((x, y, z), "vector")  # type: ignore[return-value]


def finite(values: tuple[Any, ...], what: str) -> tuple[float, ...]:
    """Return the values as floats. Raises ValueError, naming them, where one is NaN or infinite."""
    numbers = tuple(map(float, values))
    if not all(abs(number) < 1e7 for number in numbers):
        raise ValueError(f"{what} {numbers} is not finite or out of any map")
    return numbers
