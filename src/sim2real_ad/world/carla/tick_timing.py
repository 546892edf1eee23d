"""How long the `carla` client waits for one tick of a server, over the wire, with and without a camera."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import carla

from sim2real_ad.errors import WorldError

TICK_S = 0.05
WARM_UP = 20
TIMEOUT_S = 30.0


def time_ticks(
    host: str, port: int, *, count: int, vehicles: int, picture: tuple[int, int] | None = None
) -> tuple[float, ...]:
    """Return the seconds of count synchronous ticks among parked vehicles, each until its snapshot has arrived.

    picture: width and height of a front camera, whose picture is waited for too; None for no camera. Leaves the world
    asynchronous and without what was spawned. Raises WorldError where the server does not answer.
    """
    try:
        client = carla.Client(host, port)
        client.set_timeout(TIMEOUT_S)
        world = client.get_world()
        with _synchronous(world), _actors(world, vehicles, picture) as pictures:
            _await_camera(world, pictures)
            for _ in range(WARM_UP):
                _tick(world, pictures)
            return tuple(_tick(world, pictures) for _ in range(count))
    except (RuntimeError, queue.Empty) as error:
        raise WorldError(
            f"CARLA server {host}:{port}: {str(error) or f'no picture came within {TIMEOUT_S} s'}"
        ) from error


def _tick(world: Any, pictures: queue.SimpleQueue[int] | None) -> float:
    started = time.perf_counter()
    frame = world.tick()
    while pictures is not None and pictures.get(timeout=TIMEOUT_S) < frame:
        pass
    return time.perf_counter() - started


def _await_camera(world: Any, pictures: queue.SimpleQueue[int] | None) -> None:
    """Tick until the camera's stream is open: listen() returns before the server knows of the listener."""
    give_up = time.monotonic() + TIMEOUT_S
    while pictures is not None and pictures.empty() and time.monotonic() < give_up:
        world.tick()
        time.sleep(0.1)


@contextmanager
def _synchronous(world: Any) -> Iterator[None]:
    before = world.get_settings()
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, TICK_S
    world.apply_settings(settings)
    try:
        yield
    finally:
        world.apply_settings(before)


@contextmanager
def _actors(world: Any, vehicles: int, picture: tuple[int, int] | None) -> Iterator[queue.SimpleQueue[int] | None]:
    library, spawned = world.get_blueprint_library(), []
    try:
        places = world.get_map().get_spawn_points()
        if len(places) < vehicles:
            raise WorldError(f"the map has {len(places)} spawn points, {vehicles} vehicles need one each")
        for place in places[:vehicles]:
            car = world.spawn_actor(library.find("vehicle.tesla.model3"), place)
            spawned.append(car)
        if picture is None:
            yield None
            return
        blueprint = library.find("sensor.camera.rgb")
        blueprint.set_attribute("image_size_x", str(picture[0]))
        blueprint.set_attribute("image_size_y", str(picture[1]))
        mount = carla.Transform(carla.Location(x=1.6, z=1.45))
        spawned.append(world.spawn_actor(blueprint, mount, attach_to=spawned[0]))
        pictures: queue.SimpleQueue[int] = queue.SimpleQueue()
        spawned[-1].listen(lambda image: pictures.put(image.frame))
        yield pictures
    finally:
        for actor in reversed(spawned):
            actor.destroy()
