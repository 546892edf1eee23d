"""Puts roads, junctions and stop signs together into one OpenDRIVE document."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise, permutations
from typing import Literal, TypeAlias

from scenariogeneration import xodr

from sim2real_ad.errors import MapError
from sim2real_ad.geometry.frames import wrap_angle
from sim2real_ad.types import Pose2
from sim2real_ad.world.embedded.lanes import STOP_SIGN_TYPE
from sim2real_ad.world.embedded.mapgen.sections import CrossSection, WidthPiece

STOP_LINE_SETBACK = 2.0
"""Distance from the stop line's centre to the junction, m; the sign stands beside the line."""
SIGN_CLEARANCE = 0.8
"""Distance from the outer edge of the driving lane to the sign post, m."""
DATE = "2025-01-01T00:00:00"
"""The date in every header: the document depends on its source alone."""

Geometry: TypeAlias = "xodr.Line | xodr.Arc | xodr.Spiral"
Contact = Literal["start", "end"]


@dataclass(frozen=True)
class Span:
    """A two-way road that was laid. start, end: poses of its centre line, headings along s; length in m."""

    road: xodr.Road
    start: Pose2
    end: Pose2
    length: float


@dataclass(frozen=True)
class Arm:
    """A road's end at a junction."""

    span: Span
    contact: Contact

    @property
    def outward(self) -> Pose2:
        """The pose of the road's centre line where the junction ends, heading away from the junction."""
        if self.contact == "start":
            return self.span.start
        return Pose2(self.span.end.x, self.span.end.y, wrap_angle(self.span.end.yaw + math.pi))

    @property
    def incoming_lane(self) -> int:
        """Id of the lane that leads into the junction (right-hand traffic)."""
        return 1 if self.contact == "start" else -1


class MapBuilder:
    """Collects roads and junctions, then gives the document's text."""

    def __init__(self, name: str, section: CrossSection) -> None:
        self.section = section
        self._document = xodr.OpenDrive(name, geo_reference="+proj=tmerc +lat_0=0 +lon_0=0")
        self._ids = count()

    def road(self, start: Pose2, geometry: Sequence[Geometry], widths: Sequence[WidthPiece] = ()) -> Span:
        """Lay a two-way road from a pose along lines, arcs and spirals."""
        road, plan = self._lay(start, geometry, self.section.two_way(widths), junction=-1)
        return Span(road, start, Pose2(*plan.get_end_point()), plan.get_total_length())

    def junction(self, centre: tuple[float, float], reach: float, arms: Sequence[Arm]) -> None:
        """Join road ends, each `reach` m from the centre and square to the others, by lanes from each to each.

        Turns are arcs of radius `reach` along the centre lines. Raises MapError where an arm ends elsewhere.
        """
        junction = xodr.Junction(f"junction at {centre[0]:g}, {centre[1]:g}", next(self._ids))
        for arm in arms:
            _check_arm(arm, centre, reach)
            link = arm.span.road.add_predecessor if arm.contact == "start" else arm.span.road.add_successor
            link(xodr.ElementType.junction, junction.id)
        headings = [arm.outward.yaw for arm in arms]
        for source, target in permutations(arms, 2):
            self._connect(junction, source, target, reach, headings)
        self._document.add_junction(junction)

    def chain(self, spans: Sequence[Span], closed: bool) -> None:
        """Join roads end to start in their order, and the last to the first where closed.

        Raises MapError where two do not meet.
        """
        for before, after in pairwise([*spans, spans[0]] if closed else spans):
            gap = math.hypot(after.start.x - before.end.x, after.start.y - before.end.y)
            if gap > 1e-6 or abs(wrap_angle(after.start.yaw - before.end.yaw)) > 1e-6:
                raise MapError(f"road {after.road.id} starts {gap:.3g} m from the end of road {before.road.id}")
            before.road.add_successor(xodr.ElementType.road, after.road.id, xodr.ContactPoint.start)
            after.road.add_predecessor(xodr.ElementType.road, before.road.id, xodr.ContactPoint.end)
            for lane in _side_lanes(before):
                lane.add_link("successor", lane.lane_id)
            for lane in _side_lanes(after):
                lane.add_link("predecessor", lane.lane_id)

    def stop_sign(self, arm: Arm) -> None:
        """Put a stop sign on a road's approach to the junction at its end."""
        side = arm.incoming_lane
        s = STOP_LINE_SETBACK if arm.contact == "start" else arm.span.length - STOP_LINE_SETBACK
        sign = xodr.Signal(
            s=s,
            t=side * (self.section.lane_width + SIGN_CLEARANCE),
            country="DE",
            Type=STOP_SIGN_TYPE,
            name="stop",
            zOffset=0.0,
            orientation=xodr.Orientation.negative if side > 0 else xodr.Orientation.positive,
            height=0.9,
            width=0.9,
        )
        arm.span.road.add_signal(sign.add_validity(side, side))

    def text(self) -> str:
        """Return the document. The same source gives the same text, byte for byte."""
        element = self._document.get_element()
        header = element.find("header")
        header.set("date", DATE)
        for number, signal in enumerate(element.iter("signal"), start=1):
            signal.set("id", str(number))
        for node in element.iter():
            for key, value in node.attrib.items():
                node.set(key, _rounded(value))
        ET.indent(element, " ")
        return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(element, encoding="unicode") + "\n"

    def _connect(
        self, junction: xodr.Junction, source: Arm, target: Arm, reach: float, headings: Sequence[float]
    ) -> None:
        inward = wrap_angle(source.outward.yaw + math.pi)
        turn = wrap_angle(target.outward.yaw - inward)
        straight = abs(turn) < 1e-6
        path = xodr.Line(2.0 * reach) if straight else xodr.Arc(math.copysign(1.0 / reach, turn), angle=abs(turn))
        right_is_free = not any(abs(wrap_angle(h - inward + math.pi / 2.0)) < 1e-6 for h in headings)
        right_turn = turn < -1e-6
        lanes = self.section.connecting(
            source.incoming_lane, -target.incoming_lane, with_verge=right_turn or (straight and right_is_free)
        )
        start = Pose2(source.outward.x, source.outward.y, inward)
        road, _ = self._lay(start, [path], lanes, junction=junction.id)
        road.add_predecessor(xodr.ElementType.road, source.span.road.id, _contact(source))
        road.add_successor(xodr.ElementType.road, target.span.road.id, _contact(target))
        connection = xodr.Connection(source.span.road.id, road.id, xodr.ContactPoint.start)
        junction.add_connection(connection.add_lanelink(source.incoming_lane, -1))

    def _lay(
        self, start: Pose2, geometry: Sequence[Geometry], lanes: xodr.Lanes, junction: int
    ) -> tuple[xodr.Road, xodr.PlanView]:
        plan = xodr.PlanView(start.x, start.y, start.yaw)
        for piece in geometry:
            plan.add_geometry(piece)
        plan.adjust_geometries()
        road = xodr.Road(next(self._ids), plan, lanes, road_type=junction, rule=xodr.TrafficRule.RHT)
        self._document.add_road(road)
        return road, plan


def bend(radius: float, angle: float, transition: float) -> list[Geometry]:
    """Return a bend that is entered and left by clothoids.

    radius, transition (each clothoid's length) in m; angle in rad, left positive. Raises MapError where the
    clothoids alone turn farther than the angle.
    """
    arc = abs(angle) * radius - transition
    if arc <= 0.0:
        raise MapError(f"bend of {angle:.2f} rad at {radius:g} m is too short for {transition:g} m clothoids")
    curvature = math.copysign(1.0 / radius, angle)
    enter, leave = xodr.Spiral(0.0, curvature, transition), xodr.Spiral(curvature, 0.0, transition)
    return [enter, xodr.Arc(curvature, length=arc), leave]


def closing_lengths(after_first: Sequence[Geometry], after_second: Sequence[Geometry]) -> tuple[float, float]:
    """Return the lengths, m, of the two straights that close a ring.

    The ring is: first straight along +x, after_first, second straight, after_second. It closes where the bends turn
    by 360 degrees together and after_first does not end along +x. Raises MapError where that takes a negative length.
    """
    turn = _follow(Pose2(0.0, 0.0, 0.0), after_first)
    end = _follow(turn, after_second)
    second = -end.y / math.sin(turn.yaw)
    first = -end.x - second * math.cos(turn.yaw)
    if first <= 0.0 or second <= 0.0:
        raise MapError(f"the ring does not close: its straights would be {first:.1f} m and {second:.1f} m long")
    return first, second


def _follow(start: Pose2, geometry: Sequence[Geometry]) -> Pose2:
    plan = xodr.PlanView(start.x, start.y, start.yaw)
    for piece in geometry:
        plan.add_geometry(piece)
    plan.adjust_geometries()
    return Pose2(*plan.get_end_point())


def _side_lanes(span: Span) -> list[xodr.Lane]:
    section = span.road.lanes.lanesections[-1]
    return [*section.leftlanes, *section.rightlanes]


def _contact(arm: Arm) -> xodr.ContactPoint:
    return xodr.ContactPoint.start if arm.contact == "start" else xodr.ContactPoint.end


def _check_arm(arm: Arm, centre: tuple[float, float], reach: float) -> None:
    pose = arm.outward
    gap = math.hypot(pose.x - centre[0] - reach * math.cos(pose.yaw), pose.y - centre[1] - reach * math.sin(pose.yaw))
    if gap > 1e-6:
        raise MapError(f"road {arm.span.road.id} ends {gap:.3g} m away from its place at the junction at {centre}")


def _rounded(value: str) -> str:
    """Drop the digits that differ between mathematical libraries; a nanometre is exact enough."""
    if not re.fullmatch(r"-?\d+\.\d+(e-?\d+)?", value):
        return value
    return f"{round(float(value), 9) + 0.0:.9f}".rstrip("0").rstrip(".")
