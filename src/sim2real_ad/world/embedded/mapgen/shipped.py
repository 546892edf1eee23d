"""The three maps that are shipped, each a function of nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from scenariogeneration import xodr

from sim2real_ad.types import Pose2
from sim2real_ad.world.embedded.mapgen.builder import Arm, MapBuilder, Span, bend, closing_lengths
from sim2real_ad.world.embedded.mapgen.sections import CrossSection, WidthPiece, taper

RURAL = CrossSection(xodr.LaneType.shoulder, 1.0)
STREET = CrossSection(xodr.LaneType.sidewalk, 2.5)
TEST_TRACK = CrossSection(
    xodr.LaneType.shoulder,
    1.5,
    centre=xodr.RoadMarkType.solid,
    centre_colour=xodr.RoadMarkColor.yellow,
)

STREET_X = (0.0, 95.0, 180.0, 285.0)
STREET_Y = (0.0, 85.0, 180.0)
STREET_REACH = 10.0
"""From a junction's centre to its edge, m: right turns have a radius of 8.25 m in the lane's centre, left 11.75 m."""
CORNER_RADIUS = 16.0

OVAL_RADIUS, OVAL_STRAIGHT, OVAL_TRANSITION = 65.0, 150.0, 40.0
TRACK_REACH = 16.0
WIDE_LANE = 9.0


def curved_road() -> str:
    """Return a closed rural two-lane road, about 2.4 km, with bends of 250 m down to 40 m radius either way."""
    builder = MapBuilder("curved_road", RURAL)
    deg = math.radians
    outward = [
        *bend(200.0, deg(38), 40.0),
        xodr.Line(60.0),
        *bend(120.0, deg(-75), 35.0),
        xodr.Line(40.0),
        *bend(80.0, deg(70), 30.0),
        *bend(60.0, deg(-33), 25.0),
        xodr.Line(50.0),
        *bend(40.0, deg(90), 20.0),
    ]
    eastern = [
        *bend(50.0, deg(70), 22.0),
        xodr.Line(60.0),
        *bend(150.0, deg(60), 40.0),
        xodr.Line(40.0),
        *bend(70.0, deg(-75), 25.0),
        *bend(45.0, deg(-60), 20.0),
    ]
    western = [
        xodr.Line(30.0),
        *bend(100.0, deg(125), 30.0),
        xodr.Line(50.0),
        *bend(250.0, deg(-30), 50.0),
        xodr.Line(60.0),
        *bend(60.0, deg(90), 25.0),
        xodr.Line(140.0),
        *bend(90.0, deg(90), 30.0),
    ]
    first, second = closing_lengths(outward, [*eastern, *western])
    away = builder.road(Pose2(0.0, 0.0, 0.0), [xodr.Line(first), *outward, xodr.Line(second)])
    back = builder.road(away.end, eastern)
    home = builder.road(back.end, western)
    # Three roads: carla finds no way on from a road whose successor is its predecessor as well.
    builder.chain([away, back, home], closed=True)
    return builder.text()


def urban_block() -> str:
    """Return four streets by three, pavements beside them, and stop signs on every approach to every junction."""
    builder = MapBuilder("urban_block", STREET)
    arms: dict[tuple[int, int], list[Arm]] = {}
    columns, rows = len(STREET_X), len(STREET_Y)
    for j in range(rows):
        for i in range(columns - 1):
            if not (_is_corner(i, j) or _is_corner(i + 1, j)):
                _street(builder, arms, (i, j), (i + 1, j))
    for i in range(columns):
        for j in range(rows - 1):
            if not (_is_corner(i, j) or _is_corner(i, j + 1)):
                _street(builder, arms, (i, j), (i, j + 1))
    for i, j in ((0, 0), (columns - 1, 0), (columns - 1, rows - 1), (0, rows - 1)):
        _corner_street(builder, arms, i, j)
    for (i, j), meeting in sorted(arms.items()):
        builder.junction((STREET_X[i], STREET_Y[j]), STREET_REACH, meeting)
        for arm in meeting:
            builder.stop_sign(arm)
    return builder.text()


def proving_ground() -> str:
    """Return an oval, its two straights joined by a wide road that has to stop at one end."""
    builder = MapBuilder("proving_ground", TEST_TRACK)
    east = builder.road(Pose2(TRACK_REACH, 0.0, 0.0), _half_ring())
    across = east.end.y
    west = builder.road(Pose2(-TRACK_REACH, across, math.pi), _half_ring())
    link = _wide_link(builder, across)
    south = [Arm(east, "start"), Arm(west, "end"), Arm(link, "start")]
    builder.junction((0.0, 0.0), TRACK_REACH, south)
    builder.junction((0.0, across), TRACK_REACH, [Arm(east, "end"), Arm(west, "start"), Arm(link, "end")])
    builder.stop_sign(Arm(link, "start"))
    return builder.text()


SHIPPED: Mapping[str, Callable[[], str]] = {
    "curved_road": curved_road,
    "urban_block": urban_block,
    "proving_ground": proving_ground,
}
"""Every shipped map's name and source."""


def _is_corner(i: int, j: int) -> bool:
    return i in (0, len(STREET_X) - 1) and j in (0, len(STREET_Y) - 1)


def _street(
    builder: MapBuilder, arms: dict[tuple[int, int], list[Arm]], a: tuple[int, int], b: tuple[int, int]
) -> None:
    """Lay a straight street from one junction to the next."""
    ax, ay, bx, by = STREET_X[a[0]], STREET_Y[a[1]], STREET_X[b[0]], STREET_Y[b[1]]
    yaw = math.atan2(by - ay, bx - ax)
    start = Pose2(ax + STREET_REACH * math.cos(yaw), ay + STREET_REACH * math.sin(yaw), yaw)
    span = builder.road(start, [xodr.Line(math.hypot(bx - ax, by - ay) - 2.0 * STREET_REACH)])
    arms.setdefault(a, []).append(Arm(span, "start"))
    arms.setdefault(b, []).append(Arm(span, "end"))


def _corner_street(builder: MapBuilder, arms: dict[tuple[int, int], list[Arm]], i: int, j: int) -> None:
    """Lay the street around a corner of the town, from its neighbour in the row to its neighbour in the column."""
    beside, along = (1 if i == 0 else i - 1, j), (i, 1 if j == 0 else j - 1)
    towards_x = math.copysign(1.0, STREET_X[i] - STREET_X[beside[0]])
    towards_y = math.copysign(1.0, STREET_Y[along[1]] - STREET_Y[j])
    yaw = 0.0 if towards_x > 0 else math.pi
    start = Pose2(STREET_X[beside[0]] + towards_x * STREET_REACH, STREET_Y[j], yaw)
    legs = [
        abs(STREET_X[i] - STREET_X[beside[0]]) - STREET_REACH - CORNER_RADIUS,
        abs(STREET_Y[along[1]] - STREET_Y[j]) - STREET_REACH - CORNER_RADIUS,
    ]
    arc = xodr.Arc(towards_x * towards_y / CORNER_RADIUS, angle=math.pi / 2.0)
    span = builder.road(start, [xodr.Line(legs[0]), arc, xodr.Line(legs[1])])
    arms.setdefault(beside, []).append(Arm(span, "start"))
    arms.setdefault(along, []).append(Arm(span, "end"))


def _half_ring() -> list[xodr.Line | xodr.Arc | xodr.Spiral]:
    return [xodr.Line(OVAL_STRAIGHT), *bend(OVAL_RADIUS, math.pi, OVAL_TRANSITION), xodr.Line(OVAL_STRAIGHT)]


def _wide_link(builder: MapBuilder, across: float) -> Span:
    """Lay the road between the straights, whose lanes widen to an open area and narrow again."""
    length, run, change = across - 2.0 * TRACK_REACH, 15.0, 25.0
    narrow = TEST_TRACK.lane_width
    widths = (
        WidthPiece(0.0, narrow),
        taper(run, change, narrow, WIDE_LANE),
        WidthPiece(run + change, WIDE_LANE),
        taper(length - run - change, change, WIDE_LANE, narrow),
        WidthPiece(length - run, narrow),
    )
    return builder.road(Pose2(0.0, TRACK_REACH, math.pi / 2.0), [xodr.Line(length)], widths)
