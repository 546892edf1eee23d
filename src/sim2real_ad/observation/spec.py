"""The observation's spec: extent, channels, history and features in one object, with a fingerprint."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sim2real_ad.config import StrictModel
from sim2real_ad.types import Observation

CHANNELS = ("drivable", "lane_marking", "stop_line", "vehicle", "pedestrian", "obstacle")
EGO_FEATURES = ("speed", "acceleration", "yaw_rate", "steering_tire_angle", "standstill_time", "standstill_distance")


class BevSpec(StrictModel):
    """A bird's-eye-view grid in base_link. Row 0 is farthest ahead, column 0 is farthest left.

    Cell (row, column) is centred at x = x_max - (row + 0.5) * resolution, y = y_max - (column + 0.5) * resolution.
    """

    x_min: float = 0.0
    x_max: float = 48.0
    y_min: float = -16.0
    y_max: float = 16.0
    resolution: float = Field(default=0.5, gt=0.0)
    channels: tuple[str, ...] = Field(default=CHANNELS, min_length=1)

    @model_validator(mode="after")
    def _extent_is_whole_cells(self) -> BevSpec:
        for low, high in ((self.x_min, self.x_max), (self.y_min, self.y_max)):
            cells = (high - low) / self.resolution
            if round(cells) < 1 or abs(cells - round(cells)) > 1e-9:
                raise ValueError(f"extent {low}..{high} m is not a whole number of {self.resolution} m cells")
        if len(set(self.channels)) != len(self.channels):
            raise ValueError(f"channels must differ, got {', '.join(self.channels)}")
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        height = round((self.x_max - self.x_min) / self.resolution)
        return len(self.channels), height, round((self.y_max - self.y_min) / self.resolution)

    def cell_centres(self) -> NDArray[np.float64]:
        """Return the base_link coordinates (H, W, 2) of every cell's centre."""
        _, height, width = self.shape
        x = self.x_max - (np.arange(height) + 0.5) * self.resolution
        y = self.y_max - (np.arange(width) + 0.5) * self.resolution
        return np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)

    def cells_from_base(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert base_link points (..., 2) to fractional (row, column); a cell's centre is a whole number."""
        points = np.asarray(points, dtype=np.float64)
        return np.stack(self.rows_and_columns(points[..., 0], points[..., 1]), axis=-1)

    def rows_and_columns(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Do the same for x and y apart, of any one shape."""
        return (self.x_max - x) / self.resolution - 0.5, (self.y_max - y) / self.resolution - 0.5

    def index(self, channel: str) -> int:
        """Return the index of a channel by name. Raises ValueError naming what there is."""
        if channel not in self.channels:
            raise ValueError(f"no channel '{channel}'; known: {', '.join(self.channels)}")
        return self.channels.index(channel)


class ObservationSpec(StrictModel):
    """All that shapes an Observation. A checkpoint refuses a spec that it was not trained on.

    history_s: ages of the earlier BEVs, s, in the order of `Observation.history`; route_points at route_spacing
    metres from the foot of the car on the route onwards.
    """

    bev: BevSpec = BevSpec()
    history_s: tuple[Annotated[float, Field(gt=0.0)], ...] = (0.25, 0.5)
    ego_features: tuple[str, ...] = EGO_FEATURES
    route_points: int = Field(default=24, ge=1)
    route_spacing: float = Field(default=2.0, gt=0.0)

    @property
    def fingerprint(self) -> str:
        """A short hash over every field. Not cached: a copy with another field would keep its origin's."""
        return hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).hexdigest()[:16]

    def validate_observation(self, observation: Observation) -> None:
        """Raise ValueError, naming the field, where an observation's shapes, dtypes or bounds do not match."""
        channels, height, width = self.bev.shape
        expected: dict[str, tuple[tuple[int, ...], type]] = {
            "bev": ((channels, height, width), np.uint8),
            "validity": ((height, width), np.uint8),
            "history": ((len(self.history_s), channels, height, width), np.uint8),
            "ego": ((len(self.ego_features),), np.float32),
            "route": ((self.route_points, 2), np.float32),
        }
        for name, (shape, dtype) in expected.items():
            value = getattr(observation, name)
            if value.shape != shape or value.dtype != dtype:
                raise ValueError(f"observation.{name}: {value.shape} {value.dtype}, spec says {shape} {dtype.__name__}")
        if not (np.isfinite(observation.ego).all() and np.isfinite(observation.route).all()):
            raise ValueError("observation.ego or observation.route holds NaN or infinity")
        if not 0.0 <= observation.speed_limit < math.inf:
            raise ValueError(f"observation.speed_limit: {observation.speed_limit} m/s is not a finite speed")
        if not 0.0 <= observation.ood <= 1.0:
            raise ValueError(f"observation.ood: {observation.ood} is outside 0..1")
