"""The road network of an OpenDRIVE map, in the right-handed map frame.

`carla.Map` evaluates the OpenDRIVE geometry. CARLA's frame is left-handed: its y is the map frame's -y and its yaw
runs clockwise in degrees. The flip happens in this module and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import carla
import numpy as np
import shapely
from numpy.typing import NDArray

from sim2real_ad.config import find_config
from sim2real_ad.errors import ConfigError, MapError
from sim2real_ad.geometry.frames import wrap_angle
from sim2real_ad.types import Pose2
from sim2real_ad.world.embedded.lanes import STOP_SIGN_TYPE, Lane, LaneKey, Mark, Turn, follow
from sim2real_ad.world.embedded.opendrive import RoadTable, lane_key, read_roads
from sim2real_ad.world.embedded.scenery import drivable_area, make_scene
from sim2real_ad.world.protocol import SceneGeometry

STOP_LINE_DEPTH = 0.4
"""Extent of a painted stop line along the lane, m."""
SAMPLE_STEP = 0.5
"""Distance between the samples of a lane, m: 4 mm between chord and arc on an 8 m radius."""
LANE_REACH = 6.0
"""A point farther from every lane's centre than this, m, is on none."""
_INSIDE = 1e-3
"""How far the first and last samples keep from a section's ends, m: carla keeps s as float32."""

_DASHED = ("Broken", "BrokenBroken", "BottsDots")
_PAINTED = (*_DASHED, "Solid", "SolidSolid", "SolidBroken", "BrokenSolid")


@dataclass(frozen=True)
class LanePoint:
    """A point on a lane's centre. pose: heading in driving direction; s: m along the road; width: of the lane, m."""

    pose: Pose2
    road_id: int
    lane_id: int
    s: float
    width: float
    in_junction: bool

    def lateral_offset(self, x: float, y: float) -> float:
        """Return how far a map point lies left of the lane's centre, m, negative to the right."""
        return math.cos(self.pose.yaw) * (y - self.pose.y) - math.sin(self.pose.yaw) * (x - self.pose.x)


@dataclass(frozen=True, eq=False)
class StopLine:
    """A painted stop line across one lane.

    quad: corners (4, 2) m, counter-clockwise; centre: heading in driving direction; lane_width: m; sign: the post, its
    heading that of the driver who reads it.
    """

    id: str
    quad: NDArray[np.float64]
    centre: Pose2
    lane_width: float
    sign: Pose2


class RoadNetwork:
    """The lanes, stop lines and surfaces of one map. Immutable; equal text gives equal answers.

    Attributes: name, of the map; xodr, its OpenDRIVE text.
    """

    def __init__(self, name: str, xodr: str) -> None:
        self.name = name
        self.xodr = xodr
        self._roads = read_roads(name, xodr)
        try:
            self._map = carla.Map(name, xodr)
            self._lanes = _sample_lanes(self._map, self._roads)
        except (RuntimeError, IndexError) as error:
            raise MapError(f"map '{name}' cannot be evaluated: {error}") from error
        if not any(lane.driving for lane in self._lanes.values()):
            raise MapError(f"map '{name}' has no drivable lane")
        shapely.prepare(self.drivable_area)

    @classmethod
    def load(cls, name_or_path: str | Path) -> RoadNetwork:
        """Load a map by name (config/maps) or path. Raises MapError where it is missing, broken or not drivable."""
        try:
            path = find_config(name_or_path, "maps", ".xodr")
            text = path.read_text(encoding="utf-8")
        except (ConfigError, OSError, UnicodeDecodeError) as error:
            raise MapError(f"map '{name_or_path}': {error}") from error
        return cls.from_xodr(path.stem, text)

    @classmethod
    def from_xodr(cls, name: str, xodr: str) -> RoadNetwork:
        """Make a network from OpenDRIVE text; the same text gives the same object. Raises MapError."""
        return _cached_network(name, xodr)

    def __reduce__(self) -> tuple[Callable[..., RoadNetwork], tuple[str, str]]:
        return RoadNetwork.from_xodr, (self.name, self.xodr)

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Every driving lane and pavement, by road, section and lane id."""
        return tuple(self._lanes.values())

    @cached_property
    def drivable_area(self) -> Any:
        """The surface of driving lanes and junctions as one shapely geometry; shoulders are not part of it."""
        return drivable_area(self.lanes)

    @cached_property
    def stop_lines(self) -> tuple[StopLine, ...]:
        """A stop line for each lane that a stop sign governs, at the sign's s."""
        signs = sorted(self._map.get_all_landmarks_of_type(STOP_SIGN_TYPE), key=lambda sign: (sign.road_id, sign.s))
        return tuple(line for sign in signs for line in self._lines_of(sign))

    def lane_point(self, x: float, y: float) -> LanePoint | None:
        """Return the nearest point on a driving lane's centre, or None where none is within LANE_REACH."""
        waypoint = self._map.get_waypoint(carla.Location(x, -y), project_to_road=True)
        if waypoint is None:
            return None
        point = _lane_point(waypoint)
        return point if math.hypot(point.pose.x - x, point.pose.y - y) <= LANE_REACH else None

    def lane_points(self, spacing: float) -> tuple[LanePoint, ...]:
        """Return points on every driving lane's centre, about `spacing` m apart, in order of `lanes`."""
        if not spacing > 0.0:
            raise MapError(f"lane points need a spacing above 0 m, got {spacing}")
        driving = (lane for lane in self._lanes.values() if lane.driving)
        return tuple(point for lane in driving for point in _points_along(lane, spacing))

    def route(self, start: LanePoint, length: float, turns: Sequence[Turn] = ()) -> NDArray[np.float64]:
        """Return lane-centre points (N, 2) in driving direction, 1 m apart, from a lane point on, `length` m long.

        At each junction the next of `turns` is taken; when there are none left, the way that turns least (of two, the
        one to the right). Raises MapError where the lane ends sooner or a junction has no such turn.
        """
        known = start.road_id in self._roads
        key = lane_key(self._roads, start.road_id, start.s, start.lane_id) if known else None
        if key is None or key not in self._lanes:
            raise MapError(f"map '{self.name}' has no lane {start.lane_id} on road {start.road_id}")
        return follow(self._lanes, (key, start.s), length, turns)

    def on_drivable(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which points (N, 2) lie on driving lanes or in junctions. Shoulders and pavements do not count."""
        points = np.asarray(points, dtype=np.float64)
        return np.asarray(shapely.contains_xy(self.drivable_area, points[:, 0], points[:, 1]), dtype=np.bool_)

    def scene_geometry(self) -> SceneGeometry:
        """Return the static world as plain geometry. Dashed lines come dash by dash."""
        return self._scene

    @cached_property
    def _scene(self) -> SceneGeometry:
        quads, signs = [line.quad for line in self.stop_lines], dict.fromkeys(line.sign for line in self.stop_lines)
        return make_scene(self.lanes, self.drivable_area, quads, tuple(signs))

    def _lines_of(self, sign: Any) -> list[StopLine]:
        post = _pose(sign.transform)
        lanes = self._roads[sign.road_id].signals.get(sign.id, ())
        waypoints = [self._map.get_waypoint_xodr(sign.road_id, lane_id, sign.s) for lane_id in lanes]
        driving = [w for w in waypoints if w is not None and w.lane_type == carla.LaneType.Driving]
        return [_stop_line(f"{sign.id}/{w.lane_id}", _lane_point(w), post) for w in driving]


@lru_cache(maxsize=8)
def _cached_network(name: str, xodr: str) -> RoadNetwork:
    return RoadNetwork(name, xodr)


def _sample_lanes(world_map: Any, roads: dict[int, RoadTable]) -> dict[LaneKey, Lane]:
    found = {}
    for road_id, road in roads.items():
        for index in range(len(road.lanes)):
            found.update({lane.key: lane for lane in _sample_section(world_map, roads, road_id, index)})
    return {
        key: replace(lane, successors=tuple(k for k in lane.successors if k in found)) for key, lane in found.items()
    }


def _sample_section(world_map: Any, roads: dict[int, RoadTable], road_id: int, index: int) -> Iterator[Lane]:
    start, end = roads[road_id].starts[index : index + 2]
    s = np.linspace(start + _INSIDE, end - _INSIDE, max(2, math.ceil((end - start) / SAMPLE_STEP) + 1)).tolist()
    outermost = min(roads[road_id].lanes[index]), max(roads[road_id].lanes[index])
    right, left = (_waypoints(world_map, road_id, lane_id, s) for lane_id in outermost)
    square = _unit_vectors(right, left) if len(right) == len(left) == len(s) else None
    for lane_id in roads[road_id].lanes[index]:
        lane = _sample_lane(world_map, roads, (road_id, index, lane_id), s, square) if lane_id else None
        if lane is not None:
            yield lane


def _sample_lane(
    world_map: Any,
    roads: dict[int, RoadTable],
    key: LaneKey,
    s: list[float],
    square: NDArray[np.float64] | None,
) -> Lane | None:
    """Sample one lane. square: (N, 2) vectors square to the road, pointing left along s, None where unknown."""
    road_id, index, lane_id = key
    waypoints = _waypoints(world_map, road_id, lane_id, s)
    middle = waypoints[len(waypoints) // 2] if waypoints else None
    if middle is None or middle.lane_type not in (carla.LaneType.Driving, carla.LaneType.Sidewalk):
        return None
    if len(waypoints) != len(s) or not middle.lane_width > 0.0:
        raise MapError(f"road {road_id}, lane {lane_id} is {middle.lane_width} m wide in its middle, or has gaps")
    onwards = 1 if lane_id < 0 else -1
    waypoints = waypoints[::onwards]
    poses = [_pose(w.transform) for w in waypoints]
    driving = middle.lane_type == carla.LaneType.Driving
    innermost = lane_id == -1 or (lane_id == 1 and -1 not in roads[road_id].lanes[index])
    return Lane(
        key=key,
        driving=driving,
        junction=roads[road_id].junction,
        s=np.array([w.s for w in waypoints]),
        centre=np.array([(p.x, p.y) for p in poses]),
        yaw=np.array([p.yaw for p in poses]),
        width=np.array([w.lane_width for w in waypoints]),
        leftward=_normals(poses) if square is None else onwards * square[::onwards],
        inner_marks=tuple(_mark(w.left_lane_marking) if innermost else None for w in waypoints),
        outer_marks=tuple(_mark(w.right_lane_marking) for w in waypoints),
        successors=_successors(roads, key, waypoints[-1]) if driving else (),
    )


def _waypoints(world_map: Any, road_id: int, lane_id: int, s: list[float]) -> list[Any]:
    found = (world_map.get_waypoint_xodr(road_id, lane_id, at) for at in s) if lane_id else ()
    return [waypoint for waypoint in found if waypoint is not None]


def _unit_vectors(start: list[Any], end: list[Any]) -> NDArray[np.float64] | None:
    """Return unit vectors (N, 2) from waypoints to those on the other side of the road, None where any coincide."""
    poses = ([_pose(w.transform) for w in waypoints] for waypoints in (start, end))
    a, b = (np.array([(p.x, p.y) for p in side]) for side in poses)
    lengths = np.hypot(*(b - a).T)[:, None]
    return None if float(lengths.min()) < 0.1 else (b - a) / lengths


def _normals(poses: list[Pose2]) -> NDArray[np.float64]:
    return np.array([(-math.sin(pose.yaw), math.cos(pose.yaw)) for pose in poses])


def _successors(roads: dict[int, RoadTable], key: LaneKey, last: Any) -> tuple[LaneKey, ...]:
    keys = {lane_key(roads, w.road_id, w.s, w.lane_id) for w in last.next(10.0 * _INSIDE)}
    return tuple(sorted(keys - {key}))


def _pose(transform: Any) -> Pose2:
    """Convert a CARLA transform (left-handed, degrees) to the map frame."""
    location = transform.location
    return Pose2(location.x, -location.y, wrap_angle(-math.radians(transform.rotation.yaw)))


def _lane_point(waypoint: Any) -> LanePoint:
    pose, width = _pose(waypoint.transform), waypoint.lane_width
    return LanePoint(pose, waypoint.road_id, waypoint.lane_id, waypoint.s, width, waypoint.is_junction)


def _points_along(lane: Lane, spacing: float) -> list[LanePoint]:
    """Return points on a lane, the first and last half a gap from its ends."""
    length = abs(float(lane.s[-1] - lane.s[0]))
    count = max(1, round(length / spacing))
    at = lane.s[0] + (np.arange(count) + 0.5) / count * (lane.s[-1] - lane.s[0])
    found = []
    for i in (lane.index_at(float(s)) for s in at):
        pose = Pose2(float(lane.centre[i, 0]), float(lane.centre[i, 1]), float(lane.yaw[i]))
        road, _, lane_id = lane.key
        found.append(LanePoint(pose, road, lane_id, float(lane.s[i]), float(lane.width[i]), lane.junction >= 0))
    return found


def _mark(marking: Any) -> Mark | None:
    kind = str(marking.type) if marking is not None else ""
    if kind not in _PAINTED:
        return None
    return Mark(marking.width, kind in _DASHED, marking.color == carla.LaneMarkingColor.Yellow)


def _stop_line(name: str, at: LanePoint, post: Pose2) -> StopLine:
    ahead = np.array([math.cos(at.pose.yaw), math.sin(at.pose.yaw)]) * STOP_LINE_DEPTH / 2.0
    left = np.array([-math.sin(at.pose.yaw), math.cos(at.pose.yaw)]) * at.width / 2.0
    centre = np.array([at.pose.x, at.pose.y])
    quad = np.array([centre + ahead + left, centre - ahead + left, centre - ahead - left, centre + ahead - left])
    return StopLine(name, quad, at.pose, at.width, Pose2(post.x, post.y, at.pose.yaw))
