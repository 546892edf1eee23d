"""One bag, replayed: every frame through the pipeline, judged, and written to a folder."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim2real_ad.bag.definitions import BagDecoder
from sim2real_ad.bag.images import rgb_of
from sim2real_ad.bag.source import BagSource, open_bag
from sim2real_ad.errors import ConfigError, Sim2RealError, SourceError
from sim2real_ad.evaluation.mcap_stream import RawMessage
from sim2real_ad.evaluation.results import CheckpointId
from sim2real_ad.files import write_json
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.policy.checkpoint import Checkpoint, load_checkpoint
from sim2real_ad.replay.camera import choose_camera
from sim2real_ad.replay.order import by_stamp
from sim2real_ad.replay.outlook import Outlook, driven_route, look_ahead
from sim2real_ad.replay.readings import CarReader
from sim2real_ad.replay.recorded import Recorded
from sim2real_ad.replay.results import (
    FRAMES_FILE,
    SUMMARY_FILE,
    Decision,
    Motion,
    ReplayFrame,
    ReplaySummary,
)
from sim2real_ad.replay.roles import Role, Roles, assign_roles
from sim2real_ad.replay.stepping import Entry, StepConfig, Stepped, Stepper
from sim2real_ad.replay.summary import ReplayTally
from sim2real_ad.replay.watchers import Watcher
from sim2real_ad.ros.conversions import command_from_message, observation_from_message, route_from_path
from sim2real_ad.ros.node_spec import shared_parameters
from sim2real_ad.safety.gate import GateConfig
from sim2real_ad.safety.inputs import Source
from sim2real_ad.safety.limits import load_safety_limits
from sim2real_ad.types import CameraFrame, ns_from_seconds, seconds_from_ns
from sim2real_ad.vehicle.profile import load_vehicle

ANSWER_NS = ns_from_seconds(1.0)
"""Log time that what was recorded of a frame may come after it."""
ENTRIES: tuple[tuple[Role, str], ...] = (
    ("image", "pictures"),
    ("compressed", "pictures"),
    ("observation", "recorded observations: the adapter was not run"),
    ("request", "recorded requests: adapter and policy were not run"),
)
"""What a replay may begin with, the first that a bag has."""
ANSWERS: tuple[Role, ...] = ("action", "control", "timing")
PATH_SPEED_LIMIT = 8.33
"""m/s, where a route comes without one."""
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class ReplayJob:
    """What to replay with what. camera: of ours, empty for the bag's own; vehicle: name or path; topics: by role, where
    names do not tell; gate: of config/graph."""

    bag: Path
    out: Path
    checkpoint: Path | None = None
    camera: str = ""
    vehicle: str = "saloon"
    topics: Mapping[str, str] = field(default_factory=dict)


def replay_bag(
    job: ReplayJob, watchers: tuple[Watcher, ...] = (), progress: Progress = lambda _line, _share: None
) -> ReplaySummary:
    """Replay a bag into job.out: result.jsonl and summary.json. watchers: see every frame, and the end.

    A bag that cannot be replayed gives a summary with the error; what could be judged before it is kept. Raises
    ConfigError where the folder holds another replay.
    """
    job.out.mkdir(parents=True, exist_ok=True)
    path = job.out / FRAMES_FILE
    try:
        lines = path.open("x", encoding="utf-8")
    except FileExistsError as error:
        raise ConfigError(f"{path} is of another replay; name a new folder") from error
    replay = _Replay(job)
    with lines:
        try:
            for frame in replay.frames(watchers, progress):
                lines.write(frame.model_dump_json() + "\n")
        except Sim2RealError as error:
            replay.error = str(error)
    summary = replay.summary(watchers)
    write_json(job.out / SUMMARY_FILE, summary.model_dump(mode="json"), indent=2)
    return summary


def what_it_takes(job: ReplayJob) -> tuple[Checkpoint, CameraModel, GateConfig]:
    """Return the checkpoint, the camera and the gate that a bag is replayed with. Raises Sim2RealError."""
    with open_bag(job.bag) as bag:
        roles = assign_roles({name: t.type_name for name, t in bag.topics.items()}, job.topics)
    outlook = look_ahead(job.bag, roles)
    camera, _ = choose_camera(job.camera, outlook.camera_info)
    return load_checkpoint(job.checkpoint), camera, _step_config(outlook, "image").gate


class _Replay:
    """A bag under way."""

    def __init__(self, job: ReplayJob) -> None:
        self._job = job
        self._tally = ReplayTally()
        self._decode = BagDecoder()
        self._recorded = Recorded()
        self._facts: dict[str, Any] = {"bag": job.bag.name, "vehicle": job.vehicle, "camera": job.camera}
        self._problems: dict[str, int] = {}
        self._left_out: list[str] = []
        self._entries = self._count = 0
        self.error = ""

    def frames(self, watchers: tuple[Watcher, ...], progress: Progress) -> Iterator[ReplayFrame]:
        """Yield every frame in order. Raises Sim2RealError where the bag, or what it is replayed with, is unusable."""
        with open_bag(self._job.bag) as bag:
            roles = assign_roles({name: t.type_name for name, t in bag.topics.items()}, self._job.topics)
            entry = self._entry_of(roles, bag)
            outlook = look_ahead(self._job.bag, roles)
            stepper = self._stepper(roles, outlook, bag, entry)
            self._facts["duration_s"] = max(seconds_from_ns(bag.end_ns - bag.start_ns), 0.0)
            waiting: deque[Stepped] = deque()
            for role, raw in self._placed(bag, roles, entry, outlook):
                progress(self._job.bag.name, _share(bag, raw.log_time_ns))
                for stepped in self._step(stepper, role, raw, entry):
                    for watcher in watchers:
                        watcher.see(stepped)
                    waiting.append(stepped)
                while waiting and raw.log_time_ns - waiting[0].log_time_ns > ANSWER_NS:
                    yield self._frame(waiting.popleft())
            stepper.finish()
            yield from (self._frame(stepped) for stepped in waiting)
            for reason, count in stepper.refused.items():
                self._problem(f"{count} of {self._entries} {ENTRY_NAMES[entry]} not replayed: {reason}")
            for problem in bag.problems:
                self._problem(problem)

    def summary(self, watchers: tuple[Watcher, ...]) -> ReplaySummary:
        """Return the figures of all frames so far."""
        for watcher in watchers:
            self._facts |= watcher.facts()
            self._left_out += watcher.left_out()
        return self._tally.summary(
            error=self.error,
            problems=tuple(f"{p} ({n} times)" if n > 1 else p for p, n in self._problems.items()),
            left_out=tuple(self._left_out),
            recorded_frames=self._entries,
            latency_ms=self._recorded.latency(),
            **self._facts,
        )

    def _entry_of(self, roles: Roles, bag: BagSource) -> Role:
        for role, what in ENTRIES:
            if role in roles and bag.topics[roles.topic_of[role]].count != 0:
                if what != "pictures":
                    self._left_out.append(f"no pictures, so replayed from {what}")
                return role
        raise SourceError(
            f"{bag.path}: no camera picture, observation or request to replay; it has "
            f"{', '.join(sorted(bag.topics)) or 'no topics'}"
        )

    def _stepper(self, roles: Roles, outlook: Outlook, bag: BagSource, entry: Role) -> Stepper:
        profile = load_vehicle(self._job.vehicle)
        checkpoint = load_checkpoint(self._job.checkpoint)
        camera, assumed = choose_camera(self._job.camera, outlook.camera_info)
        self._facts["checkpoint"] = CheckpointId.of(checkpoint)
        reader = CarReader(roles, profile)
        self._left_out += [
            f"{source} is not in the bag: taken from {origin}" for source, origin in reader.derived.items()
        ]
        if assumed:
            self._left_out.append(f"camera: {assumed}")
        if not outlook.autonomous:
            self._left_out.append(
                "the car was not driven by the stack: its and its driver's word on authority is not heard"
            )
        stepper = Stepper(checkpoint, camera, profile, reader, _step_config(outlook, entry))
        if "odometry" not in roles and "vehicle_status" not in roles:
            raise SourceError(
                f"{bag.path}: nothing says where the car is: no nav_msgs/msg/Odometry (--topic odometry=TOPIC)"
            )
        if "route" not in roles and "path" not in roles:
            stepper.take_route(driven_route(bag, roles))
            self._left_out.append("no route in the bag: the way that was driven is taken for it")
        return stepper

    def _placed(self, bag: BagSource, roles: Roles, entry: Role, outlook: Outlook) -> Iterator[tuple[Role, RawMessage]]:
        """Yield the messages that play a role, in the order in which they are to be taken."""
        unused = {role for role, _ in ENTRIES} - {entry}
        by_topic = {topic: role for topic, role in roles.by_topic.items() if role not in unused}
        placed = ((by_topic[raw.topic], raw) for raw in bag.messages(by_topic))
        return by_stamp(placed, RawMessage.leading_stamp_ns) if outlook.lockstep else placed

    def _step(self, stepper: Stepper, role: Role, raw: RawMessage, entry: Role) -> Iterator[Stepped]:
        """Hand a message on; one that cannot be read is a problem, not the end."""
        self._entries += role == entry
        try:
            message = self._decode(raw)
            if role == entry:
                yield from stepper.enter(_entry(role, raw, message), raw.log_time_ns)
            elif role in ANSWERS:
                self._recorded.add(role, message)
            elif role == "path":
                stepper.take_route(route_from_path(message, PATH_SPEED_LIMIT))
            else:
                yield from stepper.take(role, message, raw.log_time_ns)
        except SourceError as error:
            self._problem(str(error))

    def _problem(self, text: str) -> None:
        self._problems[text] = self._problems.get(text, 0) + 1

    def _frame(self, stepped: Stepped) -> ReplayFrame:
        action, command = self._recorded.of(stepped.stamp_ns)
        clearance, seen = stepped.decision.clearance, stepped.observation
        frame = ReplayFrame(
            index=self._count,
            stamp_ns=stepped.stamp_ns,
            log_time_ns=stepped.log_time_ns,
            speed=stepped.ego.speed,
            ood=None if seen is None else float(seen.ood),
            seen=None if seen is None else float((seen.validity > 0).mean()),
            gap=_finite(clearance.gap),
            time_to_collision=_finite(clearance.time_to_collision),
            action=Decision.of(stepped.action) if stepped.action else None,
            request=Motion.of(stepped.request),
            command=Motion.of(stepped.decision.command),
            state=stepped.decision.state,
            reasons=stepped.spoke,
            recorded_action=action,
            recorded_command=command,
            driven=Motion.of(stepped.ego),
        )
        self._count += 1
        self._tally.add(frame)
        return frame


ENTRY_NAMES: Mapping[Role, str] = {
    "image": "pictures",
    "compressed": "pictures",
    "observation": "observations",
    "request": "requests",
}


def _entry(role: Role, raw: RawMessage, message: Any) -> Entry:
    if role == "observation":
        return observation_from_message(message)
    if role == "request":
        return command_from_message(message)
    return CameraFrame(raw.leading_stamp_ns(), rgb_of(message, raw.type_name))


def _step_config(outlook: Outlook, entry: Role) -> StepConfig:
    """Return what the graph's own parameter file says of the nodes, less what a bag cannot say."""
    gate = shared_parameters("safety_gate")
    silent: set[Source] = set() if outlook.autonomous else {"vehicle", "driver"}
    silent |= {"view"} if entry == "request" else set()
    required: tuple[Source, ...] = tuple(source for source in gate["required"] if source not in silent)
    return StepConfig(
        lockstep=outlook.lockstep,
        actuated=outlook.autonomous,
        max_ego_age_s=gate["max_ego_age_s"],
        rate_hz=gate["rate_hz"],
        gate=GateConfig(
            auto_engage=True,
            required=required,
            limits=load_safety_limits(gate["limits"]),
            actuated=outlook.autonomous,
        ),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _share(bag: BagSource, log_time_ns: int) -> float:
    return (log_time_ns - bag.start_ns) / max(bag.end_ns - bag.start_ns, 1)
