"""The pipeline, stepped through a bag's messages as the nodes of the graph would: the same stages, joined the same way.

No clock: time is what the messages say. In a bag of a drive in lock-step each frame has its answer at its own stamp; in
any other the gate also decides at its rate between the messages, since silence is what it must notice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.policy.checkpoint import Checkpoint
from sim2real_ad.replay.readings import CarReader
from sim2real_ad.replay.roles import Role
from sim2real_ad.ros.conversions import route_from_message
from sim2real_ad.ros.ego_tracker import EgoTracker
from sim2real_ad.ros.frame_guard import FrameGuard
from sim2real_ad.ros.gate_inputs import InputKeeper
from sim2real_ad.ros.stamp_clock import StampClock
from sim2real_ad.safety.gate import Gate, GateConfig, GateDecision
from sim2real_ad.types import (
    Action,
    CameraFrame,
    ControlCommand,
    EgoState,
    Observation,
    Route,
    ns_from_seconds,
)
from sim2real_ad.vehicle.profile import VehicleProfile

RUNNING = 1
"""EpisodeStatus: a drive has begun."""
LONGEST_SILENCE_S = 10.0
"""Of a whole bag, after which the gate's rate begins anew: it was paused, not silent."""

Entry = CameraFrame | Observation | ControlCommand
"""What a bag's way through the pipeline begins with."""


@dataclass(frozen=True)
class StepConfig:
    """lockstep: whether the bag is of a drive in lock-step; actuated: whether the stack drove the car when it was
    recorded, so that the car's and its driver's word on that counts; max_ego_age_s: of an ego state at its frame;
    rate_hz: of the gate's decisions between messages; gate: see GateConfig."""

    lockstep: bool
    actuated: bool
    max_ego_age_s: float
    rate_hz: float
    gate: GateConfig


@dataclass(frozen=True)
class Stepped:
    """What one entry gave rise to: a camera frame, or where there are none, a recorded observation or request.

    spoke: reasons of the gate's decisions since the entry before; route: what it followed; begins: whether an episode
    began before it.
    """

    stamp_ns: int
    log_time_ns: int
    ego: EgoState
    request: ControlCommand
    decision: GateDecision
    spoke: tuple[str, ...]
    route: Route | None = None
    begins: bool = False
    frame: CameraFrame | None = None
    observation: Observation | None = None
    action: Action | None = None


class Stepper:
    """One bag's way through the pipeline."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        camera: CameraModel,
        profile: VehicleProfile,
        reader: CarReader,
        config: StepConfig,
    ) -> None:
        """Raises CheckpointError where a network cannot be loaded."""
        self._config = config
        self._reader = reader
        self._observe = checkpoint.observation_stage(camera)
        self._decide = checkpoint.policy_stage(profile)
        self._mapping = ActionMapping(profile)
        self._gate = Gate(profile, config.gate, checkpoint.spec.bev)
        self._ego = EgoTracker(exact=config.lockstep, max_age_s=config.max_ego_age_s)
        self._told = InputKeeper(self._ego, actuated=config.actuated)
        self._guard = FrameGuard(camera, None)
        self._clock = StampClock()
        self._route: Route | None = None
        self._waiting: tuple[Entry, int] | None = None
        self._next_ns: int | None = None
        self._spoke: list[str] = []
        self._begins = False
        self.refused: dict[str, int] = {}
        """Entries that were not stepped, by the reason."""

    def take(self, role: Role, message: Any, log_time_ns: int) -> Iterator[Stepped]:
        """Take the next message and yield what it completes: at most one entry."""
        if not self._config.lockstep:
            self._decide_until(log_time_ns)
        for source, reading in self._reader.read(role, message):
            self._ego.add(source, reading)
            self._clock.update(max(reading.stamp_ns, self._clock.now_ns(log_time_ns) or 0), log_time_ns)
        if role == "route":
            self._route = route_from_message(message)
        elif role == "control_mode":
            self._told.on_vehicle(message)
        elif role == "driver":
            self._told.on_driver(message)
        elif role == "episode" and message.state == RUNNING:
            self._begin()
        yield from self._advance()

    def enter(self, entry: Entry, log_time_ns: int) -> Iterator[Stepped]:
        """Take a camera frame, or where there are none, a recorded observation or request.

        Raises CalibrationError where a picture cannot be the calibrated camera's.
        """
        if not self._config.lockstep:
            self._decide_until(log_time_ns)
        if isinstance(entry, CameraFrame):
            self._guard.camera_for(entry.rgb.shape[1], entry.rgb.shape[0])
        refusal = self._guard.refusal(entry.stamp_ns, entry.stamp_ns)
        if refusal:
            self._refuse("a stamp that goes back" if entry.stamp_ns > 0 else refusal)
            return
        if self._waiting is not None:
            self._refuse(self._lacking(self._waiting[0]))
        self._waiting = entry, log_time_ns
        yield from self._advance()

    def take_route(self, route: Route) -> None:
        """Take a route that no message brought."""
        self._route = route

    def finish(self) -> None:
        """Note the entry that still waits."""
        if self._waiting is not None:
            self._refuse(self._lacking(self._waiting[0]))
            self._waiting = None

    def _begin(self) -> None:
        """A new episode is a new drive for the gate, as its node has it."""
        self._gate.reset()
        self._begins = True
        self._spoke.clear()
        if self._config.lockstep:
            self._told.clear()

    def _advance(self) -> Iterator[Stepped]:
        """Step what waits, once the ego state and the route that belong to it are there."""
        if self._waiting is None:
            return
        entry, log_time_ns = self._waiting
        ego = self._ego.at(entry.stamp_ns)
        if ego is None or (isinstance(entry, CameraFrame) and self._route is None):
            return
        self._waiting = None
        frame, observation = None, entry if isinstance(entry, Observation) else None
        if isinstance(entry, CameraFrame):
            assert self._route is not None
            frame, observation = entry, self._observe.step(entry, ego, self._route)
        action = self._decide.step(observation) if observation else None
        request = self._mapping.step(action, ego) if action else entry
        assert isinstance(request, ControlCommand)
        self._told.view, self._told.request = observation or self._told.view, request
        decision = self._answer(entry.stamp_ns, log_time_ns)
        spoke, self._spoke = tuple(dict.fromkeys((*self._spoke, *decision.reasons))), []
        begins, self._begins = self._begins, False
        yield Stepped(
            entry.stamp_ns, log_time_ns, ego, request, decision, spoke, self._route, begins, frame, observation, action
        )

    def _answer(self, stamp_ns: int, log_time_ns: int) -> GateDecision:
        if self._config.lockstep:
            inputs = self._told.at(stamp_ns) or self._told.newest()
            return self._gate.step(inputs, stamp_ns)
        now_ns = self._clock.now_ns(log_time_ns)
        return self._gate.step(self._told.newest(), stamp_ns if now_ns is None else now_ns)

    def _decide_until(self, log_time_ns: int) -> None:
        """Let the gate decide at its rate up to a message, as its timer does between them."""
        now_ns = self._clock.now_ns(log_time_ns)
        if now_ns is None:
            return
        period_ns = ns_from_seconds(1.0 / self._config.rate_hz)
        late_ns = 0 if self._next_ns is None else now_ns - self._next_ns
        if self._next_ns is None or not -period_ns <= late_ns <= ns_from_seconds(LONGEST_SILENCE_S):
            self._next_ns = now_ns + period_ns
        while self._next_ns <= now_ns:
            self._spoke += self._gate.step(self._told.newest(), self._next_ns).reasons
            self._next_ns += period_ns

    def _refuse(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def _lacking(self, entry: Entry) -> str:
        missing = self._ego.missing(entry.stamp_ns)
        return f"no {', '.join(missing)} for it" if missing else "no route"
