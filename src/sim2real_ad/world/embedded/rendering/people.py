"""Pedestrians: head, trunk, arms and legs in a stride, in clothes of their own. They face +x."""

from __future__ import annotations

import functools
import math

import numpy as np

from sim2real_ad.world.embedded.rendering.mesh import Colour, Material, Mesh
from sim2real_ad.world.embedded.rendering.shapes import ball, box, cylinder
from sim2real_ad.world.embedded.rendering.textures import LAYER

PERSON_SIZE = (0.5, 0.52, 1.75)
STRIDE_PHASES = 6
STRIDE_M = 1.4
"""Way covered in one full stride, two steps."""
SKINS: tuple[Colour, ...] = ((0.86, 0.68, 0.56), (0.72, 0.52, 0.40), (0.50, 0.34, 0.25), (0.34, 0.23, 0.17))
HAIR: tuple[Colour, ...] = ((0.12, 0.09, 0.07), (0.32, 0.22, 0.13), (0.62, 0.50, 0.30), (0.55, 0.54, 0.53))
LEGS: tuple[Colour, ...] = ((0.16, 0.19, 0.30), (0.13, 0.13, 0.14), (0.45, 0.40, 0.32), (0.30, 0.33, 0.30))
VARIANTS = 12


@functools.lru_cache(maxsize=VARIANTS * STRIDE_PHASES)
def person_mesh(variant: int, phase: int) -> Mesh:
    """Return a person, PERSON_SIZE in m, by variant (0..VARIANTS-1) and phase of the stride (0..STRIDE_PHASES-1)."""
    rng = np.random.default_rng(9000 + variant)
    skin = _cloth(SKINS[int(rng.integers(len(SKINS)))])
    hair = _cloth(HAIR[int(rng.integers(len(HAIR)))])
    legs = _cloth(LEGS[int(rng.integers(len(LEGS)))])
    coat = Material("pedestrian", LAYER["plain"], (1.0, 1.0, 1.0), paint=True)
    swing = 0.48 * math.sin(2.0 * math.pi * phase / STRIDE_PHASES)
    long_coat, skirt = bool(rng.uniform() < 0.35), bool(rng.uniform() < 0.25)
    parts = [_leg(side, side * swing, skin if skirt else legs) for side in (-1.0, 1.0)]
    parts += [_arm(side, -side * swing * 0.8, coat, skin) for side in (-1.0, 1.0)]
    parts.append(_trunk(coat))
    if long_coat or skirt:
        parts.append(cylinder((0, 0, 0.55), (0, 0, 0.45), (0.23, 0.16), coat if long_coat else legs, sides=8))
    parts += [
        cylinder((0, 0, 1.42), (0.01, 0, 0.1), (0.055, 0.055), skin, sides=6),
        ball((0.02, 0, 1.60), (0.105, 0.085, 0.13), skin),
        ball((-0.015, 0, 1.64), (0.112, 0.098, 0.112), hair),
    ]
    if rng.uniform() < 0.35:
        pack = _cloth((float(rng.uniform(0.1, 0.6)), float(rng.uniform(0.1, 0.5)), float(rng.uniform(0.1, 0.6))))
        parts.append(box((-0.2, 0, 1.02), (0.17, 0.28, 0.38), pack))
    return Mesh.merged(parts)


def _cloth(colour: Colour) -> Material:
    return Material("pedestrian", LAYER["plain"], colour)


def _leg(side: float, swing: float, cloth: Material) -> Mesh:
    hip = np.array((0.0, side * 0.09, 0.88))
    knee = hip + 0.44 * np.array((math.sin(swing), 0.0, -math.cos(swing)))
    bend = swing - max(0.0, -swing) * 0.6
    foot = knee + 0.42 * np.array((math.sin(bend), 0.0, -math.cos(bend)))
    lift = max(0.05 - foot[2], 0.0)
    shoe = Material("pedestrian", LAYER["plain"], (0.10, 0.09, 0.09))
    return Mesh.merged(
        [
            cylinder(hip, knee - hip, (0.095, 0.07), cloth, sides=6),
            cylinder(knee, foot - knee, (0.07, 0.05), cloth, sides=6),
            box((foot[0] + 0.05, foot[1], foot[2] + lift - 0.05), (0.26, 0.1, 0.09), shoe),
        ]
    )


def _arm(side: float, swing: float, coat: Material, skin: Material) -> Mesh:
    shoulder = np.array((0.0, side * 0.215, 1.38))
    elbow = shoulder + 0.29 * np.array((math.sin(swing), side * 0.12, -math.cos(swing)))
    hand = elbow + 0.25 * np.array((math.sin(swing + 0.35), 0.0, -math.cos(swing + 0.35)))
    return Mesh.merged(
        [
            cylinder(shoulder, elbow - shoulder, (0.06, 0.05), coat, sides=6),
            cylinder(elbow, hand - elbow, (0.05, 0.04), coat, sides=6),
            ball(hand, (0.045, 0.035, 0.05), skin, subdivisions=0),
        ]
    )


def _trunk(coat: Material) -> Mesh:
    chest = cylinder((0, 0, 0.85), (0, 0, 0.5), (0.15, 0.19), coat, sides=10)
    chest.vertices["position"][:, 0] *= 0.68
    shoulders = ball((0, 0, 1.36), (0.12, 0.225, 0.1), coat)
    return Mesh.merged([chest, shoulders])
