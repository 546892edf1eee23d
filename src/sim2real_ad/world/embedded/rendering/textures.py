"""The texture bank: one seamless picture a layer, drawn anew for every world."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from sim2real_ad.types import UInt8Array
from sim2real_ad.world.embedded.appearance import Appearance
from sim2real_ad.world.embedded.rendering.facades import FACADES, draw_facade
from sim2real_ad.world.embedded.rendering.noise import SIZE, FloatImage, cracks, grain, smooth_noise

LAYERS = (
    "plain",
    "asphalt",
    "repair",
    "white_paint",
    "yellow_paint",
    "paving",
    "concrete",
    "terrain",
    "verge",
    "bark",
    "leaves",
    "needles",
    "leaf_edge",
    "tree_card",
    "conifer_card",
    "roof",
    "metal",
    "wood",
    "cardboard",
    "stop_sign",
    "stripes",
    "plate",
    "chain_fence",
    *FACADES,
)
LAYER = {name: index for index, name in enumerate(LAYERS)}

ROAD_TILE_M = 8.0
TERRAIN_TILE_M = 10.0
PAVING_TILE_M = 2.4


def draw_bank(appearance: Appearance) -> UInt8Array:
    """Return all layers, (layers, SIZE, SIZE, 4) uint8 RGBA, row 0 at the texture's top."""
    bank = np.full((len(LAYERS), SIZE, SIZE, 4), 255, np.uint8)
    for name, index in LAYER.items():
        rng = appearance.rng(f"texture {name}")
        picture = draw_facade(name, rng) if name in FACADES else PAINTERS[name](appearance, rng)
        bank[index, :, :, : picture.shape[2]] = np.clip(picture * 255.0, 0.0, 255.0)
    return bank


def _tone(pattern: FloatImage, colour: tuple[float, float, float]) -> FloatImage:
    """Return a colour multiplied by 1 + pattern, (SIZE, SIZE, 3)."""
    return (1.0 + pattern[..., None]) * np.array(colour, np.float32)


def _plain(_: Appearance, rng: np.random.Generator) -> FloatImage:
    return _tone(grain(rng, {16: 0.02, 64: 0.02}) - 0.02, (1.0, 1.0, 1.0))


def _asphalt(look: Appearance, rng: np.random.Generator) -> FloatImage:
    coarse = float(rng.uniform(0.05, 0.16))
    pattern = grain(rng, {4: 0.05, 8: 0.05, 16: 0.04, 32: 0.03, 128: coarse * 0.7, 256: coarse})
    pattern = pattern - cracks(rng, int(rng.integers(0, 9))) * float(rng.uniform(0.15, 0.45))
    picture = _tone(pattern, look.palette.asphalt) * np.float32(1.0 - 0.38 * look.wetness)
    puddles = np.clip(0.45 + grain(rng, {4: 0.35, 8: 0.35, 16: 0.25, 64: 0.1}), 0.12, 1.0)
    return np.concatenate((picture, puddles[..., None].astype(np.float32)), axis=2)


def _repair(look: Appearance, rng: np.random.Generator) -> FloatImage:
    dark = float(rng.uniform(0.62, 0.9))
    return _asphalt(look, rng) * np.array((dark, dark, dark, 1.0), np.float32)


def _paint(colour: tuple[float, float, float]) -> Callable[[Appearance, np.random.Generator], FloatImage]:
    """Return a painter of road paint: what is worn off shows the asphalt."""

    def paint(look: Appearance, rng: np.random.Generator) -> FloatImage:
        wear = look.marking_wear
        pattern = grain(rng, {8: 0.35, 16: 0.3, 64: 0.35, 128: 0.45, 256: 0.35})
        gone = np.clip((pattern - 0.9 + 1.15 * wear) * 2.0, 0.0, 0.9)[..., None]
        fresh = _tone(grain(rng, {8: 0.05, 128: 0.05}) - 0.08 - 0.2 * wear, colour)
        return fresh * (1.0 - gone) + np.array(look.palette.asphalt, np.float32) * gone

    return paint


def _paving(look: Appearance, rng: np.random.Generator) -> FloatImage:
    rows, columns = int(rng.choice((4, 8, 16))), int(rng.choice((4, 8)))
    tint = rng.uniform(-0.08, 0.08, (rows, columns)).astype(np.float32)
    pattern = cv2.resize(tint, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST)
    high, wide = SIZE // rows, SIZE // columns
    if rng.uniform() < 0.6:
        for row in range(0, rows, 2):
            pattern[row * high : (row + 1) * high] = np.roll(pattern[row * high : (row + 1) * high], wide // 2, axis=1)
    joint = np.zeros((SIZE, SIZE), np.float32)
    joint[::high] = joint[1::high] = 0.25
    for row in range(rows):
        offset = wide // 2 if row % 2 else 0
        joint[row * high : (row + 1) * high, offset::wide] = 0.25
    pattern += grain(rng, {8: 0.05, 64: 0.04, 256: 0.06}) - joint
    return _tone(pattern, look.palette.paving) * np.float32(1.0 - 0.25 * look.wetness)


def _concrete(look: Appearance, rng: np.random.Generator) -> FloatImage:
    pattern = grain(rng, {4: 0.06, 16: 0.05, 64: 0.04, 256: 0.05}) - cracks(rng, 2) * 0.2
    return _tone(pattern, (0.9, 0.9, 0.88)) * np.float32(1.0 - 0.25 * look.wetness)


def _terrain(look: Appearance, rng: np.random.Generator) -> FloatImage:
    rough = {"grass": 0.22, "earth": 0.14, "gravel": 0.2, "sand": 0.07}[look.palette.surroundings]
    pattern = grain(rng, {4: 0.08, 8: 0.09, 16: 0.08, 32: 0.1, 64: rough * 0.7, 128: rough, 256: rough * 0.6})
    picture = _tone(pattern, look.palette.terrain)
    bare = np.clip(grain(rng, {8: 0.9, 32: 0.5, 128: 0.4}) - float(rng.uniform(0.5, 1.1)), 0.0, 0.8)[..., None]
    return (picture * (1.0 - bare) + np.array((0.44, 0.37, 0.27), np.float32) * bare) * np.float32(
        1.0 - 0.2 * look.wetness
    )


def _verge(look: Appearance, rng: np.random.Generator) -> FloatImage:
    grey = np.mean(look.palette.terrain) * 0.5 + 0.2
    soil = np.array(look.palette.terrain) * 0.55 + np.array((grey * 1.05, grey, grey * 0.9)) * 0.45
    pattern = grain(rng, {8: 0.1, 32: 0.1, 128: 0.16, 256: 0.14})
    return _tone(pattern, tuple(soil.tolist())) * np.float32(1.0 - 0.25 * look.wetness)


def _bark(look: Appearance, rng: np.random.Generator) -> FloatImage:
    rows = np.repeat(grain(rng, {64: 0.25, 128: 0.15})[:1], SIZE, axis=0)
    return _tone(rows + grain(rng, {16: 0.1, 128: 0.12}), look.palette.bark)


def _leaves(_: Appearance, rng: np.random.Generator) -> FloatImage:
    pattern = grain(rng, {8: 0.18, 16: 0.2, 32: 0.28, 64: 0.3, 128: 0.2})
    return _tone(pattern - 0.08, (0.95, 1.0, 0.9))


def _needles(_: Appearance, rng: np.random.Generator) -> FloatImage:
    streaks = cv2.blur(grain(rng, {64: 0.5, 128: 0.5}), (1, 9), borderType=cv2.BORDER_REFLECT)
    return _tone(streaks + grain(rng, {8: 0.15, 256: 0.1}) - 0.1, (0.9, 1.0, 0.95))


def _leaf_edge(look: Appearance, rng: np.random.Generator) -> FloatImage:
    """A ragged tuft on a clear ground: bushes and the crowns' outline."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) / SIZE * 2.0 - 1.0
    radius = np.sqrt(x * x + y * y) + smooth_noise(rng, 16) * 0.18 + smooth_noise(rng, 32) * 0.16
    holes = grain(rng, {32: 0.5, 64: 0.5})
    alpha = ((radius < 0.8) & (holes < 0.55)).astype(np.float32)
    return np.concatenate((_leaves(look, rng), alpha[..., None]), axis=2)


def _tree_card(look: Appearance, rng: np.random.Generator) -> FloatImage:
    """A whole tree on a clear ground, to be seen from afar."""
    crown = np.zeros((SIZE, SIZE), np.uint8)
    for _ in range(14):
        x, y = rng.normal(128, 34), rng.normal(105, 36)
        cv2.circle(crown, (int(x), int(np.clip(y, 45, 175))), int(rng.integers(26, 46)), 255, -1)
    ragged = (crown / 255.0 + grain(rng, {32: 0.35, 64: 0.3})) > 0.62
    trunk = np.zeros((SIZE, SIZE), np.float32)
    trunk[150:, 121:136] = 1.0
    shade = np.linspace(1.15, 0.6, SIZE, dtype=np.float32)[:, None, None]
    picture = np.where(ragged[..., None], _leaves(look, rng) * shade, np.array((0.6, 0.5, 0.42), np.float32))
    alpha = np.maximum(ragged.astype(np.float32), trunk)
    alpha[:12] = 0.0
    return np.concatenate((picture, alpha[..., None]), axis=2).astype(np.float32)


def _conifer_card(look: Appearance, rng: np.random.Generator) -> FloatImage:
    """A whole conifer on a clear ground, to be seen from afar."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) / SIZE
    tier = np.mod(y * 4.6, 1.0) * 0.11
    half = np.clip(y * 0.42 + tier - 0.06, 0.0, 0.5) * (y < 0.92)
    ragged = np.abs(x - 0.5) + grain(rng, {32: 0.03, 64: 0.03}) < half
    trunk = (np.abs(x - 0.5) < 0.03) & (y > 0.85)
    picture = np.where(ragged[..., None], _needles(look, rng) * (1.1 - 0.45 * y[..., None]), np.float32(0.35))
    alpha = (ragged | trunk).astype(np.float32)
    alpha[:6] = 0.0
    return np.concatenate((picture, alpha[..., None]), axis=2).astype(np.float32)


def _roof(_: Appearance, rng: np.random.Generator) -> FloatImage:
    rows = (np.arange(SIZE) % 16 / 16.0).astype(np.float32)[:, None] * 0.35 - 0.15
    tiles = cv2.resize(rng.uniform(-0.1, 0.1, (16, 32)).astype(np.float32), (SIZE, SIZE), interpolation=0)
    return _tone(rows + tiles + grain(rng, {8: 0.08, 128: 0.06}), (1.0, 1.0, 1.0)) * np.float32(0.95)


def _metal(_: Appearance, rng: np.random.Generator) -> FloatImage:
    ribs = np.sin(np.arange(SIZE) / SIZE * 2 * np.pi * 32).astype(np.float32)[None] * 0.1
    rust = np.clip(grain(rng, {8: 0.6, 32: 0.4, 128: 0.3}) - 0.75, 0.0, 0.7)[..., None]
    steel = _tone(np.repeat(ribs, SIZE, axis=0) + grain(rng, {8: 0.05, 128: 0.04}) - 0.1, (0.98, 0.98, 1.0))
    return steel * (1.0 - rust) + np.array((0.4, 0.24, 0.15), np.float32) * rust


def _wood(_: Appearance, rng: np.random.Generator) -> FloatImage:
    boards = np.repeat(rng.uniform(-0.12, 0.12, 8).astype(np.float32), SIZE // 8)[:, None]
    lines = np.repeat(grain(rng, {64: 0.1, 128: 0.08})[:, :1], SIZE, axis=1)
    gap = (np.arange(SIZE) % (SIZE // 8) < 2).astype(np.float32)[:, None] * 0.4
    return _tone(boards + lines + grain(rng, {16: 0.06}) - gap, (0.62, 0.47, 0.32))


def _cardboard(_: Appearance, rng: np.random.Generator) -> FloatImage:
    picture = _tone(grain(rng, {8: 0.04, 64: 0.03, 256: 0.03}), (0.72, 0.56, 0.38))
    picture[118:138] = picture[118:138] * np.float32(0.6) + np.float32(0.38)
    cv2.rectangle(picture, (150, 170), (225, 225), (0.25, 0.2, 0.15), 3)
    return picture


def _stop_sign(_: Appearance, rng: np.random.Generator) -> FloatImage:
    """A red octagon, white border, STOP in white; clear outside."""
    centre = SIZE / 2.0
    angle = np.radians(22.5 + 45.0 * np.arange(8))
    rim = np.column_stack((np.cos(angle), np.sin(angle))) / np.cos(np.radians(22.5))
    fade = float(rng.uniform(0.0, 0.25))
    red = (0.76 + 0.1 * fade, 0.07 + 0.25 * fade, 0.09 + 0.22 * fade)
    picture = np.zeros((SIZE, SIZE, 4), np.float32)
    for radius, colour in ((0.995, (0.95, 0.95, 0.95, 1.0)), (0.93, (*red, 1.0))):
        cv2.fillPoly(picture, [np.round(rim * centre * radius + centre).astype(np.int32)], colour)
    ink = cv2.resize(lettering("STOP", 2.9, 17), (216, 118), interpolation=cv2.INTER_AREA)[..., None]
    word = picture[69:187, 20:236, :3]
    word[:] = word * (1.0 - ink) + 0.96 * ink
    picture[..., :3] *= 1.0 + grain(rng, {8: 0.05})[..., None]
    return picture


def lettering(text: str, scale: float, thickness: int) -> FloatImage:
    """Return text cut out to its edges, (h, w), 1 on the letters."""
    font = cv2.FONT_HERSHEY_SIMPLEX
    (wide, high), below = cv2.getTextSize(text, font, scale, thickness)
    canvas = np.zeros((high + below + 4 * thickness, wide + 4 * thickness), np.uint8)
    cv2.putText(canvas, text, (2 * thickness, high + 2 * thickness), font, scale, 255, thickness, cv2.LINE_AA)
    rows, columns = np.flatnonzero(canvas.any(axis=1)), np.flatnonzero(canvas.any(axis=0))
    return canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32) / 255.0


def _stripes(_: Appearance, rng: np.random.Generator) -> FloatImage:
    """Red and white at a slant, as on barriers."""
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    red = (((x + y) // 64) % 2)[..., None].astype(np.float32)
    picture = red * np.array((0.80, 0.12, 0.10), np.float32) + (1.0 - red) * np.array((0.93, 0.93, 0.9), np.float32)
    return picture * (1.0 + grain(rng, {8: 0.07, 128: 0.05})[..., None])


def _plate(_: Appearance, rng: np.random.Generator) -> FloatImage:
    picture = np.full((SIZE, SIZE, 3), 0.92, np.float32)
    if rng.uniform() < 0.35:
        picture[:] = (0.93, 0.80, 0.25)
    if rng.uniform() < 0.6:
        picture[:, :28] = (0.1, 0.22, 0.6)
    letters = "".join(chr(65 + int(i)) for i in rng.integers(26, size=2)) + "".join(map(str, rng.integers(10, size=3)))
    ink = cv2.resize(lettering(letters, 2.3, 12), (208, 170), interpolation=cv2.INTER_AREA)[..., None]
    picture[43:213, 38:246] = picture[43:213, 38:246] * (1.0 - ink) + 0.08 * ink
    return picture


def _chain_fence(_: Appearance, rng: np.random.Generator) -> FloatImage:
    """Rails and uprights on a clear ground."""
    picture = np.zeros((SIZE, SIZE, 4), np.float32)
    colour = float(rng.uniform(0.25, 0.85))
    solid = (colour, colour, colour * float(rng.uniform(0.8, 1.05)), 1.0)
    for start in range(0, SIZE, 32):
        picture[:, start : start + 9] = solid
    picture[18:40] = picture[190:212] = solid
    return picture


PAINTERS: dict[str, Callable[[Appearance, np.random.Generator], NDArray[np.float32]]] = {
    "plain": _plain,
    "asphalt": _asphalt,
    "repair": _repair,
    "white_paint": _paint((0.93, 0.93, 0.91)),
    "yellow_paint": _paint((0.90, 0.70, 0.16)),
    "paving": _paving,
    "concrete": _concrete,
    "terrain": _terrain,
    "verge": _verge,
    "bark": _bark,
    "leaves": _leaves,
    "needles": _needles,
    "leaf_edge": _leaf_edge,
    "tree_card": _tree_card,
    "conifer_card": _conifer_card,
    "roof": _roof,
    "metal": _metal,
    "wood": _wood,
    "cardboard": _cardboard,
    "stop_sign": _stop_sign,
    "stripes": _stripes,
    "plate": _plate,
    "chain_fence": _chain_fence,
}
