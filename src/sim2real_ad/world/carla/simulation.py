"""What happens in the wire server's world: its map, its actors, its time. No sockets and no RPC here."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator

from pydantic import ValidationError

from sim2real_ad.errors import WorldError
from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.boxes import boxes_overlap
from sim2real_ad.world.carla import wire
from sim2real_ad.world.carla.actors import ZERO, SimActor, VehicleControl
from sim2real_ad.world.carla.blueprints import PROFILE_ATTRIBUTE, LibraryEntry, blueprint_library
from sim2real_ad.world.carla.conversions import Transform, Vector, composed
from sim2real_ad.world.carla.maps import load_map, read_map
from sim2real_ad.world.carla.settings import Settings
from sim2real_ad.world.carla.vehicle import CarlaMotion, DrivenVehicle

WORLD_STREAM = 1
_SPECTATOR_PLACE: Transform = (0.0, 0.0, 20.0, -30.0, 0.0, 0.0)


class Simulation:
    """One episode after another. Frames count on over episodes; elapsed time starts again with each.

    Attributes: network, domain: the map and its looks.
    """

    def __init__(self, map_name: str) -> None:
        """Start with a shipped map. Raises MapError."""
        self.settings = Settings()
        self.frame = 0
        self.episode_id = 0
        self._ids = itertools.count(1)
        self._streams = itertools.count(WORLD_STREAM + 1)
        self.actors: dict[int, SimActor] = {}
        self.load(map_name)

    # Episodes

    def load(self, map_name: str) -> None:
        """Start an episode on a shipped map, by name. Raises MapError."""
        self.network, self.domain = load_map(map_name)
        self._begin()

    def load_text(self, xodr: str) -> None:
        """Start an episode on a map given as OpenDRIVE text. Raises MapError and ConfigError."""
        self.network, self.domain = read_map(xodr)
        self._begin()

    def _begin(self) -> None:
        self.actors.clear()
        self.episode_id += 1
        self.ticks = 0
        self.elapsed_s = 0.0
        self.delta_s = 0.0
        self.weather: list[float] | None = None
        self.spectator = self.spawn(blueprint_library()["spectator"], {}, _SPECTATOR_PLACE)

    # Actors

    def spawn(
        self, entry: LibraryEntry, given: dict[str, str], transform: Transform, parent: SimActor | None = None
    ) -> SimActor:
        """Add an actor. Raises WorldError where an attribute is unknown or something stands in the way."""
        attributes = entry.fill(given)
        place = composed(parent.transform, transform) if parent else transform
        profile = _profile(entry, attributes)
        size = entry.size if profile is None else (profile.length, profile.width, profile.height)
        actor = SimActor(next(self._ids), entry, attributes, place, size, parent, transform if parent else None)
        if size[0] > 0.0:
            self._check_free(actor)
            taken = {other.number for other in self._solids()}
            actor.number = next(number for number in itertools.count() if number not in taken)
        if entry.family == "sensor":
            actor.stream_id = next(self._streams)
        actor.colour = _read_colour(attributes.get("color", "128,128,128"))
        if profile is not None:
            actor.driven = DrivenVehicle(profile, self.domain.dynamics, place)
        self.actors[actor.actor_id] = actor
        return actor

    def _check_free(self, actor: SimActor) -> None:
        for other in self._solids():
            if other.collides and overlap(actor, other):
                raise WorldError(
                    f"cannot spawn {actor.entry.name} at ({actor.transform[0]:.2f}, {actor.transform[1]:.2f}): "
                    f"it would collide with {other.entry.name} (actor {other.actor_id})"
                )

    def find(self, actor_id: int) -> SimActor:
        """Return an actor by id. Raises WorldError where there is none."""
        actor = self.actors.get(actor_id)
        if actor is None:
            raise WorldError(f"no actor {actor_id} in this episode")
        return actor

    def destroy(self, actor_id: int) -> list[SimActor]:
        """Remove an actor and what hangs on it; return them. Raises WorldError where there is none."""
        actor = self.find(actor_id)
        if actor is self.spectator:
            raise WorldError("the spectator cannot be destroyed")
        gone = [actor, *(a for a in self.actors.values() if a.parent is actor)]
        for each in gone:
            del self.actors[each.actor_id]
        return gone

    def place(self, actor: SimActor, transform: Transform) -> None:
        """Teleport an actor; an attached one within its parent. A driven vehicle keeps its speed."""
        if actor.parent is not None:
            actor.offset = transform
            actor.transform = composed(actor.parent.transform, transform)
            return
        actor.transform = transform
        if actor.driven is not None and actor.physics:
            actor.driven.place(transform, actor.driven.speed)

    def set_physics(self, actor: SimActor, enabled: bool) -> None:
        """Hand an actor over to the server's physics or to the client's transforms. It keeps its speed."""
        if actor.driven is not None and enabled and not actor.physics:
            actor.driven.place(actor.transform, _forward_speed(actor))
        actor.physics = enabled

    def set_velocity(self, actor: SimActor, velocity: Vector) -> None:
        """Give an actor a velocity. A driven vehicle takes its forward part."""
        actor.velocity = velocity
        if actor.driven is not None and actor.physics:
            actor.driven.place(actor.transform, _forward_speed(actor))
            _follow(actor, actor.driven.motion())

    def control(self, actor: SimActor, control: VehicleControl) -> None:
        """Apply pedals and steering until the next call. Raises WorldError where it is no vehicle."""
        if actor.entry.family != "vehicle":
            raise WorldError(f"{actor.entry.name} (actor {actor.actor_id}) is no vehicle")
        actor.control, actor.commanded = control, True

    # Time

    def advance(self) -> int:
        """Advance by one step and return the frame's number."""
        self.delta_s = self.settings.step_s
        self.ticks += 1
        self.frame += 1
        self.elapsed_s += self.delta_s
        if abs(self.elapsed_s - self.ticks * self.delta_s) < 1e-6:
            self.elapsed_s = self.ticks * self.delta_s  # no drift while the step stays the same
        for actor in self.actors.values():
            if actor.driven is not None and actor.physics and (actor.commanded or actor.driven.speed > 0.0):
                _follow(actor, actor.driven.step(actor.control, self.delta_s))
            elif actor.walk != ZERO and actor.physics:
                _walk(actor, self.delta_s)
        for actor in self.actors.values():
            if actor.parent is not None and actor.offset is not None:
                actor.transform = composed(actor.parent.transform, actor.offset)
        return self.frame

    def snapshot(self) -> bytes:
        """Return the message of the world stream that tells of every actor."""
        no_transform = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        head = wire.sensor_header("world", self.frame, self.elapsed_s, no_transform)
        body = wire.WORLD_HEADER.pack(self.episode_id, time.monotonic(), self.delta_s, 0, 0, 0, 0)
        return b"".join((head, body, *(actor.state_bytes() for actor in self.actors.values())))

    def touching(self, actor: SimActor) -> Iterator[SimActor]:
        """Yield the actors whose boxes overlap an actor's."""
        if actor.collides:
            others = (other for other in self._solids() if other.collides and other is not actor)
            yield from (other for other in others if overlap(actor, other))

    def _solids(self) -> Iterator[SimActor]:
        return (actor for actor in self.actors.values() if actor.size[0] > 0.0)


def overlap(one: SimActor, other: SimActor) -> bool:
    """Tell whether two actors' boxes overlap on the ground, neither being high above the other."""
    dx, dy = other.transform[0] - one.transform[0], other.transform[1] - one.transform[1]
    (length_a, width_a, height_a), (length_b, width_b, height_b) = one.size, other.size
    if abs(other.transform[2] - one.transform[2]) > max(height_a, height_b):
        return False
    if dx * dx + dy * dy > ((length_a + width_a + length_b + width_b) / 2.0) ** 2:
        return False
    a, b = one.pose, other.pose
    halves = length_a / 2.0, width_a / 2.0, b.yaw, length_b / 2.0, width_b / 2.0
    return boxes_overlap(b.x - a.x, b.y - a.y, a.yaw, *halves)


def _profile(entry: LibraryEntry, attributes: dict[str, str]) -> VehicleProfile | None:
    text = attributes.get(PROFILE_ATTRIBUTE)
    if not text:
        return entry.profile
    try:
        return VehicleProfile.model_validate_json(text)
    except ValidationError as error:
        raise WorldError(f"{entry.name}: attribute {PROFILE_ATTRIBUTE} is no vehicle profile: {error}") from error


def _follow(actor: SimActor, motion: CarlaMotion) -> None:
    actor.transform, actor.velocity = motion.transform, motion.velocity
    actor.angular_velocity, actor.acceleration = motion.angular_velocity, motion.acceleration


def _walk(actor: SimActor, dt: float) -> None:
    x, y, z, *rest = actor.transform
    vx, vy, _ = actor.velocity = actor.walk
    actor.transform = (x + vx * dt, y + vy * dt, z, *rest)  # type: ignore[assignment]


def _forward_speed(actor: SimActor) -> float:
    pose = actor.pose
    vx, vy, _ = actor.velocity
    return vx * math.cos(pose.yaw) - vy * math.sin(pose.yaw)


def _read_colour(text: str) -> tuple[int, int, int]:
    try:
        red, green, blue = (min(max(int(part), 0), 255) for part in text.split(","))
    except ValueError:
        raise WorldError(f"colour '{text}' is not three numbers 0..255 with commas between") from None
    return red, green, blue
