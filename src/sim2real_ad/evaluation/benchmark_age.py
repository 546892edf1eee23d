"""How old the commands of the graph are in real time, and where the time of a frame goes."""

from __future__ import annotations

from pathlib import Path

from sim2real_ad.errors import GraphError
from sim2real_ad.evaluation.benchmark import Measurement, figure
from sim2real_ad.evaluation.benchmark_graph import SCENARIO, driven
from sim2real_ad.evaluation.benchmark_pipeline import measure_pipeline
from sim2real_ad.evaluation.recording import read_recording
from sim2real_ad.evaluation.results import Latency, read_run, read_summary
from sim2real_ad.evaluation.waterfall import Step, age_at_last_stage, frame_steps
from sim2real_ad.safety.budgets import AGE

OLDEST_MS = 30.0
"""Age of a command at its p99, in real time at 20 Hz, the world on the same machine."""
MOST_OF_COMPUTE = 2.0
"""Median age of a command over the bare pipeline's own time."""


def measure_age(checkpoint: Path | None = None, episodes: int = 2) -> list[Measurement]:
    """Drive in real time and return how old the commands are, against what the bare pipeline takes, and every step.

    Raises CheckpointError, or GraphError where the drive fails.
    """
    bare = measure_pipeline(checkpoint)[-1]
    more = ("--checkpoint", str(checkpoint)) if checkpoint else ()
    with driven("realtime", episodes, *more) as out:
        latency, run = read_summary(out).latency_ms, read_run(out)
        logs = read_recording(sorted(out.rglob("*.mcap"))).episodes
    if latency is None:
        raise GraphError("the drive in real time ended without a measured episode")
    steps = frame_steps(logs, run.budgets_ms)
    whole = age_at_last_stage(logs, run.budgets_ms.get(AGE))
    return [
        *_ages(latency, bare, f"{SCENARIO}, {episodes} episodes, real time, recorded"),
        *(_of_step(step) for step in (*steps, *([whole] if whole else []))),
    ]


def _ages(latency: Latency, bare: Measurement, note: str) -> list[Measurement]:
    ratio = (latency.p50 / bare.value,)
    of = f"{latency.p50:.1f} ms at the median over {bare.value:.1f} ms of {bare.name}"
    return [
        figure("graph in real time, camera to command, p50", "ms", "lower", None, (latency.p50,), note),
        figure("graph in real time, camera to command, p99", "ms", "lower", OLDEST_MS, (latency.p99,), note),
        figure("graph over bare pipeline", "times", "lower", MOST_OF_COMPUTE, ratio, of),
    ]


def _of_step(step: Step) -> Measurement:
    note = f"p99 {step.p99:.1f}, max {step.max:.1f} ms"
    if step.budget is not None:
        note += f"; budget {step.budget:g} ms, {step.over} frames over it"
    return figure(f"  {step.name}, p50", "ms", "lower", None, (step.p50,), note)
