"""An experiment as Markdown: what every reward and algorithm reached, and what guidance changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sim2real_ad.evaluation.documents import markdown_table
from sim2real_ad.evaluation.statistics import describe_rate
from sim2real_ad.training.experiment.comparison import Difference, compare
from sim2real_ad.training.experiment.figures import Group, JudgedRun, Rate, group_runs, summarise
from sim2real_ad.training.experiment.folder import ExperimentFolder
from sim2real_ad.training.experiment.spec import GUIDED, NOTHING

TRAINING_HEAD = ("kept policy of step", "steps a second, all in", "guidance against the simulator", "alarm")
UNGUIDED = ("hand-crafted", "sparse")
"""Rewards without guidance that a guided training is compared with, at equal steps."""


def experiment_tables(folder: ExperimentFolder) -> str:
    """Return the tables of whatever is finished."""
    judged = list(folder.judged())
    spec = folder.spec
    last = spec.judging.first_seed + spec.judging.episodes - 1
    drives = spec.judging.episodes * len(spec.scenarios)
    parts = [
        f"{spec.steps:,} steps a training; judged on seeds {spec.judging.first_seed} to {last} of each scenario "
        f"({drives} drives a run); {len(judged)} of {len(spec.runs())} runs finished."
    ]
    if judged:
        parts += ["### What each reward and algorithm reached", reached_table(judged, spec.scenarios)]
        changed = changed_table(judged)
        parts += ["### What guidance changed", changed] if changed else []
        parts += ["### Every run", runs_table(folder, judged)]
    missing = [run.id for run in spec.runs() if run not in [one.run for one in judged]]
    if missing:
        parts.append(f"Not finished: {', '.join(f'`{name}`' for name in missing)}.")
    failures = [f"- `{name}` failed: {reason.splitlines()[-1]}" for name, reason in folder.failures().items() if reason]
    parts += ["\n".join(failures)] if failures else []
    return "\n\n".join(parts) + "\n"


def reached_table(judged: Iterable[JudgedRun], scenarios: Sequence[str]) -> str:
    """Return a line a group: strict success by scenario, infractions and comfort."""
    head = (
        "start",
        "algorithm",
        "reward",
        "seeds",
        *(name.replace("_", " ") for name in scenarios),
        "all drives",
        "infractions in 100 drives",
        "lateral jerk, RMS (m/s³)",
        "mean speed (m/s)",
    )
    groups = [summarise(runs) for runs in group_runs(judged).values()]
    return markdown_table(head, [_group_line(group) for group in sorted(groups, key=_order)])


def changed_table(judged: Iterable[JudgedRun]) -> str:
    """Return a line a guided group and what it is compared with; "" where nothing can be compared."""
    groups = group_runs(judged)
    lines = []
    for (start, algorithm, reward), runs in sorted(groups.items(), key=lambda item: _key(*item[0])):
        if reward not in GUIDED:
            continue
        against = {(start, NOTHING, NOTHING): "the start, not trained"}
        against |= {(start, algorithm, other): f"{other}, equal steps" for other in UNGUIDED}
        for key, name in against.items():
            if key in groups:
                lines.append((start, algorithm, reward, name, *_difference_cells(compare(runs, groups[key]))))
    head = (
        "start",
        "algorithm",
        "reward",
        "against",
        "strict success (points)",
        "drives gained / lost",
        "p, first seed",
        "infractions in 100 drives",
        "lateral jerk, RMS (m/s³)",
        "mean speed (m/s)",
    )
    return markdown_table(head, lines) if lines else ""


def runs_table(folder: ExperimentFolder, judged: Iterable[JudgedRun]) -> str:
    """Return a line a run: successes by scenario, and what its training says of itself."""
    scenarios = folder.spec.scenarios
    lines = []
    for one in judged:
        cells = [_count_cell([d.success for d in one.drives if d.scenario == name]) for name in scenarios]
        lines.append((f"`{one.run.id}`", *cells, *_training_cells(folder.record(one.run))))
    head = ("run", *(name.replace("_", " ") for name in scenarios), *TRAINING_HEAD)
    return markdown_table(head, lines)


def _group_line(group: Group) -> tuple[str, ...]:
    infractions = ", ".join(f"{kind.replace('_', ' ')} {count:.1f}" for kind, count in group.infractions.items())
    trained = group.algorithm != NOTHING
    return (
        group.start,
        group.algorithm if trained else "",
        group.reward if trained else "none: not trained",
        ", ".join(map(str, group.seeds)) if trained else "",
        *(_rate_cell(rate) for rate in group.rates.values()),
        _rate_cell(group.overall),
        infractions or "none",
        f"{group.rms_lateral_jerk:.2f}",
        f"{group.mean_speed:.2f}",
    )


def _difference_cells(difference: Difference) -> tuple[str, ...]:
    p_value = difference.p_value
    paired = difference.pairs > 0
    return (
        f"{100 * difference.success:+.1f} ({100 * difference.low:+.1f} to {100 * difference.high:+.1f})",
        f"{difference.gained} / {difference.lost}" if paired else "no seed in common",
        "" if p_value is None else "< 0.001" if p_value < 0.001 else f"{p_value:.3f}",
        f"{difference.infractions:+.1f}",
        f"{difference.rms_lateral_jerk:+.2f}",
        f"{difference.mean_speed:+.2f}",
    )


def _rate_cell(rate: Rate) -> str:
    return f"{100 * rate.mean:.1f} % ({100 * rate.low:.1f} to {100 * rate.high:.1f})"


def _count_cell(successes: Sequence[bool]) -> str:
    return describe_rate(sum(successes), len(successes))


def _training_cells(record: dict[str, Any]) -> tuple[str, ...]:
    """Return what a training's record says: the kept policy's step, its pace, the guidance's audit, the alarm."""
    best, pace = record.get("evaluations", {}).get("best", {}).get("steps"), record.get("steps_per_second")
    audit = _audit_cell(record.get("audit") or {})
    alarm = record.get("alarm", {}).get("worst", "")
    return "" if best is None else f"{best:,}", "" if pace is None else f"{pace:.0f}", audit, alarm


def _audit_cell(audit: dict[str, Any]) -> str:
    figures = audit.get("figures", {})
    auroc, asked = (figures.get("auroc") or {}).get("value"), figures.get("asked", 0)
    parts = [audit.get("verdict", "")]
    parts += [] if auroc is None else [f"AUROC {auroc:.2f}"]
    parts += [f"abstained {100 * figures.get('abstained', 0) / asked:.0f} %"] if asked else []
    return ", ".join(filter(None, parts))


def _order(group: Group) -> tuple[object, ...]:
    return _key(group.start, group.algorithm, group.reward)


def _key(start: str, algorithm: str, reward: str) -> tuple[object, ...]:
    """Starts as they are named; the start alone first, then by algorithm; guided rewards before the others."""
    known = (NOTHING, *GUIDED, *UNGUIDED)
    return start, algorithm != NOTHING, algorithm, known.index(reward) if reward in known else len(known), reward
