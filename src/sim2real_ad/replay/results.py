"""What a replay leaves behind for each bag: result.jsonl, a line a camera frame, and summary.json.

The lines hold nothing of the machine or of the time of the replay: the same bag and the same weights give the same
bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from sim2real_ad.config import StrictModel
from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.results import CheckpointId, Latency
from sim2real_ad.types import Action, ControlCommand, EgoState

FRAMES_FILE, SUMMARY_FILE, REPORT_FILE = "result.jsonl", "summary.json", "report.html"


class Motion(StrictModel):
    """steering_tire_angle: rad, left positive; acceleration: m/s^2."""

    steering_tire_angle: float
    acceleration: float

    @classmethod
    def of(cls, moved: ControlCommand | EgoState) -> Motion:
        """Return what a command asks for, or what a car does."""
        return cls(steering_tire_angle=moved.steering_tire_angle, acceleration=moved.acceleration)


class Decision(StrictModel):
    """A policy's action. curvature, acceleration: in [-1, 1], scaled by the vehicle profile."""

    curvature: float
    acceleration: float

    @classmethod
    def of(cls, action: Action) -> Decision:
        """Return a policy's output."""
        return cls(curvature=action.curvature, acceleration=action.acceleration)


class ReplayFrame(StrictModel):
    """One camera frame, replayed; in a bag without pictures one recorded observation, or one recorded request.

    stamp_ns: of the frame; log_time_ns: when it was recorded; speed: of the car, m/s; ood: out-of-distribution score,
    0..1; seen: share of the BEV's ground that the camera sees, 0..1; both None where only requests were recorded; gap:
    free way ahead by the adapter's BEV, m, None where nothing is ahead; time_to_collision: s, None where none is near;
    action, request, command: of this replay, no action where only requests were recorded; state, reasons: of its gate;
    recorded_action, recorded_command: of the stack that drove when it was recorded, None where the bag has none;
    driven: what the car did.
    """

    index: NonNegativeInt
    stamp_ns: int
    log_time_ns: int
    speed: float
    ood: float | None = None
    seen: float | None = None
    gap: float | None = None
    time_to_collision: float | None = None
    action: Decision | None = None
    request: Motion
    command: Motion
    state: str
    reasons: tuple[str, ...] = ()
    recorded_action: Decision | None = None
    recorded_command: Motion | None = None
    driven: Motion | None = None


class Difference(StrictModel):
    """Of a field over all frames that have both sides. n: frames compared; at_ns: stamp of the greatest."""

    n: NonNegativeInt
    mean: float
    rms: NonNegativeFloat
    max: NonNegativeFloat
    at_ns: int


class GoalMoment(StrictModel):
    """A moment at which a goal of language stood out. score: 0..1, 1 is as the goal wants it."""

    stamp_ns: int
    goal: str
    score: float


class ReplaySummary(StrictModel):
    """One bag in figures.

    bag: its name; error: why it could not be replayed, empty where it was; problems: what was wrong in it; left_out:
    what could not be judged, and why; recorded_frames: camera frames in the bag; frames: those replayed; duration_s: of
    the bag, by its messages; differences: by field, of the replay's action to the recorded one (`action.curvature`,
    `action.acceleration`), of its command to the recorded one (`command.steering_tire_angle`, `command.acceleration`)
    and of its command to what the car did (`driven.steering_tire_angle`, `driven.acceleration`); interventions: frames
    by the gate's reason; intervened: share of the frames with any; ood: quantiles of the score, by name (p50, p95,
    max); seen_min: least share of the ground seen; time_to_collision_min: s, None where nothing was near; latency_ms:
    as recorded; goals: mean score by goal; moments: the least scores.
    """

    bag: str
    checkpoint: CheckpointId | None = None
    camera: str = ""
    vehicle: str = ""
    error: str = ""
    problems: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    recorded_frames: NonNegativeInt = 0
    frames: NonNegativeInt = 0
    duration_s: NonNegativeFloat = 0.0
    differences: dict[str, Difference] = Field(default_factory=dict)
    interventions: dict[str, NonNegativeInt] = Field(default_factory=dict)
    intervened: float = 0.0
    ood: dict[str, float] = Field(default_factory=dict)
    seen_min: float | None = None
    time_to_collision_min: float | None = None
    latency_ms: Latency | None = None
    goals: dict[str, float] = Field(default_factory=dict)
    moments: tuple[GoalMoment, ...] = ()


def read_frames(path: Path) -> list[ReplayFrame]:
    """Read a result.jsonl. Raises SourceError naming the file, the line and the fault."""
    return list(each_frame(path))


def each_frame(path: Path) -> Iterator[ReplayFrame]:
    """Yield the frames of a result.jsonl, of which only one is held at a time. Raises SourceError as `read_frames`."""
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                yield _frame(line, f"{path}:{number}")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error


def _frame(line: str, source: str) -> ReplayFrame:
    try:
        return ReplayFrame.model_validate_json(line)
    except ValueError as error:
        raise SourceError(f"{source}: no frame of a replay: {error}") from error
