"""Leaves one part out at a time, drives in every domain, and puts the successes side by side."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim2real_ad.config import StrictModel
from sim2real_ad.errors import ConfigError
from sim2real_ad.evaluation.statistics import wilson_interval
from sim2real_ad.evaluation.transfer_folder import append_line, read_lines
from sim2real_ad.policy.checkpoint import (
    ADAPTER_FILE,
    CONFIG_FILE,
    REQUIRED_FILES,
    STUDENT_FILE,
    load_checkpoint,
    seal_checkpoint,
    sha256_of,
)
from sim2real_ad.training.ablation.variants import Variant, short_training, variant_of
from sim2real_ad.training.config import TrainingConfig
from sim2real_ad.training.evaluate import Trial, judge_all
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.run import ADAPTER_RECORD, adapter_part, student_part, worker_pool
from sim2real_ad.training.seeds import EVALUATION_SEEDS

DRIVES_FILE = "drives.jsonl"
SHORT_NAME = "short"


class Drive(StrictModel):
    """One judged drive of a variant. checkpoint: SHA-256 of its configuration; infraction: empty for a success."""

    variant: str
    checkpoint: str
    domain: str
    scenario: str
    seed: int
    infraction: str


@dataclass(frozen=True)
class Ablation:
    """What is asked for. trained: a folder of `s2r train all`; domains: "" is the training domain."""

    out: Path
    trained: Path
    variants: tuple[str, ...]
    domains: tuple[str, ...]
    episodes: int
    workers: int


def run_ablation(ablation: Ablation, base: TrainingConfig, progress: Progress) -> str:
    """Make what is missing, drive what has not been driven, and return the table in Markdown.

    Raises ConfigError for an unknown variant, CheckpointError where the trained folder lacks what a variant needs.
    """
    variants = [variant_of(name) for name in ablation.variants]
    folders = {v.name: prepare(v, ablation, base, progress) for v in variants}
    for variant in variants:
        _drive_missing(variant, folders[variant.name], ablation, base.scenarios, progress)
    drives = _drives(ablation, variants, folders)
    return table(variants, ablation.domains, drives)


def prepare(variant: Variant, ablation: Ablation, base: TrainingConfig, progress: Progress) -> Path:
    """Return the variant's checkpoint folder, trained or put together where it does not exist yet."""
    if variant.training is None and not variant.phase_1:
        return ablation.trained
    folder = ablation.out / variant.name.replace("/", "_").replace(":", "_")
    if (folder / CONFIG_FILE).is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    if variant.training is None:
        _with_phase_1_student(ablation.trained, base, folder)
        return folder
    config = short_training(base, variant)
    if variant.own_adapter:
        if not (folder / ADAPTER_RECORD).is_file():
            adapter_part(config, folder, progress, ablation.workers)
    else:
        source = ablation.out / SHORT_NAME
        if not (source / ADAPTER_RECORD).is_file():
            raise ConfigError(f"'{variant.name}' takes the adapter of '{SHORT_NAME}': name that first in --variants")
        for name in (ADAPTER_FILE, ADAPTER_RECORD):
            shutil.copy(source / name, folder / name)
    student_part(config, folder, progress, ablation.workers)
    return folder


def _with_phase_1_student(trained: Path, base: TrainingConfig, folder: Path) -> None:
    """Put a checkpoint together from the trained one and its student of the last round on the true BEV."""
    student = trained / f"round_{base.student.truth_rounds - 1}" / STUDENT_FILE
    if not student.is_file():
        raise ConfigError(f"{student} is missing: phase 1's student is in a folder of `s2r train all` only")
    loaded = load_checkpoint(trained)
    for name in REQUIRED_FILES:
        shutil.copy(student if name == STUDENT_FILE else trained / name, folder / name)
    config = loaded.config
    seal_checkpoint(folder, config.observation, config.image, config.corridor, config.action)


def _drive_missing(
    variant: Variant, folder: Path, ablation: Ablation, scenarios: Sequence[str], progress: Callable[[str, float], None]
) -> None:
    path, sha = ablation.out / DRIVES_FILE, sha256_of(folder / CONFIG_FILE)
    known = {_key(d) for d in read_lines(path, Drive)}
    for domain in ablation.domains:
        seeds = EVALUATION_SEEDS[: ablation.episodes]
        trials = [Trial(s, seed, folder, domain, variant.without) for s in scenarios for seed in seeds]
        missing = [t for t in trials if (variant.name, sha, domain, t.scenario, t.seed) not in known]
        if not missing:
            continue
        with worker_pool(ablation.workers) as pool:
            for done, judged in enumerate(judge_all(missing, pool), start=1):
                trial = judged.trial
                found = "" if judged.success else judged.infraction or "not finished"
                append_line(
                    path,
                    Drive(
                        variant=variant.name, checkpoint=sha, domain=domain, scenario=trial.scenario,
                        seed=trial.seed, infraction=found,
                    ),
                )  # fmt: skip
                progress(f"{variant.name}, {domain or 'training'}: {done} of {len(missing)}", done / len(missing))


def _drives(ablation: Ablation, variants: Iterable[Variant], folders: dict[str, Path]) -> list[Drive]:
    shas = {v.name: sha256_of(folders[v.name] / CONFIG_FILE) for v in variants}
    asked = set(EVALUATION_SEEDS[: ablation.episodes])
    drives = read_lines(ablation.out / DRIVES_FILE, Drive)
    return [d for d in drives if shas.get(d.variant) == d.checkpoint and d.seed in asked]


def _key(drive: Drive) -> tuple[str, str, str, str, int]:
    return drive.variant, drive.checkpoint, drive.domain, drive.scenario, drive.seed


def table(variants: Sequence[Variant], domains: Sequence[str], drives: Sequence[Drive]) -> str:
    """Return a Markdown table: a row a variant, a column a domain, successes with Wilson 95 % intervals."""
    head = ["left out", *(domain or "training" for domain in domains), "what it is"]
    rows = [head, ["---"] * len(head)]
    for variant in variants:
        own = [d for d in drives if d.variant == variant.name]
        rows.append(
            [variant.name, *(_cell([d for d in own if d.domain == domain]) for domain in domains), variant.what]
        )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def _cell(drives: Sequence[Drive]) -> str:
    if not drives:
        return "-"
    successes = sum(not d.infraction for d in drives)
    low, high = wilson_interval(successes, len(drives))
    return f"{successes} of {len(drives)} ({100 * low:.0f} to {100 * high:.0f} %)"


def save_table(text: str, ablation: Ablation) -> None:
    """Write table.md and what it is of."""
    (ablation.out / "table.md").write_text(text, encoding="utf-8")
    told: dict[str, Any] = {"variants": ablation.variants, "domains": ablation.domains, "episodes": ablation.episodes}
    (ablation.out / "ablation.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
