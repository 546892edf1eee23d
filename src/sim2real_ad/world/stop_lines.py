"""Which stop lines lie across a path."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sim2real_ad.geometry.frames import wrap_angle
from sim2real_ad.world.path import Path
from sim2real_ad.world.plan import RouteStop

if TYPE_CHECKING:
    from sim2real_ad.world.embedded.roads import RoadNetwork

ON_LINE = 0.5
"""A stop line whose middle is within this distance of a path, m, is across it."""
ALIGNED = math.radians(30.0)


def stops_on(network: RoadNetwork, path: Path) -> tuple[RouteStop, ...]:
    """Return the stop lines across a path that hold for its direction, in order."""
    found = []
    for line in network.stop_lines:
        station, lateral = path.nearest(line.centre.x, line.centre.y)
        x, y, yaw = path.pose(station)
        if abs(lateral) < ON_LINE and abs(wrap_angle(yaw - line.centre.yaw)) < ALIGNED and 0.0 < station < path.length:
            along = np.array([math.cos(line.centre.yaw), math.sin(line.centre.yaw)])
            found.append(RouteStop(station, float(np.ptp((line.quad - (x, y)) @ along)), line.id))
    return tuple(sorted(found, key=lambda stop: stop.station))
