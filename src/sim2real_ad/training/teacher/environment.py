"""Driving on privileged state, in any world: what a teacher is trained in, whichever algorithm and reward.

The action goes through the action mapping of the vehicle, and the actuators' delay and lag are in the loop. The reward
given at a step is the one without guidance; where guidance is to score a tick, its scene is handed out with it, and
whoever collects steps adds what the score changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pydantic import Field

from sim2real_ad.config import StrictModel
from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.guidance import Scene, driven_curvature
from sim2real_ad.reward.moment import Moment
from sim2real_ad.training.expert import Expert
from sim2real_ad.training.route_view import RouteSituation, RouteView
from sim2real_ad.training.seeds import TEACHER_SEEDS
from sim2real_ad.training.teacher.moments import MomentMaker
from sim2real_ad.training.teacher.state import LARGEST, STATE_SIZE, StateEncoder
from sim2real_ad.types import Action, FloatArray
from sim2real_ad.vehicle.profile import VehicleProfile, load_vehicle
from sim2real_ad.world.embedded.world import EmbeddedWorld
from sim2real_ad.world.episode import Episode
from sim2real_ad.world.protocol import GroundTruth, World, WorldTick
from sim2real_ad.world.scenarios import load_scenario


class RewardFunction(Protocol):
    """What the environment needs of a reward (see `reward.rewards.Reward`)."""

    @property
    def uses_guidance(self) -> bool:
        """Whether a score changes anything."""
        ...

    def terms(self, moment: Moment, score: float | None) -> dict[str, float]:
        """Return the named terms of a moment; score None where guidance has no say."""
        ...

    def total(self, terms: dict[str, float]) -> float:
        """Weigh the terms in one sum."""
        ...


class TeacherEnvSettings(StrictModel):
    """Which drives. seeds: first and one past the last.

    action_repeat: ticks for which an action holds; at 20 Hz what one action did is lost among those around it, and a
    policy that learned on held actions drives as well without. guidance_stride: steps from one scored to the next.
    """

    scenarios: tuple[str, ...] = Field(default=("car_following", "obstacle_avoidance", "stop_sign"), min_length=1)
    seeds: tuple[int, int] = (TEACHER_SEEDS.start, TEACHER_SEEDS.stop)
    vehicle: str = "saloon"
    camera: str = "default"
    world: Literal["embedded", "carla"] = "embedded"
    host: str = "127.0.0.1"
    port: int = Field(default=2000, ge=1, le=65535)
    action_repeat: int = Field(default=1, ge=1, le=20)
    guidance_stride: int = Field(default=4, ge=1)
    view: Literal["bev", "camera"] = "bev"

    @property
    def as_driven(self) -> TeacherEnvSettings:
        """The same drives with an action at every tick: how a policy is judged, and driven."""
        return self.model_copy(update={"action_repeat": 1})


class TeacherEnv(gymnasium.Env[FloatArray, NDArray[np.float32]]):
    """One episode after the other, of scenarios and seeds drawn at random.

    Observation: the privileged state, (STATE_SIZE,) float32. Action: curvature and acceleration in [-1, 1].
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - gymnasium's own declaration

    def __init__(self, settings: TeacherEnvSettings, reward: RewardFunction) -> None:
        """Open the world. Raises ScenarioError, ConfigError or WorldError."""
        self.settings = settings
        self.reward = reward
        self.profile = load_vehicle(settings.vehicle)
        self.world = open_world(settings, self.profile, pictures=reward.uses_guidance and settings.view == "camera")
        self.scenarios = {name: load_scenario(name) for name in settings.scenarios}
        self.observation_space = spaces.Box(-LARGEST, LARGEST, (STATE_SIZE,), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self._mapping = ActionMapping(self.profile)
        self._bev = BevSpec()
        self._drive: _Drive | None = None
        self._ticks = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Start an episode. options may pick it: {"scenario": name, "episode_seed": int}; else it is drawn."""
        super().reset(seed=seed)
        picked = options or {}
        scenario = picked.get("scenario") or self.settings.scenarios[self.np_random.integers(len(self.scenarios))]
        drawn = self.np_random.integers(*self.settings.seeds)
        episode_seed = int(picked.get("episode_seed", drawn))
        episode = Episode(self.world, self.scenarios[scenario], episode_seed)
        self._drive = _Drive(episode, self.profile)
        self._ticks = 0
        return self._drive.state(), {"scenario": scenario, "episode_seed": episode_seed}

    def step(self, action: NDArray[np.float32]) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """Act for action_repeat ticks, or to the episode's end. terminated: goal or infraction; truncated: time limit.

        info holds moments (one a tick), moment (the last of them), scene (None where guidance is not to score this
        step), terms (summed over the ticks), success, infractions, scenario and episode_seed.
        """
        if self._drive is None:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        curvature, acceleration = np.clip(np.asarray(action, np.float64), -1.0, 1.0).tolist()
        episode = self._drive.episode
        moments: list[Moment] = []
        while len(moments) < self.settings.action_repeat and not episode.verdict.done:
            moments.append(self._drive.act(curvature, acceleration, self._mapping))
        moment = moments[-1]
        terms = summed_terms(self.reward, moments, None)
        info = {
            "moments": tuple(moments),
            "moment": moment,
            "scene": self._scene() if self.reward.uses_guidance and self._scored() else None,
            "terms": terms,
            "success": moment.success,
            "infractions": tuple(infraction.kind for infraction in episode.verdict.infractions),
            "scenario": episode.scenario.name,
            "episode_seed": episode.seed,
        }
        truncated = moment.infraction == "timeout"
        terminated = episode.verdict.done and not truncated
        return self._drive.state(), self.reward.total(terms), terminated, truncated, info

    def expert_action(self) -> FloatArray:
        """Return what the rule-based expert would do now, (2,) in [-1, 1]. Raises ResetNeeded before reset."""
        if self._drive is None:
            raise gymnasium.error.ResetNeeded("call reset() before expert_action()")
        return self._drive.expert_action()

    def scene(self) -> Scene:
        """Return what guidance would look at now. Raises ResetNeeded before reset."""
        if self._drive is None:
            raise gymnasium.error.ResetNeeded("call reset() before scene()")
        return self._scene()

    def close(self) -> None:
        """Release the world; may be called twice."""
        self.world.close()

    def _scored(self) -> bool:
        self._ticks += 1
        assert self._drive is not None
        return self._ticks % self.settings.guidance_stride == 1 % self.settings.guidance_stride

    def _scene(self) -> Scene:
        assert self._drive is not None
        ego, frame = self._drive.truth.ego, self._drive.tick.frame
        curvature = driven_curvature(ego.speed, ego.yaw_rate, ego.steering_tire_angle, self.profile.wheelbase)
        bev = self.world.truth_bev(self._bev).copy()
        return Scene(bev, ego.speed, curvature, None if frame is None else frame.rgb)


class _Drive:
    """One episode under way."""

    def __init__(self, episode: Episode, profile: VehicleProfile) -> None:
        self.episode = episode
        self.tick: WorldTick = episode.start()
        world = episode.world
        self._view = RouteView(world.plan, profile)
        self._expert: Expert | None = None  # made when it is asked: reinforcement learning never does
        self._encoder = StateEncoder(self._view)
        self.truth: GroundTruth = world.truth()
        self.situation: RouteSituation = self._view.update(self.truth)
        self._moments = MomentMaker(self._view, world.tick_s, self.truth, self.situation)

    def act(self, curvature: float, acceleration: float, mapping: ActionMapping) -> Moment:
        """Act for one tick, both in [-1, 1]."""
        ego = self.tick.ego
        action = Action(ego.stamp_ns, curvature, acceleration)
        self.tick = self.episode.step(mapping.step(action, ego))
        self.truth = self.episode.world.truth()
        self.situation = self._view.update(self.truth)
        self._encoder.acted(action)
        return self._moments.make(self.truth, self.situation, action, self.episode.verdict)

    def state(self) -> FloatArray:
        """Return the privileged state (STATE_SIZE,)."""
        return self._encoder.encode(self.truth, self.situation)

    def expert_action(self) -> FloatArray:
        """Return what the rules would do, (2,) in [-1, 1]."""
        if self._expert is None:
            self._expert = Expert(self.episode.world.plan, self._view.profile)
        action = self._expert.act_in(self.situation, self.truth.ego)
        return np.array((action.curvature, action.acceleration), np.float32)


def summed_terms(reward: RewardFunction, moments: Sequence[Moment], score: float | None) -> dict[str, float]:
    """Return the terms of a step, summed over its moments; the total of a sum is the sum of the totals."""
    first, *others = (reward.terms(moment, score) for moment in moments)
    return {name: value + sum(terms[name] for terms in others) for name, value in first.items()}


def open_world(settings: TeacherEnvSettings, profile: VehicleProfile, *, pictures: bool) -> World:
    """Open the world that the settings name. Raises WorldError where it cannot be reached or cannot draw."""
    camera = load_camera(settings.camera)
    if settings.world == "embedded":
        return EmbeddedWorld(profile, camera, cameras=pictures)
    from sim2real_ad.world.carla.client import CarlaWorld

    return CarlaWorld(settings.host, settings.port, profile, camera)
