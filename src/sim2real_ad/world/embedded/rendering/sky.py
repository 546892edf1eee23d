"""The sky: a dome whose picture holds gradient, sun and clouds."""

from __future__ import annotations

import math

import cv2
import numpy as np

from sim2real_ad.types import UInt8Array
from sim2real_ad.world.embedded.appearance import Appearance
from sim2real_ad.world.embedded.rendering.mesh import Material, Mesh, make_vertices
from sim2real_ad.world.embedded.rendering.noise import SIZE, FloatImage, grain

WIDTH, HEIGHT = 512, 128
LOWEST, HIGHEST = -0.06, 1.0
"""Elevations of the dome's rim and top as the picture's rows hold them: sines, so that the horizon gets its share."""


def dome() -> Mesh:
    """Return the dome's skin, unit radius, seen from inside; u runs with azimuth, v with the sine of elevation."""
    across, up = 32, 7
    u, v = np.meshgrid(np.linspace(0.0, 1.0, across + 1), np.linspace(0.0, 1.0, up + 1) ** 1.5)
    z = LOWEST + (HIGHEST - LOWEST) * v
    ring = np.sqrt(np.maximum(1.0 - z * z, 0.0))
    azimuth = 2.0 * math.pi * u
    position = np.stack((ring * np.cos(azimuth), ring * np.sin(azimuth), z), axis=-1).reshape(-1, 3)
    uv = np.stack((u, v), axis=-1).reshape(-1, 2)
    # Below the rim the dome goes on to the nadir in the rim's colour: fogged land, seen over the land's own end.
    position[: across + 1, 2] = -2.0
    index = np.arange((across + 1) * (up + 1), dtype=np.uint32).reshape(up + 1, across + 1)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    triangles = np.stack((np.stack((a, c, b), -1), np.stack((a, d, c), -1)), axis=2).reshape(-1, 3)
    return Mesh(make_vertices(position, -position, uv, Material("sky")), triangles)


def sky_picture(look: Appearance) -> UInt8Array:
    """Return the dome's picture, (HEIGHT, WIDTH, 3) uint8 RGB, row 0 at the rim."""
    sine = np.linspace(LOWEST, HIGHEST, HEIGHT, dtype=np.float32)[:, None]
    azimuth = np.linspace(0.0, 2.0 * math.pi, WIDTH, endpoint=False, dtype=np.float32)[None]
    flat = np.sqrt(np.maximum(1.0 - sine * sine, 0.0))
    direction = np.stack(np.broadcast_arrays(flat * np.cos(azimuth), flat * np.sin(azimuth), sine), axis=-1)
    toward_sun = np.clip(direction @ np.array(look.light.sun_direction, np.float32), 0.0, 1.0)[..., None]
    height = np.clip(sine, 0.0, 1.0)[..., None] ** 0.55
    zenith, horizon = np.array(look.light.zenith, np.float32), np.array(look.light.horizon, np.float32)
    picture = horizon * (1.0 - height) + zenith * height
    clear = 1.0 - 0.9 * look.cloudiness
    sun = np.array(look.light.sun, np.float32)
    picture = picture + sun * clear * (0.20 * toward_sun**8 + 0.35 * toward_sun**60 + 2.5 * (toward_sun > 0.9993))
    cover, shine = _clouds(direction, look)
    bright = horizon * 0.55 + np.float32(0.45 * float(horizon.max())) + sun * 0.22
    cloud = bright * (1.0 - (0.2 + 0.35 * look.cloudiness) * shine)
    picture = picture * (1.0 - cover) + cloud * cover
    fogged = np.clip(look.light.haze_density * 120.0 * (1.0 - 0.8 * height), 0.0, 1.0)
    picture = picture * (1.0 - fogged) + horizon * fogged
    return np.clip(picture * 255.0, 0.0, 255.0).astype(np.uint8)


def _clouds(direction: FloatImage, look: Appearance) -> tuple[FloatImage, FloatImage]:
    """Return how much cloud hides each direction and how shaded it is, (H, W, 1), 0..1: a flat layer overhead."""
    rng = look.rng("clouds")
    sheet = grain(rng, {4: 0.5, 8: 0.4, 16: 0.25, 32: 0.16, 64: 0.1, 128: 0.05})
    reach = float(rng.uniform(18.0, 40.0)) / (direction[..., 2] + 0.16)
    drift = rng.uniform(0, SIZE, 2)
    at = [np.mod(direction[..., i] * reach + np.float32(drift[i]), SIZE).astype(np.float32) for i in range(2)]
    layer = cv2.remap(sheet, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    amount = 1.1 - 2.0 * look.cloudiness
    cover = np.clip((layer - amount) * 1.6 + 0.25, 0.0, 1.0)
    edge = np.clip((direction[..., 2] - 0.015) * 9.0, 0.0, 1.0)
    cover = cover * cover * (3.0 - 2.0 * cover) * np.maximum(edge, np.float32(look.cloudiness))
    shaded = np.clip((layer - amount) * 0.8, 0.0, 1.0)
    return cover[..., None], shaded[..., None]
