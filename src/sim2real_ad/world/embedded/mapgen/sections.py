"""Cross-sections: which lanes a road has, how wide they are, and what is painted between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scenariogeneration import xodr

MARK_WIDTH = 0.15
"""Width of a painted line, m (0.12 to 0.15 m on European roads outside motorways)."""


@dataclass(frozen=True)
class WidthPiece:
    """Lane width from `s` on, m: a + b ds + c ds^2 + d ds^3, as OpenDRIVE has it."""

    s: float
    a: float
    c: float = 0.0
    d: float = 0.0


def taper(s: float, length: float, before: float, after: float) -> WidthPiece:
    """Return the piece that changes the width smoothly, with no slope at either end."""
    change = after - before
    return WidthPiece(s, before, 3.0 * change / length**2, -2.0 * change / length**3)


@dataclass(frozen=True)
class CrossSection:
    """What lies on either side of the centre line of a two-lane road, the same on both sides.

    lane_width: m; verge: the lane type beside the driving lane; verge_width: m; centre, edge: paint, None for bare.
    """

    verge: xodr.LaneType
    verge_width: float
    lane_width: float = 3.5
    centre: xodr.RoadMarkType | None = xodr.RoadMarkType.broken
    centre_colour: xodr.RoadMarkColor = xodr.RoadMarkColor.white
    edge: xodr.RoadMarkType | None = xodr.RoadMarkType.solid

    def two_way(self, widths: Sequence[WidthPiece] = ()) -> xodr.Lanes:
        """Return one lane each way. widths: the driving lanes' width along the road, `lane_width` where empty."""
        centre = xodr.Lane(xodr.LaneType.none)
        _paint(centre, self.centre, self.centre_colour)
        section = xodr.LaneSection(0, centre)
        for add in (section.add_left_lane, section.add_right_lane):
            add(self._driving(widths))
            add(xodr.Lane(self.verge, a=self.verge_width))
        return xodr.Lanes().add_lanesection(section)

    def connecting(self, predecessor: int, successor: int, with_verge: bool) -> xodr.Lanes:
        """Return the one lane of a way through a junction; it has an edge and a verge where nothing joins on its right.

        predecessor, successor: ids of the driving lanes that it joins.
        """
        section = xodr.LaneSection(0, xodr.Lane(xodr.LaneType.none))
        driving = xodr.Lane(xodr.LaneType.driving, a=self.lane_width)
        section.add_right_lane(_linked(driving, predecessor, successor))
        if with_verge:
            _paint(driving, self.edge, xodr.RoadMarkColor.white)
            verge = xodr.Lane(self.verge, a=self.verge_width)
            section.add_right_lane(_linked(verge, 2 * predecessor, 2 * successor))
        return xodr.Lanes().add_lanesection(section)

    def _driving(self, widths: Sequence[WidthPiece]) -> xodr.Lane:
        first, *others = widths or (WidthPiece(0.0, self.lane_width),)
        lane = xodr.Lane(xodr.LaneType.driving, a=first.a, c=first.c, d=first.d)
        for piece in others:
            lane.add_lane_width(piece.a, 0.0, piece.c, piece.d, piece.s)
        _paint(lane, self.edge, xodr.RoadMarkColor.white)
        return lane


def _paint(lane: xodr.Lane, mark: xodr.RoadMarkType | None, colour: xodr.RoadMarkColor) -> None:
    if mark is not None:
        lane.add_roadmark(xodr.RoadMark(mark, MARK_WIDTH, color=colour))


def _linked(lane: xodr.Lane, predecessor: int, successor: int) -> xodr.Lane:
    return lane.add_link("predecessor", predecessor).add_link("successor", successor)
