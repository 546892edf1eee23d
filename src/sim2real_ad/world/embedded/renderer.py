"""The front camera of the embedded world: Panda3D without a window, RGB and exact semantic ids in one pass."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from panda3d.core import Camera, LMatrix4f, NodePath, PerspectiveLens

from sim2real_ad.errors import CalibrationError, WorldError
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.types import Pose2, UInt8Array
from sim2real_ad.world.embedded.appearance import appearance_of
from sim2real_ad.world.embedded.rendering.context import PictureBuffer
from sim2real_ad.world.embedded.rendering.stage import FAR_M, Stage
from sim2real_ad.world.embedded.scene import SitePlan, build_scene, plan_site
from sim2real_ad.world.protocol import ActorState, RenderedView, SceneGeometry
from sim2real_ad.world.randomization import Domain

NEAR_M = 0.25
PLANS_KEPT = 4
BODY_FROM_PANDA = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""Panda3D's cameras look along y with x to the right and z up; the camera body's x is forward and y left."""


@dataclass(frozen=True)
class RawView:
    """A picture as the graphics card gave it. bgra, ids: (H, W, 4) uint8, bottom row first; every channel of ids
    holds the semantic id. Both are views of memory that the next picture overwrites."""

    bgra: UInt8Array
    ids: UInt8Array | None

    def bgra_bytes(self) -> bytes:
        """Return the picture as BGRA bytes, top row first, as CARLA's camera streams it."""
        return cv2.flip(self.bgra, 0).tobytes()

    def view(self) -> RenderedView:
        """Return the picture as arrays of its own, top row first."""
        rgb = cv2.flip(cv2.cvtColor(self.bgra, cv2.COLOR_BGRA2RGB), 0)
        semantic = None if self.ids is None else np.ascontiguousarray(self.ids[::-1, :, 0])
        return RenderedView(np.asarray(rgb, np.uint8), semantic)


class PandaRenderer:
    """Draws the embedded world as a camera sees it. One thread only; several renderers may follow each other.

    width, height: of the picture in pixels. Raises WorldError where the machine lacks EGL or OpenGL.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._buffers: dict[bool, PictureBuffer] = {}
        self._stage = Stage()
        self._camera: NodePath[Camera] = self._stage.root.attach_new_node(Camera("front"))
        self._plans: list[SitePlan] = []
        self._lens_of: CameraModel | None = None
        self._closed = False
        self._loaded = False
        self._buffer(semantic=False)

    def load_scene(self, scene: SceneGeometry, domain: Domain) -> None:
        """Build the static scene. The same scene and domain give the same pictures, byte for byte."""
        self._check_open()
        look = appearance_of(domain)
        self._stage.set_up(build_scene(self._plan(scene), look), look)
        self._loaded = True

    def render(
        self,
        camera: CameraModel,
        base_pose: Pose2,
        actors: tuple[ActorState, ...],
        *,
        semantic: bool = False,
        ego_bank: tuple[float, float] = (0.0, 0.0),
    ) -> RenderedView:
        """Draw what the camera, mounted on a base_link at base_pose, sees.

        ego_bank: (pitch, roll) of the body about base_link in rad, pitch positive nose down, roll positive right side
        down. Raises CalibrationError for a camera of another size or with distortion, WorldError without a scene.
        """
        return self.render_raw(camera, base_pose, actors, semantic=semantic, ego_bank=ego_bank).view()

    def render_raw(
        self,
        camera: CameraModel,
        base_pose: Pose2,
        actors: tuple[ActorState, ...],
        *,
        semantic: bool = False,
        ego_bank: tuple[float, float] = (0.0, 0.0),
    ) -> RawView:
        """Draw like `render`, without turning the picture over or changing its channels."""
        self._check_open()
        if not self._loaded:
            raise WorldError("camera renderer: render() was called before load_scene()")
        self._aim(camera, base_pose, ego_bank)
        self._stage.place(actors)
        colour, ids = self._buffer(semantic=semantic).draw()
        shape = (self.height, self.width, 4)
        return RawView(
            np.frombuffer(colour, np.uint8).reshape(shape),
            None if ids is None else np.frombuffer(ids, np.uint8).reshape(shape),
        )

    def close(self) -> None:
        """Release the buffers and the scene; may be called twice."""
        if self._closed:
            return
        self._closed = True
        self._stage.clear()
        for buffer in self._buffers.values():
            buffer.close()
        self._buffers.clear()

    def _plan(self, scene: SceneGeometry) -> SitePlan:
        """Return the plan of a map; the last few are kept, since most episodes return to a map."""
        for plan in self._plans:
            if plan.scene is scene:
                return plan
        self._plans = [plan_site(scene), *self._plans[: PLANS_KEPT - 1]]
        return self._plans[0]

    def _buffer(self, *, semantic: bool) -> PictureBuffer:
        if semantic not in self._buffers:
            buffer = self._buffers[semantic] = PictureBuffer(self.width, self.height, semantic=semantic)
            buffer.look_through(self._camera)
        return self._buffers[semantic]

    def _check_open(self) -> None:
        if self._closed:
            raise WorldError("camera renderer: used after close()")

    def _aim(self, camera: CameraModel, base: Pose2, bank: tuple[float, float]) -> None:
        if camera != self._lens_of:
            self._camera.node().set_lens(self._lens(camera))
            self._lens_of = camera
        rotation, eye = camera_in_map(camera, base, bank)
        matrix = np.zeros((4, 4))
        matrix[:3, :3] = (rotation @ BODY_FROM_PANDA).T
        matrix[3] = (*eye, 1.0)
        self._camera.set_mat(LMatrix4f(*matrix.ravel().tolist()))
        self._stage.aim((float(eye[0]), float(eye[1]), float(eye[2])))

    def _lens(self, camera: CameraModel) -> PerspectiveLens:
        """Return the pinhole of a camera: its film is the picture at 1 m, off centre by cx, cy."""
        if (camera.width, camera.height) != (self.width, self.height):
            raise CalibrationError(
                f"camera calibration is for {camera.width}x{camera.height}, "
                f"the renderer draws {self.width}x{self.height}"
            )
        if any(camera.distortion):
            raise CalibrationError(
                f"camera distortion {camera.distortion}: the embedded world's camera is an undistorted pinhole; "
                "set distortion to zeros"
            )
        lens = PerspectiveLens()
        lens.set_film_size(camera.width / camera.fx, camera.height / camera.fy)
        lens.set_focal_length(1.0)
        lens.set_film_offset((camera.width / 2 - camera.cx) / camera.fx, (camera.cy - camera.height / 2) / camera.fy)
        lens.set_near_far(NEAR_M, FAR_M + 20.0)
        return lens


def camera_in_map(
    camera: CameraModel, base: Pose2, bank: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the (3, 3) rotation from the camera body to the map, and the camera's place in the map, m.

    The body turns about base_link: yaw, then pitch, then roll.
    """
    pitch, roll = bank
    cos, sin = math.cos(base.yaw), math.sin(base.yaw)
    yaw_turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    cos, sin = math.cos(pitch), math.sin(pitch)
    pitch_turn = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
    cos, sin = math.cos(roll), math.sin(roll)
    roll_turn = np.array([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]])
    turn = yaw_turn @ pitch_turn @ roll_turn
    mount = camera.mount
    eye = turn @ (mount.x, mount.y, mount.z) + (base.x, base.y, 0.0)
    return turn @ mount.rotation_base_from_body(), eye
