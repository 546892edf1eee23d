"""From lanes to what can be seen: surfaces, paint, and places for buildings. Pure geometry in the map frame, metres."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from sim2real_ad.types import Pose2
from sim2real_ad.world.embedded.lanes import Lane, Mark
from sim2real_ad.world.protocol import SceneGeometry

MarkingLine = tuple[NDArray[np.float64], float, bool, bool]

DASH, DASH_GAP = 3.0, 6.0
"""Painted and bare stretch of a dashed line, m."""
SITE_ROWS = (10.5, 27.0)
"""Distances of building sites from the outer border of the lane beside them, m."""
SITE_SPACING = 15.0
"""Distance between sites along a lane, m, and the least between any two."""
SITE_CLEARANCE = 8.0
"""Least distance of a site from any drivable surface, m."""
SITE_PAVEMENT_CLEARANCE = 4.0
"""Least distance of a site from any pavement, m."""
_SLIVER = 0.02
"""Gaps narrower than twice this between lanes, m, are closed: each lane rounds its border by itself."""
_FLATNESS = 0.005
"""How far outlines may be simplified, m."""
_PIECE = 30.0
"""Longest piece of surface, m."""


def drivable_area(lanes: Iterable[Lane]) -> Any:
    """Return the union of driving lanes as a shapely geometry, junctions without holes between their lanes."""
    driving = [lane for lane in lanes if lane.driving]
    ways = [lane for lane in driving if lane.junction >= 0]
    outlines = [_outline(lane) for lane in driving if lane.junction < 0] + _junction_areas(ways)
    grown = shapely.buffer(shapely.union_all([_grow(outline) for outline in outlines]), -_SLIVER, join_style="mitre")
    return shapely.simplify(grown, _FLATNESS)


def make_scene(
    lanes: Sequence[Lane], drivable: Any, stop_lines: Sequence[NDArray[np.float64]], stop_signs: tuple[Pose2, ...]
) -> SceneGeometry:
    """Collect the static world. drivable: `drivable_area` of the lanes; stop_lines: quads (4, 2)."""
    driving = [lane for lane in lanes if lane.driving]
    pavements = [lane for lane in lanes if not lane.driving]
    ways = [lane for lane in driving if lane.junction >= 0]
    surface = [piece for lane in driving if lane.junction < 0 for piece in _surface_pieces(lane)]
    surface += [np.asarray(area.exterior.coords)[:-1] for area in _junction_areas(ways)]
    pavement = [piece for lane in pavements for piece in _surface_pieces(lane)]
    sites = building_sites(driving, drivable, shapely.union_all([_outline(lane) for lane in pavements]))
    everything = np.concatenate([*surface, *pavement, *(np.array([[p.x, p.y]]) for p in sites)])
    low, high = everything.min(axis=0), everything.max(axis=0)
    return SceneGeometry(
        drivable=tuple(surface),
        pavement=tuple(pavement),
        marking_lines=tuple(line for lane in driving for line in _painted_lines(lane)),
        stop_lines=tuple(stop_lines),
        stop_signs=stop_signs,
        building_sites=sites,
        bounds=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
    )


def building_sites(driving: Sequence[Lane], drivable: Any, pavement: Any) -> tuple[Pose2, ...]:
    """Return places right of the lanes, in two rows, apart from each other, the road and the pavement.

    Headings run along the lane beside the site.
    """
    kept: list[Pose2] = []
    taken = np.empty((0, 2))
    for pose in (p for lane in driving if lane.junction < 0 for p in _beside(lane)):
        point = shapely.Point(pose.x, pose.y)
        if shapely.distance(drivable, point) < SITE_CLEARANCE or (
            not pavement.is_empty and shapely.distance(pavement, point) < SITE_PAVEMENT_CLEARANCE
        ):
            continue
        place = np.array([[pose.x, pose.y]])
        if len(taken) and float(np.hypot(*(taken - place).T).min()) < SITE_SPACING - 1.0:
            continue
        kept.append(pose)
        taken = np.concatenate((taken, place))
    return tuple(kept)


def dashes(line: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Cut a polyline (N, 2) into its painted dashes, the first a gap's half from the start."""
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))))
    pieces = []
    for start in np.arange(DASH_GAP / 2.0, along[-1] - DASH, DASH + DASH_GAP):
        inner = along[(along > start) & (along < start + DASH)]
        at = np.concatenate(([start], inner, [start + DASH]))
        pieces.append(np.stack((np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])), axis=-1))
    return pieces


def _outline(lane: Lane) -> Any:
    return shapely.make_valid(shapely.Polygon(lane.polygon()))


def _grow(outline: Any) -> Any:
    return shapely.buffer(outline, _SLIVER, join_style="mitre")


def _junction_areas(ways: Sequence[Lane]) -> list[Any]:
    """Return one polygon without holes for each connected part of each junction."""
    areas: list[Any] = []
    for _, group in groupby(sorted(ways, key=lambda lane: lane.junction), key=lambda lane: lane.junction):
        union = shapely.union_all([_grow(_outline(lane)) for lane in group])
        shrunk = shapely.buffer(union, -_SLIVER, join_style="mitre")
        areas += [shapely.simplify(shapely.Polygon(part.exterior), _FLATNESS) for part in _polygons(shrunk)]
    return areas


def _polygons(geometry: Any) -> list[Any]:
    return [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon"]


def _surface_pieces(lane: Lane) -> Iterator[NDArray[np.float64]]:
    """Cut a lane into outlines no longer than _PIECE."""
    along = np.abs(lane.s - lane.s[0])
    count = max(1, math.ceil(along[-1] / _PIECE))
    cuts = [int(np.abs(along - along[-1] * i / count).argmin()) for i in range(count + 1)]
    for first, last in pairwise(cuts):
        piece = shapely.simplify(shapely.Polygon(lane.polygon(first, last)), _FLATNESS)
        yield np.asarray(piece.exterior.coords)[:-1]


def _painted_lines(lane: Lane) -> Iterator[MarkingLine]:
    for border, marks in ((lane.left, lane.inner_marks), (lane.right, lane.outer_marks)):
        for mark, line in _runs(border, marks):
            if mark.dashed:
                yield from ((dash, mark.width, False, mark.yellow) for dash in dashes(line))
            else:
                straightened = shapely.simplify(shapely.LineString(line), _FLATNESS)
                yield np.asarray(straightened.coords), mark.width, False, mark.yellow


def _runs(border: NDArray[np.float64], marks: Sequence[Mark | None]) -> Iterator[tuple[Mark, NDArray[np.float64]]]:
    """Split a border where its paint changes."""
    for mark, group in groupby(range(len(marks)), key=lambda i: marks[i]):
        indices = list(group)
        if mark is not None and len(indices) > 1:
            yield mark, border[indices[0] : indices[-1] + 1]


def _beside(lane: Lane) -> Iterator[Pose2]:
    length = abs(float(lane.s[-1] - lane.s[0]))
    for at in np.arange(SITE_SPACING / 2.0, length, SITE_SPACING):
        i = int(np.abs(np.abs(lane.s - lane.s[0]) - at).argmin())
        yaw = float(lane.yaw[i])
        for row in SITE_ROWS:
            x, y = lane.right[i] + row * np.array([math.sin(yaw), -math.cos(yaw)])
            yield Pose2(float(x), float(y), yaw)
