"""The fixed set of commands that tracking is measured on: made-up manoeuvres, and drives of the rule-based expert."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.training.expert import Expert
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.episode import Episode
from sim2real_ad.world.scenarios import load_scenario

Floats = NDArray[np.float64]

FRAME_S = 0.05
LENGTH_S = 20.0
SCENARIOS, VEHICLE = ("obstacle_avoidance", "stop_sign", "car_following"), "saloon"
"""That the expert drives, and its car."""
SEED = 5_000
"""Of the drives: not one of those for judging."""


@dataclass(frozen=True)
class Manoeuvre:
    """Commands at 20 Hz. angle: (N,) rad; acceleration: (N,) m/s^2; speed: (N,) m/s of the car that they were for."""

    name: str
    angle: Floats
    acceleration: Floats
    speed: Floats


def all_manoeuvres() -> tuple[Manoeuvre, ...]:
    """Return the set. Raises MapError or ScenarioError where the drives cannot be laid out."""
    return (*made_up_manoeuvres(), *expert_drives())


def made_up_manoeuvres() -> tuple[Manoeuvre, ...]:
    """Return slalom, lane change, S-curve and stop and go, within a van's limits."""
    time = np.arange(0.0, LENGTH_S, FRAME_S)
    still, fast = np.zeros_like(time), np.full_like(time, 8.0)
    slalom = 0.10 * np.sin(2.0 * np.pi * time / 5.0)
    turn = (time % 10.0) / 4.0
    # One whole sine: out of the lane, and straight again in the next one, 4 s later; the way back 10 s on.
    lane_change = np.where(turn < 1.0, 0.06 * np.sin(2.0 * np.pi * turn), 0.0) * np.where(time < 10.0, 1.0, -1.0)
    s_curve = 0.12 * np.interp(time, [2.0, 4.0, 7.0, 10.0, 13.0, 15.0], [0.0, 1.0, 1.0, -1.0, -1.0, 0.0])
    acceleration = np.interp(
        time % 10.0,
        [0.0, 0.6, 3.5, 4.1, 5.0, 5.6, 7.4, 8.0, 10.0],
        [0.0, 1.5, 1.5, 0.0, 0.0, -2.0, -2.0, 0.0, 0.0],
    )
    speed = 2.0 + np.maximum(0.0, np.cumsum(acceleration) * FRAME_S)
    return (
        Manoeuvre("slalom", slalom, still, fast),
        Manoeuvre("lane change", lane_change, still, fast),
        Manoeuvre("S-curve", s_curve, still, fast),
        Manoeuvre("stop and go", still, acceleration, speed),
    )


def expert_drives() -> tuple[Manoeuvre, ...]:
    """Return what the expert commands in the embedded world, a drive a scenario."""
    return tuple(map(_drive, SCENARIOS))


def _drive(scenario: str) -> Manoeuvre:
    profile = load_vehicle(VEHICLE)
    world = EmbeddedWorld(profile, load_camera("default"), cameras=False)
    episode = Episode(world, load_scenario(scenario), SEED)
    episode.start()
    expert, mapping, rows = Expert(world.plan, profile), ActionMapping(profile), []
    while not episode.verdict.done:
        truth = world.truth()
        command = mapping.step(expert.act(truth), truth.ego)
        rows.append((command.steering_tire_angle, command.acceleration, truth.ego.speed))
        episode.step(command)
    world.close()
    angle, acceleration, speed = np.array(rows).T
    return Manoeuvre(f"expert, {scenario.replace('_', ' ')}", angle, acceleration, speed)
