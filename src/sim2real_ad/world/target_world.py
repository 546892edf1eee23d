"""Any world as a target domain shows it: physics and light by the domain, pictures through the domain's lens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import ControlCommand, UInt8Array
from sim2real_ad.vehicle.profile import VehicleProfile
from sim2real_ad.world.embedded.roads import RoadNetwork
from sim2real_ad.world.lens import Lens
from sim2real_ad.world.plan import EpisodePlan
from sim2real_ad.world.protocol import GroundTruth, World, WorldTick
from sim2real_ad.world.randomization import Domain
from sim2real_ad.world.scenarios import Scenario
from sim2real_ad.world.target_domain import TargetDomain


class TargetWorld:
    """A `World` around another one. camera: the target's, as its calibration says; network, plan: from reset on."""

    tick_s: float
    profile: VehicleProfile
    network: RoadNetwork
    plan: EpisodePlan
    camera: CameraModel

    def __init__(self, target: TargetDomain, camera: CameraModel, open_world: Callable[[CameraModel], World]) -> None:
        """open_world: opens the world around the ideal camera that the renderer can draw. Raises CalibrationError."""
        self._target = target
        self._lens = Lens(camera, target.sensor)
        self._world = open_world(self._lens.rendered)
        self._seed = 0
        self.camera, self.profile, self.tick_s = camera, self._world.profile, self._world.tick_s

    def reset(self, scenario: Scenario, seed: int, domain: Domain | None = None) -> WorldTick:
        """Lay out an episode and return its first tick; domain None means the one that the target draws."""
        self._seed = seed
        first = self._world.reset(scenario, seed, domain or self._target.draw(seed))
        self.network, self.plan = self._world.network, self._world.plan
        return self._seen(first)

    def apply(self, command: ControlCommand) -> None:
        """Command the ego car from the next tick on."""
        self._world.apply(command)

    def tick(self) -> WorldTick:
        """Advance by tick_s."""
        return self._seen(self._world.tick())

    def truth(self) -> GroundTruth:
        """Return the privileged state of the last tick."""
        return self._world.truth()

    def truth_bev(self, spec: BevSpec) -> UInt8Array:
        """Return the exact BEV (C, H, W) of the last tick, 0 or 255."""
        return self._world.truth_bev(spec)

    def close(self) -> None:
        """Release everything; may be called twice."""
        self._world.close()

    def _seen(self, tick: WorldTick) -> WorldTick:
        frame = tick.frame
        if frame is None:
            return tick
        return replace(tick, frame=replace(frame, rgb=self._lens.take(frame.rgb, self._seed, frame.sequence)))
