"""What an OpenDRIVE text says of itself: its roads, their lane sections and lanes.

Geometry is left to `carla.Map`. It trusts its input and ends the process over a geometry without a shape or a link to
a lane that is not there, so both are looked for here first.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sim2real_ad.errors import MapError
from sim2real_ad.world.embedded.lanes import LaneKey

_SHAPES = {"line", "arc", "spiral", "poly3", "paramPoly3"}


@dataclass(frozen=True)
class RoadTable:
    """One road.

    junction: its id, or -1; starts: s of every section and of the road's end, m; lanes: ids by section; signals: the
    ids of the lanes that each signal or reference to one governs, by the signal's id.
    """

    junction: int
    starts: tuple[float, ...]
    lanes: tuple[tuple[int, ...], ...]
    signals: Mapping[str, tuple[int, ...]]

    def section_at(self, s: float) -> int:
        """Return the index of the lane section at s, m."""
        return max(0, bisect_right(self.starts[:-1], s) - 1)


def read_roads(name: str, xodr: str) -> dict[int, RoadTable]:
    """Read the roads of a text, by id. Raises MapError, naming the map and the road, where it is not OpenDRIVE."""
    try:
        root = ET.fromstring(xodr)
        if root.tag != "OpenDRIVE":
            raise ValueError(f"its root is <{root.tag}>")
        elements = _by_id(root.findall("road"))
        roads = {road_id: _read_road(element) for road_id, element in sorted(elements.items())}
        for element in elements.values():
            _check_lane_links(element, roads)
    except (ET.ParseError, ValueError) as error:
        raise MapError(f"map '{name}' is not valid OpenDRIVE: {error}") from error
    if not roads:
        raise MapError(f"map '{name}' has no road")
    return roads


def lane_key(roads: Mapping[int, RoadTable], road_id: int, s: float, lane_id: int) -> LaneKey:
    """Return the key of the lane at s, m, on a road."""
    return road_id, roads[road_id].section_at(s), lane_id


def _by_id(elements: list[ET.Element]) -> dict[int, ET.Element]:
    found = {_integer(road, "id"): road for road in elements}
    if len(found) != len(elements):
        raise ValueError("two roads have the same id")
    return found


def _read_road(road: ET.Element) -> RoadTable:
    name, sections = road.get("id"), road.findall("lanes/laneSection")
    length = _number(road, "length")
    _check_plan(road)
    starts = (*(_number(section, "s") for section in sections), length)
    if not sections or any(not before < after for before, after in pairwise(starts)):
        raise ValueError(f"road {name}: lane sections at {starts[:-1]} m do not follow each other within {length} m")
    ids = tuple(tuple(sorted(_integer(lane, "id") for lane in section.iter("lane"))) for section in sections)
    if not all(0 in lanes for lanes in ids):
        raise ValueError(f"road {name} has a lane section without its centre lane 0")
    every = sorted({lane for lanes in ids for lane in lanes} - {0})
    signals = (signal for tag in ("signal", "signalReference") for signal in road.iterfind(f"signals/{tag}"))
    governed = {signal.get("id", ""): _governed_lanes(signal, every) for signal in signals}
    return RoadTable(int(road.get("junction", "-1")), starts, ids, governed)


def _governed_lanes(signal: ET.Element, lanes: Sequence[int]) -> tuple[int, ...]:
    """Return the lanes that a signal names, or else those that run as it faces: + for traffic along s (negative ids).

    Where a signal names none, carla assumes the opposite of OpenDRIVE, so it is not asked.
    """
    spans = [sorted((_integer(v, "fromLane"), _integer(v, "toLane"))) for v in signal.iterfind("validity")]
    if spans:
        return tuple(lane for lane in lanes if any(low <= lane <= high for low, high in spans))
    against = {"+": 1, "-": -1}.get(signal.get("orientation", "none"), 0)
    return tuple(lane for lane in lanes if lane * against <= 0)


def _check_plan(road: ET.Element) -> None:
    pieces = road.findall("planView/geometry")
    for piece in pieces:
        if not any(child.tag in _SHAPES for child in piece):
            raise ValueError(f"road {road.get('id')}: the geometry at s={piece.get('s')} has no shape")
        for key in ("s", "x", "y", "hdg", "length"):
            _number(piece, key)
    if not pieces:
        raise ValueError(f"road {road.get('id')} has no geometry")


def _check_lane_links(road: ET.Element, roads: Mapping[int, RoadTable]) -> None:
    """Look for every lane that a lane of the road claims to come from or lead to."""
    sections = road.findall("lanes/laneSection")
    own = roads[_integer(road, "id")].lanes
    for direction, step in (("predecessor", -1), ("successor", 1)):
        beyond = _lanes_beyond(road, direction, roads)
        for index, section in enumerate(sections):
            there = own[index + step] if 0 <= index + step < len(sections) else beyond
            for lane in section.iter("lane"):
                link = lane.find(f"link/{direction}")
                if link is not None and there is not None and _integer(link, "id") not in there:
                    raise ValueError(
                        f"road {road.get('id')}, lane {lane.get('id')}: its {direction}, lane {link.get('id')}, "
                        f"is not there; there are {', '.join(map(str, there))}"
                    )


def _lanes_beyond(road: ET.Element, direction: str, roads: Mapping[int, RoadTable]) -> tuple[int, ...] | None:
    """Return the lane ids of the road that a road links to, None where it links to none or to a junction."""
    link = road.find(f"link/{direction}")
    if link is None or link.get("elementType") != "road":
        return None
    linked = roads.get(_integer(link, "elementId"))
    if linked is None:
        raise ValueError(f"road {road.get('id')}: its {direction}, road {link.get('elementId')}, is not there")
    return linked.lanes[0 if link.get("contactPoint") == "start" else -1]


def _number(element: ET.Element, key: str) -> float:
    value = element.get(key, "")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"<{element.tag}> has {key}={value!r}, not a number")
    return number


def _integer(element: ET.Element, key: str) -> int:
    try:
        return int(element.get(key, ""))
    except ValueError:
        raise ValueError(f"<{element.tag}> has {key}={element.get(key)!r}, not a whole number") from None
