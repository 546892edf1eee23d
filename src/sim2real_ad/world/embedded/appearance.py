"""What a domain looks like: light, haze and palette, as numbers that the renderer's parts share.

Colours are display RGB, 0..1. Everything follows from the domain; no part keeps dice of its own.
"""

from __future__ import annotations

import colorsys
import math
import zlib
from dataclasses import dataclass

import numpy as np

from sim2real_ad.world.embedded.rendering.mesh import Colour
from sim2real_ad.world.randomization import Domain

CLEAR_VISIBILITY_M = 2500.0
THICK_VISIBILITY_M = 60.0
"""Distance at which haze has taken 95 % of the contrast, without fog and in the densest."""

MIDDAY_SUN: Colour = (1.0, 0.96, 0.88)
LOW_SUN: Colour = (1.0, 0.66, 0.40)
CLEAR_ZENITH: Colour = (0.26, 0.47, 0.80)
CLEAR_HORIZON: Colour = (0.74, 0.83, 0.92)
OVERCAST: Colour = (0.72, 0.75, 0.78)


@dataclass(frozen=True)
class Light:
    """sun_direction: unit vector towards the sun, map frame; sun, sky, ground: light on a surface facing each;
    zenith, horizon: the sky's colours; haze_density: 1/m; shade: 0..1, how dark cast shadows are; night: 0..1."""

    sun_direction: tuple[float, float, float]
    sun: Colour
    sky: Colour
    ground: Colour
    zenith: Colour
    horizon: Colour
    haze_density: float
    shade: float
    night: float


@dataclass(frozen=True)
class Palette:
    """Base colours of the world's materials. surroundings: grass, earth, gravel or sand; style: of the buildings."""

    surroundings: str
    terrain: Colour
    asphalt: Colour
    paving: Colour
    kerb: Colour
    foliage: tuple[Colour, ...]
    walls: tuple[Colour, ...]
    roofs: tuple[Colour, ...]
    bark: Colour


@dataclass(frozen=True)
class Appearance:
    """One world's looks."""

    seed: int
    light: Light
    palette: Palette
    wetness: float
    cloudiness: float
    marking_wear: float

    def rng(self, purpose: str) -> np.random.Generator:
        """Return the dice of one purpose, so that no part's draws move another's."""
        return seeded_rng(self.seed, purpose)


def seeded_rng(seed: int, purpose: str) -> np.random.Generator:
    """Return a generator that depends on the seed and the purpose only."""
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(purpose.encode())]))


def appearance_of(domain: Domain) -> Appearance:
    """Draw the looks of a domain."""
    rng = seeded_rng(domain.appearance_seed, "appearance")
    return Appearance(
        seed=domain.appearance_seed,
        light=light_of(domain),
        palette=_draw_palette(rng, domain.palette),
        wetness=domain.wetness,
        cloudiness=domain.cloudiness,
        marking_wear=float(rng.beta(1.3, 3.0)),
    )


def light_of(domain: Domain) -> Light:
    """Derive sun, sky and haze from the sun's position, the clouds and the fog.

    The camera's automatic exposure takes out most of the change in total light. `exposure` multiplies light, and
    display values follow light by about its square root.
    """
    elevation, azimuth = math.radians(domain.sun_elevation_deg), math.radians(domain.sun_azimuth_deg)
    day = _smooth(domain.sun_elevation_deg, -8.0, 12.0)
    veil = max(_smooth(domain.cloudiness, 0.25, 0.9), _smooth(domain.fog, 0.1, 0.5))
    sun = _scale(_mix(LOW_SUN, MIDDAY_SUN, _smooth(domain.sun_elevation_deg, 2.0, 35.0)), (1.0 - 0.93 * veil) * day)
    warm = _mix(LOW_SUN, CLEAR_HORIZON, _smooth(domain.sun_elevation_deg, -4.0, 22.0))
    dim = 0.10 + 0.90 * day
    zenith = _scale(_mix(CLEAR_ZENITH, OVERCAST, 0.9 * veil), dim * (1.0 - 0.15 * veil))
    horizon = _scale(_mix(warm, OVERCAST, veil), dim)
    sky = _scale(_mix(_mix(zenith, horizon, 0.5), (0.8, 0.8, 0.8), 0.45), 0.62 + 0.25 * veil)
    ground = _scale(_mix(horizon, (0.5, 0.45, 0.38), 0.6), 0.45 + 0.2 * veil)
    total = _luminance(sun) * max(math.sin(elevation), 0.05) + _luminance(sky)
    brightness = math.sqrt(domain.exposure)
    gain = brightness * ((0.4 + 0.9 * day) / max(total, 0.06)) ** 0.85
    visibility = CLEAR_VISIBILITY_M * (THICK_VISIBILITY_M / CLEAR_VISIBILITY_M) ** domain.fog
    glare = brightness * (0.55 + 0.45 * day)
    level = max(elevation, math.radians(4.0))
    return Light(
        sun_direction=(
            math.cos(azimuth) * math.cos(level),
            math.sin(azimuth) * math.cos(level),
            math.sin(level),
        ),
        sun=_scale(sun, gain),
        sky=_scale(sky, gain),
        ground=_scale(ground, gain),
        zenith=_scale(zenith, glare),
        horizon=_scale(horizon, glare),
        haze_density=math.log2(20.0) / visibility,
        shade=(0.60 - 0.35 * veil) * (0.4 + 0.6 * day),
        night=1.0 - _smooth(domain.sun_elevation_deg, -4.0, 10.0),
    )


TERRAINS: dict[str, tuple[Colour, ...]] = {
    "grass": ((0.30, 0.40, 0.16), (0.38, 0.44, 0.20), (0.45, 0.45, 0.24)),
    "earth": ((0.42, 0.33, 0.23), (0.36, 0.30, 0.24)),
    "gravel": ((0.50, 0.48, 0.45), (0.44, 0.42, 0.40)),
    "sand": ((0.68, 0.58, 0.42), (0.62, 0.50, 0.36)),
}
FOLIAGE: tuple[Colour, ...] = ((0.20, 0.33, 0.10), (0.28, 0.38, 0.14), (0.14, 0.26, 0.12), (0.36, 0.38, 0.16))
AUTUMN: tuple[Colour, ...] = ((0.58, 0.40, 0.12), (0.52, 0.26, 0.10), (0.44, 0.42, 0.16))
WALLS: tuple[Colour, ...] = (
    (0.82, 0.78, 0.70),
    (0.74, 0.62, 0.48),
    (0.70, 0.68, 0.66),
    (0.86, 0.84, 0.82),
    (0.64, 0.46, 0.38),
    (0.58, 0.62, 0.66),
    (0.78, 0.70, 0.50),
    (0.50, 0.56, 0.52),
)
ROOFS: tuple[Colour, ...] = ((0.48, 0.24, 0.17), (0.30, 0.30, 0.33), (0.36, 0.26, 0.22), (0.42, 0.40, 0.38))


def _draw_palette(rng: np.random.Generator, saturation: float) -> Palette:
    surroundings = str(rng.choice(tuple(TERRAINS), p=(0.62, 0.16, 0.10, 0.12)))
    asphalt = float(rng.uniform(0.26, 0.48))
    warmth = float(rng.normal(0.0, 0.012))
    paving = float(rng.uniform(0.48, 0.68))
    leaves = AUTUMN + FOLIAGE[:1] if rng.uniform() < 0.18 else FOLIAGE
    strength = 0.55 + 0.65 * saturation

    def vary(colour: Colour, spread: float = 0.1) -> Colour:
        jittered = np.array(colour) * (rng.uniform(1.0 - spread, 1.0 + spread) + rng.normal(0.0, 0.3 * spread, 3))
        return _saturate(_colour(np.clip(jittered, 0.03, 0.97)), strength)

    def several(colours: tuple[Colour, ...], count: int) -> tuple[Colour, ...]:
        return tuple(vary(colours[int(i)]) for i in rng.integers(len(colours), size=count))

    return Palette(
        surroundings=surroundings,
        terrain=vary(TERRAINS[surroundings][int(rng.integers(len(TERRAINS[surroundings])))]),
        asphalt=(asphalt + warmth, asphalt, asphalt - warmth),
        paving=_saturate((paving + 0.02, paving, paving - 0.03), strength),
        kerb=(paving + 0.08, paving + 0.08, paving + 0.06),
        foliage=several(leaves, 4),
        walls=several(WALLS, 7),
        roofs=several(ROOFS, 3),
        bark=vary((0.32, 0.25, 0.19)),
    )


def _smooth(value: float, low: float, high: float) -> float:
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def _mix(first: Colour, second: Colour, part: float) -> Colour:
    return _colour(np.array(first) * (1.0 - part) + np.array(second) * part)


def _scale(colour: Colour, factor: float) -> Colour:
    return _colour(np.array(colour) * factor)


def _colour(rgb: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Colour:
    return float(rgb[0]), float(rgb[1]), float(rgb[2])


def _luminance(colour: Colour) -> float:
    return 0.30 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def _saturate(colour: Colour, strength: float) -> Colour:
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    return colorsys.hsv_to_rgb(hue, min(saturation * strength, 1.0), value)
