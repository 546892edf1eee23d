"""Lanes as sampled lines: borders, polygons, turns and ways along them. Pure geometry in the map frame, metres."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.errors import MapError
from sim2real_ad.geometry.frames import wrap_angle

Turn = Literal["left", "straight", "right"]
LaneKey = tuple[int, int, int]
"""Road id, index of the lane section, lane id."""

STOP_SIGN_TYPE = "206"
"""The catalogue number by which CARLA knows a stop sign."""
STRAIGHT_WITHIN = math.radians(25.0)
"""A way through a junction that turns by less is straight, rad."""
ROUTE_SPACING = 1.0
"""Distance between the points of a route, m."""


@dataclass(frozen=True)
class Mark:
    """What is painted on a lane's border. width in m."""

    width: float
    dashed: bool
    yellow: bool


@dataclass(frozen=True, eq=False)
class Lane:
    """One lane of one section, its N samples in driving direction.

    s: (N,) m along the road, falling where traffic runs against it; centre: (N, 2) m; yaw: (N,) rad; width: (N,) m;
    leftward: (N, 2) unit vectors square to the road, along which the width counts: not square to the lane itself where
    that widens; junction: its id, or -1; successors: the lanes it leads to; inner_marks, outer_marks: (N) paint on the
    left and on the right border, inner_marks only where no lane on the left paints that border already.
    """

    key: LaneKey
    driving: bool
    junction: int
    s: NDArray[np.float64]
    centre: NDArray[np.float64]
    yaw: NDArray[np.float64]
    width: NDArray[np.float64]
    leftward: NDArray[np.float64]
    inner_marks: tuple[Mark | None, ...]
    outer_marks: tuple[Mark | None, ...]
    successors: tuple[LaneKey, ...] = ()

    @cached_property
    def left(self) -> NDArray[np.float64]:
        """The left border (N, 2)."""
        return self.centre + self.leftward * self.width[:, None] / 2.0

    @cached_property
    def right(self) -> NDArray[np.float64]:
        """The right border (N, 2)."""
        return self.centre - self.leftward * self.width[:, None] / 2.0

    @property
    def turn_angle(self) -> float:
        """How far the lane turns from its start to its end, rad, left positive, in [-pi, pi)."""
        return wrap_angle(float(self.yaw[-1] - self.yaw[0]))

    @property
    def turn(self) -> Turn:
        """Which turn the lane is, where it leads through a junction."""
        if abs(self.turn_angle) < STRAIGHT_WITHIN:
            return "straight"
        return "left" if self.turn_angle > 0.0 else "right"

    def index_at(self, s: float) -> int:
        """Return the index of the sample nearest to s."""
        return int(np.abs(self.s - s).argmin())

    def polygon(self, first: int = 0, last: int | None = None) -> NDArray[np.float64]:
        """Return the outline (M, 2) of the lane, or of its samples from first to last."""
        end = len(self.s) if last is None else last + 1
        return np.concatenate((self.left[first:end], self.right[first:end][::-1]))


def follow(
    lanes: Mapping[LaneKey, Lane], start: tuple[LaneKey, float], length: float, turns: Sequence[Turn]
) -> NDArray[np.float64]:
    """Walk along lanes in driving direction and return the centre line (N, 2), a point every ROUTE_SPACING m.

    start: a lane and s on it; length: m; turns: one is taken at each junction. N is floor(length) + 1.
    Raises MapError where the lanes end sooner, or a junction lacks the turn.
    """
    lane, remaining = lanes[start[0]], list(turns)
    pieces = [_from_s(lane, start[1])]
    walked = _length(pieces[0])
    while walked < length:
        lane = _next_lane(lanes, lane, remaining, walked, length)
        pieces.append(lane.centre)
        walked += _length(lane.centre) + float(np.hypot(*(pieces[-1][0] - pieces[-2][-1])))
    return _resample(np.concatenate(pieces), length)


def _next_lane(lanes: Mapping[LaneKey, Lane], lane: Lane, turns: list[Turn], walked: float, length: float) -> Lane:
    options = [lanes[key] for key in lane.successors]
    if not options:
        raise MapError(
            f"road {lane.key[0]}, lane {lane.key[2]} ends {walked:.1f} m from the start; the route asks for {length} m"
        )
    if turns and lane.junction < 0 and options[0].junction >= 0:
        wanted = turns.pop(0)
        options = [option for option in options if option.turn == wanted] or _no_such_turn(lane, wanted, options)
    return min(options, key=lambda option: (round(abs(option.turn_angle), 3), option.turn_angle, option.key))


def _no_such_turn(lane: Lane, wanted: Turn, options: Sequence[Lane]) -> list[Lane]:
    there = ", ".join(sorted({option.turn for option in options}))
    raise MapError(f"road {lane.key[0]}, lane {lane.key[2]}: no way {wanted} at the junction; there is: {there}")


def _from_s(lane: Lane, s: float) -> NDArray[np.float64]:
    """Return the lane's centre from s on, its first point interpolated."""
    along = lane.s if lane.s[-1] >= lane.s[0] else -lane.s
    at = s if lane.s[-1] >= lane.s[0] else -s
    first = np.array([[np.interp(at, along, lane.centre[:, axis]) for axis in (0, 1)]])
    return np.concatenate((first, lane.centre[along > at]))


def _length(points: NDArray[np.float64]) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def _resample(points: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
    at = np.arange(math.floor(length / ROUTE_SPACING) + 1) * ROUTE_SPACING
    return np.stack((np.interp(at, along, points[:, 0]), np.interp(at, along, points[:, 1])), axis=-1)
