"""The embedded world as a Gymnasium environment: `gymnasium.make("sim2real_ad.training.environment:s2r/Driving-v0")`.

The action is the policy's own (curvature and acceleration in [-1, 1]) and goes through the same action mapping. The
observation is made by the same assembler or stage as on the car.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.observation.stage import ObservationAssembler
from sim2real_ad.pipeline import ObservationStage
from sim2real_ad.training.seeds import STUDENT_SEEDS
from sim2real_ad.types import Action, Observation, UInt8Array
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.episode import Episode
from sim2real_ad.world.judge import Verdict
from sim2real_ad.world.protocol import WorldTick
from sim2real_ad.world.scenarios import load_scenario

ENVIRONMENT_ID = "s2r/Driving-v0"
REWARD_WEIGHTS = {"progress": 100.0, "success": 10.0, "infraction": -10.0}
"""A term's unit is named in `reward_terms`; a whole drive's progress is worth 100."""
LARGEST = 1e4
"""Bound of every real number in an observation, in its own unit."""

Observed = dict[str, NDArray[Any]]


class DrivingEnv(gymnasium.Env[Observed, NDArray[np.float32]]):
    """Drives one episode of a scenario after the other.

    Observations are dictionaries of the arrays of `types.Observation`; speed_limit is (1,), m/s. Without a stage the
    BEV is the exact one, seen everywhere, and no camera is rendered; with one, the stage sees the camera.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 - gymnasium's own declaration

    def __init__(
        self,
        scenario: str = "car_following",
        *,
        seeds: range = STUDENT_SEEDS,
        vehicle: str = "saloon",
        camera: str = "default",
        observation_spec: ObservationSpec | None = None,
        stage: ObservationStage | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Open a world. seeds: of the episodes to draw from. Raises ScenarioError, ConfigError or WorldError."""
        self.render_mode = render_mode
        self.observation_spec = observation_spec or ObservationSpec()
        profile = load_vehicle(vehicle)
        cameras = stage is not None or render_mode is not None
        self.world = EmbeddedWorld(profile, load_camera(camera), cameras=cameras)
        self.scenario = load_scenario(scenario)
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.observation_space: spaces.Space[Observed] = _observation_space(self.observation_spec)
        self._seeds = seeds
        self._mapping = ActionMapping(profile)
        self._stage = stage
        self._assembler = ObservationAssembler(self.observation_spec)
        self._all_seen: UInt8Array = np.full(self.observation_spec.bev.shape[1:], 255, np.uint8)
        self._episode: Episode | None = None
        self._tick: WorldTick | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observed, dict[str, Any]]:
        """Start an episode. options {"episode_seed": int} picks it; otherwise it is drawn from the seeds."""
        super().reset(seed=seed)
        picked = (options or {}).get("episode_seed")
        episode_seed = int(self.np_random.choice(self._seeds)) if picked is None else int(picked)
        self._episode = Episode(self.world, self.scenario, episode_seed)
        self._tick = self._episode.start()
        (self._stage or self._assembler).reset()
        return self._observe(), {"episode_seed": episode_seed, "scenario": self.scenario.name}

    def step(self, action: NDArray[np.float32]) -> tuple[Observed, float, bool, bool, dict[str, Any]]:
        """Act for one tick. terminated: goal or infraction; truncated: time limit. info holds the reward's terms."""
        if self._episode is None or self._tick is None:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        ego = self._tick.ego
        curvature, acceleration = np.clip(np.asarray(action, np.float64), -1.0, 1.0).tolist()
        before = self._episode.verdict
        self._tick = self._episode.step(self._mapping.step(Action(ego.stamp_ns, curvature, acceleration), ego))
        after = self._episode.verdict
        terms = reward_terms(before, after)
        truncated = any(infraction.kind == "timeout" for infraction in after.infractions)
        info = {
            "reward_terms": terms,
            "success": after.success,
            "infractions": tuple(infraction.kind for infraction in after.infractions),
            "progress": after.progress,
        }
        reward = sum(REWARD_WEIGHTS[name] * value for name, value in terms.items())
        return self._observe(), float(reward), after.done and not truncated, truncated, info

    def render(self) -> Any:
        """Return the camera's picture (H, W, 3) uint8 where render_mode is "rgb_array", else None."""
        frame = self._tick.frame if self._tick is not None else None
        return None if self.render_mode is None or frame is None else frame.rgb

    def close(self) -> None:
        """Release the world; may be called twice."""
        self.world.close()

    def _observe(self) -> Observed:
        assert self._tick is not None
        ego, route, frame = self._tick.ego, self.world.plan.route, self._tick.frame
        if self._stage is not None and frame is not None:
            return _arrays(self._stage.step(frame, ego, route))
        bev = self.world.truth_bev(self.observation_spec.bev)
        return _arrays(self._assembler.step(ego.stamp_ns, bev, self._all_seen, ego, route))


def reward_terms(before: Verdict, after: Verdict) -> dict[str, float]:
    """Return a tick's named terms: progress, the share of the way driven in it; success and infraction, 0 or 1.

    A timeout is not an infraction here: it truncates the episode.
    """
    wrong = any(infraction.kind != "timeout" for infraction in after.infractions)
    return {
        "progress": after.progress - before.progress,
        "success": float(after.success and not before.success),
        "infraction": float(wrong and not before.done),
    }


def _observation_space(spec: ObservationSpec) -> Any:
    channels, height, width = spec.bev.shape
    return spaces.Dict(
        {
            "bev": spaces.Box(0, 255, (channels, height, width), np.uint8),
            "validity": spaces.Box(0, 255, (height, width), np.uint8),
            "history": spaces.Box(0, 255, (len(spec.history_s), channels, height, width), np.uint8),
            "ego": spaces.Box(-LARGEST, LARGEST, (len(spec.ego_features),), np.float32),
            "route": spaces.Box(-LARGEST, LARGEST, (spec.route_points, 2), np.float32),
            "speed_limit": spaces.Box(0.0, LARGEST, (1,), np.float32),
        }
    )


def _arrays(observation: Observation) -> Observed:
    # Copies where the stage keeps the array: whoever gets an observation may keep and change it.
    return {
        "bev": observation.bev.copy(),
        "validity": observation.validity.copy(),
        "history": observation.history,
        "ego": observation.ego,
        "route": observation.route,
        "speed_limit": np.array([observation.speed_limit], np.float32),
    }


gymnasium.register(id=ENVIRONMENT_ID, entry_point="sim2real_ad.training.environment:DrivingEnv")
