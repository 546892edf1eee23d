"""Which model an actor gets: by kind, blueprint, size and, for people, how far they have walked."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

from sim2real_ad.world.embedded.rendering.mesh import Colour, Mesh
from sim2real_ad.world.embedded.rendering.people import (
    PERSON_SIZE,
    STRIDE_M,
    STRIDE_PHASES,
    VARIANTS,
    person_mesh,
)
from sim2real_ad.world.embedded.rendering.props import prop_mesh, prop_style
from sim2real_ad.world.embedded.rendering.vehicle_bodies import vehicle_style
from sim2real_ad.world.embedded.rendering.vehicles import vehicle_mesh
from sim2real_ad.world.protocol import ActorState


@dataclass(frozen=True)
class Model:
    """A model by its key (equal keys look alike) and its own (length, width, height), m."""

    key: tuple[str, str, int]
    size: tuple[float, float, float]

    def mesh(self) -> Mesh:
        """Return the model's mesh; made once, then kept."""
        kind, style, phase = self.key
        if kind == "pedestrian":
            return person_mesh(int(style), phase)
        return (vehicle_mesh if kind == "vehicle" else prop_mesh)(style)[0]


def model_of(actor: ActorState) -> Model:
    """Return the model that shows an actor."""
    if actor.kind == "pedestrian":
        variant = zlib.crc32(f"{actor.blueprint}/{actor.actor_id}".encode()) % VARIANTS
        return Model(("pedestrian", str(variant), _stride_phase(actor)), PERSON_SIZE)
    if actor.kind == "vehicle":
        style = vehicle_style(actor.blueprint, actor.size)
        return Model(("vehicle", style, 0), vehicle_mesh(style)[1])
    style = prop_style(actor.blueprint)
    return Model(("obstacle", style, 0), prop_mesh(style)[1])


def _stride_phase(actor: ActorState) -> int:
    """Return the phase of the stride by the way along the walker's heading; who stands has both feet together."""
    if actor.speed < 0.05:
        return 0
    way = actor.pose.x * math.cos(actor.pose.yaw) + actor.pose.y * math.sin(actor.pose.yaw)
    return int(way / STRIDE_M * STRIDE_PHASES) % STRIDE_PHASES


def paint_of(actor: ActorState) -> Colour:
    """Return the actor's colour, 0..1."""
    red, green, blue = actor.colour
    return red / 255.0, green / 255.0, blue / 255.0
