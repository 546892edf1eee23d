"""What an evaluation leaves behind: run.json, result.jsonl (a line an episode) and summary.json.

run.json is written at the start and each line of result.jsonl as its episode ends, so that a kill loses nothing that
was judged; summary.json follows from the two and can be made again from them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field, NonNegativeFloat, NonNegativeInt, ValidationError

from sim2real_ad.config import StrictModel
from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.line_file import LineFile
from sim2real_ad.evaluation.statistics import quantile, wilson_interval
from sim2real_ad.files import write_json
from sim2real_ad.observation.spec import ObservationSpec

if TYPE_CHECKING:
    from sim2real_ad.policy.checkpoint import Checkpoint

RUN_FILE, RESULT_FILE, SUMMARY_FILE = "run.json", "result.jsonl", "summary.json"
RECORDING_FILE, REPORT_FILE = "recording.mcap", "report.html"

ModelT = TypeVar("ModelT", bound=StrictModel)


class CheckpointId(StrictModel):
    """Which weights drove. fingerprint: of the observation spec; sha256: of its yaml, which holds every file's."""

    name: str
    fingerprint: str = ""
    sha256: str = ""

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> CheckpointId:
        """Name a checkpoint."""
        return cls(name=checkpoint.name, fingerprint=checkpoint.spec.fingerprint, sha256=checkpoint.sha256)


class RunInfo(StrictModel):
    """What is known before the first episode.

    command: the command line; domain: the target domain, empty for the one that is trained in; versions: by package or
    program; observation, corridor: what the checkpoint says of the policy's input (`policy.corridor.CorridorSpec`), so
    that the report can draw it; None means the defaults; front_overhang: of the car, m from base_link to the front
    bumper, where the policy's input begins; budgets_ms: what a frame may take, by stage, and `age` for the whole way;
    empty where time means nothing.
    """

    command: tuple[str, ...]
    mode: str
    world: str = ""
    started_at: str = ""
    seed: int | None = None
    camera: str = ""
    domain: str = ""
    checkpoint: CheckpointId | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    observation: ObservationSpec | None = None
    corridor: dict[str, Any] | None = None
    front_overhang: NonNegativeFloat = 0.0
    budgets_ms: dict[str, float] = Field(default_factory=dict)


class Infraction(StrictModel):
    """One broken rule. kind: the judge's name for it; time_s: since the episode's start."""

    kind: str
    time_s: NonNegativeFloat
    detail: str = ""


class EpisodeResult(StrictModel):
    """One episode, judged.

    success: the goal reached and no infraction; duration_s: simulated time; progress: driven share of the route, 0..1;
    trajectory_hash: `trajectory.Trajectory.hash`; frames_lost: camera frames that never became a command;
    latencies_ms: of every command, from the receipt of its camera frame; real_time_factor: simulated over wall time;
    frames_intervened: frames for which the gate changed a command; gate_interventions: commands that it changed, by
    reason; comfort: figures by name, SI;
    error: why the episode could not be judged, None where it was.
    """

    index: NonNegativeInt
    scenario: str
    seed: int
    success: bool
    infractions: tuple[Infraction, ...] = ()
    duration_s: NonNegativeFloat = 0.0
    progress: float = Field(default=0.0, ge=0.0, le=1.0)
    trajectory_hash: str = ""
    frames_sent: NonNegativeInt = 0
    frames_lost: NonNegativeInt = 0
    latencies_ms: tuple[NonNegativeFloat, ...] = ()
    real_time_factor: NonNegativeFloat = 0.0
    frames_intervened: NonNegativeInt = 0
    gate_interventions: dict[str, NonNegativeInt] = Field(default_factory=dict)
    comfort: dict[str, float] = Field(default_factory=dict)
    error: str | None = None


class Latency(StrictModel):
    """Quantiles in ms over every command of every episode."""

    p50: float
    p99: float
    max: float


class ScenarioSummary(StrictModel):
    """n counts judged episodes; errors those that could not be judged. success_rate is None where n is 0. intervened:
    share of the judged episodes' frames in which the gate stepped in, None where there are none."""

    n: int
    successes: int
    success_rate: float | None
    wilson95: tuple[float, float]
    infractions: dict[str, int]
    errors: int = 0
    intervened: float | None = None


class Summary(RunInfo):
    """The whole run in figures. latency_ms and real_time_factor are None where nothing was measured."""

    scenarios: dict[str, ScenarioSummary]
    episodes: int
    errors: int
    real_time_factor: float | None
    frames_sent: int
    frames_lost: int
    latency_ms: Latency | None
    seeds: tuple[int, ...]


class ResultWriter:
    """Writes a run's folder. Every line is on disk before `write` returns."""

    def __init__(self, out_dir: Path, run: RunInfo) -> None:
        """Start a run. Raises ConfigError where the folder holds another run or cannot be written."""
        self.out_dir = out_dir
        self.run = run
        self.results: list[EpisodeResult] = []
        self._lines = LineFile(out_dir, RESULT_FILE, "run")
        _write_whole(out_dir / RUN_FILE, run)

    def write(self, result: EpisodeResult) -> None:
        """Add one episode."""
        self._lines.write(result)
        self.results.append(result)

    def close(self) -> Summary:
        """Write summary.json from the episodes so far and return it. May be called twice."""
        self._lines.close()
        summary = summarize(self.run, self.results)
        write_summary(self.out_dir, summary)
        return summary

    def __enter__(self) -> ResultWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def summarize(run: RunInfo, results: Iterable[EpisodeResult]) -> Summary:
    """Reduce episodes to counts, rates with Wilson 95 % intervals, and quantiles."""
    results = tuple(results)
    names = dict.fromkeys(r.scenario for r in results)
    latencies = [value for r in results for value in r.latencies_ms]
    return Summary(
        **dict(run),
        scenarios={name: _summarize_scenario([r for r in results if r.scenario == name]) for name in names},
        episodes=len(results),
        errors=sum(r.error is not None for r in results),
        real_time_factor=_real_time_factor(results),
        frames_sent=sum(r.frames_sent for r in results),
        frames_lost=sum(r.frames_lost for r in results),
        latency_ms=summarize_latency(latencies),
        seeds=tuple(dict.fromkeys(r.seed for r in results)),
    )


def summarize_latency(values_ms: Iterable[float]) -> Latency | None:
    """Return the quantiles, or None where nothing was measured."""
    values = sorted(values_ms)
    if not values:
        return None
    return Latency(p50=round(quantile(values, 0.5), 3), p99=round(quantile(values, 0.99), 3), max=round(values[-1], 3))


def write_summary(out_dir: Path, summary: Summary) -> None:
    """Write summary.json at once: a reader sees the old one or the new one, never a part."""
    _write_whole(out_dir / SUMMARY_FILE, summary)


def read_run(run_dir: Path) -> RunInfo:
    """Read run.json. Raises SourceError naming the file and the fault."""
    return _read_whole(run_dir / RUN_FILE, RunInfo)


def read_summary(run_dir: Path) -> Summary:
    """Read summary.json. Raises SourceError naming the file and the fault."""
    return _read_whole(run_dir / SUMMARY_FILE, Summary)


def read_results(run_dir: Path) -> tuple[EpisodeResult, ...]:
    """Read result.jsonl; a last line that a kill cut short is left out.

    Raises SourceError naming the file, the line and the fault.
    """
    path = run_dir / RESULT_FILE
    *lines, _unfinished = _read_text(path).split("\n")
    return tuple(_parse(line, EpisodeResult, f"{path}:{number}") for number, line in enumerate(lines, start=1))


def _summarize_scenario(results: list[EpisodeResult]) -> ScenarioSummary:
    judged = [r for r in results if r.error is None]
    successes = sum(r.success for r in judged)
    low, high = wilson_interval(successes, len(judged))
    frames = sum(r.frames_sent for r in judged)
    return ScenarioSummary(
        n=len(judged),
        successes=successes,
        success_rate=successes / len(judged) if judged else None,
        wilson95=(round(low, 4), round(high, 4)),
        infractions=dict(sorted(Counter(i.kind for r in judged for i in r.infractions).items())),
        errors=len(results) - len(judged),
        intervened=round(sum(r.frames_intervened for r in judged) / frames, 5) if frames else None,
    )


def _real_time_factor(results: tuple[EpisodeResult, ...]) -> float | None:
    timed = [r for r in results if r.real_time_factor > 0.0 and r.duration_s > 0.0]
    wall_s = sum(r.duration_s / r.real_time_factor for r in timed)
    return round(sum(r.duration_s for r in timed) / wall_s, 3) if timed else None


def _write_whole(path: Path, model: StrictModel) -> None:
    write_json(path, model.model_dump(mode="json"), indent=2)


def _read_whole(path: Path, model: type[ModelT]) -> ModelT:
    return _parse(_read_text(path), model, str(path))


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}; is {path.parent} the folder of a run?") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not text: {error.reason} at byte {error.start}") from error


def _parse(text: str, model: type[ModelT], source: str) -> ModelT:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "(whole)"
        raise SourceError(f"{source}: {key}: {first['msg']}") from error
