"""The transfer in figures: success by domain and scenario, the drop from the training domain, error terms and bound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sim2real_ad.config import StrictModel
from sim2real_ad.evaluation.documents import markdown_table
from sim2real_ad.evaluation.results import CheckpointId, EpisodeResult, RunInfo, ScenarioSummary, summarize
from sim2real_ad.evaluation.statistics import describe_rate
from sim2real_ad.evaluation.transfer import Bound, Constants, ErrorTerms, transfer_bound
from sim2real_ad.evaluation.transfer_recording import OnlineTerms

TRAINING = "training"
"""The domain that is trained in, in the tables."""
ALL = "all"
ENOUGH_DRIVES = 20
"""Of a scenario in a domain: with fewer, the Wilson interval is wider than 16 points even where all of them succeed."""


class Observed(StrictModel):
    """Means over the drives that were measured against the ground truth; all seeing is through the adapter.

    drives: their number; near_iou: by class, within 30 m; observation, shift, policy: see `ErrorTerms`.
    """

    drives: int
    near_iou: dict[str, float | None]
    observation: float
    shift: float
    policy: float


class Online(StrictModel):
    """Means over the drives through the graph. curvature 1/m, acceleration m/s^2, action: in action units."""

    drives: int
    curvature: float
    acceleration: float
    action: float
    ood: float | None


class DomainReport(StrictModel):
    """One domain. scenarios: judged through the graph, and all of them together as "all"; drop: of that rate from the
    training domain's, None where either is missing; measured_gap: from the undisturbed teacher's."""

    description: str
    vehicle: str
    camera: str
    scenarios: dict[str, ScenarioSummary]
    drop: float | None = None
    online: Online | None = None
    observed: Observed | None = None
    terms: ErrorTerms | None = None
    bound: Bound | None = None
    measured_gap: float | None = None


class TransferReport(StrictModel):
    """transfer.json. seeds: first and last of the drives; teacher: its success in the training domain."""

    checkpoint: CheckpointId
    versions: dict[str, str]
    seeds: tuple[int, int]
    constants: Constants | None
    teacher: float | None
    domains: dict[str, DomainReport]


def judged(results: Iterable[EpisodeResult]) -> dict[str, ScenarioSummary]:
    """Return rates with Wilson 95 % intervals by scenario, and over all of them."""
    results = tuple(results)
    run = RunInfo(command=(), mode="lockstep")
    together = [result.model_copy(update={"scenario": ALL}) for result in results]
    return summarize(run, results).scenarios | summarize(run, together).scenarios


def mean_online(terms: Iterable[OnlineTerms]) -> Online | None:
    """Return the means, drives weighted by the ticks in which the car moved; None where it never did."""
    terms = [term for term in terms if term.actuation.ticks]
    if not terms:
        return None
    weights = [term.actuation.ticks for term in terms]

    def mean(name: str) -> float:
        return float(np.average([getattr(term.actuation, name) for term in terms], weights=weights))

    ood = [term.ood_mean for term in terms if term.ood_mean is not None]
    return Online(
        drives=len(terms),
        curvature=mean("curvature"),
        acceleration=mean("acceleration"),
        action=mean("action"),
        ood=float(np.mean(ood)) if ood else None,
    )


def completed(
    report: DomainReport, training: DomainReport | None, constants: Constants | None, teacher: float | None
) -> DomainReport:
    """Return a domain's report with the drop, the terms and the bound that follow from what was measured."""
    rate, known = success_of(report), success_of(training) if training else None
    terms = None
    if report.online is not None and report.observed is not None:
        seen = report.observed
        terms = ErrorTerms(
            observation=seen.observation, shift=seen.shift, actuation=report.online.action, policy=seen.policy
        )
    return report.model_copy(
        update={
            "drop": None if rate is None or known is None else known - rate,
            "terms": terms,
            "bound": transfer_bound(terms, constants) if terms and constants else None,
            "measured_gap": None if rate is None or teacher is None else teacher - rate,
        }
    )


def success_of(report: DomainReport) -> float | None:
    """Return the success rate over all scenarios, None where nothing was judged."""
    return report.scenarios[ALL].success_rate if ALL in report.scenarios else None


def transfer_tables(report: TransferReport) -> str:
    """Return the tables as Markdown."""
    first, last = report.seeds
    fewest = min((s.n for d in report.domains.values() for n, s in d.scenarios.items() if n != ALL), default=0)
    lines = [
        f"Checkpoint `{report.checkpoint.name}` ({report.checkpoint.sha256[:12]}); seeds {first} to {last} of each "
        "scenario, through the ROS graph in lock-step. Rates with Wilson 95 % intervals."
        + (
            f" Fewer than {ENOUGH_DRIVES} drives a scenario: a first look, not a result."
            if fewest < ENOUGH_DRIVES
            else ""
        ),
        "### Success",
        _success_table(report),
        "### Error terms and bound",
        _terms_table(report),
    ]
    if report.constants is not None and report.teacher is not None:
        lines.append(
            f"Constants, estimated in the training domain: L_pi = {report.constants.policy_lipschitz:.1f}, "
            f"L_S = {report.constants.success_sensitivity:.2f}; the undisturbed teacher succeeds in "
            f"{100.0 * report.teacher:.0f} % of its drives."
        )
    return "\n\n".join(lines) + "\n"


def _success_table(report: TransferReport) -> str:
    names = list(dict.fromkeys(name for domain in report.domains.values() for name in domain.scenarios if name != ALL))
    spoken = [name.replace("_", " ") for name in names]
    head = ("domain", *spoken, "all", "drop from training (points)", *(f"gate, {name}" for name in spoken))
    rows = []
    for name, domain in report.domains.items():
        cells = [_rate(domain.scenarios.get(scenario)) for scenario in (*names, ALL)]
        drop = "" if name == TRAINING else _number(domain.drop, 100.0, "+.0f")
        rows.append((name, *cells, drop, *(_share(domain.scenarios.get(scenario)) for scenario in names)))
    return markdown_table(head, rows)


def _terms_table(report: TransferReport) -> str:
    head = (
        "domain",
        "drivable IoU, 30 m",
        "vehicle IoU, 30 m",
        "observation",
        "shift of the action",
        "actuation",
        "policy",
        "bound on the gap",
        "bound, shift as measured",
        "gap to the teacher, measured",
        "out of distribution, mean",
    )
    return markdown_table(head, [(name, *_terms(domain)) for name, domain in report.domains.items()])


def _terms(domain: DomainReport) -> tuple[str, ...]:
    seen, bound, online = domain.observed, domain.bound, domain.online
    return (
        _number(seen and seen.near_iou.get("drivable"), 1.0, ".2f"),
        _number(seen and seen.near_iou.get("vehicle"), 1.0, ".2f"),
        _number(seen and seen.observation, 1.0, ".3f"),
        _number(seen and seen.shift, 1.0, ".3f"),
        _number(online and online.action, 1.0, ".3f"),
        _number(seen and seen.policy, 1.0, ".3f"),
        _number(bound and bound.gap, 1.0, ".2f"),
        _number(bound and bound.gap_by_shift, 1.0, ".2f"),
        _number(domain.measured_gap, 1.0, ".2f"),
        _number(online and online.ood, 1.0, ".2f"),
    )


def _rate(summary: ScenarioSummary | None) -> str:
    if summary is None or summary.n == 0:
        return "not run"
    return describe_rate(summary.successes, summary.n)


def _share(summary: ScenarioSummary | None) -> str:
    """Return in what share of the frames the gate stepped in."""
    return "" if summary is None or summary.intervened is None else f"{100.0 * summary.intervened:.1f} %"


def _number(value: Any, scale: float, form: str) -> str:
    return "" if value is None else format(scale * value, form)


def class_ious(overlaps: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the intersection over union of every class, None where it never occurred."""
    return {name: overlap.iou for name, overlap in overlaps.items()}
