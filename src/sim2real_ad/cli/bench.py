"""Measure the world, the wire, the graph, the pipeline, the gate, the networks and a training against their targets."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sim2real_ad.cli._console import table_console
from sim2real_ad.policy.runtime import CPU

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

    from sim2real_ad.evaluation.benchmark import BenchmarkRun, Measurement

PARTS = ("world", "wire", "pipeline", "gate", "graph", "age")
BY_NAME = {
    "record": "sim2real_ad.ros.benchmark_record",
    "bus": "sim2real_ad.evaluation.benchmark_bus",
    "replay": "sim2real_ad.replay.benchmark",
    "memory": "sim2real_ad.replay.benchmark_memory",
    "tracking": "sim2real_ad.evaluation.benchmark_tracking",
    "adapter": "sim2real_ad.training.adapter_benchmark",
    "latency": "sim2real_ad.training.latency_benchmark",
    "train": "sim2real_ad.training.teacher.benchmark",
}
"""Parts that need more packages and more minutes; `all` leaves them out."""
OF_A_CHECKPOINT = ("pipeline", "age", "adapter", "latency")
"""Parts that measure the networks of a checkpoint."""
TOGETHER = {"all": PARTS, "latency": ("latency", "age")}
"""What else is measured with a part: the networks alone say little of how old a command is."""


def register(app: typer.Typer) -> None:
    """Add `s2r bench`."""

    @app.command()
    def bench(
        part: str = typer.Argument(
            "all", help=f"What to measure: {', '.join(PARTS)}, all of these, or {', '.join(BY_NAME)}."
        ),
        out: Path | None = typer.Option(None, help="Write the figures to this JSON file."),
        checkpoint: Path | None = typer.Option(
            None, help=f"Checkpoint folder for {', '.join(OF_A_CHECKPOINT)}; the shipped one without."
        ),
        provider: list[str] = typer.Option(
            list(CPU), help="ONNX Runtime's execution provider for latency; repeated: the first that is there."
        ),
    ) -> None:
        """Measure parts of the program against their targets; medians, with their spread.

        A missed target is a finding, not an error: the exit status is 0 unless a part could not be measured.
        """
        chosen = TOGETHER.get(part, (part,))
        if not set(chosen) <= {*PARTS, *BY_NAME}:
            raise typer.BadParameter(f"'{part}' is none of {', '.join((*PARTS, *BY_NAME))}, all", param_hint="PART")
        run = _measure(chosen, checkpoint, provider)
        _print(run)
        if out is not None:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(run.model_dump_json(indent=2) + "\n", encoding="utf-8")
        if run.failures:
            raise typer.Exit(1)


def _measure(parts: tuple[str, ...], checkpoint: Path | None, providers: list[str]) -> BenchmarkRun:
    from sim2real_ad.evaluation.benchmark import BenchmarkRun, describe_machine

    machine = describe_machine()
    failures: dict[str, str] = {}
    measurements = [m for part in parts for m in _measure_part(part, checkpoint, providers, failures)]
    return BenchmarkRun(machine=machine, measurements=tuple(measurements), failures=failures)


def _measure_part(
    part: str, checkpoint: Path | None, providers: list[str], failures: dict[str, str]
) -> list[Measurement]:
    """Measure one part; where it cannot be measured, note why, so that the others are measured all the same."""
    from rich.console import Console

    from sim2real_ad.errors import Sim2RealError

    try:
        with Console(stderr=True).status(f"measuring {part} ..."):
            measure = _measurer(part)
            if part == "latency":
                return measure(checkpoint, providers)
            return measure(checkpoint) if part in OF_A_CHECKPOINT else measure()
    except (Sim2RealError, ModuleNotFoundError) as error:
        failures[part] = str(error)
        return []


def _measurer(part: str) -> Callable[..., list[Measurement]]:
    module = importlib.import_module(BY_NAME.get(part, f"sim2real_ad.evaluation.benchmark_{part}"))
    measurer: Callable[..., list[Measurement]] = getattr(module, f"measure_{part}")
    return measurer


def _print(run: BenchmarkRun) -> None:
    console = table_console()
    console.print(_table_of(run))
    for part, reason in run.failures.items():
        console.print(f"{part}: not measured: {reason}", style="red", markup=False)


def _table_of(run: BenchmarkRun) -> Table:
    """Return a line a figure; those by CPU time have a column only where there are any."""
    from rich.table import Table

    machine, by_cpu = run.machine, any(m.cpu_value is not None for m in run.measurements)
    table = Table(
        title=f"{machine.processor}, {machine.cores} cores, load {machine.load} before the start", title_justify="left"
    )
    table.add_column("figure")
    for name in ("target", "measured", *(["by CPU time"] if by_cpu else [])):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    table.add_column("conditions")
    for m in run.measurements:
        limit = "" if m.target is None else f"{'≥' if m.better == 'higher' else '≤'} {m.target:g} {m.unit}"
        cells = [m.name, limit, f"{m.value:.4g} {m.unit}"]
        if by_cpu:
            cells.append("" if m.cpu_value is None else f"{m.cpu_value:.4g}")
        table.add_row(*cells, m.verdict, m.note, style="" if m.reached else "yellow")
    return table
