"""A connection to a CARLA server, real or ours, in synchronous mode. Every failure of the client is a WorldError."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import carla

from sim2real_ad.errors import WorldError
from sim2real_ad.world.carla.maps import OWN_PREFIX, with_domain
from sim2real_ad.world.carla.weather import WEATHER_FIELDS, weather_from_domain
from sim2real_ad.world.embedded.roads import RoadNetwork
from sim2real_ad.world.randomization import Domain

LOAD_TIMEOUT_S = 60.0
"""A server builds the meshes of a map for seconds, a real one for many."""


class CarlaSession:
    """One client. Attributes: host, port, timeout_s; world: the carla.World; alive: False once a call timed out."""

    world: Any

    def __init__(self, host: str, port: int, tick_s: float, timeout_s: float) -> None:
        """Connect and switch to synchronous ticks. Raises WorldError where no CARLA server answers in time."""
        self.host, self.port, self.timeout_s = host, port, timeout_s
        self.alive = True
        self._allowed_s = timeout_s
        self._map: RoadNetwork | None = None
        self._domain: Domain | None = None
        self._tick_s = tick_s
        self._check_listening()
        with self.reported("connect"):
            self._client = carla.Client(host, port)
            self._client.set_timeout(timeout_s)
            self.world = self._client.get_world()
            self._first_settings = self.world.get_settings()
            self.draws_domains = any(name.startswith(OWN_PREFIX) for name in self._client.get_available_maps())
            self._be_synchronous()

    def load(self, network: RoadNetwork, domain: Domain) -> bool:
        """Send a map, with its domain in its header, unless it is there already. Returns whether it was sent.

        A server that knows no domains keeps its map and gets the weather that comes nearest.
        """
        redrawn = self.draws_domains and domain != self._domain
        fresh = network is not self._map or redrawn
        with self.reported(f"load map '{network.name}'"):
            if fresh:
                self._map = None
                text = with_domain(network.xodr, domain)
                with self.patient():
                    self.world = self._client.generate_opendrive_world(text, _generation(), False)
                if not self.world.get_settings().synchronous_mode:
                    self._be_synchronous()
            self._light(domain)
        self._map, self._domain = network, domain
        return fresh

    def tick(self) -> Any:
        """Advance by one step and return the snapshot of exactly that frame. Raises WorldError."""
        with self.reported("tick"):
            frame = self.world.tick(self.timeout_s)
            snapshot = self.world.get_snapshot()
        if snapshot.frame != frame:
            raise WorldError(
                f"CARLA server {self.host}:{self.port}: asked for frame {frame}, got {snapshot.frame}: "
                "another client ticks this server"
            )
        return snapshot

    def send(self, commands: list[Any]) -> None:
        """Send a batch that is carried out before the next tick, without waiting for it."""
        with self.reported("apply a batch"):
            self._client.apply_batch(commands)

    def send_and_wait(self, commands: list[Any]) -> list[int]:
        """Carry out a batch and return the actor's id of each command. Raises WorldError for the first that failed."""
        with self.reported("apply a batch"):
            answers = self._client.apply_batch_sync(commands, False)
        for answer in answers:
            if answer.has_error():
                raise WorldError(f"CARLA server {self.host}:{self.port}: {answer.error}")
        return [answer.actor_id for answer in answers]

    def close(self) -> None:
        """Give the server its settings back; may be called twice."""
        if self.alive:
            with suppress(WorldError), self.reported("restore the settings"):
                self.world.apply_settings(self._first_settings)
        self.alive = False
        # A client whose server died aborts the process if it is still there at the end.
        self.world = self._client = None

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Allow calls LOAD_TIMEOUT_S: those that load a map, and those that may build its scenery."""
        self._allowed_s = max(self.timeout_s, LOAD_TIMEOUT_S)
        self._client.set_timeout(self._allowed_s)
        try:
            yield
        finally:
            self._allowed_s = self.timeout_s
            self._client.set_timeout(self.timeout_s)

    @contextmanager
    def reported(self, what: str) -> Iterator[None]:
        """Turn a failure of the carla client into a WorldError with host and port. A time-out ends the session."""
        try:
            yield
        except (RuntimeError, IndexError, ValueError) as error:
            if "time-out" in str(error):
                self.alive = False
                reason = f"no answer within {self._allowed_s} s"
            else:
                reason = str(error)
            raise WorldError(f"CARLA server {self.host}:{self.port}: cannot {what}: {reason}") from error

    def _check_listening(self) -> None:
        """Fail at once where nothing listens: the carla client would wait for its time-out."""
        try:
            socket.create_connection((self.host, self.port), self.timeout_s).close()
        except OSError as error:
            raise WorldError(f"CARLA server {self.host}:{self.port}: cannot connect: {error}") from error

    def _be_synchronous(self) -> None:
        settings = self.world.get_settings()
        settings.synchronous_mode = True
        settings.fixed_delta_seconds = self._tick_s
        self.world.apply_settings(settings)

    def _light(self, domain: Domain) -> None:
        wanted = weather_from_domain(domain)
        weather = self.world.get_weather()
        if all(abs(getattr(weather, name) - wanted[name]) < 1e-3 for name in WEATHER_FIELDS):
            return
        for name in WEATHER_FIELDS:
            setattr(weather, name, wanted[name])
        self.world.set_weather(weather)


def _generation() -> Any:
    """Return how a CARLA server builds a map: no walls beside the road, long meshes."""
    return carla.OpendriveGenerationParameters(
        vertex_distance=2.0,
        max_road_length=500.0,
        wall_height=0.0,
        additional_width=0.6,
        smooth_junctions=True,
        enable_mesh_visibility=True,
        enable_pedestrian_navigation=False,
    )
