"""The verdicts as a console table, for the end of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sim2real_ad.evaluation.results import EpisodeResult, ScenarioSummary, Summary


def print_summary(
    console: Console, summary: Summary, results: Sequence[EpisodeResult] = (), out_dir: Path | None = None
) -> None:
    """Print a line a scenario, what went wrong episode by episode, the run's figures and where the files lie."""
    table = Table(title=f"{summary.episodes} episodes, {summary.mode}", title_justify="left", title_style="bold")
    table.add_column("scenario")
    for name in ("n", "successes", "rate", "Wilson 95 %"):
        table.add_column(name, justify="right")
    table.add_column("infractions")
    for name, scenario in summary.scenarios.items():
        table.add_row(name, *_cells(scenario))
    console.print(table)
    for result in results:
        if not result.success:
            console.print(f"  {describe_episode(result)}", style="yellow", markup=False, highlight=False)
    console.print(describe_run(summary), markup=False, highlight=False)
    if out_dir is not None:
        console.print(f"results in {out_dir}", markup=False, highlight=False, soft_wrap=True)


def describe_episode(result: EpisodeResult) -> str:
    """Return one line that says how an episode ended, and why."""
    name = f"{result.scenario} seed {result.seed}"
    if result.error is not None:
        return f"{name}: not judged: {result.error}"
    if result.success:
        return f"{name}: success in {result.duration_s:.1f} s"
    causes = ", ".join(f"{i.kind} at {i.time_s:.1f} s ({i.detail})".replace(" ()", "") for i in result.infractions)
    return f"{name}: {causes or 'goal not reached'}; progress {result.progress:.0%}"


def describe_run(summary: Summary) -> str:
    """Return the run's figures as one line."""
    parts = [f"frames sent {summary.frames_sent}, lost {summary.frames_lost}"]
    if summary.real_time_factor is not None:
        parts.insert(0, f"real-time factor {summary.real_time_factor:.2f}")
    if summary.latency_ms is not None:
        latency = summary.latency_ms
        parts.append(f"camera to command p50 {latency.p50:.1f} ms, p99 {latency.p99:.1f} ms, max {latency.max:.1f} ms")
    return "; ".join(parts)


def _cells(scenario: ScenarioSummary) -> tuple[str, ...]:
    low, high = scenario.wilson95
    rate = "-" if scenario.success_rate is None else f"{scenario.success_rate:.0%}"
    infractions = [f"{kind} {count}" for kind, count in scenario.infractions.items()]
    if scenario.errors:
        infractions.append(f"not judged {scenario.errors}")
    interval = "-" if scenario.n == 0 else f"{low:.0%} to {high:.0%}"
    return str(scenario.n), str(scenario.successes), rate, interval, ", ".join(infractions) or "none"
