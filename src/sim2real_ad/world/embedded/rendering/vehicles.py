"""Vehicles: bodies lofted over cross-sections, with cabin, windows, wheels, lights and plates. Forward is +x."""

from __future__ import annotations

import functools

import numpy as np

from sim2real_ad.world.embedded.rendering.mesh import Material, Mesh, quads
from sim2real_ad.world.embedded.rendering.shapes import ball, box, cylinder, frustum, loft
from sim2real_ad.world.embedded.rendering.textures import LAYER
from sim2real_ad.world.embedded.rendering.vehicle_bodies import BODIES, Body

PLAIN = LAYER["plain"]
PAINT = Material("vehicle", PLAIN, (1.0, 1.0, 1.0), paint=True, gloss=0.22)
GLASS = Material("vehicle", PLAIN, (0.10, 0.12, 0.14), gloss=0.75)
RUBBER = Material("vehicle", PLAIN, (0.07, 0.07, 0.075))
TRIM = Material("vehicle", PLAIN, (0.12, 0.12, 0.13), gloss=0.1)
STEEL = Material("vehicle", PLAIN, (0.62, 0.63, 0.65), gloss=0.2)
HEADLAMP = Material("vehicle", PLAIN, (0.92, 0.93, 0.88), gloss=0.4, glow=0.35)
TAIL_LAMP = Material("vehicle", PLAIN, (0.72, 0.05, 0.05), glow=0.45)
INDICATOR = Material("vehicle", PLAIN, (0.85, 0.45, 0.08), glow=0.3)
PLATE = Material("vehicle", LAYER["plate"], glow=0.1)
CLOTH = Material("vehicle", PLAIN, (0.25, 0.27, 0.32))


@functools.lru_cache(maxsize=16)
def vehicle_mesh(style: str) -> tuple[Mesh, tuple[float, float, float]]:
    """Return a vehicle and its own (length, width, height), m; its middle is over the origin, its wheels at z = 0."""
    if style == "truck":
        return _truck(), (7.5, 2.4, 3.1)
    if style == "cycle":
        return _cycle(), (1.8, 0.6, 1.75)
    body = BODIES[style]
    return _car(body, panelled=style == "van"), body.size


def _car(body: Body, *, panelled: bool) -> Mesh:
    length, width, _ = body.size
    half = width / 2.0
    wheels = [wheel(x, side * (half - 0.11), body.wheel, side) for x in body.axles for side in (-1.0, 1.0)]
    return Mesh.merged(
        [
            _lower_body(body, half),
            _greenhouse(body, half, panelled=panelled),
            *wheels,
            *(_arch(x, side * (half + 0.003), body.wheel, side) for x in body.axles for side in (-1.0, 1.0)),
            _front(body, length / 2.0, half),
            _rear(body, length / 2.0, half),
        ]
    )


def _lower_body(body: Body, half: float) -> Mesh:
    sections = []
    for x, top, share in body.profile:
        w, low = half * share, body.floor + (0.10 if abs(x) > body.size[0] * 0.45 else 0.0)
        waist = low + (top - low) * 0.62
        sections.append(
            [
                (x, y * w, z)
                for y, z in zip((-0.93, 0.93, 1.0, 0.93, -0.93, -1.0), (low, low, waist, top, top, waist), strict=True)
            ]
        )
    sill = box((0, 0, body.floor - 0.06), (body.size[0] * 0.9, half * 1.88, 0.16), TRIM)
    return Mesh.merged([loft(sections, PAINT), sill])


def _greenhouse(body: Body, half: float, *, panelled: bool) -> Mesh:
    """The cabin: painted pillars and roof, glass set into each side."""
    rear, front, roof_rear, roof_front = body.cabin
    height = body.size[2]
    foot, top = half * 0.93, half * 0.74 if not panelled else half * 0.86
    low = np.array([(rear, -foot), (front, -foot), (front, foot), (rear, foot)])
    high = np.array([(roof_rear, -top), (roof_front, -top), (roof_front, top), (roof_rear, top)])
    base = np.column_stack((low, np.full(4, body.belt - 0.03)))
    edge = np.column_stack((high, np.full(4, height - 0.05)))
    crown = np.column_stack((high * (0.93, 0.86) + ((roof_rear + roof_front) / 2 * 0.07, 0), np.full(4, height)))
    parts = [loft([base, edge, crown], PAINT)]
    sides = [(0, 1), (1, 2), (2, 3), (3, 0)]
    for index, (a, b) in enumerate(sides):
        face = np.array((base[a], base[b], edge[b], edge[a]))
        flank = index in (0, 2)
        if flank:
            spans = [(0.56, 0.93)] if panelled else [(0.09, 0.47), (0.52, 0.90)]
            spans = spans if index == 0 else [(1 - end, 1 - start) for start, end in spans]
            parts += [_pane(face, start, end, 0.14, 0.9) for start, end in spans]
        elif not (panelled and index == 3):
            parts.append(_pane(face, 0.05, 0.95, 0.10, 0.93))
        else:
            parts += [_pane(face, 0.1, 0.46, 0.45, 0.9), _pane(face, 0.54, 0.9, 0.45, 0.9)]
    if body.rails:
        span = roof_front - roof_rear
        middle = (roof_rear + roof_front) / 2
        parts += [box((middle, side * top * 0.88, height - 0.02), (span * 0.85, 0.04, 0.06), TRIM) for side in (-1, 1)]
    parts += [box((front - 0.35, side * (foot + 0.08), body.belt + 0.02), (0.12, 0.2, 0.14), PAINT) for side in (-1, 1)]
    return Mesh.merged(parts)


def _pane(face: np.ndarray, start: float, end: float, low: float, high: float) -> Mesh:
    """Return glass on part of a four-cornered face (foot a, foot b, head b, head a), a centimetre in front of it."""
    a, b, c, d = face
    normal = np.cross(b - a, d - a)
    normal /= np.linalg.norm(normal)

    def at(u: float, v: float) -> np.ndarray:
        return (a * (1 - u) + b * u) * (1 - v) + (d * (1 - u) + c * u) * v + normal * 0.012

    return quads([(at(start, low), at(end, low), at(end, high), at(start, high))], GLASS)


def wheel(x: float, y: float, radius: float, side: float) -> Mesh:
    """Return a wheel with its hub outwards (side 1: left)."""
    wide = 0.2
    tyre = cylinder((x, y - wide / 2, radius), (0, wide, 0), (radius, radius), RUBBER, sides=10, cap=RUBBER)
    out = y + side * (wide / 2 + 0.004)
    hub = cylinder((x, out, radius), (0, side * 0.012, 0), (radius * 0.62, radius * 0.5), STEEL, sides=8, cap=STEEL)
    return Mesh.merged([tyre, hub])


def _arch(x: float, y: float, radius: float, side: float) -> Mesh:
    """Return the dark opening over a wheel."""
    angle = np.linspace(0.0, np.pi, 7)
    rim = np.column_stack((x + 1.2 * radius * np.cos(angle), np.full(7, y), radius + 1.2 * radius * np.sin(angle)))
    centre = np.array((x, y, radius * 0.7))
    corners = np.stack((np.broadcast_to(centre, (6, 3)), rim[:-1], rim[1:], rim[1:]), axis=1)
    return quads(corners[:, ::-1] if side > 0 else corners, TRIM)


def _front(body: Body, end: float, half: float) -> Mesh:
    lamp_x, lamp_z, share = body.profile[-2]
    lamps = [
        box((lamp_x - 0.05, side * half * share * 0.72, lamp_z - 0.17), (0.2, 0.36, 0.15), HEADLAMP) for side in (-1, 1)
    ]
    nose = end - 0.02
    grille = box((nose, 0, body.floor + 0.16), (0.07, half * 0.95, 0.22), TRIM)
    bumper = box((nose - 0.06, 0, body.floor + 0.02), (0.12, half * 1.6, 0.13), TRIM)
    plate = _plate(nose + 0.04, body.floor + 0.14, 1.0)
    return Mesh.merged([*lamps, grille, bumper, plate])


def _rear(body: Body, end: float, half: float) -> Mesh:
    top = body.profile[1][1]
    lamps = [box((-end + 0.05, side * half * 0.74, top - 0.30), (0.16, 0.34, 0.2), TAIL_LAMP) for side in (-1, 1)]
    flash = [box((-end + 0.05, side * half * 0.9, top - 0.36), (0.15, 0.1, 0.06), INDICATOR) for side in (-1, 1)]
    bumper = box((-end + 0.04, 0, body.floor + 0.08), (0.16, half * 1.75, 0.18), TRIM)
    return Mesh.merged([*lamps, *flash, bumper, _plate(-end - 0.045, body.floor + 0.34, -1.0)])


def _plate(x: float, z: float, facing: float) -> Mesh:
    y = 0.26 * facing
    return quads([((x, -y, z), (x, y, z), (x, y, z + 0.12), (x, -y, z + 0.12))], PLATE)


def _truck() -> Mesh:
    """A lorry: cab, and a box body on a frame with three axles."""
    cargo = Material("vehicle", LAYER["metal"], (0.86, 0.87, 0.88))
    cab = frustum((2.75, 0, 0.55), (1.9, 2.3, 2.0), (1.55, 2.1), PAINT, shift=-0.16)
    screen = quads([((3.64, -1.0, 1.6), (3.64, 1.0, 1.6), (3.46, 0.92, 2.4), (3.46, -0.92, 2.4))], GLASS)
    sides = []
    for s in (-1.0, 1.0):
        y = s * 1.135
        pane = np.array(((2.5, y, 1.55), (3.4, y, 1.55), (3.25, y * 0.965, 2.3), (2.5, y * 0.965, 2.3)))
        sides.append(quads([pane if s < 0 else pane[::-1]], GLASS))
    axles = ((-2.7, 0.48), (-1.6, 0.48), (2.75, 0.48))
    wheels = [wheel(x, s * 1.05, radius, s) for x, radius in axles for s in (-1.0, 1.0)]
    lamps = [box((3.68, s * 0.9, 0.72), (0.06, 0.36, 0.2), HEADLAMP) for s in (-1.0, 1.0)]
    tails = [box((-3.74, s * 0.95, 0.78), (0.06, 0.4, 0.16), TAIL_LAMP) for s in (-1.0, 1.0)]
    guard = box((-3.72, 0, 0.45), (0.08, 2.2, 0.14), Material("vehicle", LAYER["stripes"], glow=0.1))
    frame = box((-0.4, 0, 0.62), (6.6, 1.0, 0.3), TRIM)
    load = box((-1.05, 0, 0.95), (5.3, 2.4, 2.15), cargo, tile=2.4)
    doors = box((-3.705, 0, 1.0), (0.02, 2.3, 2.0), cargo.tinted((0.7, 0.71, 0.72)), tile=2.4)
    grille = box((3.7, 0, 0.95), (0.03, 1.5, 0.5), TRIM)
    plates = [_plate(-3.77, 0.62, -1.0), _plate(3.72, 0.6, 1.0)]
    return Mesh.merged([cab, screen, *sides, *wheels, *lamps, *tails, guard, frame, load, doors, grille, *plates])


def _cycle() -> Mesh:
    """A bicycle with its rider."""
    hoops = [
        cylinder((x, -0.02, 0.34), (0, 0.04, 0), (0.34, 0.34), RUBBER, sides=12, cap=RUBBER) for x in (-0.52, 0.52)
    ]
    skin = Material("vehicle", PLAIN, (0.75, 0.56, 0.45))
    frame = [
        cylinder((-0.52, 0, 0.34), (0.4, 0, 0.5), (0.025, 0.025), PAINT, sides=5),
        cylinder((-0.12, 0, 0.84), (0.55, 0, -0.05), (0.025, 0.025), PAINT, sides=5),
        cylinder((-0.05, 0, 0.34), (0.5, 0, 0.45), (0.025, 0.025), PAINT, sides=5),
        cylinder((0.52, 0, 0.34), (-0.1, 0, 0.7), (0.02, 0.02), STEEL, sides=5),
        cylinder((0.42, -0.28, 1.04), (0, 0.56, 0), (0.02, 0.02), TRIM, sides=5),
    ]
    rider = [
        *(cylinder((-0.12, s * 0.1, 0.92), (0.2, 0, -0.6), (0.09, 0.06), CLOTH, sides=6) for s in (-1.0, 1.0)),
        cylinder((-0.16, 0, 0.88), (0.25, 0, 0.52), (0.15, 0.18), PAINT, sides=8, cap=PAINT),
        *(
            cylinder((0.08, s * 0.18, 1.35), (0.34, s * 0.05, -0.3), (0.055, 0.045), PAINT, sides=5)
            for s in (-1.0, 1.0)
        ),
        ball((0.16, 0, 1.58), (0.11, 0.1, 0.13), skin),
        ball((0.14, 0, 1.65), (0.14, 0.12, 0.1), TRIM),
    ]
    return Mesh.merged([*hoops, *frame, *rider])
