"""report.html of a replay: pictures, plots and events over the recorded time, and what was judged. One file each."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from sim2real_ad.errors import ConfigError
from sim2real_ad.evaluation.bev_picture import data_uri
from sim2real_ad.evaluation.pages import page_environment
from sim2real_ad.files import write_json, write_text
from sim2real_ad.replay.conditions import JudgedBag, Verdict
from sim2real_ad.replay.reference import ReferenceComparison
from sim2real_ad.replay.results import REPORT_FILE, SUMMARY_FILE, ReplayFrame, ReplaySummary
from sim2real_ad.replay.timeline import Timeline

OVERVIEW_FILE = "index.html"
MAX_PICTURE_BYTES = 9_000_000
"""Of all pictures before their encoding as text, which takes a third more: keeps the page below 15 MB."""

UNITS = {"steering_tire_angle": "rad", "acceleration": "m/s²"}


@dataclass(frozen=True)
class ReplayPicture:
    """What was seen at a moment. jpeg: the camera's picture; bev_png: the adapter's BEV, drawn; either may be empty."""

    stamp_ns: int
    jpeg: bytes
    bev_png: bytes


def write_replay_report(
    folder: Path,
    summary: ReplaySummary,
    frames: Iterable[ReplayFrame],
    pictures: Sequence[ReplayPicture],
    verdicts: Sequence[Verdict] = (),
    comparison: ReferenceComparison | None = None,
    *,
    renew: str = "",
    unfamiliar: float | None = None,
) -> Path:
    """Write a bag's report.html and return its path. renew: the command that renews the reference; unfamiliar: the
    out-of-distribution score at which the gate stops the car, drawn as a limit.

    Raises ConfigError where the folder cannot be written.
    """
    bag = JudgedBag(folder, summary, tuple(verdicts), comparison)
    return _write(folder / REPORT_FILE, render_replay_report(bag, frames, pictures, renew, unfamiliar))


def render_replay_report(
    bag: JudgedBag,
    frames: Iterable[ReplayFrame],
    pictures: Sequence[ReplayPicture],
    renew: str = "",
    unfamiliar: float | None = None,
) -> str:
    """Return the page of one bag; see `write_replay_report`."""
    timeline = Timeline()
    for frame in frames:
        timeline.add(frame)
    shown = fit_pictures(sorted(pictures, key=lambda picture: picture.stamp_ns)) if len(timeline) else []
    data = {**timeline.data(unfamiliar), "marks": _marks(bag, timeline)} if len(timeline) else None
    return _page("replay.html.j2").render(
        bag=bag,
        summary=bag.summary,
        headline=_headline(bag),
        data=None if data is None else _script_data(data),
        plots=[] if data is None else data["plots"],
        pictures=_script_data([_picture(picture, timeline) for picture in shown]),
        shown=len(shown),
        given=len(pictures),
        has_bev=any(picture.bev_png for picture in shown),
        comparison="" if bag.comparison is None else bag.comparison.describe(renew),
        seconds=timeline.seconds,
        unit_of=lambda name: "" if name.startswith("action.") else UNITS.get(name.rpartition(".")[2], ""),
    )


def write_overview(folder: Path, bags: Sequence[JudgedBag]) -> Path:
    """Write index.html, a row a bag with a link to its report, and summary.json of many bags; return the page's path.

    Raises ConfigError where the folder cannot be written.
    """
    counts: Counter[str] = Counter(bag.outcome for bag in bags)
    rows = [(bag, _link(folder, bag)) for bag in bags]
    path = _write(folder / OVERVIEW_FILE, _page("overview.html.j2").render(rows=rows, counts=counts, bags=bags))
    write_json(folder / SUMMARY_FILE, {**_counted(counts), "bags": [_plain(*row) for row in rows]}, indent=2)
    return path


def fit_pictures(pictures: Sequence[ReplayPicture], most_bytes: int = MAX_PICTURE_BYTES) -> list[ReplayPicture]:
    """Return as many evenly chosen pictures as fit."""
    for count in range(len(pictures), 0, -1):
        last = len(pictures) - 1
        chosen = [pictures[round(k * last / max(count - 1, 1))] for k in range(count)]
        if sum(len(p.jpeg) + len(p.bev_png) for p in chosen) <= most_bytes:
            return chosen
    return []


def _headline(bag: JudgedBag) -> str:
    if bag.summary.error:
        return "could not be replayed to the end" if bag.summary.frames else "could not be replayed"
    judged = [v for v in bag.verdicts if v.outcome != "not judged"]
    if judged:
        return f"{sum(v.outcome == 'passed' for v in judged)} of {len(judged)} conditions met"
    if bag.comparison is not None:
        return "equal to the reference" if bag.comparison.equal else "not equal to the reference"
    return f"{bag.summary.frames} {'frame' if bag.summary.frames == 1 else 'frames'} replayed"


def _marks(bag: JudgedBag, timeline: Timeline) -> list[dict[str, Any]]:
    """Return the moments worth a look, as the event lane shows them."""
    found = [
        (v.at_ns, "failed", f"{v.condition}: {v.describe()}")
        for v in bag.verdicts
        if v.outcome == "failed" and v.at_ns is not None
    ]
    found += [(m.stamp_ns, "goal", f"goal {m.goal}: score {m.score:.2f}") for m in bag.summary.moments]
    first = None if bag.comparison is None else bag.comparison.first
    if first is not None:
        text = f"first difference to the reference: {first.field} is {first.replayed}, was {first.reference}"
        found.append((first.stamp_ns, "reference", text))
    return [{"t": round(timeline.seconds(at), 3), "kind": kind, "text": text} for at, kind, text in sorted(found)]


def _picture(picture: ReplayPicture, timeline: Timeline) -> dict[str, Any]:
    return {
        "t": round(timeline.seconds(picture.stamp_ns), 3),
        "camera": data_uri(picture.jpeg, "jpeg") if picture.jpeg else "",
        "bev": data_uri(picture.bev_png, "png") if picture.bev_png else "",
    }


def _script_data(data: Any) -> Markup:
    """Return data as JSON that a page's script element can hold: no character of it ends the element."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _link(folder: Path, bag: JudgedBag) -> str:
    report = bag.folder / REPORT_FILE
    return quote(Path(os.path.relpath(report, folder)).as_posix()) if report.is_file() else ""


def _plain(bag: JudgedBag, link: str) -> dict[str, Any]:
    """Return a bag's outcome as JSON has it."""
    comparison = None if bag.comparison is None else bag.comparison.model_dump(mode="json")
    return {
        "outcome": bag.outcome,
        "report": link,
        "summary": bag.summary.model_dump(mode="json"),
        "verdicts": [verdict.model_dump(mode="json") for verdict in bag.verdicts],
        "comparison": comparison,
    }


def _counted(counts: Counter[str]) -> dict[str, int]:
    return {name.replace(" ", "_"): counts[name] for name in ("passed", "failed", "error", "not judged")}


def _page(name: str) -> jinja2.Template:
    return page_environment(Path(__file__).parent / "templates").get_template(name)


def _write(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    return path
