"""Leaves one part out at a time, drives in every domain, and puts the successes side by side."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sim2real_ad.errors import CheckpointError, ConfigError
from sim2real_ad.evaluation.documents import markdown_table
from sim2real_ad.evaluation.statistics import describe_rate
from sim2real_ad.evaluation.transfer_report import TRAINING
from sim2real_ad.files import write_json
from sim2real_ad.policy.checkpoint import ADAPTER_FILE, CONFIG_FILE, RECORD_FILE, load_checkpoint
from sim2real_ad.training.ablation.variants import (
    SHORT_NAME,
    AdapterOf,
    Variant,
    phase_1_training,
    short_training,
    variant_of,
)
from sim2real_ad.training.config import TrainingConfig
from sim2real_ad.training.evaluate import Trial
from sim2real_ad.training.judged_drives import DRIVES_FILE, JudgedDrive, judge_missing
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.run import ADAPTER_RECORD, adapter_part, student_part

PHASE_1_NAME = "phase_1"
"""Folder of the student that all variants without phase 2 drive with."""


@dataclass(frozen=True)
class Ablation:
    """Over what and where to drive. trained: a checkpoint's folder; domains: "" is the training domain; seeds: of the
    episodes."""

    out: Path
    trained: Path
    domains: tuple[str, ...]
    seeds: range
    workers: int


def run_ablation(names: Sequence[str], ablation: Ablation, base: TrainingConfig, progress: Progress) -> str:
    """Make what is missing, drive what has not been driven, and return seeds and table in Markdown.

    Raises ConfigError for an unknown variant, CheckpointError where the trained folder is no checkpoint.
    """
    variants = [variant_of(name) for name in names]
    drives = drive_variants(variants, ablation, base, progress)
    return f"{seeds_told(ablation)}\n\n{table(variants, ablation.domains, drives)}"


def drive_variants(
    variants: Sequence[Variant], ablation: Ablation, base: TrainingConfig, progress: Progress
) -> list[JudgedDrive]:
    """Make what is missing of some variants, drive what has not been driven, and return all of their drives."""
    folders = {v.name: prepare(v, ablation, base, progress) for v in variants}
    drives: list[JudgedDrive] = []
    for variant in variants:
        folder = folders[variant.name]
        for domain in ablation.domains:
            trials = [
                Trial(scenario, seed, folder, domain, variant.without)
                for scenario in base.scenarios
                for seed in ablation.seeds
            ]
            drives += _judged(variant, trials, ablation, progress)
    return drives


def _judged(variant: Variant, trials: Sequence[Trial], ablation: Ablation, progress: Progress) -> list[JudgedDrive]:
    """Drive what is missing of some trials, all of one variant, and return all of them."""
    try:
        return judge_missing(ablation.out / DRIVES_FILE, trials, ablation.workers, progress, variant.name)
    except CheckpointError as error:
        folder = trials[0].checkpoint
        if folder == ablation.trained:
            raise
        raise CheckpointError(
            f"{error}: '{variant.name}' cannot drive more than what is judged; remove {folder} to have it trained anew"
        ) from error


def seeds_told(ablation: Ablation) -> str:
    """Return a sentence on what was driven."""
    return f"Seeds {ablation.seeds[0]} to {ablation.seeds[-1]} of each scenario, in process, all scenarios together."


def prepare(variant: Variant, ablation: Ablation, base: TrainingConfig, progress: Progress) -> Path:
    """Return the variant's checkpoint folder, trained first where it does not exist yet."""
    if variant.training is None and not variant.phase_1:
        return ablation.trained
    folder = ablation.out / (PHASE_1_NAME if variant.phase_1 else variant.name.replace("/", "_").replace(":", "_"))
    if (folder / CONFIG_FILE).is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    config = phase_1_training(base) if variant.phase_1 else short_training(base, variant)
    if variant.adapter is AdapterOf.CHECKPOINT:
        _take_adapter_of_checkpoint(ablation.trained, folder)
    elif variant.adapter is AdapterOf.SHORT:
        _take_adapter_of_short(variant, ablation.out / SHORT_NAME, folder)
    elif not (folder / ADAPTER_RECORD).is_file():
        adapter_part(config, folder, progress, ablation.workers)
    student_part(config, folder, progress, ablation.workers)
    return folder


def _take_adapter_of_checkpoint(trained: Path, folder: Path) -> None:
    loaded = load_checkpoint(trained)
    shutil.copy(loaded.path / ADAPTER_FILE, folder / ADAPTER_FILE)
    record = json.loads((loaded.path / RECORD_FILE).read_text(encoding="utf-8"))
    write_json(folder / ADAPTER_RECORD, record["adapter"])


def _take_adapter_of_short(variant: Variant, short: Path, folder: Path) -> None:
    if not (short / ADAPTER_RECORD).is_file():
        gone = f"remove {short}, whose weights are gone, and " if (short / CONFIG_FILE).is_file() else ""
        raise ConfigError(f"'{variant.name}' takes the adapter of '{SHORT_NAME}': {gone}name that first in --variants")
    for name in (ADAPTER_FILE, ADAPTER_RECORD):
        shutil.copy(short / name, folder / name)


def table(variants: Sequence[Variant], domains: Sequence[str], drives: Sequence[JudgedDrive]) -> str:
    """Return a Markdown table: a row a variant, a column a domain, successes with Wilson 95 % intervals."""
    head = ("variant", *(domain or TRAINING for domain in domains), "what it is")

    def rate(variant: Variant, domain: str) -> str:
        found = [d.success for d in drives if (d.variant, d.domain) == (variant.name, domain)]
        return describe_rate(sum(found), len(found)) if found else "-"

    lines = [(v.name, *(rate(v, domain) for domain in domains), v.what) for v in variants]
    return markdown_table(head, lines) + "\n"
