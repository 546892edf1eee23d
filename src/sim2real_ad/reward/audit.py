"""The audit of a run: what its guidance said against what the simulator knew, as audit.json and audit.html.

A scorer that always lies (inverted, constant, random, no numbers) comes out untrusted; see `judge_figures`.
"""

from __future__ import annotations

import math
from pathlib import Path

import jinja2
import numpy as np

from sim2real_ad import files
from sim2real_ad.config import StrictModel
from sim2real_ad.errors import ConfigError
from sim2real_ad.evaluation.bev_picture import data_uri
from sim2real_ad.evaluation.pages import page_environment
from sim2real_ad.evaluation.rank_statistics import auroc, spearman
from sim2real_ad.reward import audit_truth
from sim2real_ad.reward.audit_figures import (
    TRUSTED_AUROC,
    TRUSTED_LOW,
    UNTRUSTED_AUROC,
    Figures,
    Values,
    Verdict,
    auroc_interval,
    judge_figures,
)
from sim2real_ad.reward.audit_log import COLUMNS, AuditLog, Disagreement
from sim2real_ad.reward.audit_truth import DANGERS, SAFE, UNCLEAR

AUDIT_JSON, AUDIT_HTML = "audit.json", "audit.html"
THRESHOLD = 0.5
"""From this score on a moment is praised."""
DANGER_OF_GOAL = {"clear_road": "collision", "lane_keeping": "off_road", "stop_line": "stop_line_run"}
"""What each shipped goal is about; a goal with another name is held against every danger."""


class WorstMoment(StrictModel):
    """One disagreement for the record. Distances in m are None where there is nothing to measure to."""

    kind: str
    score: float
    truth: str
    scenario: str
    seed: int
    time_s: float
    speed: float
    lateral_offset: float
    gap: float | None
    stop_distance: float | None


class Audit(StrictModel):
    """audit.json. verdict with the reasons against trust; worst: the pictures are in audit.html."""

    verdict: Verdict
    reasons: tuple[str, ...]
    figures: Figures
    worst: tuple[WorstMoment, ...]


def figures_of(log: AuditLog, threshold: float = THRESHOLD) -> Figures:
    """Work out a log's figures. Correlations are over the kept moments, in which danger is drawn more often."""
    safe, unsafe, unclear = (log.rows(kind) for kind in (SAFE, "unsafe", UNCLEAR))
    clear = np.concatenate((safe, unsafe))
    is_safe = np.arange(len(clear)) < len(safe)
    everything = np.concatenate((clear, unclear))
    offset, ttc = everything[:, COLUMNS.index("lateral_offset")], everything[:, COLUMNS.index("time_to_collision")]
    finite = np.isfinite(ttc)
    return Figures(
        asked=log.counts.asked,
        abstained=log.counts.abstained,
        not_finite=log.counts.not_finite,
        safe=log.counts.safe,
        unsafe=log.counts.unsafe,
        unsafe_episodes=len(np.unique(unsafe[:, 0])),
        threshold=threshold,
        spread=float(np.std(everything[:, 2])) if len(everything) > 1 else None,
        auroc=auroc_interval(clear[:, 2], is_safe, clear[:, 0].astype(np.int64)),
        false_praise=_share(unsafe[:, 2] >= threshold),
        false_alarm=_share(safe[:, 2] < threshold),
        by_danger=_by_danger(safe, unsafe),
        by_goal=_by_goal(log.goals, safe, unsafe),
        offset_correlation=_rounded(spearman(everything[:, 2], offset)),
        ttc_correlation=_rounded(spearman(everything[finite, 2], ttc[finite])),
    )


def audit_of(log: AuditLog, threshold: float = THRESHOLD) -> Audit:
    """Judge what a log holds."""
    figures = figures_of(log, threshold)
    verdict, reasons = judge_figures(figures)
    return Audit(verdict=verdict, reasons=reasons, figures=figures, worst=tuple(map(_for_the_record, log.worst)))


def write_audit(folder: Path, log: AuditLog | None = None, *, title: str = "") -> Audit:
    """Write audit.json and audit.html into a run folder, from its log or from one that is given.

    Raises SourceError where the folder has no readable log, ConfigError where it cannot be written.
    """
    log = log or AuditLog.read(folder)
    audit = audit_of(log)
    page = (
        reward_pages()
        .get_template("audit.html.j2")
        .render(
            title=title or folder.name,
            audit=audit,
            worst=[(w, data_uri(d.png, "png") if d.png else "") for w, d in zip(audit.worst, log.worst, strict=True)],
            limits={"trusted": TRUSTED_AUROC, "low": TRUSTED_LOW, "untrusted": UNTRUSTED_AUROC},
            truth=audit_truth,
            histogram=_histogram(log),
        )
    )
    write_text(folder / AUDIT_JSON, audit.model_dump_json(indent=2) + "\n")
    write_text(folder / AUDIT_HTML, page)
    return audit


def reward_pages() -> jinja2.Environment:
    """Return the templates of this package, and the style sheet that every report shares."""
    return page_environment(Path(__file__).parent / "templates")


def write_text(path: Path, text: str) -> None:
    """Write a file at once. Raises ConfigError naming it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(path, text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


def _by_danger(safe: Values, unsafe: Values) -> dict[str, float]:
    found = {}
    for index, danger in enumerate(DANGERS):
        value = auroc(safe[:, 2], unsafe[unsafe[:, 3] == index, 2])
        if value is not None:
            found[danger] = round(value, 4)
    return found


def _by_goal(goals: tuple[str, ...], safe: Values, unsafe: Values) -> dict[str, float]:
    """Return each goal's own AUROC against the danger that it is about."""
    found = {}
    for column, goal in enumerate(goals, start=len(COLUMNS)):
        danger = DANGER_OF_GOAL.get(goal)
        meant = unsafe if danger is None else unsafe[unsafe[:, 3] == DANGERS.index(danger)]
        good, bad = safe[:, column], meant[:, column]
        value = auroc(good[np.isfinite(good)], bad[np.isfinite(bad)])
        if value is not None:
            found[goal] = round(value, 4)
    return found


def _histogram(log: AuditLog, bins: int = 20) -> list[tuple[float, float]]:
    """Return the share of safe and of unsafe moments in each of `bins` equal steps of the score."""
    shares = []
    for kind in (SAFE, "unsafe"):
        counts, _ = np.histogram(log.rows(kind)[:, 2], bins=bins, range=(0.0, 1.0))
        shares.append((counts / max(counts.sum(), 1)).tolist())
    return list(zip(*shares, strict=True))


def _for_the_record(d: Disagreement) -> WorstMoment:
    return WorstMoment(
        kind=d.kind,
        score=round(d.score, 4),
        truth=d.truth,
        scenario=d.scenario,
        seed=d.seed,
        time_s=round(d.time_s, 3),
        speed=round(d.speed, 3),
        lateral_offset=round(d.lateral_offset, 3),
        gap=round(d.gap, 3) if math.isfinite(d.gap) else None,
        stop_distance=round(d.stop_distance, 3) if math.isfinite(d.stop_distance) else None,
    )


def _share(flags: np.typing.NDArray[np.bool_]) -> float | None:
    return round(float(flags.mean()), 4) if len(flags) else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
