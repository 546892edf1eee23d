"""The observation stage: a camera frame, the car's own state and the route in, an Observation out."""

from __future__ import annotations

from typing import Protocol

from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.observation.doubts import Doubts
from sim2real_ad.observation.familiarity import FrozenPicture
from sim2real_ad.observation.history import BevHistory, DriveClock, EgoFeatures
from sim2real_ad.observation.knock import KnockedCamera
from sim2real_ad.observation.misfit import Misfit
from sim2real_ad.observation.route import route_ahead
from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.types import CameraFrame, EgoState, Observation, Route, UInt8Array


class ObservationAssembler:
    """Puts history, ego features and route around a BEV. The same for a learned BEV and, in training, the true one."""

    def __init__(self, spec: ObservationSpec) -> None:
        self.spec = spec
        self._clock = DriveClock(spec)
        self._history = BevHistory(spec)
        self._ego = EgoFeatures(spec)

    def step(
        self, stamp_ns: int, bev: UInt8Array, validity: UInt8Array, ego: EgoState, route: Route, ood: float = 0.0
    ) -> Observation:
        """Assemble the observation of one frame. bev (C, H, W), validity (H, W), both uint8."""
        if not self._clock.continues(stamp_ns, route.stamp_ns):
            self._history.reset()
            self._ego.reset()
        return Observation(
            stamp_ns=stamp_ns,
            bev=bev,
            validity=validity,
            history=self._history.step(stamp_ns, bev),
            ego=self._ego.step(ego),
            route=route_ahead(route.points, ego.pose, self.spec.route_points, self.spec.route_spacing),
            speed_limit=route.speed_limit,
            ood=ood,
        )

    def reset(self) -> None:
        """Forget the drive."""
        self._clock.reset()


class BevSource(Protocol):
    """What makes a BEV of a picture: the learned adapter. validity: (H, W) uint8, 255 where the camera sees a cell."""

    validity: UInt8Array

    def infer(self, frame: CameraFrame) -> tuple[UInt8Array, Doubts]:
        """Return the BEV (C, H, W) uint8 and how much is doubted of the picture."""
        ...


class LearnedObservationStage:
    """`pipeline.ObservationStage` over the learned adapter."""

    def __init__(self, adapter: BevSource, spec: ObservationSpec, camera: CameraModel) -> None:
        """camera: whose pictures it gets, and which the adapter is for."""
        self.spec = spec
        self._adapter = adapter
        self._assembler = ObservationAssembler(spec)
        self._frozen = FrozenPicture()
        self._knocked = KnockedCamera(camera)
        self._misfit = Misfit()

    def step(self, frame: CameraFrame, ego: EgoState, route: Route) -> Observation:
        """Observe one frame. Raises CalibrationError where the picture cannot be the calibrated camera's."""
        bev, doubts = self._adapter.infer(frame)
        ood = max(doubts.spoilt, self._doubt_of_drive(frame, doubts.misfit, ego))
        return self._assembler.step(frame.stamp_ns, bev, self._adapter.validity, ego, route, ood)

    def _doubt_of_drive(self, frame: CameraFrame, misfit: float, ego: EgoState) -> float:
        """Return what this picture and those before it say together. misfit: what it says by itself."""
        knocked = self._knocked.step(frame.stamp_ns, frame.rgb, ego)
        if knocked:  # what was seen before tells nothing of how the camera sits now
            self._misfit.reset()
        frozen = self._frozen.step(frame.stamp_ns, frame.rgb, ego)
        return max(frozen, knocked, self._misfit.step(frame.stamp_ns, misfit, ego))

    def reset(self) -> None:
        """Forget the history; the next frame starts a new drive."""
        self._assembler.reset()
        self._frozen.reset()
        self._knocked.reset()
        self._misfit.reset()
