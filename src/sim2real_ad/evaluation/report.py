"""report.html: what a run was, how it ended, and what the car saw and did. One file, nothing to fetch."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from sim2real_ad.errors import ConfigError
from sim2real_ad.evaluation import charts
from sim2real_ad.evaluation.bev_picture import COLOURS, data_uri, encode_png, paint_bev, paint_corridor
from sim2real_ad.evaluation.derived import measured_acceleration
from sim2real_ad.evaluation.episode_log import EpisodeLog
from sim2real_ad.evaluation.ground_truth import lay_out_again
from sim2real_ad.evaluation.keyframes import Picture
from sim2real_ad.evaluation.map_chart import map_chart
from sim2real_ad.evaluation.pages import page_environment
from sim2real_ad.evaluation.recording import read_recording
from sim2real_ad.evaluation.results import (
    REPORT_FILE,
    EpisodeResult,
    RunInfo,
    read_results,
    read_run,
    summarize,
    summarize_latency,
    write_summary,
)
from sim2real_ad.evaluation.table import describe_episode
from sim2real_ad.evaluation.waterfall import Step, age_at_last_stage, frame_steps
from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.policy.corridor import CorridorSpec
from sim2real_ad.safety.budgets import AGE
from sim2real_ad.types import seconds_from_ns

MAX_DETAILED = 12
"""Episodes with pictures and plots, failures first: keeps the file well below 15 MB."""

UNITS = {"speed": "m/s", "acceleration": "m/s²", "deceleration": "m/s²", "jerk": "m/s³"}
"""Of comfort figures, by how their name ends."""


@dataclass(frozen=True)
class Shot:
    """One column of the film strip, as URIs; empty where there is no such picture."""

    number: int
    time_s: float
    camera: str
    bev: str
    corridor: str


@dataclass(frozen=True)
class Chapter:
    """One detailed episode. true_road: whether the bird's view shows the map; plots: (title, unit, chart)."""

    title: str
    anchor: str
    result: EpisodeResult | None
    log: EpisodeLog
    shots: tuple[Shot, ...]
    bird_view: Markup
    true_road: bool
    plots: tuple[tuple[str, str, Markup], ...]
    gate_counts: dict[str, int]


def write_report(run_dir: Path) -> Path:
    """Make report.html and summary.json from run.json, result.jsonl and the recordings; return the report's path.

    Raises SourceError where the folder is no run or a file is damaged beyond use.
    """
    run, results = read_run(run_dir), read_results(run_dir)
    summary = summarize(run, results)
    write_summary(run_dir, summary)
    chosen = choose_detailed(results)
    recordings = sorted(run_dir.rglob("*.mcap"))
    recording = read_recording(recordings, wanted=lambda name, seed: not name or (name, seed) in chosen)
    chapters = _chapters(run, results, recording.episodes)
    logs = [c.log for c in chapters]
    steps, whole = frame_steps(logs, run.budgets_ms), age_at_last_stage(logs, run.budgets_ms.get(AGE))
    page = (
        page_environment()
        .get_template("report.html.j2")
        .render(
            summary=summary,
            command=shlex.join(summary.command),
            results=results,
            chapters=chapters,
            anchors={c.result.index: c.anchor for c in chapters if c.result},
            problems=recording.problems if recordings else ["no recording in the folder: no pictures and no plots"],
            left_out=max(0, len(results) - len([c for c in chapters if c.result])),
            latency_charts=_latency_charts(results, steps),
            latency_steps=[*steps, *([whole] if whole else [])],
            colours=COLOURS,
            describe=describe_episode,
            latency_of=lambda result: summarize_latency(result.latencies_ms),
            rate_bar=charts.rate_bar,
            unit_of=lambda name: next((unit for ending, unit in UNITS.items() if name.endswith(ending)), ""),
        )
    )
    path = run_dir / REPORT_FILE
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    return path


def choose_detailed(results: Sequence[EpisodeResult]) -> set[tuple[str, int | None]]:
    """Choose the episodes shown in detail, by scenario and seed: one of each scenario, then failures, then others."""
    firsts = {r.scenario: r for r in reversed(results)}.values()
    failures = [r for r in results if not r.success]
    ordered = [*firsts, *failures, *results]
    return set(list(dict.fromkeys((r.scenario, r.seed) for r in ordered))[:MAX_DETAILED])


def _chapters(run: RunInfo, results: Sequence[EpisodeResult], logs: Sequence[EpisodeLog]) -> list[Chapter]:
    unmatched = list(results)
    chapters: list[Chapter] = []
    for log in logs:
        result = next((r for r in unmatched if (r.scenario, r.seed) == (log.scenario, log.seed)), None)
        if result is not None:
            unmatched.remove(result)
            log.result = result
        if log.signals or log.pictures:
            chapters.append(_chapter(run, result or log.result, log, len(chapters)))
    return chapters[:MAX_DETAILED]


def _chapter(run: RunInfo, result: EpisodeResult | None, log: EpisodeLog, index: int) -> Chapter:
    spec, truth = _spec_of(run, log), lay_out_again(log)
    counts: dict[str, int] = {}
    for reason in (reason for event in log.gate for reason in event.reasons):
        counts[reason] = counts.get(reason, 0) + 1
    return Chapter(
        title=f"{log.scenario}, seed {log.seed}" if log.scenario else "Recorded drive",
        anchor=f"episode-{index}",
        result=result,
        log=log,
        shots=tuple(_shot(run, log, p, number) for number, p in enumerate(log.pictures, start=1)),
        bird_view=map_chart(log, spec.bev if spec else None, truth),
        true_road=truth is not None,
        plots=tuple(_plots(log)),
        gate_counts=counts,
    )


def _shot(run: RunInfo, log: EpisodeLog, picture: Picture, number: int) -> Shot:
    spec = _spec_of(run, log)
    camera = data_uri(picture.camera, "jpeg") if picture.camera else ""
    bev = corridor = ""
    if picture.observation is not None and spec is not None:
        bev = data_uri(encode_png(paint_bev(picture.observation, spec.bev)), "png")
        corridor_spec = CorridorSpec.model_validate(run.corridor or {})
        seen = paint_corridor(picture.observation, spec, corridor_spec, run.front_overhang)
        corridor = data_uri(encode_png(seen), "png")
    return Shot(number, seconds_from_ns(picture.stamp_ns - log.start_ns), camera, bev, corridor)


def _spec_of(run: RunInfo, log: EpisodeLog) -> ObservationSpec | None:
    """Return the spec that the recorded observations name, where the run or the defaults know it."""
    recorded = next((p.fingerprint for p in log.observations), "")
    return next((s for s in (run.observation, ObservationSpec()) if s and s.fingerprint == recorded), None)


def _plots(log: EpisodeLog) -> list[tuple[str, str, Markup]]:
    duration = _duration_s(log)
    bands = charts.spans([seconds_from_ns(e.stamp_ns - log.start_ns) for e in log.gate if e.reasons], gap=0.3)
    plots = []
    for title, unit, lines in (
        ("Speed", "m/s", [_line(log, "command", "velocity", "target"), _line(log, "ego", "speed", "measured")]),
        ("Acceleration", "m/s²", _acceleration_lines(log)),
        ("Tyre angle", "rad", _steering_lines(log)),
    ):
        present = [line for line in lines if line is not None and len(line.t)]
        if present:
            plots.append((title, unit, charts.time_chart(present, unit, duration, bands)))
    return plots


def _acceleration_lines(log: EpisodeLog) -> list[charts.Line | None]:
    times, values = measured_acceleration(log)
    return [
        charts.Line("measured", times, values, "measured"),
        _line(log, "request", "acceleration", "requested"),
        _line(log, "command", "acceleration", "commanded"),
    ]


def _steering_lines(log: EpisodeLog) -> list[charts.Line | None]:
    angle = "steering_tire_angle"
    names = (("steering", "measured"), ("request", "requested"), ("command", "commanded"))
    return [_line(log, signal, angle, name) for signal, name in names]


def _line(log: EpisodeLog, signal: str, column: str, name: str) -> charts.Line | None:
    source = log.signals.get(signal)
    return charts.Line(name, source.seconds(log.start_ns), source.column(column), name) if source else None


def _duration_s(log: EpisodeLog) -> float:
    ends = [signal.stamps_ns[-1] for signal in log.signals.values() if signal.stamps_ns]
    return seconds_from_ns(max([log.end_ns or 0, log.start_ns, *ends]) - log.start_ns)


def _latency_charts(results: Sequence[EpisodeResult], steps: Sequence[Step]) -> list[tuple[str, Markup]]:
    values = [v for r in results for v in r.latencies_ms]
    found: list[tuple[str, Markup]] = []
    latency = summarize_latency(values)
    if latency is not None:
        marks = (("p50", latency.p50), ("p99", latency.p99))
        found.append(("From the camera frame's receipt to the command", charts.histogram(values, "ms", marks)))
    if steps:
        title = "Where the time goes: bars to the median, lines to the p99"
        marked = ", marks at the budget" if any(step.budget for step in steps) else ""
        found.append((title + marked, charts.waterfall(steps, "ms")))
    return found
