"""The bridge between a simulated world behind the CARLA client and the graph; the simulated counterpart of a car.

Lock-step: the world advances only when the command for the last frame has come, so a drive is deterministic and as
fast as the machine allows. Real time: the world advances by the wall clock, deadlines count.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from pydantic import Field

from sim2real_ad.control.command_hold import CommandHold
from sim2real_ad.errors import Sim2RealError
from sim2real_ad.geometry.camera import CameraModel, load_camera
from sim2real_ad.ros.bridge_outputs import BridgeOutputs
from sim2real_ad.ros.conversions import command_from_message, ns_from_time
from sim2real_ad.ros.episode_run import EpisodeRun
from sim2real_ad.ros.node import GraphNode, NodeParameters, run_node
from sim2real_ad.ros.server_probe import is_listening, wait_for_server
from sim2real_ad.ros.topics import START_EPISODE
from sim2real_ad.safety.limits import load_safety_limits
from sim2real_ad.types import ControlCommand
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.scenarios import load_scenario
from sim2real_ad.world.target_domain import load_target_domain
from sim2real_ad.world.target_world import TargetWorld

if TYPE_CHECKING:
    from sim2real_ad.world.protocol import World

WATCH_PERIOD_S = 0.1
HOLD_PERIOD_S = 0.005
"""In real time, from one look at the command's age to the next: the world's ticks are too far apart for it."""
CLOSE_TIMEOUT_S = 2.0
SETTLE_S = 0.5
"""How long after an episode's end the timings of its last frames may take to arrive."""


class CarlaBridgeParameters(NodeParameters):
    """host, port: of the CARLA server; camera, vehicle: name or path; domain: a target domain's, empty for none.

    command_timeout_s: wall time that lock-step waits for a command; command_hold_s: wall time that a command holds in
    real time, after which the car brakes by itself, as drive-by-wire hardware does; limits: name in config/safety or
    path, for the budgets that frames are held to in real time.
    """

    host: str
    port: int = Field(ge=1, le=65534)
    camera: str
    vehicle: str
    bare_actuators: bool
    domain: str
    lockstep: bool
    limits: str
    connect_timeout_s: float = Field(gt=0.0)
    command_timeout_s: float = Field(gt=0.0)
    command_hold_s: float = Field(gt=0.0)


class CarlaBridgeNode(GraphNode[CarlaBridgeParameters]):
    """Holds the world and, while one runs, the episode."""

    kind = "carla_bridge"
    model = CarlaBridgeParameters

    def __init__(self) -> None:
        """Raises WorldError where no server answers."""
        super().__init__()
        self._outputs_by_port = BridgeOutputs(self)
        profile = load_vehicle(self.parameters.vehicle)
        self._profile = profile.bare if self.parameters.bare_actuators else profile
        self.world: World = self._open_world()
        self._run: EpisodeRun | None = None
        self._count = 0
        self._settling_since: float | None = None
        self._hold = CommandHold(None if self.parameters.lockstep else self.parameters.command_hold_s)
        self._waiting_since = time.monotonic()
        self.subscribe("control", self._on_control)
        self.subscribe("timing", self._on_timing)
        self.subscribe("gate_status", self._on_gate_status)
        self.every(WATCH_PERIOD_S, self._watch)
        if not self.parameters.lockstep:
            self.every(self.world.tick_s, self._tick_by_time)
            self.every(HOLD_PERIOD_S, self._check_command)

    def _open_world(self) -> World:
        from sim2real_ad.world.carla.client import CarlaWorld

        p = self.parameters
        wait_for_server(p.host, p.port, p.connect_timeout_s)

        def connect(camera: CameraModel) -> World:
            return CarlaWorld(p.host, p.port, self._profile, camera, timeout_s=p.connect_timeout_s)

        camera = load_camera(p.camera)
        return TargetWorld(load_target_domain(p.domain), camera, connect) if p.domain else connect(camera)

    def on_connected(self) -> None:
        """Offer episodes: every stage is there."""
        self.create_service(_service_type(), START_EPISODE, self._on_start)

    def close(self) -> None:
        """Remove the actors and let go of the server; the client waits long for one that is going away."""
        closing = threading.Thread(target=self.world.close, daemon=True)
        if is_listening(self.parameters.host, self.parameters.port):
            closing.start()
            closing.join(timeout=CLOSE_TIMEOUT_S)
        self.is_stuck = closing.is_alive() or closing.ident is None

    def _on_start(self, request: Any, response: Any) -> Any:
        refusal = self._refusal()
        if refusal is None:
            try:
                self._begin(request.scenario, request.seed)
            except Sim2RealError as error:
                self._run = None
                refusal = str(error)
        response.accepted, response.message = refusal is None, refusal or ""
        return response

    def _refusal(self) -> str | None:
        if self._run is not None:
            return "an episode is running"
        lacking = self.unconnected()
        return f"the graph is not complete: nobody on {', '.join(lacking)}" if lacking else None

    def _begin(self, scenario: str, seed: int) -> None:
        budgets = None if self.parameters.lockstep else load_safety_limits(self.parameters.limits).budgets
        run = EpisodeRun(self.world, load_scenario(scenario), seed, budgets)
        self._run, self._settling_since = run, None
        self._hold.reset()
        self._outputs_by_port.begin(run.route, run.episode.scenario.name, seed)
        run.begin()
        self._send(run)

    def _send(self, run: EpisodeRun, tick: Any = None) -> None:
        self._waiting_since = time.monotonic()
        run.account.send(run.frame_ns)
        self._outputs_by_port.tick(tick or run.first, self.world.camera)

    def _on_control(self, message: Any) -> None:
        """A command is worth something only if it descends from a frame of this episode."""
        run = self._run
        if run is None or self._settling_since is not None:
            return
        command = command_from_message(message)
        if not self.parameters.lockstep:
            if command.stamp_ns >= run.first.ego.stamp_ns:
                self._waiting_since = time.monotonic()
                self._hold.take(command, self._waiting_since)
        elif command.stamp_ns == run.frame_ns:
            self._advance(run, command)

    def _tick_by_time(self) -> None:
        run = self._run
        if run is None or self._settling_since is not None:
            return
        self._check_command()
        brake = ControlCommand(run.frame_ns, 0.0, -self._profile.limits.emergency_deceleration)
        command = self._hold.command if self._outputs_by_port.engaged else None
        self._advance(run, command or brake)

    def _check_command(self) -> None:
        """Give up where no command has come for too long, and say so at once; take over again where one comes."""
        if self._run is None or self._settling_since is not None:
            return
        held = self._hold.follows(time.monotonic())
        if held != self._outputs_by_port.engaged:
            self._outputs_by_port.authority(engaged=held, stamp_ns=self._run.frame_ns)

    def _advance(self, run: EpisodeRun, command: ControlCommand) -> None:
        try:
            tick = run.step(command)
        except Sim2RealError as error:
            self._fail(str(error))
            return
        if run.done:
            self._settling_since = time.monotonic()
            self._settle()
        elif self.parameters.lockstep:
            self._send(run, tick)
        else:
            run.account.send(run.frame_ns)
            self._outputs_by_port.tick(tick, self.world.camera)

    def _on_timing(self, message: Any) -> None:
        if self._run is not None:
            stamp_ns = ns_from_time(message.stamp)
            self._run.account.add_timing(stamp_ns, message.stage, message.received_ns, message.published_ns)
            self._settle()

    def _on_gate_status(self, message: Any) -> None:
        if self._run is not None:
            self._run.account.add_decision(ns_from_time(message.header.stamp), message.reasons)

    def _settle(self) -> None:
        """Finish once the last frames' timings are known, or too late."""
        if self._run is None or self._settling_since is None:
            return
        if self._run.account.complete or time.monotonic() - self._settling_since > SETTLE_S:
            run, self._run, self._settling_since = self._run, None, None
            result = run.result(self._count)
            self._count += 1
            self._outputs_by_port.authority(engaged=False, stamp_ns=run.frame_ns)
            self._outputs_by_port.episode(
                "FINISHED", run.frame_ns, result.scenario, result.seed, result=result.model_dump_json()
            )

    def _watch(self) -> None:
        """Notice a stage that has gone silent; by wall time, since simulated time stands still."""
        self._settle()
        waited_s = time.monotonic() - self._waiting_since
        if self._run is None or self._settling_since is not None or waited_s <= self.parameters.command_timeout_s:
            return
        stage = self._run.account.silent_stage(self._run.frame_ns)
        where = f"no output of node '{stage}'" if stage else "every stage answered, but the command did not arrive"
        self._fail(f"no command for the frame of {self._run.frame_ns / 1e9:.3f} s after {waited_s:.1f} s: {where}")

    def _fail(self, reason: str) -> None:
        run, self._run, self._settling_since = self._run, None, None
        self.get_logger().error(reason)
        if run is not None:
            self._outputs_by_port.authority(engaged=False, stamp_ns=run.frame_ns)
            episode = run.episode
            self._outputs_by_port.episode("FAILED", run.frame_ns, episode.scenario.name, episode.seed, message=reason)


def _service_type() -> Any:
    from sim2real_ad_msgs.srv import StartEpisode

    return StartEpisode


def main() -> None:
    """Run the node."""
    run_node(CarlaBridgeNode)


if __name__ == "__main__":
    main()
