"""The World: what a simulator must offer so that training, evaluation and the graph can run in it.

`EmbeddedWorld` runs in process, `CarlaWorld` speaks through the `carla` client. One contract test suite runs on both.
Everything here is in the right-handed map frame; a world's own conventions stay inside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.errors import WorldError
from sim2real_ad.types import CameraFrame, ControlCommand, EgoState, Pose2, UInt8Array

if TYPE_CHECKING:
    from sim2real_ad.geometry.camera import CameraModel
    from sim2real_ad.observation.spec import BevSpec
    from sim2real_ad.vehicle.profile import VehicleProfile
    from sim2real_ad.world.embedded.roads import RoadNetwork
    from sim2real_ad.world.randomization import Domain
    from sim2real_ad.world.scenarios import EpisodePlan, Scenario

ActorKind = Literal["vehicle", "pedestrian", "obstacle"]

SEMANTIC_CLASSES = (
    "sky",
    "drivable",
    "lane_marking",
    "stop_line",
    "pavement",
    "terrain",
    "building",
    "vegetation",
    "vehicle",
    "pedestrian",
    "obstacle",
    "stop_sign",
    "pole",
)
"""Names of the semantic image's ids, by index."""


@dataclass(frozen=True)
class ActorState:
    """Another road user or thing. pose is of the box's centre on the ground; size is (length, width, height) in m.

    blueprint: its name in CARLA's library; colour: RGB 0..255.
    """

    actor_id: int
    kind: ActorKind
    blueprint: str
    pose: Pose2
    size: tuple[float, float, float]
    speed: float = 0.0
    colour: tuple[int, int, int] = (128, 128, 128)


@dataclass(frozen=True)
class GroundTruth:
    """Privileged state, for training, judging and reports; never for a deployed stage.

    time_s: since the episode's start; ego: exact state of base_link; ego_colliding: actor the ego touches, or None.
    """

    time_s: float
    ego: EgoState
    actors: tuple[ActorState, ...]
    ego_colliding: int | None = None


@dataclass(frozen=True)
class WorldTick:
    """What one tick gave: the camera's frame (None where cameras are off) and the car's own state at that instant."""

    frame: CameraFrame | None
    ego: EgoState


class World(Protocol):
    """A simulated world stepped at a fixed `tick_s`.

    profile is the ego's; network (the map) and plan are the episode's, from reset on; camera is the calibrated one,
    whatever jitter the domain gives to the real one. The order of calls is reset, then apply and tick in turn; the
    command applied holds until the next one.
    Every failure raises WorldError.
    """

    tick_s: float
    profile: VehicleProfile
    network: RoadNetwork
    plan: EpisodePlan
    camera: CameraModel

    def reset(self, scenario: Scenario, seed: int, domain: Domain | None = None) -> WorldTick:
        """Lay out an episode and return its first tick. The same arguments give the same episode, bit for bit.

        domain None means the one that the seed draws.
        """
        ...

    def apply(self, command: ControlCommand) -> None:
        """Command the ego car from the next tick on."""
        ...

    def tick(self) -> WorldTick:
        """Advance by tick_s."""
        ...

    def truth(self) -> GroundTruth:
        """Return the privileged state of the last tick."""
        ...

    def truth_bev(self, spec: BevSpec) -> UInt8Array:
        """Return the exact BEV (C, H, W) of the last tick, 0 or 255."""
        ...

    def close(self) -> None:
        """Release everything; may be called twice."""
        ...


def require_finite(command: ControlCommand) -> None:
    """Raise WorldError, naming the values, where a command that a world shall apply is not finite."""
    if not command.is_finite:
        raise WorldError(
            f"command must be finite, got steering_tire_angle {command.steering_tire_angle} rad "
            f"and acceleration {command.acceleration} m/s^2"
        )


@dataclass(frozen=True)
class RenderedView:
    """One camera picture. rgb: (H, W, 3) uint8; semantic: (H, W) uint8 ids of SEMANTIC_CLASSES, or None."""

    rgb: UInt8Array
    semantic: UInt8Array | None


class Renderer(Protocol):
    """Draws a road network, its surroundings and the actors. No ROS, no carla: geometry arrays in, pictures out."""

    def load_scene(self, scene: SceneGeometry, domain: Domain) -> None:
        """Build the static scene. The same scene and domain give the same pictures, byte for byte."""
        ...

    def render(
        self,
        camera: CameraModel,
        base_pose: Pose2,
        actors: tuple[ActorState, ...],
        *,
        semantic: bool = False,
        ego_bank: tuple[float, float] = (0.0, 0.0),
    ) -> RenderedView:
        """Draw what the camera, mounted on a base_link at base_pose, sees. ego_bank: body (pitch, roll) in rad."""
        ...

    def close(self) -> None:
        """Release the graphics context; may be called twice."""
        ...


@dataclass(frozen=True)
class SceneGeometry:
    """The static world as plain geometry, map frame, metres.

    drivable, pavement: closed polygons (N, 2); marking_lines: (polyline (N, 2), width, dashed, yellow);
    stop_lines: painted bars as quads (4, 2); stop_signs: poses of the sign posts, the sign faces against yaw (a driver
    who heads along yaw reads it); building_sites: poses beside the road where a building (yaw along the road) or
    vegetation may stand, at least 8 m clear of any drivable surface; bounds: x_min, y_min, x_max, y_max.
    """

    drivable: tuple[NDArray[np.float64], ...]
    pavement: tuple[NDArray[np.float64], ...]
    marking_lines: tuple[tuple[NDArray[np.float64], float, bool, bool], ...]
    stop_lines: tuple[NDArray[np.float64], ...]
    stop_signs: tuple[Pose2, ...]
    building_sites: tuple[Pose2, ...]
    bounds: tuple[float, float, float, float]
