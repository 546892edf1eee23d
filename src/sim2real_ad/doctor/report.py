"""The doctor's findings as a file and as a console table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sim2real_ad.config import StrictModel
from sim2real_ad.doctor.finding import Finding, Status
from sim2real_ad.evaluation.benchmark import Machine, describe_machine
from sim2real_ad.evaluation.provenance import collect_versions

STYLES = {Status.ok: "green", Status.warning: "yellow", Status.failed: "bold red", Status.not_here: "dim"}


class Report(StrictModel):
    """What `--json` writes. examined_at: ISO 8601, UTC; is_well: whether the exit status was 0."""

    examined_at: str
    versions: dict[str, str]
    machine: Machine
    is_well: bool
    findings: tuple[Finding, ...]


def make_report(findings: Sequence[Finding], *, is_well: bool) -> Report:
    """Return the report of this computer."""
    return Report(
        examined_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        versions=collect_versions(),
        machine=describe_machine(),
        is_well=is_well,
        findings=tuple(findings),
    )


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Print a row a check, what to do below what was found, and how many of which status."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("check", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("found", overflow="fold")
    for finding in findings:
        text = Text(finding.found)
        if finding.remedy:
            text.append(f"\n→ {finding.remedy}", style="cyan")
        table.add_row(finding.check, Text(finding.status.value, style=STYLES[finding.status]), text)
    console.print(table)
    console.print(summary(findings), markup=False, highlight=False)


def summary(findings: Sequence[Finding]) -> str:
    """Return how many checks came out how, as one line."""
    counts = Counter(finding.status for finding in findings)
    return ", ".join(f"{counts[status]} {status.value}" for status in Status if counts[status])
