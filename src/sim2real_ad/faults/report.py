"""What a campaign of faults leaves behind: faults.jsonl, summary.json, report.html and a table on the console."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field
from rich.console import Console
from rich.table import Table

from sim2real_ad.config import StrictModel
from sim2real_ad.evaluation import charts
from sim2real_ad.evaluation.documents import markdown_table
from sim2real_ad.evaluation.line_file import LineFile
from sim2real_ad.evaluation.pages import page_environment
from sim2real_ad.evaluation.results import Latency, summarize_latency
from sim2real_ad.faults.model import LONGEST_REACTION_MS, FaultResult
from sim2real_ad.files import write_json, write_text

LINES_FILE, SUMMARY_FILE, REPORT_FILE, TABLE_FILE = "faults.jsonl", "summary.json", "report.html", "table.md"


class CampaignSummary(StrictModel):
    """reaction_ms: over the faults that must lead to a stop; collisions_caused: those that the same drive without the
    fault does not have; too_far: stops that took more than the computed distance; unexpected: `scenario: fault`."""

    drives: int
    as_expected: int
    reaction_ms: Latency | None
    collisions_caused: int
    too_far: int
    unexpected: tuple[str, ...] = Field(default=())


def summarize_campaign(results: Sequence[FaultResult]) -> CampaignSummary:
    """Reduce results to counts and quantiles."""
    stops = [r for r in results if r.expected == "stop"]
    return CampaignSummary(
        drives=len(results),
        as_expected=sum(r.as_expected for r in results),
        reaction_ms=summarize_latency([r.reaction_ms for r in stops if r.reaction_ms is not None]),
        collisions_caused=sum(r.collided and not r.collided_without for r in results),
        too_far=sum(r.stopped_after is not None and r.stopped_after > r.allowed for r in stops),
        unexpected=tuple(f"{r.scenario}: {r.fault}" for r in results if not r.as_expected),
    )


class FaultWriter:
    """Writes a campaign's folder; every line is on disk before `write` returns."""

    def __init__(self, folder: Path) -> None:
        """Raises ConfigError where the folder holds another campaign or cannot be written."""
        self.folder = folder
        self.results: list[FaultResult] = []
        self._lines = LineFile(folder, LINES_FILE, "campaign")

    def write(self, result: FaultResult) -> None:
        """Add one result."""
        self._lines.write(result)
        self.results.append(result)

    def __enter__(self) -> FaultWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        write_json(self.folder / SUMMARY_FILE, summarize_campaign(self.results).model_dump(mode="json"), indent=2)
        write_text(self.folder / REPORT_FILE, render_report(self.results))
        write_text(self.folder / TABLE_FILE, markdown_report(self.results))


def render_report(results: Sequence[FaultResult]) -> str:
    """Return the page: figures, how fast stops came, and every fault."""
    reactions = [r.reaction_ms for r in results if r.expected == "stop" and r.reaction_ms is not None]
    chart = charts.histogram(reactions, "ms", (("limit", LONGEST_REACTION_MS),)) if reactions else None
    page = page_environment(Path(__file__).parent / "templates").get_template("faults.html.j2")
    return page.render(results=results, summary=summarize_campaign(results), chart=chart)


def markdown_report(results: Sequence[FaultResult]) -> str:
    """Return a table for documents, a line a fault, a column a scenario with reaction and stopping distance; and the
    campaign's figures."""
    scenarios = list(dict.fromkeys(r.scenario for r in results))
    found = {(r.fault, r.scenario): r for r in results}
    lines = [
        (fault, expected, *(_cell(found.get((fault, scenario))) for scenario in scenarios))
        for fault, expected in dict.fromkeys((r.fault, r.expected) for r in results)
    ]
    table = markdown_table(("fault", "expected", *(name.replace("_", " ") for name in scenarios)), lines)
    return f"{table}\n\n{_figures(summarize_campaign(results))}\n"


def _figures(summary: CampaignSummary) -> str:
    reaction = summary.reaction_ms
    told = [f"{summary.as_expected} of {summary.drives} as expected"]
    if reaction is not None:
        told.append(f"stops came after {reaction.p50:.0f} ms at the median, {reaction.p99:.0f} at the 99th percentile")
    told += [
        f"{summary.too_far} took more than the computed distance",
        f"collisions caused: {summary.collisions_caused}",
    ]
    return "; ".join(told) + "."


def _cell(result: FaultResult | None) -> str:
    if result is None:
        return ""
    if result.error:
        return f"not measured: {result.error}"
    parts = []
    if result.expected == "stop" and result.reaction_ms is not None:
        parts.append(f"{result.reaction_ms:.0f} ms by the {result.stopped_by}")
        if result.stopped_after is not None:
            parts.append(f"{result.stopped_after:.1f} of {result.allowed:.1f} m")
    elif result.reasons:
        parts.append(result.reasons[0])
    if result.collided:
        parts.append("collision" + (", as without" if result.collided_without else ""))
    if not result.as_expected:
        parts.append("**not as expected**")
    return ", ".join(parts) or "drove on"


def print_table(results: Sequence[FaultResult], console: Console) -> None:
    """Print a line a fault, and the campaign's figures."""
    table = Table(title="faults", title_justify="left")
    for name in ("scenario", "fault"):
        table.add_column(name)
    for name in ("reaction", "stopped after"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for r in results:
        reaction = "-" if r.reaction_ms is None or r.expected != "stop" else f"{r.reaction_ms:.0f} ms"
        stopped = "-" if r.stopped_after is None else f"{r.stopped_after:.1f} of {r.allowed:.1f} m"
        verdict = r.error or ("as expected" if r.as_expected else "NOT AS EXPECTED")
        table.add_row(r.scenario, r.fault, reaction, stopped, verdict, style="" if r.as_expected else "red")
    console.print(table)
    summary = summarize_campaign(results)
    console.print(
        f"{summary.as_expected} of {summary.drives} as expected; collisions caused {summary.collisions_caused}"
    )
