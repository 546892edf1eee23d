"""What has to be known of a bag before its first frame is stepped: a look at its beginning, and at the driven way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from sim2real_ad.bag.definitions import BagDecoder
from sim2real_ad.bag.source import BagSource, open_bag
from sim2real_ad.errors import SourceError
from sim2real_ad.replay.roles import Role, Roles
from sim2real_ad.types import Route

LOOKED_AT = 400
"""Messages at a bag's beginning that tell how it was made."""
POINT_EVERY_M = 1.0
LONGEST_STEP_M = 20.0
"""From one report of the place to the next; farther, another drive begins."""
LEAST_SPEED_LIMIT = 5.0
"""m/s"""
TELLING: tuple[Role, ...] = ("gate_status", "control_mode", "camera_info")


@dataclass(frozen=True)
class Outlook:
    """lockstep: every decision of the gate was made at its frame's own stamp; autonomous: the car took commands;
    camera_info: the driver's calibration as a message, None where there is none."""

    lockstep: bool
    autonomous: bool
    camera_info: Any


def look_ahead(path: Path, roles: Roles) -> Outlook:
    """Look at a bag's beginning. Raises SourceError where it cannot be opened or decoded."""
    told = {role: roles.topic_of[role] for role in TELLING if role in roles}
    found: dict[str, list[Any]] = {topic: [] for topic in told.values()}
    decode = BagDecoder()
    if told:
        with open_bag(path) as bag:
            for raw in islice(bag.messages(found), LOOKED_AT):
                found[raw.topic].append(decode(raw))
    by_role = {role: found[topic] for role, topic in told.items()}
    ages = [status.age for status in by_role.get("gate_status", []) if status.age >= 0.0]
    modes = by_role.get("control_mode", [])
    infos = by_role.get("camera_info", [])
    return Outlook(
        lockstep=bool(ages) and not any(ages),
        autonomous="control" in roles and any(mode.mode == mode.AUTONOMOUS for mode in modes),
        camera_info=infos[0] if infos else None,
    )


def driven_route(bag: BagSource, roles: Roles) -> Route:
    """Return the way that was driven as the route, for bags without one. Raises SourceError where nothing moved."""
    decode, topic = BagDecoder(), roles.topic_of["odometry"]
    points: list[tuple[float, float]] = []
    fastest = 0.0
    for raw in bag.messages([topic]):
        message = decode(raw)
        place = message.pose.pose.position
        fastest = max(fastest, message.twist.twist.linear.x)
        step = math.dist(points[-1], (place.x, place.y)) if points else math.inf
        if points and step > LONGEST_STEP_M:
            break
        if step >= POINT_EVERY_M:
            points.append((place.x, place.y))
    if len(points) < 2:
        raise SourceError(f"{bag.path}: no route, and {topic} never moves by {POINT_EVERY_M} m, so none can be made")
    # The car has to know where to go beyond its last place, too.
    ahead = np.array(points[-1]) - np.array(points[-2])
    beyond = [tuple((np.array(points[-1]) + ahead * n).tolist()) for n in range(1, 61)]
    return Route(0, np.array([*points, *beyond], np.float64), max(fastest, LEAST_SPEED_LIMIT))
