"""Watches online whether the ground lies where the calibration says: pitch error and flatness, from lane lines.

Lines that are parallel on flat ground stay straight in a bird's-eye view that was projected with a wrong pitch, but
they spread or close up. With the camera h above the ground and its nose e rad lower than calibrated, ground at a
distance d is taken for d', 1 / d' = 1 / d - e / h, and what lies y to the side for y' = y d' / d. Where the ground
rises by k d^2 / 2 it is higher by that much, so that with r = d' / d and s = 1 + e d' / h

    r^2 - s r - k d'^2 / (2 h) = 0,    y' = y r.

Heading and bends of the road move all lines alike, so they cancel in the lines' spacing. (Small angles; derived here
from the pinhole camera.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.observation.lane_lines import find_lane_lines
from sim2real_ad.types import FloatArray, UInt8Array, seconds_from_ns

LEAST_SPACING = 2.0
"""Lines nearer to each other than this, m, tell too little."""
ROW, COLUMN, SUBROWS = 0.5, 0.1, 4
"""Steps of the grid on the ground, m ahead and m to the left, and samples that are averaged along each row."""
STRIPE_SIDE = 0.4
"""Distance from a stripe's middle at which the ground beside it is looked at, m."""
LEAST_CONTRAST = 10.0
"""Least difference in brightness, of 255, between a stripe and the ground beside it."""
USUAL_MULTIPLE = 4.0
LINE_NOISE = 0.05
"""Least standard deviation of a line's place in one row, m."""
INDEPENDENCE = 0.25
"""Share of a line's rows whose errors are independent: the BEV is smooth over about four cells."""
USUAL_SPREAD = 0.1
"""Standard deviation of e / h, 1/m, before anything was seen: some 8 deg at 1.45 m."""
USUAL_RISE = 1.0 / 1500.0
"""Standard deviation of the ground's vertical curvature k, 1/m: crests and dips of ordinary roads are gentler."""
RISE_AT = 30.0
"""Distance from the camera in m at which the ground's tilt is given."""
VAGUE = math.radians(1.5)
"""Readings with a greater standard deviation are none."""
LEAST_ROOT = 0.01
"""Keeps the fit from lines that only ground beyond a crest could show."""
ROUNDS = 10


@dataclass(frozen=True)
class PitchReading:
    """What one BEV says of the ground.

    error_deg: true minus calibrated pitch, positive nose down, with standard deviation sigma_deg; rise_deg: tilt of the
    ground RISE_AT ahead against the ground at the camera, positive uphill, with rise_sigma_deg; lines: read from so
    many.
    """

    error_deg: float
    sigma_deg: float
    rise_deg: float
    rise_sigma_deg: float
    lines: int


@dataclass(frozen=True)
class PitchState:
    """What many BEVs say. error_deg: as in PitchReading, of the mount, the body's rocking averaged out; verdict:
    `unknown` too little seen yet, `level` within the limit, `off` surely beyond it, `uneven` the ground is not flat.
    """

    error_deg: float
    sigma_deg: float
    verdict: str


class PitchReader:
    """Reads pitch error and flatness from the lane markings in the pictures of one mounted camera.

    It looks at the picture itself: the learned BEV straightens what a wrong pitch bends.
    """

    def __init__(self, camera: CameraModel, reach: float = 40.0, width: float = 13.0) -> None:
        """reach: m ahead of the camera; width: m to both sides together: beyond the next lane stand walls and rails."""
        self._camera = camera
        self.ahead = np.arange(reach, 4.0, -ROW)
        self.left = np.arange(width / 2.0, -width / 2.0, -COLUMN)
        fine = (self.ahead[:, None] + ROW * (np.arange(SUBROWS) + 0.5) / SUBROWS - 0.5 * ROW).ravel()
        x, y = np.meshgrid(camera.mount.x + fine, camera.mount.y + self.left, indexing="ij")
        pixels, seen = camera.project(np.column_stack((x.ravel(), y.ravel(), np.zeros(x.size))))
        lookup = np.where(seen[:, None], pixels - 0.5, -1e4).astype(np.float32).reshape(*x.shape, 2)
        self._u, self._v = np.ascontiguousarray(lookup[..., 0]), np.ascontiguousarray(lookup[..., 1])
        self._seen: NDArray[np.bool_] = np.asarray(seen.reshape(len(self.ahead), SUBROWS, -1).all(axis=1))

    def paint(self, rgb: UInt8Array) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return how likely each part of the ground is a painted stripe, (H, W) 0..1, and whether it is known.

        A stripe is brighter than the ground STRIPE_SIDE to the left and to the right of it, by a multiple of what is
        usual in this picture. rgb: (h, w, 3) uint8. Raises ValueError where its size is not the calibrated one.
        """
        height, width = rgb.shape[:2]
        if (width, height) != (self._camera.width, self._camera.height):
            raise ValueError(f"picture {width}x{height}, the camera is {self._camera.width}x{self._camera.height}")
        bright = rgb[..., :2].max(axis=-1).astype(np.float32)
        flat = cv2.remap(bright, self._u, self._v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        flat = flat.reshape(len(self.ahead), SUBROWS, len(self.left)).mean(axis=1)
        flat = cv2.blur(flat, (3, 1))
        step = round(STRIPE_SIDE / COLUMN)
        contrast, known = np.zeros_like(flat), np.zeros_like(self._seen)
        middle = slice(step, -step)
        contrast[:, middle] = flat[:, middle] - np.maximum(flat[:, 2 * step :], flat[:, : -2 * step])
        known[:, middle] = self._seen[:, middle] & self._seen[:, 2 * step :] & self._seen[:, : -2 * step]
        usual = float(np.median(np.abs(contrast[known]))) if known.any() else 0.0
        threshold = max(LEAST_CONTRAST, USUAL_MULTIPLE * usual)
        return np.clip(0.5 * contrast / threshold, 0.0, 1.0).astype(np.float32), known

    def read(self, rgb: UInt8Array) -> PitchReading | None:
        """Read one picture (h, w, 3) uint8. None where it tells nothing: fewer than two lane lines LEAST_SPACING apart
        are seen, or they contradict each other. Raises ValueError where its size is not the calibrated one."""
        paint, known = self.paint(rgb)
        lines = find_lane_lines(paint, known, self.ahead, self.left)
        near = [float(np.polyfit(line[:, 0], line[:, 1], 1)[1]) for line in lines]
        if len(lines) < 2 or max(near) - min(near) < LEAST_SPACING:
            return None
        height = self._camera.mount.z
        usual_bend = USUAL_RISE / (2.0 * height)
        (spread, bend), (spread_sigma, bend_sigma) = _fit_spread(lines, LINE_NOISE, usual_bend)
        if not spread_sigma * height < VAGUE:
            return None
        tilt = 2.0 * height * RISE_AT
        return PitchReading(
            error_deg=math.degrees(spread * height),
            sigma_deg=math.degrees(spread_sigma * height),
            rise_deg=math.degrees(bend * tilt),
            rise_sigma_deg=math.degrees(bend_sigma * tilt),
            lines=len(lines),
        )


class PitchMonitor:
    """Follows the mount's pitch error through a drive: a random walk, seen through the rocking body. Reads no clock."""

    def __init__(
        self,
        limit_deg: float = 1.5,
        *,
        rocking_deg: float = 0.7,
        drift_deg: float = 0.05,
        unknown_deg: float = 5.0,
        settled_deg: float = 0.5,
    ) -> None:
        """limit_deg: pitch error that is tolerated; rocking_deg: standard deviation of the body's pitch; drift_deg: by
        how much the mount may move in a second; unknown_deg: standard deviation at the start; settled_deg: standard
        deviation below which a verdict is given."""
        self._limit, self._settled = limit_deg, settled_deg
        self._rocking, self._drift, self._unknown = rocking_deg**2, drift_deg**2, unknown_deg**2
        self.reset()

    def reset(self) -> None:
        """Forget the drive."""
        self._error, self._variance, self._stamp_ns = 0.0, self._unknown, 0

    def step(self, stamp_ns: int, reading: PitchReading | None) -> PitchState:
        """Take in what the BEV of a stamp said. Stamps that go back start a new drive."""
        if stamp_ns < self._stamp_ns:
            self.reset()
        elapsed = seconds_from_ns(stamp_ns - self._stamp_ns) if self._stamp_ns else 0.0
        self._stamp_ns = stamp_ns
        self._variance = min(self._variance + self._drift * elapsed, self._unknown)
        if reading is not None:
            trust = self._variance / (self._variance + reading.sigma_deg**2 + self._rocking)
            self._error += trust * (reading.error_deg - self._error)
            self._variance *= 1.0 - trust
        sigma = math.sqrt(self._variance)
        return PitchState(self._error, sigma, self._verdict(sigma, reading))

    def _verdict(self, sigma: float, reading: PitchReading | None) -> str:
        if reading is not None and abs(reading.rise_deg) - 2.0 * reading.rise_sigma_deg > self._limit:
            return "uneven"
        if sigma > self._settled:
            return "unknown"
        return "off" if abs(self._error) - 2.0 * sigma > self._limit else "level"


def _fit_spread(
    lines: list[NDArray[np.float64]], noise: float, usual_bend: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Fit y = side_i r(d) + heading d + turn d^2 to lines (N, 2) of (d, y), m, robustly.

    r as in this module's head, with spread = e / h and bend = k / (2 h). Returns (spread, bend) in 1/m and 1/m^2 and
    their standard deviations. Least squares by Gauss-Newton, with Huber's weights, and priors on spread and bend: what
    the lines do not show is most likely to be ordinary.
    """
    count = len(lines)
    of_line = np.repeat(np.arange(count), [len(line) for line in lines])
    d, y = np.concatenate(lines).T
    solution = np.zeros(count + 4)
    solution[:count] = [float(np.median(line[:, 1])) for line in lines]
    prior = np.zeros(count + 4)
    prior[count : count + 2] = 1.0 / USUAL_SPREAD**2, 1.0 / usual_bend**2
    for _ in range(ROUNDS):
        side, (spread, bend, heading, turn) = solution[:count][of_line], solution[count:]
        s = 1.0 + spread * d
        root = np.sqrt(np.maximum(s**2 + 4.0 * bend * d**2, LEAST_ROOT))
        r = 0.5 * (s + root)
        missing = y - (side * r + heading * d + turn * d**2)
        sigma = max(noise, 1.4826 * float(np.median(np.abs(missing))))
        weights = INDEPENDENCE / sigma**2 / np.maximum(1.0, np.abs(missing) / (2.0 * sigma))
        by_side = np.where(of_line[:, None] == np.arange(count), r[:, None], 0.0)
        slope = np.column_stack((by_side, side * r / root * d, side / root * d**2, d, d**2))
        information = slope.T @ (weights[:, None] * slope) + np.diag(prior)
        solution = solution + np.linalg.solve(information, slope.T @ (weights * missing) - prior * solution)
    deviation = np.sqrt(np.diag(np.linalg.inv(information)))[count : count + 2]
    spread, bend = solution[count : count + 2]
    return (float(spread), float(bend)), (float(deviation[0]), float(deviation[1]))
