"""The embedded world: a `World` in this process, with or without cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim2real_ad.control.pedal_map import PedalMap, pedals_from_command
from sim2real_ad.errors import WorldError
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import CameraFrame, ControlCommand, EgoState, UInt8Array, ns_from_seconds
from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.boxes import touched_actor
from sim2real_ad.world.director import Director
from sim2real_ad.world.embedded.bev import TruthBev
from sim2real_ad.world.embedded.dynamics import SUBSTEP_S, EgoDynamics
from sim2real_ad.world.embedded.roads import RoadNetwork
from sim2real_ad.world.embedded.suspension import body_bank
from sim2real_ad.world.plan import EpisodePlan
from sim2real_ad.world.protocol import ActorState, GroundTruth, WorldTick, require_finite
from sim2real_ad.world.randomization import Domain, sample_domain
from sim2real_ad.world.scenarios import Scenario, plan_episode

if TYPE_CHECKING:
    from sim2real_ad.world.embedded.renderer import PandaRenderer


class EmbeddedWorld:
    """Runs scenarios in process: the ego's dynamics, the other road users, the camera, all from one seed.

    Attributes as in `World`; network and plan exist from reset on. Stamps start at 0 with each episode.
    """

    network: RoadNetwork
    plan: EpisodePlan

    def __init__(
        self,
        profile: VehicleProfile,
        camera: CameraModel,
        *,
        cameras: bool = True,
        semantic: bool = False,
        tick_s: float = 0.05,
    ) -> None:
        """Set up without an episode. cameras False renders nothing and needs no graphics; semantic adds exact ids.

        Raises ConfigError for a profile without good pedal maps, WorldError for a tick that is not whole substeps or,
        with cameras, where the machine lacks EGL or OpenGL.
        """
        if tick_s <= 0.0 or abs(tick_s / SUBSTEP_S - round(tick_s / SUBSTEP_S)) > 1e-9:
            raise WorldError(f"tick_s must be a whole number of {SUBSTEP_S} s substeps, got {tick_s}")
        self.profile = profile
        self.camera = camera
        self.tick_s = tick_s
        self._pedal_map = PedalMap.load(profile)
        self._semantic_wanted = semantic
        self._renderer = _open_renderer(camera) if cameras else None
        self._scene: tuple[RoadNetwork, Domain] | None = None
        self._bevs: dict[BevSpec, TruthBev] = {}
        self._running = False
        self._closed = False

    def reset(self, scenario: Scenario, seed: int, domain: Domain | None = None) -> WorldTick:
        """Lay out an episode and return its first tick. The same arguments give the same episode, bit for bit.

        domain None means the one that the seed draws. Raises ScenarioError, MapError, or WorldError after close.
        """
        if self._closed:
            raise WorldError("the embedded world is closed")
        self._running = False
        network = RoadNetwork.load(scenario.map_for(seed))
        if not hasattr(self, "network") or network is not self.network:
            self._bevs.clear()
        self.network = network
        self.plan = plan_episode(scenario, network, seed)
        self.domain = domain or sample_domain(seed)
        self._director = Director(self.plan, network)
        self._dynamics = EgoDynamics(self.profile, self.domain.dynamics, self._pedal_map)
        self._dynamics.reset(self.plan.ego_start, self.plan.ego_speed)
        self._command = ControlCommand(0, 0.0, 0.0)
        self._ticks = 0
        self._running = True
        return self._look()

    def apply(self, command: ControlCommand) -> None:
        """Command the ego car from the next tick on. Raises WorldError where a number is not finite."""
        self._check_running()
        require_finite(command)
        self._command = command

    def tick(self) -> WorldTick:
        """Advance by tick_s. Raises WorldError before reset or after close."""
        self._check_running()
        pedals = pedals_from_command(self._command, self._ego.speed, self.profile, self._pedal_map)
        self._director.step(self.tick_s, self._ego, self.profile)
        self._dynamics.step(pedals.throttle, pedals.brake, pedals.steer, self.tick_s)
        self._ticks += 1
        return self._look()

    def truth(self) -> GroundTruth:
        """Return the privileged state of the last tick."""
        self._check_running()
        touched = touched_actor(self._ego.pose, self.profile, self._actors)
        return GroundTruth(self._ticks * self.tick_s, self._ego, self._actors, touched)

    def truth_bev(self, spec: BevSpec) -> UInt8Array:
        """Return the exact BEV (C, H, W) of the last tick, 0 or 255."""
        self._check_running()
        if spec not in self._bevs:
            self._bevs[spec] = TruthBev(self.network, spec)
        return self._bevs[spec].render(self._ego.pose, self._actors)

    def semantic(self) -> UInt8Array:
        """Return the exact semantic ids (H, W) of the last tick's picture. Raises WorldError where it has none."""
        self._check_running()
        if self._semantic is None:
            raise WorldError("the embedded world renders no semantics: open it with cameras=True and semantic=True")
        return self._semantic

    def close(self) -> None:
        """Release everything; may be called twice."""
        self._closed, self._running = True, False
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _check_running(self) -> None:
        if not self._running:
            raise WorldError("the embedded world is closed" if self._closed else "the embedded world needs a reset")

    def _look(self) -> WorldTick:
        """Take stock of a new instant: the ego's state, the actors, the picture."""
        stamp_ns = ns_from_seconds(self._ticks * self.tick_s)
        motion = self._dynamics.state
        self._ego = EgoState(
            stamp_ns, motion.pose, motion.speed, motion.acceleration, motion.yaw_rate, motion.tire_angle
        )
        self._actors: tuple[ActorState, ...] = self._director.states()
        return WorldTick(self._picture(stamp_ns), self._ego)

    def _picture(self, stamp_ns: int) -> CameraFrame | None:
        self._semantic: UInt8Array | None = None
        if self._renderer is None:
            return None
        if self._scene != (self.network, self.domain):
            self._renderer.load_scene(self.network.scene_geometry(), self.domain)
            self._scene = (self.network, self.domain)
        view = self._renderer.render(
            self.domain.jittered(self.camera),
            self._ego.pose,
            self._actors,
            semantic=self._semantic_wanted,
            ego_bank=body_bank(self._ego.acceleration, self._ego.speed, self._ego.yaw_rate),
        )
        self._semantic = view.semantic
        return CameraFrame(stamp_ns, view.rgb, self._ticks)


def _open_renderer(camera: CameraModel) -> PandaRenderer:
    # Imported here, so that a world without cameras needs neither panda3d nor a graphics driver.
    from sim2real_ad.world.embedded.renderer import PandaRenderer

    return PandaRenderer(camera.width, camera.height)
