"""What the wire server's sensors measure, as the messages of their streams."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeAlias

import cv2
import numpy as np

from sim2real_ad.errors import WorldError
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.types import Pose2, UInt8Array
from sim2real_ad.world.carla import wire
from sim2real_ad.world.carla.actors import SimActor
from sim2real_ad.world.carla.conversions import Transform, mount_from_carla, moved_along
from sim2real_ad.world.carla.simulation import Simulation
from sim2real_ad.world.carla.vehicle import base_x
from sim2real_ad.world.embedded.roads import RoadNetwork
from sim2real_ad.world.protocol import SEMANTIC_CLASSES, ActorState, SceneGeometry
from sim2real_ad.world.randomization import Domain

Message: TypeAlias = tuple[int, tuple[bytes | memoryview, ...]]
"""A stream's id and the parts of one message to it."""

CITYSCAPES_TAG = {
    "sky": 11,
    "drivable": 1,
    "lane_marking": 24,
    "stop_line": 24,
    "pavement": 2,
    "terrain": 10,
    "building": 3,
    "vegetation": 9,
    "vehicle": 14,
    "pedestrian": 12,
    "obstacle": 20,
    "stop_sign": 8,
    "pole": 6,
}
"""CARLA's semantic tag (CityObjectLabel) of each of SEMANTIC_CLASSES."""

_TAGS = np.zeros(256, np.uint8)
_TAGS[: len(SEMANTIC_CLASSES)] = [CITYSCAPES_TAG[name] for name in SEMANTIC_CLASSES]

MAX_PIXELS = 4096 * 4096
GRAVITY = 9.81
_EARTH_RADIUS_M = 6_378_137.0


class RawPicture(Protocol):
    """A picture as the graphics driver left it: BGRA and ids, (H, W, 4) uint8, bottom row first."""

    @property
    def bgra(self) -> UInt8Array:
        """The colours."""
        ...

    @property
    def ids(self) -> UInt8Array | None:
        """Ids of SEMANTIC_CLASSES in the first channel."""
        ...


class RawRenderer(Protocol):
    """What the cameras need of a renderer."""

    def load_scene(self, scene: SceneGeometry, domain: Domain) -> None:
        """Build the static scene."""
        ...

    def render_raw(
        self,
        camera: CameraModel,
        base_pose: Pose2,
        actors: tuple[ActorState, ...],
        *,
        semantic: bool = False,
        ego_bank: tuple[float, float] = (0.0, 0.0),
    ) -> RawPicture:
        """Draw."""
        ...

    def close(self) -> None:
        """Release the graphics context."""
        ...


def _panda(width: int, height: int) -> RawRenderer:
    from sim2real_ad.world.embedded.renderer import PandaRenderer

    return PandaRenderer(width, height)


class Cameras:
    """Draws for every camera that someone watches; those that share their view share one drawing."""

    def __init__(self, make_renderer: Callable[[int, int], RawRenderer] = _panda) -> None:
        self._make = make_renderer
        self._renderers: dict[tuple[int, int], RawRenderer] = {}
        self._scenes: dict[tuple[int, int], tuple[RoadNetwork, Domain]] = {}
        self._pictures: dict[tuple[str, int, int], UInt8Array] = {}

    def prepare(self, simulation: Simulation, camera: SimActor) -> None:
        """Make ready for a new camera. Raises WorldError where its picture is impossible or cannot be drawn here."""
        width, height, fov = _lens(camera)
        if not (min(width, height) >= 16 and width * height <= MAX_PIXELS and 1.0 < fov < 179.0):
            raise WorldError(f"{camera.entry.name}: {width}x{height} pixels with {fov} deg cannot be drawn")
        self._renderer(simulation, width, height)

    def messages(self, simulation: Simulation, cameras: Iterable[SimActor]) -> Iterator[Message]:
        """Yield a message for each of these cameras. Its parts are valid until the next one is asked for."""
        views: dict[tuple[Transform, SimActor | None, tuple[int, int, float]], list[SimActor]] = {}
        for camera in cameras:
            views.setdefault((camera.transform, camera.parent, _lens(camera)), []).append(camera)
        for (_, _, (width, height, _)), sharing in views.items():
            semantic = any(camera.entry.name.endswith("segmentation") for camera in sharing)
            renderer = self._renderer(simulation, width, height)
            raw = renderer.render_raw(
                *_view(sharing[0]), _others(simulation, sharing[0]), semantic=semantic, ego_bank=_bank(sharing[0])
            )
            for camera in sharing:
                yield camera.stream_id, self._message(simulation, camera, raw)

    def close(self) -> None:
        """Release the renderers."""
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers.clear()

    def _renderer(self, simulation: Simulation, width: int, height: int) -> RawRenderer:
        size = width, height
        if size not in self._renderers:
            self._renderers[size] = self._make(width, height)
        wanted = simulation.network, simulation.domain
        if self._scenes.get(size) != wanted:
            self._renderers[size].load_scene(simulation.network.scene_geometry(), simulation.domain)
            self._scenes[size] = wanted
        return self._renderers[size]

    def _message(self, simulation: Simulation, camera: SimActor, raw: RawPicture) -> tuple[bytes | memoryview, ...]:
        width, height, fov = _lens(camera)
        picture = self._pictures.get((camera.entry.name, width, height))
        if picture is None:
            picture = np.empty((height, width, 4), np.uint8)
            self._pictures[camera.entry.name, width, height] = picture
        if camera.entry.name == "sensor.camera.rgb":
            cv2.flip(raw.bgra, 0, dst=picture)
        else:
            if raw.ids is None:
                raise WorldError("the renderer drew no semantic ids")
            picture[:] = (0, 0, 0, 255)
            picture[::-1, :, 2] = _TAGS[raw.ids[..., 0]]
        head = wire.sensor_header(camera.entry.name, simulation.frame, simulation.elapsed_s, camera.transform)
        return head, wire.IMAGE_HEADER.pack(width, height, fov), picture.data.cast("B")


def collision_messages(simulation: Simulation, sensor: SimActor) -> Iterator[Message]:
    """Yield a message for each actor that the sensor's parent touches."""
    parent = sensor.parent
    if parent is None:
        return
    for other in simulation.touching(parent):
        impulse = [0.0, 0.0, 0.0]
        event = [parent.description(b""), other.description(b""), impulse]
        yield sensor.stream_id, (_header(simulation, sensor), wire.pack(event))


def inertial_message(simulation: Simulation, sensor: SimActor) -> Message:
    """Return the acceleration with gravity, the turn rates and the compass heading of the sensor's parent."""
    body = sensor.parent or sensor
    yaw = math.radians(body.transform[4])
    ax, ay, _ = body.acceleration
    forward, right = ax * math.cos(yaw) + ay * math.sin(yaw), ay * math.cos(yaw) - ax * math.sin(yaw)
    gyroscope = [0.0, 0.0, math.radians(body.angular_velocity[2])]
    compass = (yaw + math.pi / 2.0) % math.tau
    return sensor.stream_id, (
        _header(simulation, sensor),
        wire.pack([[forward, right, GRAVITY], gyroscope, compass]),
    )


def position_message(simulation: Simulation, sensor: SimActor) -> Message:
    """Return the sensor's latitude, longitude (deg) and altitude (m); the map's origin is at 0, 0, north is map y."""
    x, y, z = sensor.transform[:3]
    latitude, longitude = math.degrees(-y / _EARTH_RADIUS_M), math.degrees(x / _EARTH_RADIUS_M)
    return sensor.stream_id, (_header(simulation, sensor), wire.pack([latitude, longitude, z]))


def _header(simulation: Simulation, sensor: SimActor) -> bytes:
    return wire.sensor_header(sensor.entry.name, simulation.frame, simulation.elapsed_s, sensor.transform)


def _lens(camera: SimActor) -> tuple[int, int, float]:
    values = camera.attributes
    try:
        return int(values["image_size_x"]), int(values["image_size_y"]), float(values["fov"])
    except ValueError as error:
        raise WorldError(f"{camera.entry.name}: {error}") from None


def _view(camera: SimActor) -> tuple[CameraModel, Pose2]:
    """Return the camera with its mount, and the pose that it is mounted on."""
    width, height, fov = _lens(camera)
    parent = camera.parent
    if parent is not None and camera.offset is not None:
        back = base_x(parent.driven.profile) if parent.driven else 0.0
        mount, pose = mount_from_carla(camera.offset, back), moved_along(parent.pose, back)
    else:
        z, pitch, roll = camera.transform[2], camera.transform[3], camera.transform[5]
        mount, pose = mount_from_carla((0.0, 0.0, z, pitch, 0.0, roll), 0.0), camera.pose
    focal = width / (2.0 * math.tan(math.radians(fov) / 2.0))

    return CameraModel.model_construct(
        width=width,
        height=height,
        fx=focal,
        fy=focal,
        cx=width / 2.0,
        cy=height / 2.0,
        distortion=(0.0,) * 5,
        mount=mount,
    ), pose


def _bank(camera: SimActor) -> tuple[float, float]:
    """Return how the body that carries the camera leans, (pitch, roll) in rad."""
    parent = camera.parent
    return parent.driven.lean if parent is not None and parent.driven is not None and parent.physics else (0.0, 0.0)


def _others(simulation: Simulation, camera: SimActor) -> tuple[ActorState, ...]:
    solid = (a for a in simulation.actors.values() if a.size[0] > 0.0)
    return tuple(actor.seen() for actor in solid if actor is not camera.parent)
