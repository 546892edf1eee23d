"""The World on a CARLA server, through the carla client alone: a real server or our own, it makes no difference."""

from __future__ import annotations

import atexit

from sim2real_ad.control.pedal_map import PedalMap, pedals_from_command
from sim2real_ad.errors import WorldError
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import NANOSECONDS, CameraFrame, ControlCommand, EgoState, UInt8Array, ns_from_seconds
from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.boxes import touched_actor
from sim2real_ad.world.carla.cast import Ego, Troupe
from sim2real_ad.world.carla.session import CarlaSession
from sim2real_ad.world.director import Director
from sim2real_ad.world.embedded.bev import TruthBev
from sim2real_ad.world.embedded.roads import RoadNetwork
from sim2real_ad.world.plan import EpisodePlan
from sim2real_ad.world.protocol import GroundTruth, WorldTick, require_finite
from sim2real_ad.world.randomization import Domain, sample_domain
from sim2real_ad.world.scenarios import Scenario, plan_episode

EPISODE_GAP_NS = NANOSECONDS
"""Between the last stamp of an episode and the first of the next: stages take it for a new drive."""
MOST_IDLE_TICKS = 5
"""A CARLA server whose tick overtakes the camera's subscription sends no picture of it, so ticks are repeated."""
UNKNOWN_ACTOR = -1
"""What the ego touches where it is none of the plan's actors: a wall or a post of the server's map."""


class CarlaWorld:
    """Runs scenarios on a CARLA server.

    Attributes as in `World`; network, plan and domain exist from reset on. Stamps come from the snapshots and rise
    over all episodes, EPISODE_GAP_NS or more between two.
    """

    network: RoadNetwork
    plan: EpisodePlan
    domain: Domain
    _state: EgoState

    def __init__(
        self,
        host: str,
        port: int,
        profile: VehicleProfile,
        camera: CameraModel,
        *,
        tick_s: float = 0.05,
        timeout_s: float = 10.0,
    ) -> None:
        """Connect. Raises WorldError with host and port where no CARLA server answers within timeout_s."""
        self.profile, self.camera, self.tick_s = profile, camera, tick_s
        self._pedal_map = PedalMap.load(profile)
        self._session = CarlaSession(host, port, tick_s, timeout_s)
        self._ego: Ego | None = None
        self._troupe: Troupe | None = None
        self._bevs: dict[BevSpec, TruthBev] = {}
        self._offset_ns = 0
        self._last_stamp_ns = -EPISODE_GAP_NS
        self._closed = False
        atexit.register(self.close)  # the carla client aborts a process that ends while a sensor listens

    def reset(self, scenario: Scenario, seed: int, domain: Domain | None = None) -> WorldTick:
        """Lay out an episode and return its first tick. The same arguments give the same episode, bit for bit.

        domain None means the one that the seed draws. Raises ScenarioError, MapError and WorldError.
        """
        if self._closed:
            raise WorldError("the CARLA world is closed")
        self._leave_episode()
        network = RoadNetwork.load(scenario.map_for(seed))
        if not hasattr(self, "network") or network is not self.network:
            self._bevs.clear()
        self.network, self.plan = network, plan_episode(scenario, network, seed)
        self.domain = domain or sample_domain(seed)
        self._director = Director(self.plan, network)
        self._actors = self._director.states()
        self._command = ControlCommand(0, 0.0, 0.0)
        self._session.load(network, self.domain)
        self._enter_episode()
        return self._first_tick()

    def apply(self, command: ControlCommand) -> None:
        """Command the ego car from the next tick on. Raises WorldError where a number is not finite."""
        self._running()
        require_finite(command)
        self._command = command

    def tick(self) -> WorldTick:
        """Advance by tick_s. Raises WorldError, with host and port, where the server is gone."""
        ego, troupe = self._running()
        pedals = pedals_from_command(self._command, self._state.speed, self.profile, self._pedal_map)
        self._director.step(self.tick_s, self._state, self.profile)
        self._actors = self._director.states()
        self._session.send([ego.command(pedals, self._state.speed), *troupe.moves(self._actors)])
        snapshot = self._session.tick()
        self._ticks += 1
        self._frame = snapshot.frame
        self._state = ego.state(snapshot, self._stamp(snapshot.timestamp.elapsed_seconds))
        return WorldTick(self._picture(ego), self._state)

    def truth(self) -> GroundTruth:
        """Return the privileged state of the last tick."""
        ego, troupe = self._running()
        touched = touched_actor(self._state.pose, self.profile, self._actors)
        hit = ego.collisions.during(self._frame)
        if touched is None and hit is not None:
            touched = troupe.planned_id(hit) or UNKNOWN_ACTOR
        return GroundTruth(self._ticks * self.tick_s, self._state, self._actors, touched)

    def truth_bev(self, spec: BevSpec) -> UInt8Array:
        """Return the exact BEV (C, H, W) of the last tick, 0 or 255."""
        self._running()
        if spec not in self._bevs:
            self._bevs[spec] = TruthBev(self.network, spec)
        return self._bevs[spec].render(self._state.pose, self._actors)

    def close(self) -> None:
        """Remove every actor and give the server its settings back; may be called twice."""
        self._closed = True
        self._leave_episode()
        self._session.close()
        atexit.unregister(self.close)

    def _enter_episode(self) -> None:
        with self._session.patient():  # the first camera on a map waits for its scenery
            self._ego = Ego(self._session, self.profile, self.domain.jittered(self.camera), self.plan.ego_start)
        try:
            self._troupe = Troupe(self._session, self._actors)
            self._session.send(self._troupe.moves(self._actors))
        except WorldError:
            self._leave_episode()
            raise

    def _first_tick(self) -> WorldTick:
        """Tick once with the car held in place, so that an episode starts where and as fast as its plan says."""
        ego, _ = self._running()
        snapshot = self._session.tick()
        for _ in range(MOST_IDLE_TICKS):  # until the camera's stream is up; nothing moves meanwhile
            if ego.frames.wait(snapshot.frame, self._session.timeout_s / MOST_IDLE_TICKS):
                break
            snapshot = self._session.tick()
        self._ticks = 0
        self._frame = snapshot.frame
        elapsed_ns = ns_from_seconds(snapshot.timestamp.elapsed_seconds)
        self._offset_ns = max(0, self._last_stamp_ns + EPISODE_GAP_NS - elapsed_ns)
        held = ego.state(snapshot, self._stamp(snapshot.timestamp.elapsed_seconds))
        self._state = EgoState(held.stamp_ns, held.pose, self.plan.ego_speed)
        tick = WorldTick(self._picture(ego), self._state)
        ego.release(self.plan.ego_speed)
        return tick

    def _stamp(self, elapsed_s: float) -> int:
        self._last_stamp_ns = self._offset_ns + ns_from_seconds(elapsed_s)
        return self._last_stamp_ns

    def _picture(self, ego: Ego) -> CameraFrame:
        source = f"CARLA server {self._session.host}:{self._session.port}"
        rgb = ego.frames.take(self._frame, self._session.timeout_s, source)
        return CameraFrame(self._state.stamp_ns, rgb, self._ticks)

    def _running(self) -> tuple[Ego, Troupe]:
        if self._ego is None or self._troupe is None:
            raise WorldError("the CARLA world is closed" if self._closed else "the CARLA world needs a reset")
        return self._ego, self._troupe

    def _leave_episode(self) -> None:
        for part in (self._ego, self._troupe):
            if part is not None:
                part.destroy()
        self._ego = self._troupe = None
