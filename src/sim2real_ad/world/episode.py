"""One episode in any world: start, step until the verdict is done, and keep what happened."""

from __future__ import annotations

import hashlib
from array import array

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.errors import WorldError
from sim2real_ad.types import ControlCommand
from sim2real_ad.world.judge import Judge, Verdict
from sim2real_ad.world.protocol import GroundTruth, World, WorldTick
from sim2real_ad.world.randomization import Domain
from sim2real_ad.world.scenarios import Scenario

TRAJECTORY_COLUMNS = ("time_s", "x", "y", "yaw", "speed", "acceleration", "steering_tire_angle")
HASHED_COLUMNS = 5


class Episode:
    """Drives one episode of a scenario, judging every tick by the world's ground truth."""

    def __init__(self, world: World, scenario: Scenario, seed: int, domain: Domain | None = None) -> None:
        self.world = world
        self.scenario = scenario
        self.seed = seed
        self.domain = domain
        self._judge: Judge | None = None
        self._rows = array("d")

    def start(self) -> WorldTick:
        """Reset the world and return its first tick. Raises ScenarioError, MapError or WorldError."""
        first = self.world.reset(self.scenario, self.seed, self.domain)
        self._judge = Judge(self.world.plan, self.world.network, self.world.profile)
        self._rows = array("d")
        self._record(self.world.truth())
        return first

    def step(self, command: ControlCommand) -> WorldTick:
        """Apply a command, advance by one tick and judge it. Raises WorldError before start or after the end."""
        if self.verdict.done:
            raise WorldError(f"the episode of '{self.scenario.name}', seed {self.seed}, is over")
        self.world.apply(command)
        tick = self.world.tick()
        self._record(self.world.truth())
        return tick

    @property
    def verdict(self) -> Verdict:
        """What is known so far."""
        return self._started().verdict

    @property
    def trajectory(self) -> NDArray[np.float64]:
        """What the ego did, a row a tick, columns as in TRAJECTORY_COLUMNS; map frame, SI."""
        return np.array(self._rows, dtype=np.float64).reshape(-1, len(TRAJECTORY_COLUMNS))

    @property
    def trajectory_hash(self) -> str:
        """SHA-256, in hex, over every tick's (time, x, y, yaw, speed) as little-endian float64, row by row."""
        return trajectory_hash(self.trajectory)

    def _record(self, truth: GroundTruth) -> None:
        self._started().step(truth)
        ego, pose = truth.ego, truth.ego.pose
        row = (truth.time_s, pose.x, pose.y, pose.yaw, ego.speed, ego.acceleration, ego.steering_tire_angle)
        self._rows.extend(row)

    def _started(self) -> Judge:
        if self._judge is None:
            raise WorldError(f"the episode of '{self.scenario.name}', seed {self.seed}, has not been started")
        return self._judge


def trajectory_hash(trajectory: NDArray[np.float64]) -> str:
    """Hash a trajectory (N, columns >= 5), whose first columns are TRAJECTORY_COLUMNS, as Episode does."""
    return hashlib.sha256(np.ascontiguousarray(trajectory[:, :HASHED_COLUMNS], dtype="<f8").tobytes()).hexdigest()
