"""The calls of the CARLA client, answered from the simulation. What is not here gets a clear error reply."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from sim2real_ad.errors import Sim2RealError, WorldError
from sim2real_ad.world.carla import batch, wire
from sim2real_ad.world.carla.actors import SimActor, finite, read_transform
from sim2real_ad.world.carla.batch import BATCH_COMMANDS, UNSUPPORTED_COMMANDS, unsupported
from sim2real_ad.world.carla.blueprints import blueprint_library
from sim2real_ad.world.carla.conversions import carla_from_pose
from sim2real_ad.world.carla.maps import OWN_PREFIX, SENT_MAP, available_maps, read_map
from sim2real_ad.world.carla.sensors import (
    Cameras,
    Message,
    collision_messages,
    inertial_message,
    position_message,
)
from sim2real_ad.world.carla.server import RawAnswer, WireServer
from sim2real_ad.world.carla.settings import Settings
from sim2real_ad.world.carla.simulation import WORLD_STREAM, Simulation
from sim2real_ad.world.carla.weather import WEATHER_FIELDS, domain_from_weather, weather_from_domain

Handler: TypeAlias = Callable[..., Any]
_SPAWN_POINT_SPACING_M = 25.0
_SPAWN_HEIGHT_M = 0.3


class WorldService:
    """Answers calls and streams what they lead to. Attributes: simulation, cameras."""

    def __init__(self, server: WireServer, simulation: Simulation, cameras: Cameras) -> None:
        self.simulation = simulation
        self.cameras = cameras
        self._server = server
        self._sent_map: str | None = None
        self._pictures_due = False
        self._snapshot_due = False
        self._next_tick_s: float | None = None
        self._handlers = self._table()

    # The server's side

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Answer a call. Raises WorldError where it is not supported or not possible."""
        handler = self._handlers.get(name)
        if handler is None:
            raise WorldError(unsupported(name))
        return handler(*arguments)

    def after_reply(self) -> None:
        """Draw for the cameras once the client knows of its tick."""
        if self._snapshot_due:
            self._snapshot_due = False
            self._server.publish(WORLD_STREAM, self.simulation.snapshot())
        if self._pictures_due:
            self._pictures_due = False
            self._stream_pictures()

    def subscribed(self, stream_id: int) -> None:
        """Tell a new client of the present state: in synchronous mode the next snapshot may be far away."""
        if stream_id == WORLD_STREAM:
            self._server.publish(WORLD_STREAM, self.simulation.snapshot())

    def run_freely(self, now_s: float) -> float | None:
        """Tick by the clock in asynchronous mode. Ticks that came too late are left out, as a game engine does."""
        settings = self.simulation.settings
        if settings.synchronous:
            self._next_tick_s = None
            return None
        if self._next_tick_s is None:
            self._next_tick_s = now_s
        if now_s >= self._next_tick_s:
            self._tick()
            self.after_reply()
            self._next_tick_s = max(self._next_tick_s + settings.step_s, now_s)
        return max(0.0, self._next_tick_s - now_s)

    # Time

    def _tick(self) -> int:
        simulation = self.simulation
        frame = simulation.advance()
        self._server.publish(WORLD_STREAM, simulation.snapshot())
        for stream_id, parts in self._measurements():
            self._server.publish(stream_id, *parts)
        self._pictures_due = True
        return frame

    def _measurements(self) -> Iterator[Message]:
        for sensor in self._watched("sensor.other."):
            if sensor.entry.name == "sensor.other.collision":
                yield from collision_messages(self.simulation, sensor)
            elif self._due(sensor):
                is_imu = sensor.entry.name == "sensor.other.imu"
                yield (inertial_message if is_imu else position_message)(self.simulation, sensor)

    def _stream_pictures(self) -> None:
        if self.simulation.settings.no_rendering:
            return
        due = [camera for camera in self._watched("sensor.camera.") if self._due(camera)]
        for stream_id, parts in self.cameras.messages(self.simulation, due):
            self._server.publish(stream_id, *parts)

    def _watched(self, prefix: str) -> Iterator[SimActor]:
        for actor in self.simulation.actors.values():
            if actor.stream_id and actor.entry.name.startswith(prefix) and self._server.listening(actor.stream_id):
                yield actor

    def _due(self, sensor: SimActor) -> bool:
        now = self.simulation.elapsed_s
        if now + 1e-6 < sensor.next_measurement_s:
            return False
        sensor.next_measurement_s = now + float(sensor.attributes["sensor_tick"])
        return True

    # Episodes, maps and settings

    def _episode_info(self) -> list[Any]:
        return [self.simulation.episode_id, [self._server.stream_token(WORLD_STREAM)]]

    def _sensor_token(self, stream_id: int) -> list[bytes]:
        if stream_id != WORLD_STREAM:
            self._server.expect(stream_id)
        return [self._server.stream_token(stream_id)]

    def _load(self, map_name: str, reset_settings: bool = True, *_: Any) -> None:
        streams = [a.stream_id for a in self.simulation.actors.values() if a.stream_id]
        if map_name == SENT_MAP:
            if self._sent_map is None:
                raise WorldError(f"no map was sent before '{SENT_MAP}' was loaded")
            self.simulation.load_text(self._sent_map)
        else:
            self.simulation.load(map_name)
        for stream_id in streams:
            self._server.close_stream(stream_id)
        if reset_settings:
            self.simulation.settings = Settings()
        self._snapshot_due = True

    def _take_map(self, xodr: str, *_: Any) -> None:
        read_map(xodr)  # a broken map is refused here, before the present episode ends
        self._sent_map = xodr

    def _map_info(self) -> list[Any]:
        points = self.simulation.network.lane_points(_SPAWN_POINT_SPACING_M)
        places = [carla_from_pose(point.pose, _SPAWN_HEIGHT_M) for point in points if not point.in_junction]
        return [f"{OWN_PREFIX}{self.simulation.network.name}", [[place[:3], place[3:]] for place in places]]

    def _set_settings(self, values: list[Any]) -> int:
        self.simulation.settings = Settings.from_wire(values)
        return self.simulation.frame

    def _weather(self) -> list[float]:
        if self.simulation.weather is None:
            self.simulation.weather = list(weather_from_domain(self.simulation.domain).values())
        return self.simulation.weather

    def _set_weather(self, values: list[Any]) -> None:
        wanted = list(finite(tuple(values), "weather"))
        if len(wanted) != len(WEATHER_FIELDS):
            raise ValueError(f"weather has {len(wanted)} values, expected {len(WEATHER_FIELDS)}")
        if any(abs(a - b) > 1e-3 for a, b in zip(wanted, self._weather(), strict=True)):
            self.simulation.domain = domain_from_weather(self.simulation.domain, wanted)
        self.simulation.weather = wanted

    # Actors

    def _describe(self, actor: SimActor) -> list[Any]:
        return actor.description(self._server.stream_token(actor.stream_id) if actor.stream_id else b"")

    def _spawn(self, description: list[Any], transform: list[Any], parent_id: int = 0, *_: Any) -> SimActor:
        _, name, values = description
        entry = blueprint_library().get(name)
        if entry is None:
            raise WorldError(unsupported(f"blueprint {name}"))
        given = {key: value for key, _, value in values}
        parent = self.simulation.find(parent_id) if parent_id else None
        actor = self.simulation.spawn(entry, given, read_transform(transform), parent)
        if name.startswith("sensor.camera."):
            try:
                self.cameras.prepare(self.simulation, actor)
            except WorldError:
                self.simulation.destroy(actor.actor_id)
                raise
        return actor

    def _destroy(self, actor_id: int) -> bool:
        for actor in self.simulation.destroy(actor_id):
            if actor.stream_id:
                self._server.close_stream(actor.stream_id)
        return True

    def _actors_by_id(self, ids: list[int]) -> list[Any]:
        return [self._describe(self.simulation.actors[i]) for i in ids if i in self.simulation.actors]

    def _wheel_angle(self, actor_id: int, wheel: int) -> float:
        driven = self._vehicle(actor_id).driven
        return driven.wheel_angle_deg if driven is not None and wheel in (0, 1) else 0.0

    def _physics_control(self, actor_id: int) -> list[Any]:
        vehicle = self._vehicle(actor_id)
        assert vehicle.driven is not None
        return vehicle.driven.physics_control(vehicle.transform)

    def _vehicle(self, actor_id: int) -> SimActor:
        actor = self.simulation.find(actor_id)
        if actor.driven is None:
            raise WorldError(f"{actor.entry.name} (actor {actor_id}) is no vehicle")
        return actor

    def _set_collisions(self, actor_id: int, enabled: bool) -> None:
        self.simulation.find(actor_id).collides = bool(enabled)

    def _apply_batch(self, commands: list[Any], tick: bool) -> RawAnswer:
        answers = RawAnswer(self._apply_command(command) for command in commands)
        if tick:
            self._tick()
        return answers

    def _apply_command(self, command: list[Any]) -> list[Any]:
        ((kind, arguments),) = command
        try:
            return batch.batch_success(self._run_command(kind, arguments))
        except Sim2RealError as error:
            return batch.batch_failure(str(error))
        except (ValueError, TypeError, LookupError) as error:
            return batch.batch_failure(f"sim2real_ad world server: command {kind}: {error!r}")

    def _run_command(self, kind: int, arguments: list[Any]) -> int:
        if kind == 0:
            return self._spawn_command(*arguments)
        if kind == 1:
            self._destroy(arguments[0])
        elif kind in BATCH_COMMANDS:
            BATCH_COMMANDS[kind](self.simulation, arguments)
        else:
            raise WorldError(unsupported(UNSUPPORTED_COMMANDS.get(kind, f"batch command {kind}")))
        return int(arguments[0])

    def _spawn_command(self, description: list[Any], transform: list[Any], parent: list[Any], *rest: Any) -> int:
        actor = self._spawn(description, transform, parent[1] if parent[0] else 0)
        for follow_up in rest[-1]:
            ((kind, arguments),) = follow_up
            self._run_command(kind, [actor.actor_id, *arguments[1:]])
        return actor.actor_id

    def _one(self, command: batch.Command) -> Handler:
        return lambda *arguments: command(self.simulation, list(arguments))

    def _table(self) -> dict[str, Handler]:
        simulation = self.simulation
        return {
            "version": lambda: wire.VERSION,
            "get_episode_info": self._episode_info,
            "get_sensor_token": self._sensor_token,
            "get_episode_settings": lambda: simulation.settings.to_wire(),
            "set_episode_settings": self._set_settings,
            "get_available_maps": available_maps,
            "get_map_info": self._map_info,
            "get_map_data": lambda: simulation.network.xodr,
            "get_required_files": lambda *_: [],
            "copy_opendrive_to_file": self._take_map,
            "load_new_episode": self._load,
            "tick_cue": self._tick,
            "get_weather_parameters": self._weather,
            "set_weather_parameters": self._set_weather,
            "query_lights_state": lambda *_: [],
            "get_environment_objects": lambda *_: [],
            "get_vehicle_light_states": lambda: [],
            "get_vehicle_light_state": lambda actor_id: 0,
            "get_group_traffic_lights": lambda *_: [],
            "get_actor_definitions": lambda: _definitions(),
            "get_spectator": lambda: self._describe(simulation.spectator),
            "get_actors_by_id": self._actors_by_id,
            "get_actor_bounding_box": lambda actor_id: simulation.find(actor_id).bounding_box(),
            "spawn_actor": lambda *a: self._describe(self._spawn(*a)),
            "spawn_actor_with_parent": lambda *a: self._describe(self._spawn(*a)),
            "destroy_actor": self._destroy,
            "apply_batch": self._apply_batch,
            "apply_control_to_vehicle": self._one(batch.apply_control),
            "apply_control_to_walker": self._one(batch.apply_walker_control),
            "set_actor_transform": self._one(batch.apply_transform),
            "set_actor_location": self._one(batch.apply_location),
            "set_actor_target_velocity": self._one(batch.apply_target_velocity),
            "set_actor_target_angular_velocity": self._one(batch.apply_angular_velocity),
            "set_actor_simulate_physics": self._one(batch.set_simulate_physics),
            "set_actor_enable_gravity": self._one(batch.accept),
            "set_vehicle_light_state": self._one(batch.accept),
            "set_actor_collisions": self._set_collisions,
            "get_physics_control": self._physics_control,
            "get_wheel_steer_angle": self._wheel_angle,
        }


def _definitions() -> list[Any]:
    return [entry.definition() for entry in blueprint_library().values() if entry.family != "spectator"]
