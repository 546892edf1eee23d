"""What an OpenDRIVE text says of itself: its roads, their lane sections and lanes. No geometry."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from sim2real_ad.errors import MapError
from sim2real_ad.world.embedded.lanes import LaneKey


@dataclass(frozen=True)
class RoadTable:
    """One road. junction: its id, or -1; starts: s of every section and of the road's end, m; lanes: ids by section."""

    junction: int
    starts: tuple[float, ...]
    lanes: tuple[tuple[int, ...], ...]


def read_roads(name: str, xodr: str) -> dict[int, RoadTable]:
    """Read the roads of a text, by id. Raises MapError, naming the map, where it is not OpenDRIVE or has no road."""
    try:
        root = ET.fromstring(xodr)
        if root.tag != "OpenDRIVE":
            raise MapError(f"map '{name}' is not OpenDRIVE: its root is <{root.tag}>")
        roads = {int(road.get("id", "")): _read_road(road) for road in root.iterfind("road")}
    except (ET.ParseError, ValueError) as error:
        raise MapError(f"map '{name}' is not valid OpenDRIVE: {error}") from error
    if not roads:
        raise MapError(f"map '{name}' has no road")
    return dict(sorted(roads.items()))


def lane_key(roads: Mapping[int, RoadTable], road_id: int, s: float, lane_id: int) -> LaneKey:
    """Return the key of the lane at s, m, on a road."""
    return road_id, max(0, bisect_right(roads[road_id].starts[:-1], s) - 1), lane_id


def _read_road(road: ET.Element) -> RoadTable:
    name, sections = road.get("id"), road.findall("lanes/laneSection")
    length = float(road.get("length", "nan"))
    if not length > 0.0 or not sections or road.find("planView/geometry") is None:
        raise ValueError(f"road {name} has no length, no lane section or no geometry")
    starts = (*(float(section.get("s", "nan")) for section in sections), length)
    if any(not before < after for before, after in pairwise(starts)):
        raise ValueError(f"road {name}: lane sections at {starts[:-1]} m do not follow each other within {length} m")
    ids = tuple(tuple(sorted(int(lane.get("id", "")) for lane in section.iter("lane"))) for section in sections)
    return RoadTable(int(road.get("junction", "-1")), starts, ids)
