"""The student's input: the BEV straightened along the route, so that "ahead" means "ahead of my bumper on my way".

What is left to the network is to decide. How far the bumper is from base_link, the vehicle's profile says: a longer
car needs no other training. In turns its bumper swings out farther than the trained car's: its route is drawn in by as
much. How far a stop line is, and whether the car has stood before it, is read off the BEV here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sim2real_ad.config import StrictModel
from sim2real_ad.observation.spec import EGO_FEATURES, BevSpec, ObservationSpec
from sim2real_ad.types import FloatArray, Observation, UInt8Array

STOP_LINE = "stop_line"
SEEN = 76
"""Probability times 255 above which a stop line counts as seen."""
FULLY_VALID = 250
"""Validity above which all of a cell is seen."""
LINE_HALF_WIDTH = 1.0
"""m to either side of the route within which a stop line is one across it."""
NO_LINE_DISTANCE = 20.0
"""m: the distance of a line that is not seen, or is farther."""
LONGEST_STOOD = 8.0
"""m before a line beyond which a stand had nothing to do with it, however far it was."""
HARDEST_NEEDED = 5.0
"""m/s^2: braking to a line harder than this looks all the same."""
STAND_BEFORE = 2.2
"""m from the bumper to a line's middle at which to stand: the middle of where a stop counts."""
SERVED_WITHIN = 3.6
"""m before a line's middle within which a stand has served it; the judge allows a little more."""
LONGEST_GAP = 3.0
"""m to where to stand beyond which it looks all the same: nearer, decimetres matter."""
LINE_FEATURES = 6
Places = tuple[NDArray[np.float64], NDArray[np.float64]]
"""x and y in base_link, m, each (rows, columns)."""


class CorridorSpec(StrictModel):
    """Extent of the straightened grid and the scales of the scalar features; a checkpoint saves it with its weights.

    Row 0 is nearest: cell (row, column) is centred (row + 0.5) * resolution m along the route from the front bumper and
    half_width - (column + 0.5) * resolution m to its left. history_channels: those BEV channels whose earlier
    frames are given too. pursuit_distances: m along the route at which a circle to the route is fitted. hold_s: s of
    standing after which a stop has been held; standing_speed: m/s below which the car stands. trained_front_overhang:
    of the car that the student was trained with, m from base_link to the front bumper.
    """

    length: float = Field(default=40.0, gt=0.0)
    half_width: float = Field(default=8.0, gt=0.0)
    resolution: float = Field(default=0.5, gt=0.0)
    history_channels: tuple[str, ...] = (STOP_LINE, "vehicle", "pedestrian", "obstacle")
    pursuit_distances: tuple[float, ...] = (4.0, 6.0, 8.0, 12.0, 16.0)
    hold_s: float = Field(default=0.95, gt=0.0)
    standing_speed: float = Field(default=0.1, gt=0.0)
    ego_scales: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 1.0 / 3.0, 1.0 / 30.0)
    trained_front_overhang: float = Field(default=3.80, gt=1.0, le=10.0)

    @model_validator(mode="after")
    def _scales_fit(self) -> CorridorSpec:
        if len(self.ego_scales) != len(EGO_FEATURES):
            raise ValueError(f"{len(self.ego_scales)} ego_scales for {len(EGO_FEATURES)} ego features")
        return self

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns)."""
        return round(self.length / self.resolution), round(2.0 * self.half_width / self.resolution)

    def channels(self, spec: ObservationSpec) -> int:
        """BEV channels, validity, and the history channels of every age."""
        return len(spec.bev.channels) + 1 + len(spec.history_s) * len(self.history_channels)

    def features(self, spec: ObservationSpec) -> int:
        """Length of the scalar feature vector."""
        return len(spec.ego_features) + 6 + LINE_FEATURES + 3 * spec.route_points + len(self.pursuit_distances)


class Corridor:
    """Turns observations into the student's two inputs."""

    def __init__(self, corridor: CorridorSpec, spec: ObservationSpec, front_overhang: float) -> None:
        """front_overhang: of the car that drives, m from base_link to the front bumper."""
        self.corridor = corridor
        self.spec = spec
        rows, columns = corridor.size
        self._front_overhang = front_overhang
        self._along = front_overhang + (np.arange(rows) + 0.5) * corridor.resolution
        self._left = corridor.half_width - (np.arange(columns) + 0.5) * corridor.resolution
        self._arc = np.arange(spec.route_points) * spec.route_spacing
        self._moving = [spec.bev.index(name) for name in corridor.history_channels]
        self._lines = list(_layers_of(STOP_LINE, corridor, spec))
        self._across = np.abs(self._left) < LINE_HALF_WIDTH

    def straighten(self, observation: Observation) -> UInt8Array:
        """Return the corridor (C, rows, columns) uint8: BEV, validity, then the history channels age by age.

        Earlier frames are moved by the distance and turn that the car's speed and yaw rate tell, so that things at
        rest stay in place and things that move leave a trail.
        """
        places = self._places(self._drawn_in(observation.route))
        parts = [_sample([*observation.bev, observation.validity], places, self.spec.bev)]
        for age, earlier in zip(self.spec.history_s, observation.history, strict=True):
            then = _in_earlier_base(places, observation.ego, age, self.spec)
            parts.append(_sample([earlier[channel] for channel in self._moving], then, self.spec.bev))
        return np.concatenate(parts)

    def features(self, observation: Observation, line_distance: float) -> FloatArray:
        """Return the scalar features (K,) float32, scaled to about -1..1. line_distance: to the next stop line, m."""
        spec, route = self.spec, self._drawn_in(observation.route)
        ego = dict(zip(spec.ego_features, observation.ego.tolist(), strict=True))
        heading = _headings(route)
        turn = np.diff(heading, append=heading[-1]) / spec.route_spacing
        pursued = np.column_stack([np.interp(self.corridor.pursuit_distances, self._arc, route[:, a]) for a in (0, 1)])
        circle = 2.0 * pursued[:, 1] / np.maximum((pursued**2).sum(axis=1), 1.0)
        scales = dict(zip(EGO_FEATURES, self.corridor.ego_scales, strict=True))
        own = [ego[name] * scales[name] for name in spec.ego_features]
        rest = [
            min(ego["standstill_distance"], 6.0) / 6.0,
            min(ego["standstill_time"], self.corridor.hold_s) / self.corridor.hold_s,
            float(ego["standstill_time"] >= self.corridor.hold_s),
            float(ego["speed"] < self.corridor.standing_speed),
            observation.speed_limit * 0.1,
            (observation.speed_limit - ego["speed"]) * 0.2,
            *_line_features(line_distance, ego["speed"], ego["standstill_distance"]),
            *self._stop_features(line_distance, ego),
        ]
        return np.concatenate((own, rest, route[:, 1] * 0.2, heading, turn * 10.0, circle * 5.0)).astype(np.float32)

    def line_distance(self, straight: UInt8Array) -> float:
        """Return how far from the bumper the middle of the next stop line across the route is seen, m.

        Where none is seen now, what was seen a moment ago counts, moved on by odometry: close to the bumper a line
        leaves the camera's view. NO_LINE_DISTANCE where none was, or none so near.
        """
        for layer in self._lines:
            likely = straight[layer][:, self._across].max(axis=1).astype(np.float64)
            seen = np.flatnonzero(likely > SEEN)
            if len(seen):
                line = seen[seen - seen[0] == np.arange(len(seen))]
                middle = (likely[line] * (line + 0.5)).sum() / likely[line].sum() * self.corridor.resolution
                return float(min(middle, NO_LINE_DISTANCE))
        return NO_LINE_DISTANCE

    def blind_distance(self, straight: UInt8Array) -> float:
        """Return how far ahead of the bumper the way is not seen whole, m, and a cell more for lines half seen."""
        validity = straight[len(self.spec.bev.channels)][:, self._across].min(axis=1)
        seen = np.flatnonzero(validity > FULLY_VALID)
        return float(seen[0] + 1 if len(seen) else len(validity)) * self.corridor.resolution

    def _stop_features(self, line: float, ego: dict[str, float]) -> list[float]:
        """Whether the car owes a stop at the next line; how far it is to where to stand; braking that this takes."""
        holding = ego["speed"] < self.corridor.standing_speed and ego["standstill_time"] < self.corridor.hold_s
        served = line + ego["standstill_distance"] <= SERVED_WITHIN and not holding
        if line >= NO_LINE_DISTANCE or served:
            return [0.0, 1.0, 0.0]
        gap = line - STAND_BEFORE
        return [1.0, min(gap, LONGEST_GAP) / LONGEST_GAP, _needed(ego["speed"], gap)]

    def _drawn_in(self, route: FloatArray) -> NDArray[np.float64]:
        """Return the route (N, 2), moved into every turn by what this car's bumper swings out more than the trained's.

        With the rear axle on a circle of curvature k, a bumper a m ahead of it runs a^2 k / 2 outside of it.
        """
        line = route.astype(np.float64)
        if self._front_overhang == self.corridor.trained_front_overhang:
            return line
        heading = _headings(line)
        own, trained = (
            self._swing(line, heading, overhang)
            for overhang in (self._front_overhang, self.corridor.trained_front_overhang)
        )
        inwards = own - trained
        return line + np.column_stack((-np.sin(heading), np.cos(heading))) * inwards[:, None]

    def _swing(self, route: NDArray[np.float64], headings: NDArray[np.float64], overhang: float) -> NDArray[np.float64]:
        """Return how far to the right of the route a bumper swings whose rear axle follows it, m, point by point."""
        ahead = np.column_stack([np.interp(self._arc + overhang, self._arc, route[:, axis]) for axis in (0, 1)])
        heading, (x, y) = headings.copy(), (ahead - route).T
        heading[0] = 2.0 * heading[0] - heading[1]  # it is that of the middle between them
        swing: NDArray[np.float64] = y * np.cos(heading) - x * np.sin(heading)
        return swing

    def _places(self, route: NDArray[np.float64]) -> Places:
        """Return where in base_link the corridor's cells are."""
        heading = np.interp(self._along, self._arc, _headings(route))
        x, y = (np.interp(self._along, self._arc, route[:, axis])[:, None] for axis in (0, 1))
        return x - self._left * np.sin(heading)[:, None], y + self._left * np.cos(heading)[:, None]


def _line_features(distance: float, speed: float, driven: float) -> list[float]:
    """Distance to the line; where the car last stood, measured from it; braking that a stop at it takes.

    driven: m since the car last stood.
    """
    return [
        distance / NO_LINE_DISTANCE,
        min(distance + driven, LONGEST_STOOD) / LONGEST_STOOD,
        _needed(speed, distance),
    ]


def _needed(speed: float, distance: float) -> float:
    """Braking from a speed in m/s to a stand within a distance in m, as a share of HARDEST_NEEDED, 0..1."""
    return min(speed * speed / (2.0 * max(distance, 0.5)), HARDEST_NEEDED) / HARDEST_NEEDED


def _layers_of(channel: str, corridor: CorridorSpec, spec: ObservationSpec) -> Iterator[int]:
    """Yield the layers of a corridor that show a channel: of now first, then of ever earlier frames."""
    if channel in spec.bev.channels:
        yield spec.bev.index(channel)
    if channel in corridor.history_channels:
        first = len(spec.bev.channels) + 1 + corridor.history_channels.index(channel)
        for age in range(len(spec.history_s)):
            yield first + age * len(corridor.history_channels)


def _headings(route: NDArray[np.float64]) -> NDArray[np.float64]:
    """Headings (N,) in rad of a polyline's points, unwrapped, by central differences."""
    slope = np.empty_like(route)
    slope[1:-1] = 0.5 * (route[2:] - route[:-2])
    slope[0], slope[-1] = route[1] - route[0], route[-1] - route[-2]
    headings: NDArray[np.float64] = np.arctan2(slope[:, 1], slope[:, 0])
    return headings if np.abs(np.diff(headings)).max() < np.pi else np.unwrap(headings)


def _in_earlier_base(places: Places, ego: FloatArray, age: float, spec: ObservationSpec) -> Places:
    """Express base_link places in the base_link frame age seconds ago, speed and yaw rate taken as constant."""
    state = dict(zip(spec.ego_features, ego.tolist(), strict=True))
    distance = max(state["speed"] - 0.5 * state["acceleration"] * age, 0.0) * age
    turn = state["yaw_rate"] * age
    cos, sin = math.cos(turn), math.sin(turn)
    x, y = places
    return cos * x - sin * y + distance * math.cos(turn / 2), sin * x + cos * y + distance * math.sin(turn / 2)


def _sample(layers: Sequence[UInt8Array], places: Places, spec: BevSpec) -> UInt8Array:
    """Look layers (H, W) up at base_link places (R, K), bilinearly, 0 outside; OpenCV takes four of them at a time."""
    rows, columns = (part.astype(np.float32) for part in spec.rows_and_columns(*places))
    sampled = np.empty((len(layers), *rows.shape), np.uint8)
    for first in range(0, len(layers), 4):
        picture = cv2.merge(layers[first : first + 4])
        looked_up = cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        sampled[first : first + 4] = np.moveaxis(looked_up.reshape(*rows.shape, -1), -1, 0)
    return sampled
