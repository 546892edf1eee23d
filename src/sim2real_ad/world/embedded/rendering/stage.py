"""The scene graph: what is drawn, in which order and with which program."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from panda3d.core import (
    ColorAttrib,
    ColorBlendAttrib,
    CullBinManager,
    DepthTestAttrib,
    GeomNode,
    LMatrix4f,
    LODNode,
    LPoint3,
    LVecBase3f,
    NodePath,
    OmniBoundingVolume,
    PTA_LVecBase3f,
    RenderAttrib,
)

from sim2real_ad.world.embedded.appearance import Appearance
from sim2real_ad.world.embedded.rendering.actors import Model, model_of, paint_of
from sim2real_ad.world.embedded.rendering.geometry_nodes import bank_texture, geometry_node, shader, sky_texture
from sim2real_ad.world.embedded.rendering.mesh import Cell, Colour, quads
from sim2real_ad.world.embedded.rendering.shaders import (
    SHADE_FRAGMENT,
    SHADE_VERTEX,
    SKY_FRAGMENT,
    SKY_VERTEX,
    SURFACE_VERTEX,
    surface_fragment,
)
from sim2real_ad.world.embedded.rendering.shadows import HIGHEST_SHADE_Z, SHADE, SHADE_Z, shadow_offset
from sim2real_ad.world.embedded.rendering.sky import dome, sky_picture
from sim2real_ad.world.embedded.rendering.textures import draw_bank
from sim2real_ad.world.embedded.scene import StaticScene
from sim2real_ad.world.protocol import ActorState

FAR_M = 240.0
FADE_M = 60.0
"""Over this last stretch before FAR_M everything fades into the haze, so that nothing pops up."""
STAND_IN_M = 70.0
"""Plants in a square whose centre is farther than this are drawn as pictures."""
SHADE_M = 140.0
"""Shadows in a square farther than this are left out: seen so flat they are no more than a line."""
NEAREST_FIRST = "nearest_first"
SKY_SORT, STANDING_SHADE_SORT, ACTOR_SHADE_SORT, CONTACT_SORT = range(4)
SHADOW_SLOPE_LIMIT = 2.5


class Stage:
    """What one renderer draws: a static scene, the sky, and the actors of the moment."""

    def __init__(self) -> None:
        self.root = NodePath("root")
        self.root.set_attrib(ColorAttrib.make_vertex())
        self._eye = PTA_LVecBase3f.empty_array(1)
        self.root.set_shader_input("eye", self._eye)
        self._solid, self._cutout, self._sky = _layers(self.root)
        self._standing_shade = _shade_layer(self.root, STANDING_SHADE_SORT, depth_write=True)
        self._actor_shade = _shade_layer(self.root, ACTOR_SHADE_SORT, depth_write=False)
        self._contact = _shade_layer(self.root, CONTACT_SORT, depth_write=False)
        self._models: dict[tuple[str, str, int], GeomNode] = {}
        self._cast: dict[int, _Role] = {}
        self._scene: StaticScene | None = None
        self._slope = np.zeros(2)

    def set_up(self, scene: StaticScene, look: Appearance) -> None:
        """Replace everything by another scene."""
        self.clear()
        self._scene = scene
        self._solid.attach_new_node(geometry_node("land", (cell.mesh for cell in scene.solid)))
        self._cutout.attach_new_node(geometry_node("plants", (cell.mesh for cell in scene.cutout)))
        for layer, cells, (nearest, farthest) in (
            (self._cutout, scene.near_plants, (0.0, STAND_IN_M)),
            (self._cutout, scene.stand_ins, (STAND_IN_M, 2 * FAR_M)),
            (self._standing_shade, scene.shade, (0.0, SHADE_M)),
        ):
            for cell in cells:
                layer.attach_new_node(_seen_between(cell, nearest, farthest))
        self._sky.set_shader_input("sky", sky_texture(sky_picture(look)))
        self._set_light(look)
        slope = shadow_offset(look.light)
        self._slope = slope * min(1.0, SHADOW_SLOPE_LIMIT / max(float(np.linalg.norm(slope)), 1e-9))

    def _set_light(self, look: Appearance) -> None:
        light = look.light
        self.root.set_shader_input("bank", bank_texture(draw_bank(look)))
        self.root.set_shader_input("sun_direction", LVecBase3f(*light.sun_direction))
        self.root.set_shader_input("sun_light", LVecBase3f(*light.sun))
        self.root.set_shader_input("sky_light", LVecBase3f(*light.sky))
        self.root.set_shader_input("ground_light", LVecBase3f(*light.ground))
        self.root.set_shader_input("haze_colour", LVecBase3f(*(min(c, 1.0) for c in light.horizon)))
        self.root.set_shader_input("haze", LVecBase3f(light.haze_density, FAR_M - FADE_M, 1.0 / FADE_M))
        self.root.set_shader_input("shade_strength", light.shade)

    def aim(self, eye: tuple[float, float, float]) -> None:
        """Tell the programs where the camera is, map frame, m."""
        self._eye.set_element(0, LVecBase3f(*eye))

    def place(self, actors: tuple[ActorState, ...]) -> None:
        """Show exactly these actors."""
        present = {actor.actor_id for actor in actors}
        for gone in [actor_id for actor_id in self._cast if actor_id not in present]:
            self._cast.pop(gone).leave()
        for actor in actors:
            model = model_of(actor)
            role = self._cast.get(actor.actor_id)
            if role is None:
                role = self._cast[actor.actor_id] = _Role(self._solid, self._actor_shade, self._contact, actor.actor_id)
            role.play(actor, model, self._model_node(model), paint_of(actor))
            role.stand(actor, model, self._ground(actor), self._slope)

    def clear(self) -> None:
        """Take everything down."""
        for role in self._cast.values():
            role.leave()
        self._cast.clear()
        for layer in (self._solid, self._cutout, self._standing_shade, self._actor_shade, self._contact):
            layer.get_children().detach()
        self._scene = None

    def _ground(self, actor: ActorState) -> float:
        return 0.0 if self._scene is None else self._scene.ground_height(actor.pose.x, actor.pose.y)

    def _model_node(self, model: Model) -> GeomNode:
        node = self._models.get(model.key)
        if node is None:
            node = self._models[model.key] = geometry_node("/".join(map(str, model.key)), [model.mesh()])
        return node


class _Role:
    """One actor on the stage: its model and the shade beneath it."""

    def __init__(self, solid: NodePath[Any], shade: NodePath[Any], contact: NodePath[Any], order: int) -> None:
        self._body = solid.attach_new_node("actor", order)
        self._blob = contact.attach_new_node(_blob_node(), order)
        self._cast = shade.attach_new_node(_blob_node(), order)
        self._look: tuple[Any, ...] | None = None

    def play(self, actor: ActorState, model: Model, node: GeomNode, paint: Colour) -> None:
        """Show this model in this colour."""
        if self._look == (model.key, paint):
            return
        self._look = (model.key, paint)
        self._body.get_children().detach()
        self._body.attach_new_node(node)
        self._body.set_color_scale(*paint, 1.0)

    def stand(self, actor: ActorState, model: Model, ground: float, slope: np.ndarray[Any, Any]) -> None:
        """Move to where the actor is; its box has exactly the actor's size."""
        pose = actor.pose
        ahead = np.array((math.cos(pose.yaw), math.sin(pose.yaw)))
        left = np.array((-ahead[1], ahead[0]))
        scale = [wanted / own for wanted, own in zip(actor.size, model.size, strict=True)]
        self._body.set_mat(_matrix(ahead * scale[0], left * scale[1], scale[2], (pose.x, pose.y, ground)))
        length, width, height = actor.size
        z = ground + HIGHEST_SHADE_Z + 0.01
        self._blob.set_mat(_matrix(ahead * length * 0.6, left * width * 0.66, 1.0, (pose.x, pose.y, z)))
        shift = slope * height * 0.5
        reach = 0.58 * length + abs(float(shift @ ahead)), 0.6 * width + abs(float(shift @ left))
        centre = (pose.x + float(shift[0]), pose.y + float(shift[1]), ground + SHADE_Z - 0.008)
        self._cast.set_mat(_matrix(ahead * reach[0], left * reach[1], 1.0, centre))

    def leave(self) -> None:
        """Leave the stage."""
        for node in (self._body, self._blob, self._cast):
            node.remove_node()


def _matrix(
    x_axis: np.ndarray[Any, Any], y_axis: np.ndarray[Any, Any], z: float, origin: tuple[float, float, float]
) -> LMatrix4f:
    return LMatrix4f(
        float(x_axis[0]), float(x_axis[1]), 0.0, 0.0,
        float(y_axis[0]), float(y_axis[1]), 0.0, 0.0,
        0.0, 0.0, z, 0.0,
        *origin, 1.0,
    )  # fmt: skip


def _blob_node() -> GeomNode:
    square = np.array([[(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)]], np.float64)
    mesh = quads(square, SHADE)
    mesh.vertices["colour"][:, 3] = 200
    return geometry_node("blob", [mesh])


def _seen_between(cell: Cell, nearest: float, farthest: float) -> LODNode:
    """Return a node that draws a square while the camera's distance from its centre is in a range, m."""
    switch = LODNode("plants")
    switch.set_center(LPoint3(*cell.centre, 0.0))
    switch.add_switch(farthest, nearest)
    switch.add_child(geometry_node("plants", [cell.mesh]))
    return switch


def _layers(root: NodePath[Any]) -> tuple[NodePath[Any], NodePath[Any], NodePath[Any]]:
    """Return the parents of what is solid, of what has holes, and of the sky behind both."""
    bins = CullBinManager.get_global_ptr()
    if bins.find_bin(NEAREST_FIRST) < 0:
        bins.add_bin(NEAREST_FIRST, CullBinManager.BT_front_to_back, 15)
    solid, cutout, sky = (root.attach_new_node(name) for name in ("solid", "cutout", "sky"))
    solid.set_shader(shader(SURFACE_VERTEX, surface_fragment(cutout=False)))
    solid.set_bin(NEAREST_FIRST, 0)
    cutout.set_shader(shader(SURFACE_VERTEX, surface_fragment(cutout=True)))
    cutout.set_bin("transparent", 0)
    cutout.set_two_sided(True)
    sky.set_shader(shader(SKY_VERTEX, SKY_FRAGMENT))
    sky.set_bin("fixed", SKY_SORT)
    sky.set_depth_write(False)
    sky.set_attrib(DepthTestAttrib.make(RenderAttrib.M_less_equal))
    dome_node = sky.attach_new_node(geometry_node("dome", [dome()]))
    dome_node.node().set_bounds(OmniBoundingVolume())
    dome_node.node().set_final(True)
    return solid, cutout, sky


def _shade_layer(root: NodePath[Any], sort: int, *, depth_write: bool) -> NodePath[Any]:
    """Return the parent of shadows. What stands still hides the shadows of actors, which lie lower: none adds up."""
    shade = root.attach_new_node("shade")
    shade.set_shader(shader(SHADE_VERTEX, SHADE_FRAGMENT))
    shade.set_bin("fixed", sort)
    shade.set_depth_write(depth_write)
    blend = ColorBlendAttrib
    shade.set_attrib(blend.make(blend.M_add, blend.O_incoming_alpha, blend.O_one_minus_incoming_alpha))
    return shade
